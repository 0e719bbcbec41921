//! `mcp-policy scan` on lists in files: classes, the policy, drift.

use std::collections::{BTreeMap, BTreeSet};

use mcp_policy_engine::policy::{Action, Policy, Rule};
use serde_json::{Value, json};

use crate::folder::Folder;
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
fn a_tool_has_the_class_that_its_definition_shows() {
    let no = json!({});
    let reads = json!({"readOnlyHint": true});
    let destroys = json!({"destructiveHint": true});
    let taking = |names: &[&str]| {
        let properties: BTreeMap<_, _> =
            names.iter().map(|name| (*name, json!({"type": "string"}))).collect();
        json!({"type": "object", "properties": properties, "required": names})
    };
    let rows = [
        // The verb of the name, wherever it stands.
        ("read", "get_ticket", "", &no, &no),
        ("read", "tickets_list", "", &no, &no),
        ("read", "listDeletedTickets", "", &no, &no),
        ("write", "update_ticket", "", &no, &no),
        ("write", "ticket_write", "", &no, &no),
        ("execute", "run_pipeline", "", &no, &no),
        ("destructive", "ticket-delete", "", &no, &no),
        ("destructive", "envRemove", "", &no, &no),
        ("destructive", "monitor_delete", "", &no, &no),
        ("financial", "refund_order", "", &no, &no),
        ("write", "search_and_replace", "", &no, &no),
        ("destructive", "find_or_delete", "", &no, &no),
        // The verb of the description.
        ("read", "tickets", "Lists all tickets.", &no, &no),
        ("read", "tickets", "This tool allows you to search tickets", &no, &no),
        ("destructive", "tickets", "Create, update or delete tickets", &no, &no),
        ("destructive", "cleanup", "Permanently removes old rows.", &no, &no),
        ("destructive", "get_inbox", "Returns the inbox. Older mail is erased irreversibly.", &no, &no),
        ("write", "get_draft", "Creates a draft and returns it", &no, &no),
        ("read", "run_query", "Run a read-only query", &no, &no),
        // Money.
        ("financial", "create_invoice", "", &no, &no),
        ("financial", "create_subscription", "Bills a customer every month", &no, &no),
        ("write", "create_subscription", "Subscribes to events of a topic", &no, &no),
        ("read", "list_payments", "Lists payments", &no, &no),
        ("financial", "send", "Sends money", &no, &no),
        (
            "financial",
            "submit_form",
            "Submits it",
            &no,
            &json!({"properties": {"offer": {"properties": {"price_usd": {"anyOf": [{"type": "number"}, {"type": "null"}]}}}}}),
        ),
        (
            "write",
            "submit_form",
            "Submits it",
            &no,
            &json!({"properties": {"total_pages": {"type": "number"}}}),
        ),
        (
            "read",
            "search_offers",
            "Searches offers",
            &no,
            &json!({"properties": {"price": {"type": "number"}}}),
        ),
        ("financial", "acquire_number", "Purchase a phone number", &no, &no),
        // Keys and passwords.
        ("credential", "create_api_key", "", &no, &no),
        ("credential", "get_password", "", &no, &no),
        ("credential", "rotate_token", "", &no, &no),
        ("credential", "sign_in", "Opens a session", &no, &taking(&["password"])),
        ("credential", "check_usage", "Shows the usage of an API key", &no, &taking(&["key"])),
        ("read", "check_usage", "Shows the usage of a cache", &no, &taking(&["key"])),
        ("read", "count_tokens", "Counts the tokens of a text", &no, &no),
        ("destructive", "revoke_token", "", &no, &no),
        // Parameters.
        (
            "destructive",
            "tickets",
            "Manages tickets",
            &no,
            &json!({"properties": {"action": {"enum": ["add", "delete"]}}}),
        ),
        ("execute", "sandbox", "", &no, &taking(&["code"])),
        ("read", "tickets", "", &no, &taking(&["cursor"])),
        // Annotations, and the more dangerous side of contradictions.
        ("destructive", "delete_ticket", "", &reads, &no),
        ("write", "update_ticket", "", &reads, &no),
        ("destructive", "get_ticket", "", &destroys, &no),
        ("destructive", "tidy", "", &destroys, &no),
        ("write", "update_ticket", "", &destroys, &no),
        ("read", "tidy", "", &reads, &no),
        ("read", "open_ticket", "Open a ticket by its id", &reads, &no),
        // Nothing is known.
        ("execute", "frobnicate", "", &no, &no),
        ("execute", "_", "x", &no, &no),
    ];
    let tools: Vec<_> = rows
        .iter()
        .map(|(_, name, description, annotations, schema)| {
            json!({"name": name, "description": description, "annotations": annotations, "inputSchema": schema})
        })
        .collect();
    let report = report(&json!(tools), &[]);
    let found = report.get("tools").unwrap().as_array().unwrap();
    assert_eq!(found.len(), rows.len());
    for ((class, name, description, ..), found) in rows.iter().zip(found) {
        assert_eq!(
            found.get("class").and_then(Value::as_str),
            Some(*class),
            "{name}: {description}: {found}"
        );
        assert!(!found.get("evidence").and_then(Value::as_array).unwrap().is_empty(), "{found}");
    }
}

