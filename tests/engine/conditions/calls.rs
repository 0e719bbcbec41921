//! How conditions on calls and callers affect decisions.

use mcp_policy_engine::decide::condition::{Attributes, ClaimsText, deny_if, require};
use mcp_policy_engine::policy::Policy;
use serde_json::json;

use super::{attributed, called, condition, decided, named, policy};

#[test]
fn conditions_can_test_the_grant_the_principal_and_claims() {
    attributed(None, caller_conditions);
}

fn caller_conditions(stranger: Attributes<'_>) {
    let claims = r#"{"team":"sre","level":3,"groups":["a","b"],"https://corp/roles":["admin"],"org":{"unit":"x"},
        "scope":"mcp:run  mcp:read","scp":["other"],"bob":"bob","three":3}"#;
    let claims = ClaimsText::new(Some(claims));
    let known =
        Attributes { grant: "ci", principal: Some("bob"), source: Some("jwt"), claims: &claims, ..stranger };
    let (broken, double) =
        ["{", r#"{"team":"sre","team":"dev"}"#].map(|text| ClaimsText::new(Some(text))).into();
    let unreadable = Attributes { claims: &broken, ..known };
    let twofold = Attributes { claims: &double, ..known };
    for (path, op, value, expected) in [
        // a known caller, a stranger, a caller with unreadable claims, a caller with ambiguous claims
        ("grant", "eq", "\"ci\"", "+-++"),
        ("grant", "exists", "true", "++++"),
        ("principal", "in", "[\"bob\",\"eve\"]", "+0++"),
        ("principal", "exists", "false", "-+--"),
        ("claims.team", "eq", "\"sre\"", "+0??"),
        ("claims.level", "gte", "3", "+0??"),
        ("claims.groups", "contains", "\"b\"", "+0??"),
        ("claims.groups[*]", "eq", "\"c\"", "-0??"),
        ("claims[\"https://corp/roles\"][0]", "eq", "\"admin\"", "+0??"),
        ("claims.org.unit", "starts_with", "\"x\"", "+0??"),
        ("claims.none", "exists", "false", "++??"),
        ("claims.team.x", "exists", "true", "?0??"),
        ("scopes", "contains", "\"mcp:run\"", "+0??"),
        ("scopes", "contains", "\"mcp\"", "-0??"),
        ("scopes", "contains", "\"other\"", "-0??"),
        ("scopes", "not_contains", "\"mcp:admin\"", "+0??"),
        ("scopes", "exists", "true", "+0??"),
        ("scopes", "exists", "false", "-+??"),
        ("source", "eq", "\"jwt\"", "+0++"),
        ("source", "exists", "false", "-+--"),
        ("tool", "eq", "\"pay\"", "++++"),
        ("tool", "glob", "\"get_*\"", "----"),
        ("time.weekday", "in", "[\"fri\",\"sat\"]", "++++"),
        ("time.of_day", "gte", "\"08:00\"", "++++"),
        ("time.of_day", "lt", "\"08:00\"", "----"),
        ("time.date", "lte", "\"2027-01-15\"", "++++"),
        ("time.date", "gt", "\"2027-01-15\"", "----"),
        ("time.date", "starts_with", "\"2027-\"", "++++"),
        ("principal", "eq", r#"{"path":"claims.bob"}"#, "+0??"),
        ("claims.bob", "neq", r#"{"path":"principal"}"#, "-0??"),
        ("claims.level", "eq", r#"{"path":"claims.three"}"#, "+0??"),
        ("claims.level", "eq", r#"{"path":"claims.team"}"#, "?0??"),
        ("claims.team", "in", r#"{"path":"claims.groups"}"#, "-0??"),
        ("claims.level", "in", r#"{"path":"claims.groups"}"#, "?0??"),
        ("claims.groups", "contains", r#"{"path":"claims.team"}"#, "-0??"),
        ("grant", "in", r#"{"path":"scopes"}"#, "-0??"),
        ("scopes", "contains", r#"{"path":"grant"}"#, "-0??"),
    ] {
        let condition = condition(path, op, value);
        let found = [known, stranger, unreadable, twofold]
            .map(|subject| named([require(&condition, &subject), deny_if(&condition, &subject)]));
        assert_eq!(found.iter().collect::<String>(), expected, "{path} {op} {value}");
    }
}

#[test]
fn a_denial_names_the_condition_that_caused_it() {
    let small = json!({ "path": "args.a", "op": "lte", "value": 10 });
    let team = json!({ "path": "claims.team", "op": "eq", "value": "sre" });
    let bob = json!({ "path": "principal", "op": "neq", "value": "eve" });
    let banned = json!({ "path": "args.to", "op": "in", "value": ["x"] });
    let policy = policy(&json!({ "require": [team, bob, small], "deny_if": [banned],
                                 "limits": [{ "counter": "c", "window": "day", "max": 5, "amount": "args.a" }] }));
    for (arguments, expected) in [
        (r#"{"a":5}"#, None),
        (r#"{"a":5,"to":"y"}"#, None),
        (r#"{"a":50}"#, Some(("condition_failed", "tools.pay.require[2]"))),
        (r#"{"a":"5"}"#, Some(("condition_failed", "tools.pay.require[2]"))),
        (r#"{}"#, Some(("condition_failed", "tools.pay.require[2]"))),
        (r#"{"a":5,"to":"x"}"#, Some(("condition_failed", "tools.pay.deny_if[0]"))),
        (r#"{"a":5,"to":["y"]}"#, Some(("condition_failed", "tools.pay.deny_if[0]"))),
        (r#"{"a":-5}"#, Some(("arguments_invalid", "tools.pay.limits[0]"))),
    ] {
        called(&policy, arguments, |decision| {
            let denial = decision.denial.as_ref();
            let found = denial.map(|denial| (denial.code.as_str(), denial.rule.as_ref()));
            assert_eq!(found, expected, "{arguments}");
        });
    }
}

#[test]
fn a_condition_denies_before_approval_is_asked_and_only_advises_in_shadow_mode() {
    let small = json!({ "path": "args.a", "op": "lte", "value": 10 });
    let shadow = policy(&json!({ "mode": "shadow", "require": [small] }));
    called(&shadow, r#"{"a":50}"#, |decision| {
        assert!(decision.denial.is_none());
        assert_eq!(decision.would_deny.unwrap().code.as_str(), "condition_failed");
    });
    let asked = policy(&json!({ "action": "require_approval", "require": [small] }));
    for (arguments, code) in [(r#"{"a":50}"#, Some("condition_failed")), (r#"{"a":5}"#, None)] {
        called(&asked, arguments, |decision| {
            assert_eq!(decision.denial.map(|denial| denial.code.as_str()), code);
            assert_eq!(&*decision.approval.unwrap().path, "tools.pay");
        });
    }
}

#[test]
fn only_tools_and_prompts_have_arguments() {
    let rule = json!({ "require": [{ "path": "args.a", "op": "eq", "value": 1 }] });
    let document = json!({ "version": "1", "resources": { "*": rule }, "prompts": { "*": rule } });
    let policy = Policy::from_bytes(document.to_string().as_bytes()).unwrap();
    for (method, params, denied) in [
        ("prompts/get", r#"{"name":"p","arguments":{"a":1}}"#, false),
        ("prompts/get", r#"{"name":"p","arguments":{"a":2}}"#, true),
        ("prompts/get", r#"{"name":"p"}"#, true),
        ("resources/read", r#"{"uri":"file:///p","arguments":{"a":1}}"#, true),
    ] {
        decided(&policy, method, params, |decision| {
            assert_eq!(decision.denial.is_some(), denied, "{method} {params}");
        });
    }
}
