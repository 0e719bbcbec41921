//! Files that are for another command: each command says which.

use serde_json::json;

use crate::folder::Folder;
use crate::program::run;
use crate::recorded::{call, records};

const TOOLS: &str = r#"{"tools": [{"name": "get_a", "inputSchema": {"type": "object", "properties": {"id": {"type": "string"}}}}]}"#;
const POLICY: &str = r#"{"version": "1", "server": "s", "tools": {"get_a": {}}}"#;

/// Files of each kind, by the names of their kinds.
fn files(folder: &Folder) -> Vec<(&'static str, String)> {
    let tools = folder.with("tools.json", TOOLS);
    let digests = folder.file("digests.json");
    let written = ["scan", &tools, "--write-definitions", &digests, "--package", "s@1"];
    assert_eq!(run(&written, "").code, 0);
    let scanned = run(&["scan", &tools, "--format", "json"], "").stdout;
    let log = records(
        &serde_json::from_str(POLICY).unwrap(),
        &[call(0, "get_a", &json!({})), call(9, "b", &json!({}))],
    );
    let prefixed: Vec<String> = log.iter().map(|record| format!("[2027] POST /mcp {record} -")).collect();
    vec![
        ("policy", folder.with("policy.json", POLICY)),
        ("policy", folder.with("policy.yaml", "version: '1'\nserver: s\ntools: { get_a: {} }\n")),
        (
            "configuration",
            folder.with("envoy.yaml", run(&["render", "-", "--for", "envoy"], POLICY).stdout),
        ),
        (
            "configuration",
            folder.with(
                "plugin.yaml",
                "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec: { pluginConfig: { version: '1' } }\n",
            ),
        ),
        (
            "tests",
            folder.with(
                "a.test.yaml",
                "policy: policy.json\ncases:\n- { name: a, call: get_a, expect: allow }\n",
            ),
        ),
        ("digests", digests),
        ("scan", folder.with("scan.json", &scanned)),
        ("tools", tools),
        ("tools", folder.with("answer.json", format!(r#"{{"jsonrpc": "2.0", "id": 1, "result": {TOOLS}}}"#))),
        ("records", folder.with("access.log", log.join("\n"))),
        ("records", folder.with("one.json", &log[0])),
        ("records", folder.with("text.log", prefixed.join("\n"))),
        ("records", folder.with("line.log", &prefixed[0])),
    ]
}

#[test]
fn a_file_for_another_command_is_an_error_that_names_the_command() {
    let folder = Folder::new("kinds");
    let told = [
        ("policy", "it is a policy, see `mcp-policy check "),
        ("configuration", "it is a configuration, in which `mcp-policy check "),
        ("tests", "it is a test file, which `mcp-policy test "),
        ("digests", "it has names and digests of tools only, with which `scan SOURCE --definitions "),
        ("scan", "it is the result of `scan --format json`; `scan -o FILE` writes the policy"),
        ("tools", "it is a list of tools, for which `mcp-policy scan "),
        ("records", "it is a log with audit records, which `mcp-policy replay "),
    ];
    let policy = folder.with("own.json", POLICY);
    for (kind, file) in files(&folder) {
        let (_, told) = told.iter().find(|(known, _)| *known == kind).unwrap();
        for (takes, needed, command) in [
            ("policy", "a policy", &["check", &file][..]),
            ("policy", "a policy", &["explain", &file, "--call", "a"]),
            ("policy", "a policy", &["diff", &policy, &file]),
            ("policy", "a policy", &["render", &file, "--for", "envoy"]),
            ("tests", "a test file", &["test", &file]),
            ("tools", "a list of tools with their definitions", &["scan", &file]),
            ("tools", "a list of tools with their definitions", &["check", &policy, "--tools", &file]),
            (
                "tools",
                "a list of tools with their definitions",
                &["diff", &policy, &policy, "--tools", &file],
            ),
            ("", "a policy of another product", &["import", &file]),
            ("", "a policy of another product", &["import", &file, "--from", "intercept"]),
        ] {
            let names_are_enough = kind == "digests" && command.contains(&"--tools");
            let is_searched = kind == "configuration" && takes == "policy";
            if takes == kind || is_searched || names_are_enough || kind == "policy" && command[0] == "import"
            {
                continue;
            }
            let done = run(command, "");
            assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{command:?}: {}", done.stderr);
            let expected = format!("error: `{file}` is not {needed}: {told}");
            assert!(done.stderr.contains(&expected), "{command:?}: {expected}: {}", done.stderr);
        }
    }
}

#[test]
fn a_file_with_faults_is_still_one_of_its_own_kind() {
    for (command, input, told) in [
        (&["check", "-"][..], r#"{"version": "1", "tools": [{"name": "a"}]}"#, "tools: must be an object"),
        (&["check", "-"], r#"{"verson": "1", "tools": {}}"#, "did you mean `version`?"),
        (&["check", "-"], r#"{"version": "1", "cases": []}"#, "cases: unknown key"),
        (
            &["scan", "-"],
            r#"{"tools": [{"name": "a", "digest": "sha256:0", "inputSchema": 3}]}"#,
            "tools[0].inputSchema",
        ),
        (&["test", "-"], "policy: policies/spend.json\ncases: {}\n", "cases: must be a list"),
    ] {
        let done = run(command, input);
        assert!(done.code == 1 || done.code == 3, "{input}");
        let all = done.stdout + &done.stderr;
        assert!(all.contains(told) && !all.contains("is not a"), "{input}: {all}");
    }
}

#[test]
fn names_are_compared_with_digests_and_schemas_are_not() {
    let folder = Folder::new("names");
    let files = files(&folder);
    let (_, digests) = files.iter().find(|(kind, _)| *kind == "digests").unwrap();
    let policy = r#"{"version": "1", "tools": {"get_b": {}}}"#;
    let done = run(&["check", "-", "--tools", digests], policy);
    assert!(
        done.stdout.contains("[unlisted-tool]") && done.stdout.contains("[unknown-tool]"),
        "{}",
        done.stdout
    );
    assert!(done.stderr.contains("so names are compared and schemas cannot be"), "{}", done.stderr);
    let test = format!(
        "policy: policy.json\ncases:\n- {{ name: a, list: tools, of: {digests}, expect: {{ shows: [get_a] }} }}\n"
    );
    let done = run(&["test", &folder.with("list.test.yaml", &test)], "");
    assert_eq!(done.code, 1);
    assert!(
        done.stderr.contains("cases[0].of: ") && done.stderr.contains("digests of tools only"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_policy_for_this_filter_is_not_imported() {
    for form in [&[][..], &["--from", "intercept"], &["--from", "policylayer"]] {
        let done = run(&[&["import", "policies/spend.json"], form].concat(), "");
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{form:?}");
        let told =
            "`policies/spend.json` is a policy for this filter already, so there is nothing to convert";
        assert!(done.stderr.contains(told), "{}", done.stderr);
    }
    let hosted = r#"{"version": "1", "default": "deny", "tools": {"a": {}}}"#;
    assert_eq!(run(&["import", "-"], hosted).code, 0);
    let intercept = "version: '1'\nserver: x\ntools: { a: { rules: [{ name: n, rate_limit: 5/hour }] } }\n";
    assert_ne!(run(&["import", "-"], intercept).code, 1);
}

#[test]
fn tests_of_prometheus_rules_in_a_folder_are_left_out() {
    let folder = Folder::new("prometheus");
    let _ = files(&folder);
    folder.with("rules.test.yaml", "rule_files: [rules.yaml]\ntests: []\n");
    let done = run(&["test", &folder.file("")], "");
    assert_eq!((done.code, done.stdout.contains("1 passed in 1 file")), (0, true), "{}", done.stderr);
    assert!(done.stderr.contains("is left out, because it is a test for `promtool`"), "{}", done.stderr);
    let named = run(&["test", &folder.file("rules.test.yaml")], "");
    assert_eq!(named.code, 1);
    for faulty in ["rule_files: [x]\n", "test: []\n", "rule_files: [x]\ntests: []\ncases: []\n"] {
        folder.with("rules.test.yaml", faulty);
        assert_eq!(run(&["test", &folder.file("")], "").code, 1, "{faulty}");
    }
}
