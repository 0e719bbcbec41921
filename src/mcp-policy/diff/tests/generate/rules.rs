//! Generates rules and their parts.

use std::collections::BTreeSet;

use mcp_policy_engine::policy::keys;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

pub(super) fn clause() -> impl Strategy<Value = Value> {
    let order = (select(vec!["lt", "lte", "gt", "gte"]), 0..4)
        .prop_map(|(op, value)| json!({ "path": "args.x", "op": op, "value": value }));
    let list = (select(vec!["in", "not_in"]), vec(0..4, 1..3))
        .prop_map(|(op, value)| json!({ "path": "args.x", "op": op, "value": value }));
    let other = select(vec![
        json!({ "path": "args.x", "op": "eq", "value": 1 }),
        json!({ "path": "args.x", "op": "in", "value": ["1", "2"] }),
        json!({ "path": "args.x", "op": "exists" }),
        json!({ "path": "claims.team", "op": "eq", "value": "sre" }),
        json!({ "path": "grant", "op": "neq", "value": "g1" }),
        json!({ "path": "tool", "op": "eq", "value": "a" }),
        json!({ "path": "time.of_day", "op": "gte", "value": "08:00" }),
    ]);
    let one = prop_oneof![3 => order, 1 => list, 3 => other].boxed();
    let group = vec(one.clone(), 1..3).prop_map(|clauses| json!({ "any": clauses }));
    prop_oneof![4 => one, 1 => group]
}

pub(super) fn limit() -> impl Strategy<Value = Value> {
    let terms = select(vec![
        json!({ "counter": "c", "window": 10 }),
        json!({ "counter": "c", "window": 60 }),
        json!({ "counter": "d", "window": 60, "scope": "global" }),
        json!({ "counter": "d", "window": 60, "scope": "principal" }),
        json!({ "counter": "e", "window": 60, "type": "calendar", "scope": "session" }),
        json!({ "counter": "e", "window": 120, "type": "calendar" }),
        json!({ "counter": "f", "window": 60, "amount": "args.x" }),
        json!({ "counter": "f", "window": 60, "by": "args.x" }),
        json!({ "counter": "c", "window": 10, "amount": 2 }),
    ]);
    (terms, 2..6).prop_map(|(mut terms, max)| {
        terms["max"] = json!(max);
        terms
    })
}

pub(super) fn rule() -> impl Strategy<Value = Value> {
    let part = prop_oneof![
        2 => Just(json!({})),
        2 => Just(json!({ "action": "deny" })),
        1 => Just(json!({ "action": "require_approval" })),
        3 => clause().prop_map(|clause| json!({ "require": [clause] })),
        3 => clause().prop_map(|clause| json!({ "deny_if": [clause] })),
        3 => limit().prop_map(|limit| json!({ "limits": [limit] })),
        1 => Just(json!({ "arguments": { "required": ["x"] } })),
        1 => Just(json!({ "arguments": { "required": ["x"], "additionalProperties": false, "properties": { "x": {} } } })),
        1 => clause().prop_map(|clause| json!({ "when": [clause], "action": "deny" })),
        1 => (clause(), clause()).prop_map(|(when, clause)| json!({ "when": [when], "require": [clause] })),
    ];
    (part, select(vec![true, true, true, true, false])).prop_map(|(mut rule, enforced)| {
        if !enforced {
            rule["mode"] = json!("shadow");
        }
        rule
    })
}

/// The keys that these rules do not have: texts, `rate_limit`, which is a limit, and `definition`, which no call here can
/// violate.
const LEFT_OUT: [&str; 4] = ["reason", "on_deny", "rate_limit", "definition"];

#[test]
fn random_rules_have_every_key_but_those_that_are_left_out() {
    let mut runner = TestRunner::deterministic();
    let rules = (0..500).map(|_| rule().new_tree(&mut runner).unwrap().current());
    let found: BTreeSet<String> =
        rules.flat_map(|rule| rule.as_object().unwrap().keys().cloned().collect::<Vec<_>>()).collect();
    let known = keys::RULE.keys.iter().map(|key| key.name).filter(|name| !LEFT_OUT.contains(name));
    assert_eq!(found, known.map(str::to_owned).collect());
}

pub(super) fn entry(arguments: bool) -> impl Strategy<Value = Value> {
    vec(rule(), 1..3).prop_map(move |mut rules| {
        if !arguments {
            for rule in &mut rules {
                if let Value::Object(rule) = rule {
                    rule.remove("arguments");
                }
            }
        }
        if rules.len() > 1 { Value::Array(rules) } else { rules.pop().unwrap_or_default() }
    })
}
