//! Conditions: the result of every operator on every type, what paths select, what a caller is told, and laws
//! that hold for all.

mod calls;
mod coercion;
mod laws;
mod paths;
mod told;

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

#[test]
fn values_are_compared_exactly() {
    for (op, value, argument, expected) in [
        // Servers that keep doubles read 9007199254740992.
        ("eq", "9007199254740992", "9007199254740993", '?'),
        ("eq", "9007199254740993", "9007199254740992", '-'),
        ("neq", "1234567890123456768", "1234567890123456789", '?'),
        ("gt", "9007199254740992", "9007199254740993", '?'),
        ("lt", "18446744073709551615", "18446744073709551614", '?'),
        // Servers that want an integer cut the fraction off.
        ("eq", "1", "1.9", '?'),
        ("neq", "1", "1.9", '?'),
        ("in", "[1,2]", "2.5", '?'),
        ("not_in", "[1,2]", "2.5", '?'),
        ("eq", "1", "1.0", '+'),
        ("eq", "1", "1e0", '+'),
        ("eq", "1", "1.9999999999999999", '?'),
        ("in", "[1,7]", "1.99999999999999999999", '?'),
        ("not_in", "[1,7]", "1.99999999999999999999", '?'),
        ("neq", "1", "0.99999999999999999999", '?'),
        ("eq", "0", "0.99999999999999999999", '?'),
        ("eq", "0", "-0.99999999999999999999", '?'),
        ("eq", "2", "1.00000000000000000001", '?'),
        ("eq", "3", "1.99999999999999999999", '-'),
        ("eq", "9007199254740993", "9007199254740993.5", '?'),
        ("eq", "0", "-0.99999999999999999999", '?'),
        ("eq", "-2", "-1.00000000000000000001", '?'),
        ("eq", "0", "-1.00000000000000000001", '-'),
        ("eq", "1", "199999999999999999999e-20", '?'),
        ("eq", "200", "20000000000000000e-14", '+'),
        ("eq", "199", "20000000000000000e-14", '-'),
        ("eq", "0", "0.00000000000000000001", '?'),
        ("contains", "1", "[3,1.9999999999999999]", '?'),
        ("eq", "2", "1.000000000000000000000000000000", '-'),
        // Some servers convert a value of another type.
        ("in", "[\"admin\",0]", "\"0\"", '?'),
        ("in", "[\"admin\",0]", "\" 00\"", '?'),
        ("not_in", "[\"admin\",0]", "\"+1\"", '?'),
        ("in", "[\"admin\",0]", "\"\"", '?'),
        ("in", "[\"admin\",0]", "\"\\ufeff0\"", '?'),
        ("not_in", "[\"admin\",false]", "\" \"", '?'),
        ("in", "[\"admin\",0]", "\"admin\"", '+'),
        ("in", "[\"admin\",0]", "\"bob\"", '-'),
        ("in", "[\"force\",true]", "\"True\"", '?'),
        ("in", "[\"force\",true]", "\"yes\"", '?'),
        ("in", "[\"force\",true]", "\"forced\"", '-'),
        ("in", "[true,2]", "1", '?'),
        ("in", "[true,2]", "1.0", '?'),
        ("in", "[true,2]", "3", '-'),
        ("in", "[true,2]", "0", '-'),
        ("in", "[false,\"x\"]", "\"yes\"", '-'),
        ("in", "[false,\"x\"]", "\"No\"", '?'),
        ("in", "[false,1]", "true", '?'),
        ("in", "[\"5\",7]", "5", '?'),
        ("in", "[\"x\",7]", "5", '-'),
        ("in", "[\"true\",false]", "true", '?'),
        // A server may read the list in a string.
        ("eq", "\"boss\"", "\"[\\\"boss\\\"]\"", '?'),
        ("neq", "\"boss\"", "\"[\\\"boss\\\"]\"", '?'),
        ("in", "[\"boss\"]", "\" [\\\"boss\\\"] \"", '?'),
        ("starts_with", "\"boss\"", "\"[\\\"boss\\\"]\"", '?'),
        ("starts_with", "\"[\"", "\"[\\\"boss\\\"]\"", '+'),
        ("ends_with", "\"boss\"", "\"[\\\"boss\\\"]\"", '?'),
        ("glob", "\"bo*\"", "\"[\\\"boss\\\"]\"", '?'),
        ("regex", "\"^boss$\"", "\"[\\\"boss\\\"]\"", '?'),
        ("eq", "\"boss\"", "\"[[1,{\\\"a\\\":\\\"boss\\\"}]]\"", '?'),
        ("eq", "\"boss\"", "\"[\\\"bob\\\",1,null,{}]\"", '-'),
        ("neq", "\"boss\"", "\"[\\\"bob\\\"]\"", '+'),
        ("regex", "\"AKIA[0-9]\"", "\"[1,\\\"a\\\"]\"", '-'),
        ("regex", "\"^AKIA[0-9]\"", "\"[1,\\\"\\\\u0041KIA1\\\"]\"", '?'),
        ("in", "[\"boss\",5]", "\"[5]\"", '?'),
        ("in", "[\"boss\",5]", "\"[5.5]\"", '?'),
        ("in", "[\"boss\",5]", "\"[\\\"5\\\"]\"", '?'),
        ("in", "[\"boss\",5]", "\"[\\\"bob\\\",7,true]\"", '-'),
        ("starts_with", "\"/etc\"", "\"[\\\"/etc/passwd\\\",NaN]\"", '?'),
        ("starts_with", "\"/etc\"", "\"\\ufeff[\\\"/etc/passwd\\\",-Infinity]\"", '?'),
        ("starts_with", "\"/etc\"", "\"[NaN]\"", '?'),
        ("starts_with", "\"/etc\"", "\"[1,]\"", '-'),
        ("eq", "\"boss\"", "\"[{\\\"a\\\":1,\\\"a\\\":2}]\"", '?'),
        ("eq", "\"[boss]\"", "\"[boss]\"", '+'),
        ("eq", "\"boss\"", "\"[boss]\"", '-'),
        ("eq", "1", "2.1", '-'),
        ("eq", "1.5", "1.9", '-'),
        ("contains", "1", "[1.9]", '?'),
        ("not_contains", "1", "[3,1.9]", '?'),
        ("contains", "1", "[3,2.5]", '-'),
        ("lte", "10", "9.5", '+'),
        ("gt", "0", "0.5", '+'),
        ("eq", "9007199254740993", "9007199254740993", '+'),
        ("lt", "9007199254740993", "9007199254740992", '+'),
        ("gt", "18446744073709551614", "18446744073709551615", '+'),
        ("eq", "0", "-0", '+'),
        ("gte", "0", "-0.0", '+'),
        ("eq", "0.1", "0.1", '+'),
        ("eq", "0.1", "1e-1", '+'),
        ("eq", "0.1", "0.10000000000000001", '?'),
        ("eq", "666", "666.00000000000001", '?'),
        ("lte", "10", "10.0000000000000000001", '?'),
        ("gte", "10", "9.99999999999999999999", '?'),
        ("lte", "50", "12.3400000000000000001", '+'),
        ("eq", "1000", "1e3", '+'),
        ("lt", "1e308", "1.0e307", '+'),
        ("gt", "0", "5e-324", '+'),
        ("eq", "\"é\"", "\"e\u{301}\"", '-'),
        ("eq", "\"é\"", "\"\\u00e9\"", '+'),
        ("eq", "\"A\"", "\"a\"", '-'),
        ("eq", "\"a\"", "\"a \"", '-'),
        // A server may end a string at a NUL.
        ("eq", "\"a\"", "\"a\\u0000\"", '?'),
        ("neq", "\"b\"", "\"a\\u0000\"", '+'),
        ("in", "[\"a\",\"b\"]", "\"b\\u0000c\"", '?'),
        ("ends_with", "\".txt\"", "\"a.env\\u0000.txt\"", '?'),
        ("ends_with", "\".txt\"", "\"a.txt\\u0000.txt\"", '+'),
        ("contains", "\"rm\"", "\"x\\u0000rm\"", '?'),
        ("contains", "\"rm\"", "[\"rm\\u0000x\"]", '?'),
        ("contains", "\"rm\"", "[\"ls\\u0000rm\"]", '-'),
        ("eq", "\"rm\"", "\"[\\\"rm\\\"]\\u0000x\"", '?'),
        ("eq", "\"rm\"", "\"[\\\"rm\\\\u0000x\\\"]\"", '?'),
        ("eq", "\"rm\"", "\"[\\\"ls\\\\u0000rm\\\"]\"", '-'),
        ("contains", "\"/etc\"", "\"\\/etc\\/passwd\"", '+'),
        ("starts_with", "\"https://\"", "\"HTTPS://\"", '-'),
        ("ends_with", "\"@corp.example\"", "\"a@corp.example\\n\"", '-'),
        ("glob", "\"*@corp.example\"", "\"a@corp.example\"", '+'),
        ("glob", "\"*@corp.example\"", "\"a@corp.example.evil\"", '-'),
        ("glob", "\"a*b*c\"", "\"a/b\\nc\"", '+'),
        ("glob", "\"a?\"", "\"ab\"", '-'),
        ("regex", "\"[0-9]{3}\"", "\"ab1234\"", '+'),
        ("regex", "\"^[0-9]{3}$\"", "\"123\"", '+'),
        ("regex", "\"^[0-9]{3}$\"", "\"123\\n\"", '-'),
        ("regex", "\"^a.c$\"", "\"a\\nc\"", '-'),
        ("regex", "\"(?i)^DROP\"", "\"drop table\"", '+'),
    ] {
        let found = named(judged(op, value, &format!("{{\"a\":{argument}}}")));
        assert_eq!(found, expected, "{argument} {op} {value}");
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
