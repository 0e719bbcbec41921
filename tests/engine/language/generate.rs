//! Generates rules and arguments.

use std::collections::BTreeSet;

use mcp_policy_engine::policy::keys;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

/// A condition on the arguments `a`, `b` and `c`, the caller, the tool or the time. Each argument is 1, 2,
/// missing, or something that cannot be judged.
pub fn condition() -> BoxedStrategy<Value> {
    let argument = (select(vec!["args.a", "args.b", "args.c"]), select(vec!["eq", "neq", "lt", "gte"]))
        .prop_map(|(path, op)| json!({ "path": path, "op": op, "value": 2 }));
    let other = select(vec![
        json!({ "path": "args.a", "op": "exists", "value": false }),
        json!({ "path": "args.a", "op": "in", "value": [1, 3] }),
        json!({ "path": "args.b", "op": "eq", "value": { "path": "args.a" } }),
        json!({ "path": "args.list[*]", "op": "eq", "value": 1 }),
        json!({ "path": "args.list", "op": "contains", "value": 1 }),
    ]);
    prop_oneof![3 => argument, 1 => other, 1 => condition_on_the_caller()].boxed()
}

/// A condition that does not depend on arguments.
pub fn condition_on_the_caller() -> BoxedStrategy<Value> {
    select(vec![
        json!({ "path": "principal", "op": "eq", "value": "bob" }),
        json!({ "path": "principal", "op": "neq", "value": "bob" }),
        json!({ "path": "claims.team", "op": "in", "value": ["dev"] }),
        json!({ "path": "claims.team", "op": "gt", "value": 5 }),
        json!({ "path": "claims.none", "op": "exists" }),
        json!({ "path": "scopes", "op": "contains", "value": "mcp:run" }),
        json!({ "path": "scopes[*]", "op": "eq", "value": "mcp:admin" }),
        json!({ "path": "source", "op": "eq", "value": "jwt" }),
        json!({ "path": "tool", "op": "eq", "value": "t" }),
        json!({ "path": "time.weekday", "op": "in", "value": ["fri", "sat"] }),
        json!({ "path": "time.of_day", "op": "lt", "value": "08:00" }),
        json!({ "path": "principal", "op": "eq", "value": { "path": "claims.sub" } }),
    ])
    .boxed()
}

/// A condition, or a group up to two levels deep.
pub fn clause(leaf: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    leaf.prop_recursive(2, 8, 3, |inner| {
        (prop::collection::vec(inner, 0..4), any::<bool>()).prop_map(|(clauses, all)| {
            match clauses.as_slice() {
                [] => json!({ "conditions": [] }),
                _ if all => json!({ "conditions": clauses }),
                _ => json!({ "any": clauses }),
            }
        })
    })
    .boxed()
}

fn clauses(leaf: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop::collection::vec(clause(leaf), 0..3).prop_map(Value::from).boxed()
}

/// A rule that restricts something, with conditions made of `leaf`.
pub fn rule_of(leaf: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let key = |key: &'static str, value: BoxedStrategy<Value>| {
        prop::option::weighted(0.4, value).prop_map(move |value| value.map(|value| (key.to_owned(), value)))
    };
    let word = |words: Vec<&'static str>| select(words).prop_map(Value::from).boxed();
    let keys = (
        key("when", clauses(leaf.clone())),
        key("require", clauses(leaf.clone())),
        key("deny_if", clauses(leaf)),
        key("action", word(vec!["deny", "require_approval", "allow"])),
        key("mode", word(vec!["enforce", "enforce", "shadow"])),
        key("on_deny", word(vec!["because"])),
    );
    keys.prop_map(|(when, require, deny_if, action, mode, reason)| {
        let keys = [when, require, deny_if, action, mode, reason].into_iter().flatten();
        let mut rule: Map<String, Value> = keys.collect();
        let empty =
            |value: Option<&Value>| value.is_none_or(|value| *value == json!([]) || *value == "allow");
        // A rule with `when` that restricts nothing is refused.
        if ["require", "deny_if", "action"].iter().all(|key| empty(rule.get(*key))) {
            rule.remove("when");
        }
        Value::Object(rule)
    })
    .boxed()
}

pub fn rule() -> BoxedStrategy<Value> {
    rule_of(condition())
}

/// The keys that these rules do not have: nothing is charged or listed here, and `on_deny` stands for `reason`.
const LEFT_OUT: [&str; 5] = ["reason", "definition", "arguments", "limits", "rate_limit"];

#[test]
fn random_rules_have_every_key_but_those_that_are_left_out() {
    let mut runner = TestRunner::deterministic();
    let rules = (0..500).map(|_| rule().new_tree(&mut runner).unwrap().current());
    let found: BTreeSet<String> =
        rules.flat_map(|rule| rule.as_object().unwrap().keys().cloned().collect::<Vec<_>>()).collect();
    let known = keys::RULE.keys.iter().map(|key| key.name).filter(|name| !LEFT_OUT.contains(name));
    assert_eq!(found, known.map(str::to_owned).collect());
}

pub fn rules() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(rule(), 1..4)
}

/// An argument as a text for the reader: 1, 2, missing, null, or something that cannot be judged.
fn argument() -> impl Strategy<Value = Option<Value>> {
    select(vec![Some(json!(1)), Some(json!(2)), None, Some(Value::Null), Some(json!("2")), Some(json!([2]))])
}

pub fn arguments() -> impl Strategy<Value = Value> {
    let list =
        select(vec![None, Some(json!([])), Some(json!([1, 2])), Some(json!([2, "1"])), Some(json!("[1]"))]);
    (argument(), argument(), argument(), list).prop_map(|(a, b, c, list)| {
        let members = [("a", a), ("b", b), ("c", c), ("list", list)].into_iter();
        members.filter_map(|(key, value)| Some((key.to_owned(), value?))).collect::<Map<_, _>>().into()
    })
}
