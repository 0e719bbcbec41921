//! What lists show: an element is left out if every call of this caller to it would be denied.

use mcp_policy_engine::decide::Lists;
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::mcp::list::ListKind;
use mcp_policy_engine::policy::Policy;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::generate::{arguments, clause, condition, condition_on_the_caller, rule_of};
use super::{NOW_NS, bob, decided, policy};

fn shown(policy: &Policy, caller: &Caller, clock: Option<u64>) -> bool {
    Lists::new(policy, caller, &|| clock).shows(ListKind::Tools, "t")
}

#[test]
fn a_list_leaves_out_what_conditions_without_arguments_deny_this_caller() {
    let condition = |path: &str, op: &str, value: Value| json!({ "path": path, "op": op, "value": value });
    let (is_bob, is_eve) =
        (condition("principal", "eq", json!("bob")), condition("principal", "eq", json!("eve")));
    let large = condition("args.amount", "gt", json!(100));
    let odd = condition("claims.team", "gt", json!(5));
    for (rules, for_bob, for_nobody) in [
        (json!({ "require": [is_bob] }), true, false),
        (json!({ "require": [is_eve] }), false, false),
        (json!({ "deny_if": [is_bob] }), false, true),
        (json!({ "deny_if": [is_eve] }), true, true),
        (json!({ "require": [large] }), true, true),
        (json!({ "deny_if": [large] }), true, true),
        (json!({ "require": [large, is_bob] }), true, false),
        (json!({ "mode": "shadow", "require": [is_eve] }), true, true),
        (json!({ "action": "deny" }), false, false),
        (json!({ "when": [is_bob], "action": "deny" }), false, true),
        (json!({ "when": [is_eve], "action": "deny" }), true, true),
        (json!({ "when": [large], "action": "deny" }), true, true),
        (json!({ "when": [large, is_bob], "action": "deny" }), true, true),
        (json!({ "when": [is_bob], "require": [is_eve] }), false, true),
        (json!({ "when": [is_bob], "require": [large] }), true, true),
        (json!({ "when": [is_bob], "action": "require_approval" }), true, true),
        // What cannot be judged is denied.
        (json!({ "require": [odd] }), false, false),
        (json!({ "deny_if": [odd] }), false, true),
        (json!({ "when": [odd], "action": "deny" }), false, true),
        (json!({ "when": [odd, is_eve], "action": "deny" }), true, true),
        (json!({ "when": [odd, large], "action": "deny" }), true, true),
        (json!({ "require": [{ "any": [is_eve, large] }] }), true, true),
        (json!({ "require": [{ "conditions": [is_eve, large] }] }), false, false),
        (json!({ "deny_if": [{ "any": [is_bob, large] }] }), false, true),
        (json!({ "deny_if": [{ "conditions": [is_bob, large] }] }), true, true),
        (json!({ "deny_if": [{ "conditions": [] }] }), false, false),
        (json!({ "require": [condition("args.owner", "eq", json!({ "path": "principal" }))] }), true, true),
        (json!({ "require": [condition("principal", "eq", json!({ "path": "args.owner" }))] }), true, true),
        (json!({ "require": [condition("principal", "eq", json!({ "path": "claims.sub" }))] }), true, false),
        (json!({ "require": [condition("scopes", "contains", json!("mcp:run"))] }), true, false),
        (json!({ "require": [condition("scopes", "contains", json!("mcp:admin"))] }), false, false),
        (json!({ "require": [condition("source", "eq", json!("jwt"))] }), true, false),
        (json!({ "require": [condition("tool", "eq", json!("t"))] }), true, true),
        (json!({ "require": [condition("tool", "eq", json!("u"))] }), false, false),
        (json!({ "require": [condition("grant", "eq", json!("default"))] }), true, true),
        (json!({ "require": [condition("time.of_day", "gte", json!("08:00"))] }), true, true),
        (json!({ "require": [condition("time.of_day", "gte", json!("08:01"))] }), false, false),
        (json!([{}, { "require": [is_bob] }]), true, false),
        (json!([{}, { "action": "deny" }]), false, false),
        (json!([{}, "named"]), true, false),
    ] {
        let named = json!({ "named": { "require": [is_bob] } });
        for document in [
            json!({ "rules": named, "tools": { "t": rules } }),
            json!({ "rules": named, "tools": { "*": rules } }),
            json!({ "rules": named, "default": "allow", "all_tools": rules }),
        ] {
            let policy = policy(&document);
            let found = [&bob(), &Caller::default()].map(|caller| shown(&policy, caller, Some(NOW_NS)));
            assert_eq!(found, [for_bob, for_nobody], "{document}");
        }
    }
}

#[test]
fn other_lists_follow_the_conditions_too_and_shadow_mode_shows_all() {
    let rule = json!({ "require": [{ "path": "principal", "op": "eq", "value": "bob" }] });
    let document = json!({ "tools": { "t": rule }, "prompts": { "t": rule }, "resources": { "t": rule } });
    let kinds = [ListKind::Tools, ListKind::Prompts, ListKind::Resources];
    for (mode, expected) in [("enforce", [true, false]), ("shadow", [true, true])] {
        let mut document = document.clone();
        document["mode"] = json!(mode);
        let policy = policy(&document);
        for kind in kinds {
            let found = [&bob(), &Caller::default()]
                .map(|caller| Lists::new(&policy, caller, &|| None).shows(kind, "t"));
            assert_eq!(found, expected, "{mode} {kind:?}");
        }
    }
}

#[test]
fn without_a_clock_a_condition_on_the_time_hides() {
    let condition = json!({ "path": "time.date", "op": "gte", "value": "2020-01-01" });
    for rule in [json!({ "require": [condition] }), json!({ "deny_if": [condition] })] {
        assert!(!shown(&policy(&json!({ "tools": { "t": rule } })), &bob(), None), "{rule}");
    }
}

#[test]
fn a_grant_hides_by_its_own_conditions() {
    let policy = policy(&json!({
        "tools": { "t": {} }, "grants": [
            { "name": "g", "match": "any", "all_tools": { "deny_if": [{ "path": "grant", "op": "eq", "value": "g" }] } }],
    }));
    assert!(shown(&policy, &bob(), Some(NOW_NS)));
    assert!(!shown(&policy, &Caller { grant: Some(0), ..bob() }, Some(NOW_NS)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_list_leaves_out_is_denied_whatever_the_arguments_are(
        rules in prop::collection::vec(rule_of(clause(prop_oneof![condition(), condition_on_the_caller()].boxed())), 1..4),
        arguments in arguments(),
    ) {
        let policy = policy(&json!({ "tools": { "t": rules } }));
        if !shown(&policy, &bob(), Some(NOW_NS)) {
            let decision = decided(&policy, &bob(), &arguments, &|| Some(NOW_NS));
            prop_assert!(decision.denial.is_some(), "{:?}", decision);
        }
    }

    #[test]
    fn without_conditions_on_arguments_a_list_shows_exactly_what_is_not_denied(
        rules in prop::collection::vec(rule_of(condition_on_the_caller()), 1..4),
    ) {
        let policy = policy(&json!({ "tools": { "t": rules } }));
        let decision = decided(&policy, &bob(), &json!({}), &|| Some(NOW_NS));
        prop_assert_eq!(shown(&policy, &bob(), Some(NOW_NS)), decision.denial.is_none(), "{:?}", decision.denial);
    }
}