#[test]
fn an_annotation_that_all_tools_have_tells_nothing_about_one() {
    let tool = |name: &str| json!({"name": name, "annotations": {"destructiveHint": true}});
    let report =
        report(&json!([tool("create_page"), tool("query_pages"), tool("rename_page"), tool("tidy")]), &[]);
    let classes: Vec<_> = report
        .pointer("/tools")
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool.get("class").unwrap().as_str().unwrap())
        .collect();
    assert_eq!(classes, ["write", "write", "write", "destructive"]);
}

#[test]
fn on_a_list_that_the_words_were_not_chosen_for_most_classes_are_right_and_none_is_dangerous() {
    let done = run(&["scan", AIPAYGEN, "--format", "json"], "");
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/cases/aipaygen_classes.json"
    ));
    let classes: BTreeMap<String, BTreeSet<String>> = serde_json::from_str(&text.unwrap()).unwrap();
    let right = |name: &str| classes.iter().find(|(_, tools)| tools.contains(name)).unwrap().0.clone();
    let tools = report.get("tools").unwrap().as_array().unwrap();
    let pairs: Vec<(String, &str)> = tools
        .iter()
        .map(|tool| {
            (right(tool.get("name").unwrap().as_str().unwrap()), tool.get("class").unwrap().as_str().unwrap())
        })
        .collect();
    let same = pairs.iter().filter(|(right, found)| right == found).count();
    assert!(same >= 89, "{same} of {}", pairs.len());
    let dangerous = pairs
        .iter()
        .find(|(right, found)| *found == "read" && matches!(right.as_str(), "destructive" | "financial"));
    assert_eq!(dangerous, None);
}

#[test]
fn the_policy_decides_on_every_tool_by_its_name_and_passes_the_check() {
    for options in [&[][..], &["--approvals", "approvals"]] {
        let done = run(&[&["scan", AIPAYGEN], options].concat(), "");
        assert_eq!(done.code, 0, "{}", done.stderr);
        let policy = Policy::from_bytes(done.stdout.as_bytes()).unwrap();
        let tools: Value = serde_json::from_str(
            &std::fs::read_to_string(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../tests/data/aipaygen-1.6.0-tools.json"
            ))
            .unwrap(),
        )
        .unwrap();
        for tool in tools.get("tools").unwrap().as_array().unwrap() {
            let name = tool.get("name").unwrap().as_str().unwrap();
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
    let ids: Vec<_> = report
        .get("findings")
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding.get("id").unwrap().as_str().unwrap())
        .collect();
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
        policy.rules.resources.names("file:///a") && policy.rules.prompts.names("hello"),
        "{}",
        done.stdout
    );
    assert!(policy.rules.resources.get("file:///b").is_none());
    assert!(done.stdout.contains("\"server\": \"files\""), "{}", done.stdout);
    assert!(done.stderr.contains("template file:///{path}"), "{}", done.stderr);
}

#[test]
fn a_list_can_come_as_a_result_a_response_a_list_or_pages() {
    let tools = json!([{"name": "a"}, {"name": "b"}]);
    for form in [
        json!({"tools": tools}),
        json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}}),
        tools.clone(),
        json!([{"tools": [{"name": "a"}], "nextCursor": "2"}, {"tools": [{"name": "b"}]}]),
        json!([{"result": {"tools": [{"name": "a"}]}}, {"result": {"tools": [{"name": "b"}]}}]),
    ] {
        let done = run(&["scan", "-"], &form.to_string());
        let policy = Policy::from_bytes(done.stdout.as_bytes()).unwrap();
        assert!(policy.rules.tools.names("a") && policy.rules.tools.names("b"), "{form}");
    }
}

