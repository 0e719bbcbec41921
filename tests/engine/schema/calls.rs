//! Calls under rules with a schema for their arguments.

use mcp_policy_engine::decide::decide;
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::message::{self, Body, Message};
use mcp_policy_engine::policy::Policy;
use serde_json::{Value, json};

/// Returns the verdict on a call: `allowed`, or code, rule and reason, after `would be` in shadow mode.
pub(super) fn outcome(policy: &Value, method: &str, params: &str) -> String {
    let policy =
        Policy::from_bytes(policy.to_string().as_bytes()).unwrap_or_else(|faults| panic!("{faults}"));
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let document = message::parse(body.as_bytes()).unwrap();
    let message = match Message::read(&document, &Headers::default()) {
        Ok(message) => message,
        Err(rejection) => return rejection.denial.reason,
    };
    let Body::Call(call) = message.body else { panic!("{body}") };
    let decision = decide(&policy, &Caller::default(), &call, &|| None);
    let (mode, denial) = match (decision.denial, decision.would_deny) {
        (Some(denial), _) => ("", denial),
        (None, Some(denial)) => ("would be ", denial),
        (None, None) => return "allowed".to_owned(),
    };
    format!("{mode}{} by {}: {}", denial.code.as_str(), denial.rule, denial.reason)
}

fn guarded() -> Value {
    let id =
        json!({ "properties": { "id": { "type": "string", "pattern": "^[a-z]+$" } }, "required": ["id"] });
    let never = json!([{ "path": "args.id", "op": "exists", "value": false }]);
    let spend = json!([{ "counter": "c", "window": "day", "max": 5, "amount": "args.amount" }]);
    json!({
        "version": "1",
        "approvals": { "cluster": "approvals" },
        "all_tools": { "arguments": { "maxProperties": 3 } },
        "tools": {
            "run": { "arguments": id },
            "told": { "arguments": id, "reason": "ids come from list_agents" },
            "watched": { "arguments": id, "mode": "shadow" },
            "asked": { "arguments": id, "action": "require_approval" },
            "denied": { "arguments": id, "action": "deny" },
            "first": { "arguments": id, "require": never, "limits": spend },
            "get_*": { "arguments": id },
            "none": { "arguments": false },
        },
        "prompts": { "p": { "arguments": id } },
    })
}

#[test]
fn a_call_that_does_not_fit_the_schema_of_its_rule_is_denied() {
    let tool = |name: &str, arguments: &str| {
        outcome(&guarded(), "tools/call", &format!(r#"{{"name":"{name}","arguments":{arguments}}}"#))
    };
    let run = "arguments_invalid by tools.run.arguments: the tool `run` is denied: ";
    for (name, arguments, expected) in [
        ("run", r#"{"id":"abc"}"#, "allowed".to_owned()),
        ("run", r#"{"id":"../x"}"#, format!("{run}`args.id` must match the pattern `^[a-z]+$`")),
        ("run", r#"{"id":5}"#, format!("{run}`args.id` must be a string, found a number")),
        ("run", r#"{"id":"a","Id":"../x"}"#, format!("{run}`args.Id` is another spelling of `id`")),
        ("run", "{}", format!("{run}`args.id` is missing")),
        ("run", "[]", "`params.arguments` must be an object".to_owned()),
        (
            "told",
            "{}",
            "arguments_invalid by tools.told.arguments: the tool `told` is denied: `args.id` is missing (ids come \
             from list_agents)"
                .to_owned(),
        ),
        (
            "watched",
            "{}",
            "would be arguments_invalid by tools.watched.arguments: the tool `watched` is denied: `args.id` is \
             missing"
                .to_owned(),
        ),
        (
            "asked",
            "{}",
            "arguments_invalid by tools.asked.arguments: the tool `asked` is denied: `args.id` is missing"
                .to_owned(),
        ),
        ("denied", "{}", "denied by tools.denied: the tool `denied` is denied by policy".to_owned()),
        (
            "first",
            r#"{"amount":-1}"#,
            "arguments_invalid by tools.first.arguments: the tool `first` is denied: `args.id` is missing".to_owned(),
        ),
        (
            "get_it",
            "{}",
            "arguments_invalid by tools.get_*.arguments: the tool `get_it` is denied: `args.id` is missing"
                .to_owned(),
        ),
        (
            "none",
            "{}",
            "arguments_invalid by tools.none.arguments: the tool `none` is denied: `args` is not allowed".to_owned(),
        ),
        (
            "run",
            r#"{"id":"abc","b":1,"c":2,"d":3}"#,
            "arguments_invalid by all_tools.arguments: the tool `run` is denied: `args` must have at most 3 members"
                .to_owned(),
        ),
    ] {
        assert_eq!(tool(name, arguments), expected, "{name} {arguments}");
    }
}

#[test]
fn missing_arguments_are_judged_as_an_empty_object() {
    let denied = "arguments_invalid by tools.run.arguments: the tool `run` is denied: `args.id` is missing";
    assert_eq!(outcome(&guarded(), "tools/call", r#"{"name":"run"}"#), denied);
    let open = json!({ "version": "1", "tools": { "run": { "arguments": { "type": "object" } } } });
    assert_eq!(outcome(&open, "tools/call", r#"{"name":"run"}"#), "allowed");
}

#[test]
fn the_schema_of_a_prompt_applies_to_get_and_not_to_completion() {
    let completion = r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"id","value":"."}}"#;
    for (method, params, expected) in [
        ("prompts/get", r#"{"name":"p","arguments":{"id":"abc"}}"#, "allowed"),
        (
            "prompts/get",
            r#"{"name":"p","arguments":{"id":"."}}"#,
            "arguments_invalid by prompts.p.arguments: the prompt `p` is denied: `args.id` must match the pattern \
             `^[a-z]+$`",
        ),
        ("prompts/get", r#"{"name":"p","arguments":["id"]}"#, "`params.arguments` must be an object"),
        ("completion/complete", completion, "allowed"),
    ] {
        assert_eq!(outcome(&guarded(), method, params), expected, "{method} {params}");
    }
}
