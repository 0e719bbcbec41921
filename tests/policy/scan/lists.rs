//! Lists of tools in each of their forms, and lists with faults.

use mcp_policy_engine::policy::Policy;
use serde_json::json;

use crate::folder::Folder;
use crate::program::run;

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
