//! `mcp-policy import`: the result loads, refuses what the original refuses, and tells what it left out.

use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::policy::Policy;
use serde_json::{Value, json};

use crate::decided::decided;
use crate::program::{Done, run};

fn imported(text: &str, form: &str) -> (i32, Policy, Value) {
    let Done { code, stdout, stderr } = run(&["import", "-", "--from", form, "--format", "json"], text);
    assert!(stderr.is_empty(), "{stderr}");
    let told: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&told["version"], &told["from"]), (&json!(1), &json!(form)));
    let policy = Policy::from_bytes(told["policy"].to_string().as_bytes());
    (code, policy.unwrap_or_else(|faults| panic!("{told:#}\n{faults}")), told)
}

fn allows(policy: &Policy, tool: &str, arguments: &Value) -> bool {
    decided(policy, &Caller::default(), tool, arguments).denial.is_none()
}

const SHOP: &str = r#"
version: "1"
description: what the shop's agent may do
hide: [drop_tables]
tools:
  look_up:
    rules: []
  pay:
    rules:
      - name: small
        conditions:
          - { path: args.amount, op: lte, value: 500 }
          - { path: args.currency, op: in, value: [eur, usd] }
        on_deny: at most 500
      - name: per day
        conditions:
          - { path: state.pay.spent, op: lt, value: 2000 }
        state: { counter: spent, window: day, increment_from: args.amount }
  refund:
    rules:
      - { name: few refunds, rate_limit: 5/hour, on_deny: wait }
  close_account:
    rules:
      - { name: never, action: deny, on_deny: a person closes accounts }
  "*":
    rules:
      - { name: pace, rate_limit: 60/minute }
"#;

#[test]
fn intercepts_rules_become_rules_that_decide_the_same() {
    let (code, policy, told) = imported(SHOP, "intercept");
    assert_eq!(code, 0, "{told:#}");
    for (tool, arguments, expected) in [
        ("look_up", json!({}), true),
        ("anything", json!({}), true),
        ("drop_tables", json!({}), false),
        ("close_account", json!({}), false),
        ("refund", json!({}), true),
        ("pay", json!({"amount": 500, "currency": "eur"}), true),
        ("pay", json!({"amount": 501, "currency": "eur"}), false),
        ("pay", json!({"amount": 1, "currency": "gbp"}), false),
        ("pay", json!({"currency": "eur"}), false),
    ] {
        assert_eq!(allows(&policy, tool, &arguments), expected, "{tool} {arguments}");
    }
    assert_eq!(
        told["policy"]["tools"]["pay"][1]["limits"],
        json!([{ "counter": "pay.spent", "window": "day", "max": 1999, "scope": "global", "type": "calendar",
            "amount": "args.amount" }])
    );
    assert_eq!(
        told["policy"]["tools"]["refund"],
        json!({ "reason": "wait", "limits": [
            { "counter": "refund per hour", "window": "hour", "max": 5, "scope": "global", "type": "calendar" }] })
    );
    assert_eq!(told["policy"]["all_tools"]["limits"][0]["max"], 60);
    assert_eq!(told["policy"]["tools"]["pay"][0]["require"][0]["name"], "small");
}

#[test]
fn what_has_no_equivalent_denies_the_tool_and_is_told() {
    for (rule, told_as) in [
        (
            "{ name: a, conditions: [{ path: state.other.n, op: lt, value: 5 }] }",
            "is not a counter of the rule",
        ),
        ("{ name: a, conditions: [{ path: args.x, op: regex, value: '(?=a)' }] }", "look-around"),
        ("{ name: a, conditions: [{ path: args.x, op: regex, value: '[\\S]' }] }", "within brackets"),
        ("{ name: a, conditions: [{ path: args.x, op: eq, value: null }] }", "must be"),
        ("{ name: a, conditions: [{ path: args.x, op: like, value: b }] }", "no operator `like`"),
        ("{ name: a, conditions: [] }", "no conditions"),
        ("{ name: a, rate_limit: 5/week }", "is not a rate"),
        ("{ name: a, rate_limit: 0/hour }", "is not a rate"),
        ("{ name: a, rate_limit: 5/hour, conditions: [] }", "beside"),
        ("{ name: a, action: ask }", "`action`"),
        (
            "{ name: a, conditions: [{ path: state.t.n, op: gte, value: 5 }], state: { counter: n, window: day } }",
            "only `lt` and `lte`",
        ),
        (
            "{ name: a, conditions: [{ path: state.t.n, op: lt, value: 1 }], state: { counter: n, window: day } }",
            "never count anything",
        ),
        (
            "{ name: a, conditions: [{ path: state.t.n, op: lt, value: 9 }], state: { counter: n, window: week } }",
            "`minute`, `hour` or `day`",
        ),
        (
            "{ name: a, conditions: [{ path: state.t.n, op: lt, value: 9 }], state: { counter: n, window: day, increment: -1 } }",
            "must be a positive number",
        ),
    ] {
        let text = format!("version: '1'\ntools: {{ t: {{ rules: [{rule}] }}, other: {{ rules: [] }} }}\n");
        let (code, policy, told) = imported(&text, "intercept");
        assert_eq!(code, 3, "{rule}");
        assert!(!allows(&policy, "t", &json!({"x": "a"})), "{rule}: {told:#}");
        assert!(allows(&policy, "other", &json!({})), "{rule}");
        let left_out = &told["left_out"][0];
        assert_eq!(left_out["effect"], "denied", "{rule}: {told:#}");
        assert!(left_out["what"].as_str().unwrap().contains(told_as), "{rule}: {told:#}");
        assert!(left_out["path"].as_str().unwrap().starts_with("tools.t"), "{rule}: {told:#}");
        let reason = told["policy"]["tools"]["t"]["reason"].as_str().unwrap();
        assert!(reason.contains(told_as), "{reason}");
    }
}

