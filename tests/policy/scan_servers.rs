//! The policies for widespread servers in `policies/servers/`.

use std::path::{Path, PathBuf};

use mcp_policy_engine::policy::{Effect, Mode, Policy};

use crate::program::run;

/// Returns the files in the folder that end with this.
fn files(end: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/servers");
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.to_str().unwrap().ends_with(end)).collect()
}

#[test]
fn each_loads_denies_what_it_does_not_name_and_passes_the_check() {
    let policies = files(".json");
    assert!(policies.len() >= 15, "{}", policies.len());
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
fn each_has_tests_beside_it_that_pass() {
    for path in files(".json") {
        let tests = path.with_extension("test.yaml");
        assert!(tests.is_file(), "{}", tests.display());
    }
    let done = run(&["test", "policies/servers"], "");
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
}
