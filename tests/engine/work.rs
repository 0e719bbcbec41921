//! The budget of work: it changes no verdict on ordinary calls, and large calls that are ordinary fit in it.

mod callers;
mod lists;

use mcp_policy_engine::decide::{Decision, decide_within};
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::message::{self, Body, Message};
use mcp_policy_engine::policy::Policy;
use mcp_policy_engine::work::{CAUSE, ENFORCED, SHADOW, Work};
use serde_json::{Value, json};

/// Decides within a budget. Returns the decision and the spent units.
fn decided(policy: &Policy, method: &str, params: &str, budget: u64) -> (Decision, u64) {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let document = message::parse(body.as_bytes()).unwrap();
    let message =
        Message::read(&document, &Headers::default()).map_err(|rejection| rejection.denial).unwrap();
    let Body::Call(call) = message.body else { panic!("{body}") };
    let (work, shadow) = (Work::new(budget), Work::new(SHADOW));
    let decision = decide_within(policy, &Caller::default(), &call, &|| None, &work, &shadow);
    (decision, work.spent())
}

fn policy(document: &Value) -> Policy {
    Policy::from_bytes(document.to_string().as_bytes()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn of_tool(rule: &Value) -> Policy {
    policy(&json!({ "version": "1", "approvals": { "cluster": "approvals" }, "tools": { "t": rule } }))
}

fn called(arguments: &str) -> String {
    format!(r#"{{"name":"t","arguments":{arguments}}}"#)
}

/// Rules that search, compare and count.
fn rules() -> Vec<Value> {
    let each = |op: &str, value: Value| json!({ "path": "args.a[*]", "op": op, "value": value });
    let of = |schema: Value| json!({ "arguments": { "properties": { "a": { "items": schema } } } });
    let other = json!({ "path": "args.b" });
    let object = |number: u32| json!({ "properties": { "k": { "const": number } }, "required": ["k"] });
    vec![
        of(json!({ "type": ["number", "string"], "minimum": 0, "maximum": 9, "multipleOf": 0.5 })),
        of(json!({ "not": { "enum": [1.25, 7, "x", [1], { "k": 1 }] } })),
        of(json!({ "anyOf": [object(1), object(2), { "pattern": "[a-f]{2,9}x" }] })),
        of(json!({ "if": { "const": 1 }, "then": false, "else": { "maxLength": 5 } })),
        json!({ "arguments": { "properties": { "a": { "uniqueItems": true, "contains": { "const": 7 } } } } }),
        json!({ "deny_if": [each("regex", json!("[a-z]{1,40}@")), each("glob", json!("*a*b*"))] }),
        json!({ "deny_if": [each("in", json!([1, 2, 7.5])), each("contains", json!("aab"))] }),
        json!({ "require": [{ "path": "args.a[0]", "op": "in", "value": other }] }),
        json!({ "action": "require_approval" }),
        json!({ "limits": [{ "counter": "c", "window": "day", "max": 50, "amount": "args.a[0]" }] }),
    ]
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn element(&mut self) -> String {
        let times = self.below(40) as usize;
        match self.below(10) {
            0 => "1.5".to_owned(),
            1 => self.below(1_000).to_string(),
            2 => format!("0.{}", "3".repeat(times + 1)),
            3 => format!("{{\"k\":{}}}", self.below(3)),
            4 => format!("\"{}\"", "a".repeat(times)),
            5 => format!("\"{}\"", "\\u0061".repeat(times)),
            6 => format!("{{\"ſ{times}\":1,\"K\":{{}}}}"),
            7 => format!("\"[{}1]\"", "1,".repeat(times)),
            8 => "[[],{}]".to_owned(),
            _ => "12345678901234567890".to_owned(),
        }
    }

    /// Returns arguments with about this many elements of one or of several kinds.
    fn arguments(&mut self, count: u64) -> String {
        let one = (self.below(2) == 0).then(|| self.element());
        let elements: Vec<String> =
            (0..count).map(|_| one.clone().unwrap_or_else(|| self.element())).collect();
        format!(r#"{{"a":[{}],"b":[{}]}}"#, elements.join(","), self.element())
    }
}

#[test]
fn the_budget_changes_no_verdict_on_an_ordinary_call() {
    let mut numbers = Numbers(1);
    for rule in rules() {
        let policy = of_tool(&rule);
        for _ in 0..40 {
            let count = numbers.below(100);
            let params = called(&numbers.arguments(count));
            let verdict = |budget| {
                let (decision, spent) = decided(&policy, "tools/call", &params, budget);
                (decision.denial, decision.approval.is_some(), decision.charges.len(), spent)
            };
            assert_eq!(verdict(ENFORCED), verdict(u64::MAX), "{rule} {params}");
        }
    }
}

#[test]
fn a_call_beyond_the_budget_is_refused_for_that_cause() {
    let mut numbers = Numbers(2);
    let mut refused = 0;
    for rule in rules() {
        let policy = of_tool(&rule);
        for _ in 0..20 {
            let count = numbers.below(200);
            let params = called(&numbers.arguments(count));
            let (free, needed) = decided(&policy, "tools/call", &params, u64::MAX);
            let budget = needed * numbers.below(100) / 100;
            let (decision, spent) = decided(&policy, "tools/call", &params, budget);
            assert!(spent <= budget);
            let cause = decision.denial.as_ref().and_then(|denial| denial.cause);
            if cause == Some(CAUSE) {
                refused += 1;
            } else {
                let reason = decision.denial.map(|denial| denial.code);
                assert!(
                    reason.is_some() && reason == free.denial.map(|denial| denial.code),
                    "{rule} {params}"
                );
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn large_calls_that_are_ordinary_are_judged() {
    let text = format!(r#"{{"a":"{}"}}"#, "The river rose. ".repeat(65_000));
    let properties: serde_json::Map<String, Value> = (0..20)
        .map(|number| (format!("p{number}"), json!({ "type": ["string", "number"], "maxLength": 20 })))
        .collect();
    let object: Vec<String> = (0..20).map(|number| format!("\"p{number}\":{number}.5")).collect();
    let objects = vec![format!("{{{}}}", object.join(",")); 5_000].join(",");
    let of_a = |schema: Value| json!({ "arguments": { "properties": { "a": schema } } });
    let item = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    let start = "^[A-Za-z .]";
    for (rule, arguments) in [
        (of_a(json!({ "type": "string", "maxLength": 2_000_000, "pattern": start })), &text),
        (json!({ "deny_if": [{ "path": "args.a", "op": "regex", "value": "[;&|`$]" }] }), &text),
        (json!({ "deny_if": [{ "path": "args.a", "op": "contains", "value": "rm -rf" }] }), &text),
        (json!({ "action": "require_approval" }), &text),
        (of_a(json!({ "type": "array", "items": item })), &format!(r#"{{"a":[{objects}]}}"#)),
    ] {
        let (decision, _) = decided(&of_tool(&rule), "tools/call", &called(arguments), ENFORCED);
        assert_eq!(decision.denial, None, "{rule}");
    }
    let entries: serde_json::Map<String, Value> =
        (0..50).map(|number| (format!("memo://team{number}/*"), json!({}))).collect();
    let uris: Vec<String> = (0..1_000).map(|number| format!("memo://team7/notes/{number}")).collect();
    let params = json!({ "notifications": { "resourceSubscriptions": uris } }).to_string();
    let policy = policy(&json!({ "version": "1", "resources": entries }));
    assert_eq!(decided(&policy, "subscriptions/listen", &params, ENFORCED).0.denial, None);
}

#[test]
fn what_costs_more_than_it_is_long_is_charged() {
    // A long number is compared with each element of a list; the claims, the patterns and the params take work, too.
    let other = json!([{ "path": "args.a", "op": "in", "value": { "path": "args.b" } }]);
    let digits = format!(r#"{{"a":0.{},"b":[{}1]}}"#, "7".repeat(100_000), "1,".repeat(100_000));
    let stars = format!("*{}", "a*".repeat(500));
    let rule = json!({ "require": other });
    let (decision, _) = decided(&of_tool(&rule), "tools/call", &called(&digits), ENFORCED);
    assert_eq!(decision.denial.and_then(|denial| denial.cause), Some(CAUSE), "{rule}");
    let entries: serde_json::Map<String, Value> =
        (0..20).map(|number| (format!("{number}{stars}"), json!({}))).collect();
    let uris = vec![format!("0{}b", "a".repeat(900)); 1_000];
    let params = json!({ "notifications": { "resourceSubscriptions": uris } }).to_string();
    let policy = policy(&json!({ "version": "1", "resources": entries }));
    let (decision, _) = decided(&policy, "subscriptions/listen", &params, ENFORCED);
    assert_eq!(decision.denial.and_then(|denial| denial.cause), Some(CAUSE));
}

#[test]
fn the_claims_are_read_once_for_all_conditions_and_limits() {
    let claims = json!({ "team": "sre", "text": "x".repeat(100_000) }).to_string();
    let caller = Caller { claims: Some(claims), ..Caller::default() };
    let condition = json!({ "path": "claims.team", "op": "eq", "value": "dev" });
    let limit = json!({ "counter": "c", "window": "day", "max": 50, "by": "claims.team" });
    let spent = |rule: &Value| {
        let (body, work, shadow) = (called("{}"), Work::new(ENFORCED), Work::new(SHADOW));
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{body}}}"#);
        let document = message::parse(body.as_bytes()).unwrap();
        let Ok(Message { body: Body::Call(call), .. }) = Message::read(&document, &Headers::default()) else {
            panic!("{body}")
        };
        let decision = decide_within(&of_tool(rule), &caller, &call, &|| None, &work, &shadow);
        assert_eq!(decision.denial, None);
        work.spent()
    };
    let one = spent(&json!({ "deny_if": [condition] }));
    let many = spent(&json!({ "deny_if": vec![condition; 20], "limits": [limit] }));
    assert!(one > 300_000 && many < one + 1_000, "{one} {many}");
}

#[test]
fn a_header_that_repeats_an_argument_is_charged_for_each_rule() {
    let property = json!({ "type": "number", "x-mcp-header": "P" });
    let rule = json!({ "arguments": { "properties": { "p": property } } });
    let policy = of_tool(&json!(vec![rule; 100]));
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"p":1}}}"#;
    let document = message::parse(body.as_bytes()).unwrap();
    for (size, cause) in [(100, None), (100_000, Some(CAUSE))] {
        let value = format!("1.{}", "0".repeat(size));
        let headers = Headers::from_pairs([("mcp-param-p", value.as_bytes())], &[]);
        let Ok(Message { body: Body::Call(call), .. }) = Message::read(&document, &headers) else {
            panic!("{body}")
        };
        let budgets = [Work::new(ENFORCED), Work::new(SHADOW)];
        let mut decision = Decision::default();
        let [work, shadow] = &budgets;
        decision.compare_headers(&policy, &Caller::default(), &call, &headers, [work, shadow]);
        assert_eq!(decision.denial.map(|denial| denial.cause), cause.map(Some), "{size}");
    }
}
