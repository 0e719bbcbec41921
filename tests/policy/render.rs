//! `mcp-policy render`: what it prints holds the policy, and is what each target takes.

mod callers;
mod envoy;
mod meshes;
mod modules;
mod refused;
mod several;

use crate::program::{Done, run};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

const POLICY: &str = "{\n  \"version\": \"1\",\n  \"server\": \"Shop 1\",\n  \"tools\": { \"a$b\": { \"reason\": \"é \\u2028 'x' # y\" } }\n}\n";

fn render(target: &str, policy: &str, options: &[&str]) -> Done {
    run(&[&["render", "-", "--for", target], options].concat(), policy)
}

const OF_MESH: [&str; 6] =
    ["--selector", "app=shop", "--namespace", "tools", "--module", "oci://r.example/f:1"];

/// Each target, with the options that it needs.
const TARGETS: [(&str, &[&str]); 6] = [
    ("envoy", &[]),
    ("envoy-file", &[]),
    ("istio-wasmplugin", &OF_MESH),
    ("istio-envoyfilter", &OF_MESH),
    ("envoy-gateway", &OF_MESH),
    ("compose", &[]),
];

#[test]
fn the_check_finds_the_policy_in_what_was_rendered() {
    for (target, options) in TARGETS {
        for policy in [POLICY, POLICY.trim_end(), &format!(" {POLICY}"), &POLICY.replace('\n', "\r\n")] {
            let done = render(target, policy, options);
            assert_eq!(done.code, 0, "{target}: {}", done.stderr);
            let checked = run(&["check", "-"], &done.stdout);
            assert_eq!((checked.code, checked.stdout.as_str()), (0, ""), "{target}\n{}", done.stdout);
            let compared = run(&["diff", "-", "policies/run_agent.json"], &done.stdout);
            assert!(compared.stdout.contains("a$b"), "{target}: {}{}", compared.stdout, compared.stderr);
        }
    }
}

#[test]
fn every_policy_of_the_repository_can_be_rendered_for_every_target() {
    for policy in ["aipaygen", "argument-guards", "grants", "run_agent", "spend"] {
        let text = std::fs::read_to_string(format!("{ROOT}/policies/{policy}.json")).unwrap();
        for (target, options) in TARGETS {
            let text = text.replace("jwt_payload", "payload");
            let done = render(target, &text, options);
            assert_eq!(done.code, 0, "{policy} {target}: {}", done.stderr);
        }
    }
}

#[test]
fn a_policy_of_yaml_is_rendered_too() {
    let yaml = "version: \"1\"\ntools:\n  get_*: {}\n";
    for (target, options) in TARGETS {
        let done = render(target, yaml, options);
        assert_eq!(done.code, 0, "{target}: {}", done.stderr);
        assert!(done.stdout.contains("get_*"), "{target}");
    }
}