#[test]
fn a_rule_of_all_tools_that_has_no_equivalent_denies_all_tools() {
    let text = "version: '1'\ntools: { '*': { rules: [{ name: a, action: ask }] } }\n";
    let (code, policy, _) = imported(text, "intercept");
    assert_eq!((code, allows(&policy, "t", &json!({}))), (3, false));
}

#[test]
fn a_star_in_the_name_of_a_tool_allows_nothing_more() {
    let text = "version: '1'\ndefault: deny\ntools: { 'get_*': { rules: [] }, a: {} }\n";
    let (code, policy, told) = imported(text, "intercept");
    assert_eq!(code, 3);
    assert!(!allows(&policy, "get_x", &json!({})), "{told:#}");
    assert!(allows(&policy, "a", &json!({})), "{told:#}");
    let text = "version: '1'\ntools: { 'get_*': { rules: [{ name: a, action: deny }] } }\n";
    let (code, policy, told) = imported(text, "intercept");
    assert_eq!((code, &told["left_out"][0]["effect"]), (3, &json!("stricter")));
    assert!(!allows(&policy, "get_*", &json!({})) && allows(&policy, "a", &json!({})), "{told:#}");
}

#[test]
fn a_hosted_policy_stays_as_it_is() {
    let text = r#"{ "id": "p1", "version": "1", "default": "deny", "hide": ["wipe"],
        "all_tools": { "limits": [{ "counter": "calls", "window": "minute", "max": 30, "scope": "grant" }] },
        "tools": { "look_up": {}, "pay": {
            "require": [{ "conditions": [{ "path": "args.amount", "op": "lte", "value": 10 }], "on_deny": "too much" }],
            "deny_if": [{ "conditions": [{ "path": "args.to", "op": "eq", "value": "me" }] }] },
          "odd": { "require": [], "quota": 3 } } }"#;
    let (code, policy, told) = imported(text, "policylayer");
    assert_eq!(code, 3);
    for (tool, arguments, expected) in [
        ("look_up", json!({}), true),
        ("other", json!({}), false),
        ("odd", json!({}), false),
        ("pay", json!({"amount": 10, "to": "you"}), true),
        ("pay", json!({"amount": 11, "to": "you"}), false),
        ("pay", json!({"amount": 10, "to": "me"}), false),
    ] {
        assert_eq!(allows(&policy, tool, &arguments), expected, "{tool} {arguments}");
    }
    let left_out: Vec<_> = told["left_out"].as_array().unwrap().iter().map(|left| &left["path"]).collect();
    assert_eq!(left_out, ["id", "tools.odd"]);
}

#[test]
fn the_form_is_found_and_what_is_left_out_goes_to_stderr() {
    let done = run(&["import", "-"], SHOP);
    assert_eq!(done.code, 0);
    assert!(Policy::from_bytes(done.stdout.as_bytes()).is_ok());
    assert!(done.stderr.contains("tools.refund.rules[0].name"), "{}", done.stderr);
    let hosted =
        r#"{"version":"1","default":"allow","tools":{"a":{"require":[{"path":"args.a","op":"exists"}]}}}"#;
    let done = run(&["import", "-"], hosted);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(done.stdout.contains("\"require\""));
}

#[test]
fn what_is_no_policy_is_refused_with_its_place() {
    for (text, form, expected) in [
        ("version: '2'\n", "intercept", "stdin:1:10: version: must be `\"1\"`"),
        ("version: '1'\ndefault: maybe\n", "intercept", "stdin:2:10: default: must be"),
        ("version: '1'\nhide: [1]\n", "intercept", "stdin:2:8: hide[0]: must be"),
        ("version: '1'\ntools: [a]\n", "intercept", "stdin:2:8: tools: must be"),
        ("a: [\n", "intercept", "stdin:2:1: must be YAML"),
        ("{\"version\": \"1\", \"tool\": {}}", "policylayer", "stdin:1:26: tool: is not known here"),
        ("[]", "policylayer", "stdin:1:1: document: must be an object"),
        ("{\"version\":\"1\",\"default\":\"no\"}", "policylayer", "default: must be `deny` or `allow`"),
    ] {
        let done = run(&["import", "-", "--from", form], text);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{text}");
        assert!(done.stderr.contains(expected), "{text}: {}", done.stderr);
    }
}
