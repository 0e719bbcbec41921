//! Files that hold policies, as the program reads them.

use super::program::run;

/// A filter of Envoy that runs a module with this name and this `value` as its configuration.
fn filter(name: &str, value: &str) -> String {
    format!(
        "- name: {name}\n  typed_config:\n    config:\n      vm_config: {{runtime: envoy.wasm.runtime.v8}}\n      \
         configuration:\n        \"@type\": type.googleapis.com/google.protobuf.Struct\n        value: {value}\n"
    )
}

#[test]
fn every_configuration_of_the_repository_passes_the_check() {
    let files = ["envoy/envoy.yaml", "envoy/several.yaml", "envoy/approvals.yaml", "policies/grants.json"];
    let done = run(&[&["check"], &files[..]].concat(), "");
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.stdout);
}

#[test]
fn each_policy_of_a_file_is_checked_with_places_in_the_file() {
    let two =
        format!("http_filters:\n{}{}", filter("a", "{version: '1', x: 1}"), filter("b", "{version: 2}"));
    let done = run(&["check", "-"], &two);
    assert_eq!(done.code, 3, "{}", done.stderr);
    for place in ["stdin:8:31", "stdin:15:26"] {
        assert!(done.stdout.contains(place), "no {place}: {}", done.stdout);
    }
}

#[test]
fn a_filter_that_is_left_out_is_told_on_stderr() {
    let two =
        format!("http_filters:\n{}{}", filter("a", "{version: '1'}"), filter("other", "{directives: []}"));
    let done = run(&["check", "-"], &two);
    assert_eq!(done.code, 0, "{}", done.stdout);
    assert_eq!(done.stderr, "note: `stdin`: filter `other` is left out, because it has no key of a policy\n");
    let other = format!("http_filters:\n{}", filter("other", "{directives: []}"));
    let done = run(&["check", "-"], &other);
    assert_eq!((done.code, done.stdout.as_str()), (1, ""));
    assert!(
        done.stderr.starts_with("error: `stdin` holds no policy: expected a policy document, or "),
        "{}",
        done.stderr
    );
}

#[test]
fn yaml_that_is_malformed_is_told_with_its_place() {
    let done = run(&["check", "-"], "version: '1'\ntools: [\n");
    assert_eq!(done.code, 3, "{}", done.stderr);
    assert!(done.stdout.contains("stdin:3:1"), "{}", done.stdout);
}

#[test]
fn every_command_shows_the_faults_of_a_policy_as_check_does() {
    for (policy, shown) in [
        (
            "version: \"1\"\ndefault: deny\nhide:\n- a\n\tb\n",
            &["error[malformed]: must be YAML, but ", " --> stdin:4:3\n"][..],
        ),
        ("hello world\n", &["error[malformed]: expected a policy document, or ", ", but found a string\n"]),
        (
            "version: \"1\"\nmax_body_bytes: 0\ntools: {x: {action: no, hide: \"1\"}}\ndefalt: deny\n",
            &["error[wrong-value]: max_body_bytes: must be ", " --> stdin:3:21\n", "did you mean `default`?"],
        ),
    ] {
        let checked = run(&["check", "-"], policy);
        assert_eq!(checked.code, 3);
        for command in [
            &["explain", "-", "--call", "x"][..],
            &["render", "-", "--for", "envoy"],
            &["diff", "-", "policies/run_agent.json"],
            &["diff", "policies/run_agent.json", "-"],
            &["scan", "tests/data/aipaygen-1.6.0-tools.json", "--policy", "-"],
            &["replay", "tests/cases/demo_access.log", "--policy", "-"],
        ] {
            let done = run(command, policy);
            assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{command:?}");
            let expected = format!("{}error: `stdin` is not a valid policy\n", checked.stdout);
            assert_eq!(done.stderr, expected, "{command:?}");
            assert!(shown.iter().all(|part| done.stderr.contains(part)), "{command:?}: {}", done.stderr);
        }
    }
}

#[test]
fn a_key_that_stands_twice_in_yaml_is_an_error_of_every_command() {
    let policy = "version: \"1\"\ndefault: deny\ndefault: allow\n";
    for command in [
        &["explain", "-", "--call", "x"][..],
        &["render", "-", "--for", "envoy"],
        &["diff", "-", "policies/run_agent.json"],
        &["scan", "tests/data/aipaygen-1.6.0-tools.json", "--policy", "-"],
        &["replay", "tests/cases/demo_access.log", "--policy", "-"],
    ] {
        let done = run(command, policy);
        assert_eq!(done.code, 1, "{command:?} {done:?}");
        for part in ["error[duplicate-key]: duplicate key `default`", " --> stdin:2:1\n", "^^^^^^^"] {
            assert!(done.stderr.contains(part), "{command:?}: {part}: {}", done.stderr);
        }
    }
}