#[test]
fn a_bad_list_is_an_error_that_names_the_place() {
    for (text, told) in [
        ("", "stdin:1:1: the file is empty"),
        ("{\"tools\": [}", "stdin:1:12: is not JSON"),
        ("{\"tools\": [], \"tools\": []}", "the same key twice"),
        ("{}", "stdin: document: expected a `tools/list` result"),
        ("3", "expected a `tools/list` result"),
        ("{\"tools\": {}}", "stdin: tools: must be a list, found an object"),
        ("{\"tools\": [3]}", "stdin: tools[0]: must be an object, found a number"),
        ("{\"result\": {\"tools\": [{\"title\": \"x\"}]}}", "stdin: result.tools[0]: has no `name`"),
        ("[{\"tools\": [{\"name\": \"\"}]}]", "stdin: [0].tools[0].name: must not be empty"),
        (
            "{\"tools\": [{\"name\": \"x\", \"inputSchema\": []}]}",
            "tools[0].inputSchema: must be an object, found a list",
        ),
        (
            "{\"tools\": [{\"name\": \"x\", \"annotations\": {\"readOnlyHint\": \"yes\"}}]}",
            "readOnlyHint: must be `true` or `false`, found a string",
        ),
        ("{\"error\": {\"code\": -1, \"message\": \"no\"}}", "is an error from the server"),
    ] {
        let done = run(&["scan", "-"], text);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{text}");
        assert!(done.stderr.contains(told), "{text}: {}", done.stderr);
    }
}

#[test]
fn a_tool_with_a_number_that_cannot_be_held_is_denied_and_the_others_are_judged() {
    let folder = Folder::new("scan-number");
    let source = r#"{"tools": [
        {"name": "get_a", "inputSchema": {"type": "object", "properties": {"n": {"type": "integer", "maximum": 9}}}},
        {"name": "get_b", "inputSchema": {"type": "object", "properties": {"n": {"type": "number", "maximum": 1e400}}}},
        {"name": "get_c"}, {"name": "get_c", "outputSchema": {"properties": {"x": {"minimum": -1e999}}}}
    ], "prompts": [{"name": "p", "_meta": {"size": 1e400}}]}"#;
    let file = folder.with("tools.json", source);
    let (written, kept) = (folder.file("policy.json"), folder.file("kept.json"));
    let done = run(&["scan", &file, "-o", &written, "--write-tools", &kept], "");
    assert_eq!(done.code, 0, "{}", done.stderr);
    for (tool, place, number) in [
        ("get_b", "inputSchema.properties.n.maximum", "1e400"),
        ("get_c", "outputSchema.properties.x.minimum", "-1e999"),
    ] {
        let told = format!(
            "note[left-out] tool {tool}, {place}: left out, and so denied: the number `{number}` is beyond what 64-bit \
             integers and doubles hold"
        );
        assert!(done.stderr.contains(&told), "{told}\n{}", done.stderr);
    }
    let policy = std::fs::read_to_string(&written).unwrap();
    let read = Policy::from_bytes(policy.as_bytes()).unwrap();
    assert!(read.rules.tools.names("get_a") && read.rules.prompts.names("p"), "{policy}");
    assert!(!read.rules.tools.names("get_b") && !read.rules.tools.names("get_c"), "{policy}");
    // What is kept of the server's list still has the number.
    let kept_again = run(&["scan", &kept], "");
    assert!(kept_again.stderr.contains("`1e400`"), "{}", kept_again.stderr);

    // A policy that allows such a tool is told about it, one that denies it is not.
    for (entry, told) in [
        (r#"{}"#, "changed  tool get_b: inputSchema.properties.n.maximum: the number `1e400` is beyond"),
        (r#"{"action": "deny"}"#, ""),
    ] {
        let text = format!(
            r#"{{"version": "1", "prompts": {{"p": {{}}}}, "tools": {{"get_a": {{}}, "get_b": {entry}, "get_c": {{"action": "deny"}}}}}}"#
        );
        let policy = folder.with("own.json", text);
        let done = run(&["scan", &file, "--policy", &policy], "");
        assert_eq!(done.code, if told.is_empty() { 0 } else { 3 }, "{}{}", done.stdout, done.stderr);
        assert!(done.stdout.starts_with(told), "{}", done.stdout);
    }
}
