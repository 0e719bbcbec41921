//! `mcp-policy scan` on lists in files: the policy that it writes.

mod agreement;
mod classes;
mod connect;
mod definitions;
mod drift;
mod findings;
mod lists;
mod pins;
mod servers;

use mcp_policy_engine::policy::{Action, Policy, Rule};
use serde_json::{Value, json};

use crate::program::{Done, run};

/// The server whose list and classes are in the repository.
const AIPAYGEN: &str = "tests/data/aipaygen-1.6.0-tools.json";

/// Scans a list of tools from stdin.
fn scan(tools: &Value, options: &[&str]) -> Done {
    run(&[&["scan", "-"], options].concat(), &json!({ "tools": tools }).to_string())
}

/// Scans a list of tools and returns the result as JSON.
#[track_caller]
fn report(tools: &Value, options: &[&str]) -> Value {
    let done = scan(tools, &[options, &["--format", "json"]].concat());
    assert!(matches!(done.code, 0 | 3), "{}", done.stderr);
    serde_json::from_str(&done.stdout).unwrap()
}

/// Returns the text of a file of the repository.
fn text_of(file: &str) -> String {
    std::fs::read_to_string(format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Returns the text that each element of a list has under a key.
#[track_caller]
fn each<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    list.as_array().unwrap().iter().map(|element| element[key].as_str().unwrap()).collect()
}

/// Returns the policy that a scan writes, loaded.
#[track_caller]
fn policy(tools: &Value, options: &[&str]) -> Policy {
    let done = scan(tools, options);
    assert_eq!(done.code, 0, "{}", done.stderr);
    Policy::from_bytes(done.stdout.as_bytes()).map_err(|faults| format!("{faults}\n{}", done.stdout)).unwrap()
}

fn rules<'p>(policy: &'p Policy, tool: &str) -> Vec<&'p Rule> {
    policy.rules.tools.get(tool).into_iter().flat_map(|rules| rules.iter()).map(|rule| &**rule).collect()
}

#[test]
fn the_policy_decides_on_every_tool_by_its_name_and_passes_the_check() {
    let tools: Value = serde_json::from_str(&text_of(AIPAYGEN)).unwrap();
    for options in [&[][..], &["--approvals", "approvals"]] {
        let done = run(&[&["scan", AIPAYGEN], options].concat(), "");
        assert_eq!(done.code, 0, "{}", done.stderr);
        let policy = Policy::from_bytes(done.stdout.as_bytes()).unwrap();
        for name in each(&tools["tools"], "name") {
            assert!(policy.rules.tools.names(name), "{name}");
        }
        let checked = run(&["check", "-"], &done.stdout);
        assert_eq!((checked.code, checked.stdout.as_str()), (0, ""), "{}", checked.stderr);
    }
}

#[test]
fn the_description_has_a_short_line_for_each_class() {
    let verbs = ["get", "list", "search", "read", "find", "view"];
    let named =
        verbs.iter().flat_map(|verb| (0..5).map(move |number| json!({"name": format!("{verb}_{number}")})));
    let named = named.chain([json!({"name": "list_x"}), json!({"name": "delete_x"}), json!({"name": "xyz"})]);
    let report = report(&Value::Array(named.collect()), &["--server", "s"]);
    let description = report.pointer("/policy/description").and_then(Value::as_str).unwrap();
    let lines: Vec<&str> = description.lines().collect();
    let [about, read, execute, destructive] = lines.as_slice() else { panic!("{description}") };
    assert!(about.contains("the 33 tools"), "{description}");
    let expected = "READ: name `list` (6), name `find` (5), name `get` (5), name `read` (5), 2 more.";
    assert_eq!(*read, expected);
    assert!(execute.starts_with("EXECUTE: nothing says what they do (1); unsure: xyz ("), "{execute}");
    assert_eq!(*destructive, "DESTRUCTIVE: name `delete` (1).");
}

#[test]
fn each_class_has_its_rule_and_each_tool_its_schema() {
    let tools = json!([
        {"name": "get_x", "inputSchema": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}},
        {"name": "update_x"}, {"name": "run_x"}, {"name": "delete_x"}, {"name": "refund_x"}, {"name": "create_api_key"},
        {"name": "delete_y", "inputSchema": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}},
    ]);
    for (options, kept) in [(&[][..], Action::Deny), (&["--approvals", "approvals"], Action::RequireApproval)]
    {
        let policy = policy(&tools, options);
        for (tool, action) in [
            ("get_x", Action::Allow),
            ("update_x", Action::Allow),
            ("run_x", Action::Allow),
            ("delete_x", kept),
            ("refund_x", kept),
            ("create_api_key", Action::Deny),
        ] {
            let rules = rules(&policy, tool);
            let first = rules.first().unwrap();
            assert_eq!(first.action, action, "{tool}");
            assert_eq!(first.reason.is_some(), action != Action::Allow, "{tool}");
            assert_eq!(first.limits.is_empty(), action == Action::Deny, "{tool}");
        }
        // A tool that is denied has its schema, too: it counts as soon as the class is changed.
        for tool in ["get_x", "delete_y"] {
            assert!(rules(&policy, tool).last().unwrap().arguments.is_some(), "{tool}");
        }
        assert!(policy.rules.tools.get("another").is_none());
    }
}

#[test]
fn a_name_that_means_more_in_a_policy_is_left_out_and_of_two_tools_with_a_name_the_worse_decides() {
    let tools = json!([
        {"name": "*"}, {"name": "get_*"}, {"name": " get_x"},
        {"name": "x", "description": "Reads it"}, {"name": "x", "description": "Deletes it"},
    ]);
    let policy = policy(&tools, &[]);
    for name in ["get_y", "get_*", "*", " get_x"] {
        assert!(policy.rules.tools.get(name).is_none(), "{name}");
    }
    assert_eq!(rules(&policy, "x").first().unwrap().action, Action::Deny);
    let report = report(&tools, &[]);
    let ids = each(&report["findings"], "id");
    assert_eq!(ids.iter().filter(|id| **id == "left-out").count(), 3, "{ids:?}");
}

#[test]
fn what_is_listed_may_be_read_and_templates_are_told() {
    let list = json!({
        "serverInfo": {"name": "files", "version": "2"}, "tools": [],
        "resources": [{"uri": "file:///a", "name": "a"}, {"uri": "file:///*", "name": "b"}],
        "resourceTemplates": [{"uriTemplate": "file:///{path}", "name": "t"}],
        "prompts": [{"name": "hello"}],
    });
    let done = run(&["scan", "-"], &list.to_string());
    let policy = Policy::from_bytes(done.stdout.as_bytes()).unwrap();
    assert!(
        policy.rules.resources.section().names("file:///a") && policy.rules.prompts.names("hello"),
        "{}",
        done.stdout
    );
    assert!(policy.rules.resources.section().get("file:///b").is_none());
    assert!(done.stdout.contains("\"server\": \"files\""), "{}", done.stdout);
    assert!(done.stderr.contains("template file:///{path}"), "{}", done.stderr);
}
