//! `mcp-policy scan --policy`: what has changed at a server since a policy was written.

use serde_json::{Value, json};

use crate::program::{Done, run};
use crate::recorded::Temporary;

/// Scans a list of tools from stdin.
fn scan(tools: &Value, options: &[&str]) -> Done {
    run(&[&["scan", "-"], options].concat(), &json!({ "tools": tools }).to_string())
}

#[test]
fn what_changed_since_the_policy_was_written_is_told() {
    for name in ["scan-drift.json", "scan-drift.yaml"] {
        let file = Temporary::file(name, "");
        let name = file.path();
        let tool = |name: &str, parameter: &str| json!({"name": name, "inputSchema": {"type": "object", "properties": {parameter: {"type": "string"}}, "required": [parameter]}});
        let before = json!([tool("get_a", "id"), tool("get_b", "id"), {"name": "delete_c"}]);
        assert_eq!(scan(&before, &["-o", name]).code, 0);

        let same = scan(&before, &["--policy", name]);
        assert_eq!((same.code, same.stdout.as_str()), (0, ""), "{}", same.stderr);

        let after = json!([tool("get_a", "key"), {"name": "delete_c"}, tool("get_d", "id")]);
        let changed = scan(&after, &["--policy", name]);
        assert_eq!(changed.code, 3, "{}", changed.stderr);
        for line in [
            "new      tool get_d: the policy does not name it",
            "gone     tool get_b: the server no longer has it",
            "changed  tool get_a: its parameters are not those of the policy's schema; new: `key`; gone: `id`",
        ] {
            assert!(changed.stdout.contains(line), "{line}\n{}", changed.stdout);
        }
        assert_eq!(changed.stdout.lines().count(), 3, "{}", changed.stdout);
    }
}

#[test]
fn what_the_source_does_not_list_is_not_told_as_gone() {
    let policy = Temporary::file(
        "scan-listed.json",
        r#"{"version": "1", "tools": {"a": {}}, "resources": {"file:///a": {}, "file:///b*": {}}, "prompts": {"p": {}}}"#,
    );
    let note = |list: &str| {
        format!("note: the source does not list its {list}, so those of the policy are not compared\n")
    };
    for (source, gone, notes) in [
        (json!({"tools": [{"name": "a"}]}), vec![], vec!["resources", "prompts"]),
        (json!([{"tools": [{"name": "a"}]}, {"prompts": []}]), vec!["prompt p"], vec!["resources"]),
        (
            json!({"tools": [], "resources": [], "prompts": []}),
            vec!["prompt p", "resource file:///a", "tool a"],
            vec![],
        ),
        (json!({"resources": [{"uri": "file:///a"}]}), vec![], vec!["tools", "prompts"]),
    ] {
        let done = run(&["scan", "-", "--policy", policy.path()], &source.to_string());
        assert_eq!(done.code, if gone.is_empty() { 0 } else { 3 }, "{source}: {done:?}");
        let mut told: Vec<_> =
            done.stdout.lines().filter_map(|line| line.strip_prefix("gone     ")).collect();
        told.sort_unstable();
        let expected: Vec<_> =
            gone.iter().map(|what| format!("{what}: the server no longer has it")).collect();
        assert_eq!(told, expected, "{source}");
        for list in ["tools", "resources", "prompts"] {
            assert_eq!(done.stderr.contains(&note(list)), notes.contains(&list), "{source}: {}", done.stderr);
        }
    }
}
