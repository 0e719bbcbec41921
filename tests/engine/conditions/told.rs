//! What a denial tells the caller.

use serde_json::json;

use super::{called, policy};

#[test]
fn a_denial_names_the_argument_and_what_would_be_accepted() {
    for (place, condition, arguments, expected) in [
        (
            "require",
            json!({"op": "lte", "value": 7713}),
            r#"{"a":9941}"#,
            "`args.a` must be a smaller number",
        ),
        ("deny_if", json!({"op": "gt", "value": 7713}), r#"{"a":9941}"#, "`args.a` must be a smaller number"),
        ("require", json!({"op": "gt", "value": 7713}), r#"{"a":41}"#, "`args.a` must be a larger number"),
        ("deny_if", json!({"op": "lte", "value": 7713}), r#"{"a":41}"#, "`args.a` must be a larger number"),
        (
            "require",
            json!({"op": "lte", "value": 7713}),
            r#"{"a":"41"}"#,
            "`args.a` must be a number, and nothing that is converted to it",
        ),
        (
            "deny_if",
            json!({"op": "in", "value": ["secret", 7713]}),
            r#"{"a":true}"#,
            "`args.a` must be a string or a number, and nothing that is converted to it",
        ),
        (
            "require",
            json!({"op": "eq", "value": 7713}),
            r#"{"a":7713.0000000000001}"#,
            "`args.a` must be a number of no more digits than a double keeps",
        ),
        ("require", json!({"op": "lte", "value": 7713}), r"{}", "`args.a` must be given, as a number"),
        (
            "require",
            json!({"op": "in", "value": ["secret"]}),
            r#"{"a":"told"}"#,
            "`args.a` must be one of the values that the policy allows",
        ),
        (
            "deny_if",
            json!({"op": "eq", "value": "secret"}),
            r#"{"a":"secret"}"#,
            "`args.a` must not be a value that the policy rules out",
        ),
        (
            "deny_if",
            json!({"op": "contains", "value": "secret"}),
            r#"{"a":"a secret"}"#,
            "`args.a` must not contain what the policy rules out",
        ),
        (
            "require",
            json!({"op": "contains", "value": 7713}),
            r#"{"a":"7713"}"#,
            "`args.a` must be a list of numbers, and nothing that is converted to it",
        ),
        (
            "require",
            json!({"op": "starts_with", "value": "secret"}),
            r#"{"a":"told"}"#,
            "`args.a` must begin as the policy asks",
        ),
        (
            "deny_if",
            json!({"op": "ends_with", "value": "secret"}),
            r#"{"a":"a secret"}"#,
            "`args.a` must not end as the policy rules out",
        ),
        (
            "require",
            json!({"op": "regex", "value": "^secret$"}),
            r#"{"a":"told"}"#,
            "`args.a` must have the form that the policy asks for",
        ),
        (
            "deny_if",
            json!({"op": "glob", "value": "*secret*"}),
            r#"{"a":"a secret"}"#,
            "`args.a` must not have a form that the policy rules out",
        ),
        ("require", json!({"op": "exists"}), r"{}", "`args.a` must be given"),
        ("deny_if", json!({"op": "exists"}), r#"{"a":1}"#, "`args.a` must not be given"),
        ("require", json!({"op": "exists", "value": false}), r#"{"a":1}"#, "`args.a` must not be given"),
        ("deny_if", json!({"op": "exists", "value": false}), r"{}", "`args.a` must be given"),
        (
            "require",
            json!({"path": "args.a[*]", "op": "neq", "value": "secret"}),
            r#"{"a":["x","secret"]}"#,
            "every `args.a[*]` must not be a value that the policy rules out",
        ),
        (
            "require",
            json!({"path": "args.a[*]", "op": "neq", "value": "secret"}),
            r#"{"a":"[]"}"#,
            "what `args.a[*]` is in must be objects and lists, not strings that hold them",
        ),
        (
            "deny_if",
            json!({"op": "eq", "value": "secret"}),
            r#"{"A":"told"}"#,
            "the keys of `args.a` must be given in this spelling alone",
        ),
        (
            "require",
            json!({"path": "claims.team", "op": "eq", "value": "secret"}),
            r"{}",
            "this caller may not make this call",
        ),
    ] {
        let mut whole = json!({ "path": "args.a" });
        whole.as_object_mut().unwrap().extend(condition.as_object().unwrap().clone());
        let rule = json!({ place: [whole] });
        called(&policy(&rule), arguments, |decision| {
            let reason = decision.denial.unwrap().reason;
            assert_eq!(reason, format!("the tool `pay` is denied: {expected}"), "{rule} {arguments}");
            assert!(!["secret", "told", "7713", "9941", "41"].iter().any(|quoted| reason.contains(quoted)));
        });
    }
}

#[test]
fn a_condition_can_have_its_own_reason_and_name() {
    let small = json!({ "path": "args.a", "op": "lte", "value": 10 });
    let with = |more: serde_json::Value| {
        let mut condition = small.clone();
        condition.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        condition
    };
    for (rule, expected) in [
        (json!({ "require": [small] }), "the tool `pay` is denied: `args.a` must be a smaller number"),
        (
            json!({ "require": [small], "reason": "ask finance" }),
            "the tool `pay` is denied: `args.a` must be a smaller number (ask finance)",
        ),
        (
            json!({ "require": [with(json!({ "name": "small amounts" }))] }),
            "the tool `pay` is denied by `small amounts`: `args.a` must be a smaller number",
        ),
        (
            json!({ "require": [with(json!({ "reason": "at most 10 a call" }))], "reason": "ask finance" }),
            "the tool `pay` is denied: at most 10 a call",
        ),
    ] {
        called(&policy(&rule), r#"{"a":50}"#, |decision| {
            assert_eq!(decision.denial.unwrap().reason, expected);
        });
    }
}

#[test]
fn the_policys_reason_does_not_hide_what_keeps_an_argument_from_being_judged() {
    let condition = json!({ "path": "args.a", "op": "lte", "value": 10, "reason": "at most 10 a call" });
    let either =
        json!({ "any": [condition, { "path": "args.b", "op": "eq", "value": true }], "reason": "ask" });
    for (rule, arguments, cause) in [
        (
            json!({ "require": [condition] }),
            r#"{"a":"5"}"#,
            "`args.a` must be a number, and nothing that is converted to it",
        ),
        (json!({ "require": [condition] }), r"{}", "`args.a` must be given, as a number"),
        (
            json!({ "require": [condition] }),
            r#"{"A":5}"#,
            "the keys of `args.a` must be given in this spelling alone",
        ),
        (
            json!({ "deny_if": [condition] }),
            r#"{"a":"5"}"#,
            "`args.a` must be a number, and nothing that is converted to it",
        ),
    ] {
        called(&policy(&rule), arguments, |decision| {
            let expected = format!("the tool `pay` is denied: at most 10 a call ({cause})");
            assert_eq!(decision.denial.unwrap().reason, expected, "{rule} {arguments}");
        });
    }
    called(&policy(&json!({ "require": [either] })), r#"{"a":"5"}"#, |decision| {
        assert_eq!(decision.denial.unwrap().reason, "the tool `pay` is denied: ask");
    });
}
