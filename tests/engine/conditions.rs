//! Conditions: the result of every operator on every type, what paths select, what a caller is told, and laws
//! that hold for all.

mod calls;
mod coercion;
mod laws;
mod paths;
mod told;
mod values;

use mcp_policy_engine::decide::condition::{self, Attributes, ClaimsText, Now, Obstacle, Truth};
use mcp_policy_engine::decide::{Decision, decide};
use mcp_policy_engine::identity::{Caller, Principal};
use mcp_policy_engine::json;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::message::{Body, Message};
use mcp_policy_engine::policy::{Clause, Condition, Policy, TimeZone};
use mcp_policy_engine::work::Work;
use serde_json::{Value, json};

/// Every operator, with a value of each type that it accepts.
const OPERATORS: [(&str, &str); 27] = [
    ("eq", r#""ab""#),
    ("eq", "5"),
    ("eq", "true"),
    ("neq", r#""ab""#),
    ("neq", "5"),
    ("neq", "true"),
    ("in", r#"["ab","x"]"#),
    ("in", "[5,7]"),
    ("in", r#"["ab",5]"#),
    ("not_in", r#"["ab","x"]"#),
    ("not_in", "[5,7]"),
    ("not_in", "[true,5]"),
    ("lt", "5"),
    ("lte", "5"),
    ("gt", "5"),
    ("gte", "5"),
    ("contains", r#""a""#),
    ("contains", "5"),
    ("contains", "true"),
    ("not_contains", r#""a""#),
    ("not_contains", "5"),
    ("starts_with", r#""a""#),
    ("ends_with", r#""b""#),
    ("glob", r#""a*""#),
    ("regex", r#""^a""#),
    ("exists", "true"),
    ("exists", "false"),
];

fn policy(rule: &Value) -> Policy {
    let document = json!({ "version": "1", "approvals": { "cluster": "c" }, "tools": { "pay": rule } });
    Policy::from_bytes(document.to_string().as_bytes()).unwrap()
}

fn condition(path: &str, op: &str, value: &str) -> Condition {
    let condition = json!({ "path": path, "op": op, "value": serde_json::from_str::<Value>(value).unwrap() });
    // A big number keeps its text.
    let identity = json!([{ "jwt": { "payload": "p" } }]);
    let tools = json!({ "pay": { "require": [condition] } });
    let text = json!({ "version": "1", "identity": identity, "tools": tools }).to_string();
    let text = text.replace(&condition["value"].to_string(), value);
    let policy = Policy::from_bytes(text.as_bytes()).unwrap();
    match &policy.rules.tools.get("pay").unwrap()[0].require[0] {
        Clause::Condition(condition) => condition.clone(),
        Clause::Group(group) => panic!("{group:?}"),
    }
}

/// 2027-01-15T08:00:00Z, a Friday
const NOW_NS: u64 = 1_800_000_000_000_000_000;

/// Returns what `read` makes of the attributes of a call with these arguments, from nobody.
fn attributed<R>(arguments: Option<json::Value<'_>>, read: impl FnOnce(Attributes<'_>) -> R) -> R {
    let (clock, zone) = (|| Some(NOW_NS), TimeZone::default());
    read(Attributes {
        arguments,
        any_arguments: false,
        grant: "default",
        principal: None,
        source: None,
        claims: &ClaimsText::new(None),
        tool: Some("pay"),
        now: &Now::new(&clock, &zone),
        work: &Work::default(),
    })
}

/// Judges a condition on `args.a`. Returns why `require` and `deny_if` refuse it.
fn judged(op: &str, value: &str, arguments: &str) -> [Option<Truth>; 2] {
    judged_at("args.a", op, value, arguments)
}

fn judged_at(path: &str, op: &str, value: &str, arguments: &str) -> [Option<Truth>; 2] {
    let document = json::read(arguments.as_bytes()).unwrap();
    let condition = condition(path, op, value);
    [condition::require, condition::deny_if]
        .map(|judge| attributed(Some(document.root()), |subject| judge(&condition, &subject)))
}

/// Returns the sign in the table below, given why `require` and `deny_if` refuse the condition.
fn named(judged: [Option<Truth>; 2]) -> char {
    match judged {
        [None, Some(Truth::Holds)] => '+',
        [Some(Truth::Fails), None] => '-',
        [Some(Truth::Missing), None] => '0',
        [Some(one), Some(other)] if one == other && matches!(one, Truth::Indeterminate(_)) => '?',
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_operator_judges_only_the_types_it_applies_to() {
    // + holds, - fails, 0 the value is missing, ? cannot be judged
    let header = [
        "{}",
        "null",
        r#""ab""#,
        r#""b""#,
        "5",
        "5.0",
        "4",
        "6",
        "true",
        "false",
        "[]",
        r#"["a"]"#,
        "[5]",
        "{\"x\":1}",
    ];
    for ((op, value), expected) in OPERATORS.into_iter().zip([
        // no null "ab" "b" 5 5.0 4 6 true false [] ["a"] [5] {}
        "0 0 + - ? ? ? ? ? ? ? ? ? ?", // eq "ab"
        "0 0 ? ? + + - - ? ? ? ? ? ?", // eq 5
        "0 0 ? ? ? ? ? ? + - ? ? ? ?", // eq true
        "0 0 - + ? ? ? ? ? ? ? ? ? ?", // neq "ab"
        "0 0 ? ? - - + + ? ? ? ? ? ?", // neq 5
        "0 0 ? ? ? ? ? ? - + ? ? ? ?", // neq true
        "0 0 + - ? ? ? ? ? ? ? ? ? ?", // in ["ab","x"]
        "0 0 ? ? + + - - ? ? ? ? ? ?", // in [5,7]
        "0 0 + - + + - - ? ? ? ? ? ?", // in ["ab",5]
        "0 0 - + ? ? ? ? ? ? ? ? ? ?", // not_in ["ab","x"]
        "0 0 ? ? - - + + ? ? ? ? ? ?", // not_in [5,7]
        "0 0 ? ? - - + + - + ? ? ? ?", // not_in [true,5]
        "0 0 ? ? - - + - ? ? ? ? ? ?", // lt 5
        "0 0 ? ? + + + - ? ? ? ? ? ?", // lte 5
        "0 0 ? ? - - - + ? ? ? ? ? ?", // gt 5
        "0 0 ? ? + + - + ? ? ? ? ? ?", // gte 5
        "0 0 + - ? ? ? ? ? ? - + ? ?", // contains "a"
        "0 0 ? ? ? ? ? ? ? ? - ? + ?", // contains 5
        "0 0 ? ? ? ? ? ? ? ? - ? ? ?", // contains true
        "0 0 - + ? ? ? ? ? ? + - ? ?", // not_contains "a"
        "0 0 ? ? ? ? ? ? ? ? + ? - ?", // not_contains 5
        "0 0 + - ? ? ? ? ? ? ? ? ? ?", // starts_with "a"
        "0 0 + + ? ? ? ? ? ? ? ? ? ?", // ends_with "b"
        "0 0 + - ? ? ? ? ? ? ? ? ? ?", // glob "a*"
        "0 0 + - ? ? ? ? ? ? ? ? ? ?", // regex "^a"
        "0 0 + + + + + + + + + + + +", // exists true
        "+ + - - - - - - - - - - - -", // exists false
    ]) {
        let found = header.iter().map(|argument| {
            let arguments = if *argument == "{}" { "{}".to_owned() } else { format!("{{\"a\":{argument}}}") };
            named(judged(op, value, &arguments)).to_string()
        });
        assert_eq!(found.collect::<Vec<_>>().join(" "), expected, "{op} {value}");
    }
}

/// Decides on a call of `pay` with these params, from a caller with a token.
fn decided<R>(policy: &Policy, method: &str, params: &str, read: impl FnOnce(Decision) -> R) -> R {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let document = json::read(body.as_bytes()).unwrap();
    let message = Message::read(&document, &Headers::default()).unwrap();
    let Body::Call(call) = &message.body else { panic!("{body}") };
    let principal = Some(Principal::Jwt("bob".into()));
    let caller = Caller { principal, claims: Some(r#"{"team":"sre"}"#.into()), ..Caller::default() };
    read(decide(policy, &caller, call, &|| Some(NOW_NS)))
}

fn called<R>(policy: &Policy, arguments: &str, read: impl FnOnce(Decision) -> R) -> R {
    decided(policy, "tools/call", &format!(r#"{{"name":"pay","arguments":{arguments}}}"#), read)
}

#[test]
fn a_search_that_takes_too_much_work_is_denied() {
    for (regex, length, expected) in [
        ("\"x\"", 1 << 20, '-'),
        ("\"[a-z]{1,300}x\"", 2_000, '-'),
        ("\"[a-z]{1,300}x\"", 40_000, '?'),
        ("\"^[a-z]{1,300}$\"", 1 << 20, '-'),
    ] {
        let found = named(judged("regex", regex, &format!("{{\"a\":\"{}\"}}", " ".repeat(length))));
        assert_eq!(found, expected, "{regex} {length}");
    }
}

#[test]
fn an_obstacle_says_why_a_condition_could_not_be_judged() {
    for (path, arguments, obstacle) in [
        ("args.a", r#"{"a":"5"}"#, Obstacle::Type),
        ("args.a", r#"{"a":5.00000000000000001}"#, Obstacle::Digits),
        ("args.a.b", r#"{"a":"{\"b\":5}"}"#, Obstacle::Blocked),
        ("args.a.b", r#"{"a":{"B":5}}"#, Obstacle::Respelled),
    ] {
        let unjudgeable = Some(Truth::Indeterminate(obstacle));
        assert_eq!(judged_at(path, "lte", "5", arguments), [unjudgeable, unjudgeable], "{path} {arguments}");
    }
}
