//! Laws of the language.

use mcp_policy_engine::policy::Policy;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::generate::{arguments, clause, condition, rule, rules};
use super::{NOW_NS, bob, decided, policy, told};

/// How much a decision allows: 0 denies, 1 asks for an approval, 2 allows.
fn allowed(policy: &Policy, arguments: &Value) -> u8 {
    let decision = decided(policy, &bob(), arguments, &|| Some(NOW_NS));
    match (decision.denial, decision.approval) {
        (Some(_), _) => 0,
        (None, Some(_)) => 1,
        (None, None) => 2,
    }
}

fn entry(rules: &[Value]) -> Policy {
    policy(&json!({ "tools": { "t": rules } }))
}

/// Returns a rule with `key` changed to what `change` makes of it.
fn changed(rule: &Value, key: &str, change: impl FnOnce(Vec<Value>) -> Vec<Value>) -> Value {
    let mut rule = rule.clone();
    let clauses = rule[key].as_array().cloned().unwrap_or_default();
    rule[key] = change(clauses).into();
    rule
}

fn many() -> ProptestConfig {
    ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn a_rule_added_to_a_list_never_allows_more(
        rules in rules(), added in rule(), place in any::<prop::sample::Index>(), arguments in arguments(),
    ) {
        let less = entry(&rules);
        let mut more = rules.clone();
        more.insert(place.index(rules.len() + 1), added);
        let [less, more] = [&less, &entry(&more)].map(|policy| allowed(policy, &arguments));
        prop_assert!(more <= less, "{} before, {} after", less, more);
    }

    #[test]
    fn the_order_of_rules_does_not_change_what_is_allowed(rules in rules(), arguments in arguments()) {
        let turned: Vec<Value> = rules.iter().rev().cloned().collect();
        prop_assert_eq!(allowed(&entry(&rules), &arguments), allowed(&entry(&turned), &arguments));
    }

    #[test]
    fn a_group_of_one_condition_decides_and_tells_as_the_condition(
        rule in rule(), clause in clause(condition()), arguments in arguments(),
        key in select(vec!["when", "require", "deny_if"]), kind in select(vec!["conditions", "any"]),
    ) {
        let mut rule = rule;
        rule["require"] = json!([condition_that_holds()]);
        let plain = changed(&rule, key, |mut clauses| { clauses.push(clause.clone()); clauses });
        let grouped = changed(&rule, key, |mut clauses| { clauses.push(json!({ kind: [clause.clone()] })); clauses });
        prop_assert_eq!(told(&entry(&[plain]), &arguments), told(&entry(&[grouped]), &arguments));
    }

    #[test]
    fn a_rule_whose_when_never_holds_changes_nothing(
        rules in rules(), added in rule(), place in any::<prop::sample::Index>(), arguments in arguments(),
    ) {
        let mut more = rules.clone();
        let never = json!({ "path": "grant", "op": "eq", "value": "nobody" });
        let mut added = changed(&added, "when", |mut when| { when.insert(place.index(when.len() + 1), never); when });
        added["require"] = json!([{ "path": "principal", "op": "exists", "value": false }]);
        let place = place.index(rules.len()) + 1;
        more.insert(place, added);
        // The places of the rules behind it are others.
        let renumbered = |text: String| text.split("tools.t[").next().unwrap_or_default().to_owned();
        let [less, more] = [&rules, &more].map(|rules| renumbered(told(&entry(rules), &arguments)));
        prop_assert_eq!(less, more);
    }

    #[test]
    fn a_rule_whose_when_holds_is_as_without_it(rules in rules(), arguments in arguments()) {
        let always: Vec<Value> = rules.iter().map(|rule| {
            let mut rule = rule.clone();
            rule["require"] = changed(&rule, "require", |mut clauses| { clauses.push(condition_that_holds()); clauses })["require"].take();
            rule
        }).collect();
        let with: Vec<Value> = always.iter().map(|rule| {
            changed(rule, "when", |mut when| { when.push(condition_that_holds()); when })
        }).collect();
        prop_assert_eq!(told(&entry(&always), &arguments), told(&entry(&with), &arguments));
    }

    #[test]
    fn the_order_of_clauses_does_not_change_what_is_allowed(rule in rule(), arguments in arguments()) {
        fn turned(value: &Value) -> Value {
            match value {
                Value::Array(elements) => elements.iter().rev().map(turned).collect(),
                Value::Object(members) => members
                    .iter()
                    .map(|(key, value)| (key.clone(), turned(value)))
                    .collect::<serde_json::Map<_, _>>()
                    .into(),
                other => other.clone(),
            }
        }
        let other = turned(&rule);
        prop_assert_eq!(allowed(&entry(&[rule]), &arguments), allowed(&entry(&[other]), &arguments));
    }

    /// If a call is allowed although an argument cannot be judged, the argument decides nothing: the call is
    /// allowed with any value.
    #[test]
    fn what_cannot_be_judged_allows_no_more_than_any_value(
        rules in rules(), arguments in arguments(), key in select(vec!["a", "b", "c"]),
        odd in select(vec![json!([2]), json!({ "x": 2 })]), value in select(vec![json!(1), json!(2), json!(3)]),
    ) {
        let with = |value: &Value| {
            let mut arguments = arguments.clone();
            arguments[key] = value.clone();
            allowed(&entry(&rules), &arguments)
        };
        // `exists` needs no type, so the value must be there in both cases.
        prop_assert!(with(&odd) <= with(&value), "{} with {}, {} with {}", with(&odd), odd, with(&value), value);
    }
}

fn condition_that_holds() -> Value {
    json!({ "path": "tool", "op": "eq", "value": "t" })
}
