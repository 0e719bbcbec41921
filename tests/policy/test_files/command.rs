//! `mcp-policy test`: its options and its results.

use serde_json::json;

use super::{PASSING, POLICY};
use crate::folder::Folder;
use crate::program::run;

#[test]
fn cases_that_pass_end_with_a_summary() {
    let folder = Folder::holding("passing", &[("policy.json", POLICY), ("a.test.yaml", PASSING)]);
    let done = folder.test(&[]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.stdout);
    assert!(done.stdout.ends_with("5 passed in 1 file\n"), "{}", done.stdout);
    let done = folder.test(&["--fail-only"]);
    assert_eq!(done.stdout, "5 passed in 1 file\n");
}

#[test]
fn the_tests_of_the_example_policies_pass() {
    let done = run(&["test", "tests/policies"], "");
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn what_differs_is_told_with_its_place_and_what_the_model_sees() {
    let failing = PASSING.replace("expect: denied", "expect: allow").replace("63s", "10s");
    let folder = Folder::holding("failing", &[("policy.json", POLICY), ("a.test.yaml", &failing)]);
    let done = folder.test(&[]);
    assert_eq!(done.code, 3);
    for part in [
        "failed  ",
        "2 of 5 cases",
        "two runs a minute",
        "a.test.yaml:8:42  step 3: call run",
        "expect  expected  allow",
        "found     rate_limited",
        "decided by tools.wipe",
        "the model sees: the tool `wipe` is denied by policy: ask the owner",
        "3 passed, 2 failed in 1 file",
    ] {
        assert!(done.stdout.contains(part), "{part}\n{}", done.stdout);
    }
    let explained = folder.test(&["--explain", "--run", "wiping"]);
    assert!(explained.stdout.contains("✗ rule tools.wipe: deny  ← decides"), "{}", explained.stdout);
    assert!(explained.stdout.ends_with("0 passed, 1 failed in 1 file\n"), "{}", explained.stdout);
}

#[test]
fn the_json_result_has_the_verdict_of_each_case() {
    let failing = PASSING.replace("expect: denied", "expect: allow");
    let folder = Folder::holding("json", &[("policy.json", POLICY), ("a.test.yaml", &failing)]);
    let result = folder.json(&["--run", ": (wiping|a small payment)$"]);
    assert_eq!((&result["version"], &result["passed"], &result["failed"]), (&json!(1), &json!(1), &json!(1)));
    let cases = &result["files"][0]["cases"];
    assert_eq!(cases[0]["passed"], true);
    assert_eq!(cases[1]["found"]["code"], "denied");
    assert_eq!(cases[1]["found"]["rule"], "tools.wipe");
    assert_eq!(cases[1]["failure"]["line"], 11);
    let differs = json!([{"what": "expect", "expected": "allow", "found": "denied"}]);
    assert_eq!(cases[1]["failure"]["differences"], differs);
}

#[test]
fn files_and_cases_that_do_not_exist_are_errors() {
    let folder = Folder::holding("selection", &[("policy.json", POLICY), ("a.test.yaml", PASSING)]);
    for (arguments, expected) in [
        (vec!["test", "/none"], "cannot read `/none`"),
        (vec!["test", "src/mcp-policy"], "has no test file"),
        (vec!["test"], "required arguments were not provided"),
        (vec!["test", "-", "--run", "("], "invalid value '('"),
        (vec!["test", "-", "--min-coverage", "101"], "101"),
    ] {
        let done = run(&arguments, "");
        assert_eq!(done.code, 1, "{done:?}");
        assert!(done.stderr.contains(expected), "{expected}\n{}", done.stderr);
    }
    let done = folder.test(&["--run", "nothing is called so"]);
    assert_eq!((done.code, done.stderr.as_str()), (1, "error: no case was run: none is selected\n"));
    let stdin = run(
        &["test", "-"],
        "policy: policies/run_agent.json\ncases:\n- {name: a, call: x, expect: not_listed}\n",
    );
    assert_eq!((stdin.code, stdin.stdout.lines().last()), (0, Some("1 passed in 1 file")), "{stdin:?}");
}
