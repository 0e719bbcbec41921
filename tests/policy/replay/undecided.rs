//! What a record does not tell stays undecided.

use serde_json::{Value, json};

use super::replay;
use crate::recorded::{Request, call, records};

/// Rules for tools, the changes that they make, and what is undecided because of which rule.
struct Case {
    name: &'static str,
    tools: Value,
    changed: &'static str,
    undecided: &'static str,
}

fn limit(max: u32) -> Value {
    json!([{ "counter": "x", "window": "hour", "max": max }])
}

fn condition(path: &str, op: &str, value: &str) -> Value {
    json!([{ "path": path, "op": op, "value": value }])
}

/// The rules for the calls of [`recorded`].
fn cases() -> Vec<Case> {
    let case = |name, tools, changed, undecided| Case { name, tools, changed, undecided };
    let schema = json!({ "type": "object", "required": ["n"] });
    let amount = json!([{ "counter": "x", "window": "hour", "max": 9, "amount": "args.n" }]);
    vec![
        case("nothing reads them", json!({ "a": {} }), "", ""),
        case("a schema", json!({ "a": { "arguments": schema } }), "", "2 tools.a"),
        case("a condition", json!({ "a": { "deny_if": condition("args.n", "eq", "1") } }), "", "2 tools.a"),
        case("an amount", json!({ "a": { "limits": amount } }), "", "2 tools.a"),
        case(
            "a counter with unknown amounts",
            json!({ "a": { "limits": amount }, "b": { "limits": limit(9) } }),
            "",
            "2 tools.a, 1 tools.b",
        ),
        case(
            "an empty object is known by its hash",
            json!({ "b": { "arguments": schema } }),
            "1 b arguments_invalid",
            "",
        ),
        case(
            "a refusal that no argument changes",
            json!({ "a": { "action": "deny", "arguments": schema } }),
            "2 a denied",
            "",
        ),
        case(
            "a limit that is full in any case",
            json!({ "a": { "arguments": schema, "limits": limit(1) } }),
            "1 a rate_limited",
            "1 tools.a",
        ),
        case(
            "a hash that equals a value",
            json!({ "c": { "require": condition("claims.team", "eq", "sre") } }),
            "",
            "",
        ),
        case(
            "a hash that equals none",
            json!({ "c": { "require": condition("claims.team", "eq", "dev") } }),
            "1 c condition_failed",
            "",
        ),
        case(
            "a pattern of a hash",
            json!({ "c": { "require": condition("claims.team", "glob", "s*") } }),
            "",
            "1 tools.c",
        ),
        case(
            "a claim that was not read",
            json!({ "c": { "require": condition("claims.tenant", "eq", "x") } }),
            "",
            "1 tools.c",
        ),
    ]
}

/// The policy under which the calls were recorded, which keeps hashes of arguments and of the claims that it reads.
fn policy() -> Value {
    json!({ "version": "1", "server": "shop", "identity": [{ "jwt": { "payload": "corp" } }], "default": "allow",
        "tools": { "c": { "require": [{ "path": "claims.team", "op": "exists" }] } } })
}

/// Records four calls: of `a` with two arguments, of `b`, and of `c`, whose rule reads a claim.
fn recorded() -> Vec<String> {
    let requests: Vec<Request> =
        [("a", json!({ "n": 1 })), ("a", json!({ "n": 2 })), ("b", json!({})), ("c", json!({}))]
            .iter()
            .enumerate()
            .map(|(number, (tool, arguments))| Request {
                token: Some(json!({ "sub": "bot", "team": "sre", "tenant": "x" })),
                ..call(u64::try_from(number).unwrap() * 1000, tool, arguments)
            })
            .collect();
    records(&policy(), &requests)
}

/// Returns the elements of a list, told by `one`.
fn listed(list: &Value, one: fn(&Value) -> String) -> String {
    list.as_array().unwrap().iter().map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn what_a_record_does_not_tell_is_undecided_and_never_guessed() {
    let recorded = recorded();
    for Case { name, tools, changed, undecided } in cases() {
        let mut new = policy();
        new["tools"] = tools;
        let (code, result) = replay("undecided", &recorded, &new, &[]);
        let changes = listed(&result["changes"], |one| {
            format!("{} {} {}", one["count"], one["target"].as_str().unwrap(), one["to"].as_str().unwrap())
        });
        let reasons = listed(&result["undecided_by"], |one| {
            format!("{} {}", one["count"], one["because"].as_str().unwrap().split('`').nth(1).unwrap())
        });
        assert_eq!((changes.as_str(), reasons.as_str()), (changed, undecided), "{name}");
        assert_eq!(code, if changed.is_empty() { 0 } else { 3 }, "{name}");
    }
}
