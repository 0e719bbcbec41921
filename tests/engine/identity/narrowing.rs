//! Grants only narrow: no grant allows a call that is denied without it.

use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::guard::{Arrival, FixedEnvironment, Question, Verdict};
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::policy::Policy;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::known::{Given::Head, Known};
use super::{NOW_NS, policy};

const TARGETS: [(&str, &str); 7] = [
    ("tools/call", r#"{"name":"a"}"#),
    ("tools/call", r#"{"name":"ab"}"#),
    ("tools/call", r#"{"name":"b"}"#),
    ("prompts/get", r#"{"name":"a"}"#),
    ("resources/read", r#"{"uri":"a"}"#),
    ("resources/subscribe", r#"{"uri":"b"}"#),
    ("x/method", "{}"),
];

fn allows(policy: &Arc<Policy>, before: &Arc<Policy>, history: &[usize], asked: usize) -> bool {
    let store = MemoryStore::new();
    let places = Places::new(Layout::new([7; 16], NonZeroU32::MIN), 0, 0);
    let judge = |policy: &Arc<Policy>, number: usize| {
        let known = Known::new(policy, &[Head("x-agent-id", "a")]);
        let arrival = Arrival::new(Arc::clone(policy), known.headers.clone(), "1".to_owned());
        let request = Rc::new(arrival.identify(&known, Some(NOW_NS)).unwrap());
        let environment = FixedEnvironment { store: &store, places: &places, now_ns: NOW_NS };
        let (method, params) = TARGETS[number];
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let nobody = |question: &Question| panic!("unexpected question: {question:?}");
        let step = request.start_case(body.as_bytes(), &environment);
        matches!(step.conclude(&environment, nobody).verdict, Verdict::Forward { .. })
    };
    for number in history {
        judge(before, *number);
    }
    judge(policy, asked)
}

/// Tells whether a policy allows a call when no other call came before; 0 is a tool, 3 a prompt.
pub fn allows_alone(policy: &Arc<Policy>, asked: usize) -> bool {
    allows(policy, policy, &[], asked)
}

fn rule() -> impl Strategy<Value = Value> {
    select(vec![
        json!({}),
        json!({}),
        json!({"action": "deny"}),
        json!({"action": "deny", "mode": "shadow"}),
        json!({"limits": [{"counter": "few", "window": "hour", "max": 2, "scope": "global"}]}),
        json!({"require": [{"path": "principal", "op": "eq", "value": "b"}]}),
        json!({"deny_if": [{"path": "grant", "op": "eq", "value": "all"}]}),
        json!({"when": [{"path": "principal", "op": "eq", "value": "a"}], "action": "deny"}),
        json!({"when": [{"path": "tool", "op": "glob", "value": "a*"}], "require": [{"path": "args.n", "op": "exists"}]}),
        json!({"require": [{"any": [{"path": "source", "op": "eq", "value": "mtls"}, {"path": "tool", "op": "exists"}]}]}),
        json!({"deny_if": [{"conditions": [
            {"path": "time.weekday", "op": "eq", "value": "fri"}, {"path": "tool", "op": "eq", "value": {"path": "principal"}}]}]}),
        json!([{}, {"when": [{"path": "tool", "op": "neq", "value": "b"}],
            "limits": [{"counter": "few", "window": "hour", "max": 2, "scope": "global"}]}]),
        json!(["never", {}]),
        json!("maybe"),
    ])
}

fn section() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(select(vec!["a", "ab", "b", "a*", "*"]), rule(), 0..4)
        .prop_map(|rules| json!(rules))
}

/// The keys of a set of rules; `tools`, `prompts`, `resources` and `methods` are its sections.
fn rules() -> impl Strategy<Value = Value> {
    let methods = select(vec![json!({}), json!({"x/*": "allow"}), json!({"x/method": "deny"})]);
    let hide = select(vec![json!([]), json!(["a"]), json!(["a*"])]);
    let default = select(vec![json!("allow"), json!("deny")]);
    let all = (section(), section(), section(), methods, hide, rule(), default);
    let keys = vec!["tools", "prompts", "resources", "methods", "hide", "all_tools", "default"];
    (all, subsequence(keys, 0..=7)).prop_map(
        |((tools, prompts, resources, methods, hide, rule, default), keys)| {
            let all = json!({
                "tools": tools, "prompts": prompts, "resources": resources, "methods": methods, "hide": hide,
                "all_tools": rule, "default": default,
            });
            Value::Object(keys.into_iter().map(|key| (key.to_owned(), all[key].clone())).collect())
        },
    )
}

fn granted(document: &Value, grant: Option<&Value>) -> Arc<Policy> {
    let mut document = document.clone();
    document["version"] = json!("1");
    let maybe = json!({"deny_if": [{"path": "principal", "op": "eq", "value": "a"}], "mode": "shadow"});
    document["rules"] = json!({"never": {"action": "deny"}, "maybe": maybe});
    document["identity"] = json!([{"header": {"name": "x-agent-id"}}, {"mtls": "uri_san"}]);
    if let Some(grant) = grant {
        let mut grant = grant.clone();
        grant["name"] = json!("all");
        grant["match"] = json!("any");
        document["grants"] = json!([grant]);
    }
    policy(&document)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Both policies judge the same call with the same counters: a refused call charges nothing and would
    /// leave more room for later calls.
    #[test]
    fn the_sections_of_a_grant_never_allow_what_was_denied_without_them(
        document in rules(),
        grant in rules(),
        history in prop::collection::vec(0..TARGETS.len(), 0..4),
        asked in 0..TARGETS.len(),
    ) {
        let alone = granted(&document, None);
        let empty = granted(&document, Some(&json!({})));
        let whole = granted(&document, Some(&grant));
        let [alone, empty, whole] =
            [&alone, &empty, &whole].map(|policy| allows(policy, &empty, &history, asked));
        prop_assert_eq!(alone || speaks_of_grants(&document), empty || speaks_of_grants(&document), "a grant without sections changes the verdict");
        prop_assert!(empty || !whole, "the grant's sections allow what the document denies");
    }

    #[test]
    fn adding_a_narrowing_key_to_a_grant_never_allows_what_was_denied(
        document in rules(),
        grant in rules(),
        history in prop::collection::vec(0..TARGETS.len(), 0..4),
        asked in 0..TARGETS.len(),
        added in select(vec!["hide", "all_tools", "tools", "prompts", "resources", "methods"]),
        value in rules(),
    ) {
        let (mut less, mut more) = (grant.clone(), grant);
        less.as_object_mut().expect("an object").remove(added);
        // Under default deny an entry allows what it names, so it widens. Under default allow every section
        // narrows.
        if !["hide", "all_tools"].contains(&added) {
            less["default"] = json!("allow");
            more["default"] = json!("allow");
        }
        more[added] = value.get(added).cloned().unwrap_or(more[added].take());
        prop_assume!(!more[added].is_null());
        let [less, more] = [&less, &more].map(|grant| granted(&document, Some(grant)));
        let [before, after] = [&less, &more].map(|policy| allows(policy, &less, &history, asked));
        prop_assert!(before || !after, "adding `{}` allows more", added);
    }

    #[test]
    fn adding_the_first_section_to_a_grant_never_allows_what_was_denied(
        document in rules(),
        grant in rules(),
        asked in 0..TARGETS.len(),
        section in select(vec!["tools", "prompts", "resources", "methods"]),
    ) {
        let keys = grant.as_object().expect("an object");
        let Some(entries) = keys.get(section) else { return Ok(()) };
        let mut grant = json!({});
        for key in ["hide", "all_tools"] {
            if let Some(value) = keys.get(key) {
                grant[key] = value.clone();
            }
        }
        let less = granted(&document, Some(&grant));
        grant[section] = entries.clone();
        let more = granted(&document, Some(&grant));
        let [before, after] = [&less, &more].map(|policy| allows(policy, &less, &[], asked));
        prop_assert!(before || !after, "adding the first section allows more");
    }
}

/// A condition on the grant's name depends on whether there is a grant.
fn speaks_of_grants(document: &Value) -> bool {
    document.to_string().contains("\"grant\"")
}
