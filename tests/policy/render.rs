//! `mcp-policy render`: what it prints holds the policy, and is what each target takes.

use serde_json::{Value, json};

use crate::program::{Done, run};

const POLICY: &str = "{\n  \"version\": \"1\",\n  \"server\": \"Shop 1\",\n  \"tools\": { \"a$b\": { \"reason\": \"é \\u2028 'x' # y\" } }\n}\n";

fn render(target: &str, policy: &str, options: &[&str]) -> Done {
    run(&[&["render", "-", "--for", target], options].concat(), policy)
}

const OF_MESH: [&str; 6] =
    ["--selector", "app=shop", "--namespace", "tools", "--module", "oci://r.example/f:1"];

/// Each target, with the options that it needs.
const TARGETS: [(&str, &[&str]); 5] = [
    ("envoy", &[]),
    ("istio-wasmplugin", &OF_MESH),
    ("istio-envoyfilter", &OF_MESH),
    ("envoy-gateway", &OF_MESH),
    ("compose", &[]),
];

#[test]
fn the_check_finds_the_policy_in_what_was_rendered() {
    for (target, options) in TARGETS.iter().filter(|(target, _)| *target != "compose") {
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
        let file = format!("policies/{policy}.json");
        for (target, options) in TARGETS {
            let done = run(&[&["render", &file, "--for", target], options].concat(), "");
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

#[test]
fn the_text_of_the_document_stands_in_envoys_configuration_as_it_is() {
    let done = render("envoy", POLICY, &["--upstream", "mcp.internal:9000", "--module", "/m.wasm"]);
    let block: String =
        POLICY.split_inclusive('\n').map(|line| format!("{}{line}", " ".repeat(28))).collect();
    // What is no letter or digit beyond ASCII would be escaped; this text has escapes of its own.
    assert!(done.stdout.contains(&format!("value: |\n{block}")), "{}", done.stdout);
    for expected in [
        "address: \"mcp.internal\", port_value: 9000",
        "filename: \"/m.wasm\"",
        "allow_on_headers_stop_iteration: true",
        "failure_policy: FAIL_RELOAD",
        "vm_id: mcp-policy",
    ] {
        assert!(done.stdout.contains(expected), "{expected}: {}", done.stdout);
    }
}

#[test]
fn objects_of_meshes_have_what_their_meshes_need() {
    let sha256 = "0123456789abcdef".repeat(4);
    let with_digest = [&OF_MESH[..], &["--sha256", &sha256]].concat();
    for (target, expected) in [
        (
            "istio-wasmplugin",
            vec![
                "kind: WasmPlugin",
                "failStrategy: FAIL_CLOSE",
                "- mode: SERVER",
                "url: \"oci://r.example/f:1\"",
                "request_headers: \"stream\"",
            ],
        ),
        (
            "istio-envoyfilter",
            vec![
                "kind: EnvoyFilter",
                "operation: INSERT_BEFORE",
                "initial_fetch_timeout: 0s",
                "applyTo: EXTENSION_CONFIG",
                "FAIL_RELOAD",
            ],
        ),
        (
            "envoy-gateway",
            vec![
                "kind: EnvoyExtensionPolicy",
                "failOpen: false",
                "type: Image",
                "url: \"r.example/f:1\"",
                "request_headers: \"stream\"",
            ],
        ),
    ] {
        let done = render(target, POLICY, &with_digest);
        assert_eq!(done.code, 0, "{target}: {}", done.stderr);
        let common = ["name: mcp-policy-shop-1", "namespace: tools", "app: \"shop\"", &sha256];
        for expected in expected.into_iter().chain(common) {
            assert!(done.stdout.contains(expected), "{target}: {expected}\n{}", done.stdout);
        }
        assert_eq!(done.stderr.contains("`request_headers` becomes `stream`"), target != "istio-envoyfilter");
    }
}

#[test]
fn what_else_has_to_be_done_is_told() {
    let policy = json!({ "version": "1", "approvals": { "cluster": "people" }, "identity": [{ "jwt": { "payload": "p" } }],
        "tools": { "a": { "action": "require_approval" } } });
    let done = render("envoy", &policy.to_string(), &[]);
    assert!(done.stderr.contains("`jwt_authn`") && done.stderr.contains("`people`"), "{}", done.stderr);
    assert!(done.stdout.contains("- name: \"people\""), "{}", done.stdout);
    assert!(done.stdout.contains("# Note: the policy reads tokens"), "{}", done.stdout);
}

#[test]
fn a_dollar_sign_reaches_envoy_through_compose() {
    let done = render("compose", POLICY, &["--module", "/opt/$x.wasm"]);
    assert!(done.stdout.contains("a$$b") && !done.stdout.contains("a$b"), "{}", done.stdout);
    assert!(
        done.stdout.contains("\"/opt/$$x.wasm:/etc/mcp-policy/mcp_policy_filter.wasm:ro\""),
        "{}",
        done.stdout
    );
}

#[test]
fn what_does_not_fit_is_refused_with_what_would() {
    let large = r#"{"version":"1","tools":{"a":{"require":[{"path":"args.x","op":"lte","value":9007199254740993}]}}}"#;
    let table: [(&str, &str, &[&str], &str); 14] = [
        ("istio-wasmplugin", large, &OF_MESH, "beyond 2^53"),
        ("envoy-gateway", large, &OF_MESH, "beyond 2^53"),
        ("istio-wasmplugin", POLICY, &[], "--selector is needed"),
        ("envoy-gateway", POLICY, &["--selector", "a=b"], "--module is needed"),
        ("envoy", POLICY, &["--module", "oci://r.example/f"], "reads the module from a file"),
        ("compose", POLICY, &["--module", "https://r.example/f"], "reads the module from a file"),
        ("envoy", POLICY, &["--module", "ftp://r.example/f"], "must be a path"),
        ("envoy", POLICY, &["--module", "a\nb"], "neither a path nor a URL"),
        ("envoy", POLICY, &["--selector", "a=b"], "--selector is for meshes"),
        ("envoy", POLICY, &["--upstream", "mcp"], "is not a host and a port"),
        ("envoy", POLICY, &["--upstream", "a b:1"], "is not a host and a port"),
        ("envoy", POLICY, &["--sha256", "12"], "64 hex digits"),
        (
            "istio-envoyfilter",
            POLICY,
            &["--selector", "a=b", "--namespace", "A b"],
            "is not the name of a namespace",
        ),
        ("envoy", "{\"version\":\"2\"}", &[], "error: `stdin` is not a valid policy"),
    ];
    for (target, policy, options, expected) in table {
        let done = render(target, policy, options);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{target} {options:?}");
        assert!(done.stderr.contains(expected), "{target} {options:?}: {}", done.stderr);
    }
    let done = render("istio-envoyfilter", large, &OF_MESH);
    assert_eq!(done.code, 0, "{}", done.stderr);
}

#[test]
fn the_digest_is_that_of_the_document() {
    let _: Value = serde_json::from_str(POLICY).unwrap();
    let done = render("envoy", "{\"version\":\"1\"}", &[]);
    assert!(
        done.stdout.contains("value: |-\n                            {\"version\":\"1\"}\n"),
        "{}",
        done.stdout
    );
}
