//! The policies for widespread servers in `policies/servers/`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mcp_policy_engine::policy::{Effect, Mode, Policy};
use serde_json::Value;

use crate::program::run;

/// Returns the policies in the folder.
fn policies() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/servers");
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| {
        let name = path.to_str().unwrap();
        name.ends_with(".json") && !name.ends_with(".tools.json")
    })
    .collect()
}

#[test]
fn each_loads_denies_what_it_does_not_name_and_passes_the_check() {
    let policies = policies();
    assert!(policies.len() >= 21, "{}", policies.len());
    for path in policies {
        let name = path.to_str().unwrap();
        let policy = Policy::from_bytes(&std::fs::read(&path).unwrap())
            .map_err(|faults| format!("{name}: {faults}"))
            .unwrap();
        assert_eq!((policy.rules.default.0, policy.mode), (Effect::Deny, Mode::Enforce), "{name}");
        assert_eq!(
            policy
                .rules
                .tools
                .entries()
                .find(|(pattern, _)| !pattern.is_exact())
                .map(|(pattern, _)| pattern.as_str()),
            None,
            "{name}"
        );
        let checked = run(&["check", name], "");
        assert_eq!((checked.code, checked.stdout.as_str()), (0, ""), "{name}");
    }
}

#[test]
fn each_has_tests_beside_it_that_pass_and_cover_every_rule() {
    for path in policies() {
        let tests = path.with_extension("test.yaml");
        assert!(tests.is_file(), "{}", tests.display());
    }
    let done = run(&["test", "--min-coverage", "100", "policies/servers"], "");
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
}

#[test]
fn each_has_the_definitions_that_it_was_written_for() {
    for path in policies() {
        let name = path.to_str().unwrap();
        let text = std::fs::read_to_string(path.with_extension("tools.json"));
        let definitions: Value = serde_json::from_str(&text.expect(name)).unwrap();
        let tools: Vec<_> = definitions["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| {
                let digest = tool["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
                assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
                tool["name"].as_str().unwrap()
            })
            .collect();
        let policy = Policy::from_bytes(&std::fs::read(&path).unwrap()).unwrap();
        let named: Vec<_> = policy.rules.tools.entries().map(|(pattern, _)| pattern.as_str()).collect();
        let (named, tools) = (BTreeSet::from_iter(named), BTreeSet::from_iter(tools));
        assert_eq!(named, tools, "{name}");
        // The policy says of which version it is.
        let text = std::fs::read_to_string(&path).unwrap();
        let package = format!(
            "{} {}",
            definitions["package"].as_str().unwrap(),
            definitions["version"].as_str().unwrap()
        );
        assert!(text.contains(&package), "{name}: {package}");
    }
}
