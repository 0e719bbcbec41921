//! The keys of a rule: each has an effect wherever it is accepted, and none if the rule is in shadow mode.

use std::collections::BTreeSet;

use mcp_policy_engine::decide::{Decision, decide};
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::json;
use mcp_policy_engine::limit::{MemoryStore, Store as _};
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::message::{Body, Message};
use mcp_policy_engine::policy::{Policy, keys};
use serde_json::{Map, Value, json};

/// A key of a rule.
struct Key {
    name: &'static str,
    /// A value that changes the decision on the calls of [`places`]
    value: Value,
    /// The other keys of the rule
    beside: Value,
    /// The places where it is a fault
    refused: &'static [&'static str],
}

/// Returns each key of a rule once. A new key needs a row here.
fn all_keys() -> Vec<Key> {
    let key = |name, value, beside, refused| Key { name, value, beside, refused };
    let deny = || json!({ "action": "deny" });
    let grant = |op: &str| json!([{ "path": "grant", "op": op, "value": "nobody" }]);
    let digest = format!("sha256:{}", "0".repeat(64));
    let of_one_tool: &[&str] =
        &["a pattern", "all tools", "a prompt", "a resource", "a rule for tools", "a rule for resources"];
    vec![
        key("action", json!("deny"), json!({}), &[]),
        key("reason", json!("because"), deny(), &[]),
        key("on_deny", json!("because"), deny(), &[]),
        key("mode", json!("shadow"), deny(), &[]),
        key("when", grant("eq"), deny(), &[]),
        key("definition", json!(digest), json!({}), of_one_tool),
        key("arguments", json!({ "maxProperties": 0 }), json!({}), &["a resource", "a rule for resources"]),
        key("require", grant("eq"), json!({}), &[]),
        key("deny_if", grant("neq"), json!({}), &[]),
        key("limits", json!([{ "counter": "c", "window": "day", "max": 1 }]), json!({}), &[]),
        key("rate_limit", json!({ "window": "day", "max": 1 }), json!({}), &[]),
    ]
}

/// A place for a rule: its name, the document with `@` in place of the rule, and a call on which it decides.
type Place = (&'static str, &'static str, Value);

fn places() -> Vec<Place> {
    let call = |method: &str, params: Value| json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let tool = || call("tools/call", json!({ "name": "t", "arguments": { "a": "text" } }));
    let prompt = call("prompts/get", json!({ "name": "p", "arguments": { "a": "text" } }));
    let resource = || call("resources/read", json!({ "uri": "x://a/b" }));
    vec![
        ("a tool", r#"{"version":"1","tools":{"t":@}}"#, tool()),
        ("a tool in a list", r#"{"version":"1","tools":{"t":[{},@]}}"#, tool()),
        ("a pattern", r#"{"version":"1","tools":{"t*":@}}"#, tool()),
        ("all tools", r#"{"version":"1","default":"allow","all_tools":@}"#, tool()),
        ("a prompt", r#"{"version":"1","prompts":{"p":@}}"#, prompt),
        ("a resource", r#"{"version":"1","resources":{"x://a/b":@}}"#, resource()),
        ("a rule for tools", r#"{"version":"1","rules":{"r":@},"tools":{"t":"r"}}"#, tool()),
        (
            "a rule for resources",
            r#"{"version":"1","rules":{"r":@},"resources":{"x://a/b":"r"}}"#,
            resource(),
        ),
    ]
}

/// Decides on a call while the tool is listed otherwise than a rule pins it.
fn decided(policy: &Policy, call: &Value) -> Decision {
    let store = MemoryStore::new();
    if let Some(pin) = policy.pins.get(0) {
        store.swap(&pin.key, b"changed", 0).unwrap();
    }
    let body = call.to_string();
    let document = json::read(body.as_bytes()).unwrap();
    let message = Message::read(&document, &Headers::default()).unwrap();
    let Body::Call(call) = &message.body else { panic!("{body}") };
    let caller = Caller::default();
    let mut decision = decide(policy, &caller, call, &|| None);
    decision.compare_definitions(policy, &caller, call, &store);
    decision
}

/// Returns what a decision says in force, and what it says in shadow mode.
fn told(decision: &Decision) -> [String; 2] {
    let Decision { denial, would_deny, approval, charges, shadow_charges, .. } = decision;
    let charged = |charges: &[_]| format!("{} charges", charges.len());
    [
        format!("{denial:?} {} {}", approval.is_some(), charged(charges)),
        format!("{would_deny:?} {}", charged(shadow_charges)),
    ]
}

#[test]
fn every_key_of_a_rule_has_an_effect_wherever_it_is_accepted() {
    let (named, known) =
        (all_keys().into_iter().map(|key| key.name), keys::RULE.keys.iter().map(|key| key.name));
    assert_eq!(named.collect::<BTreeSet<_>>(), known.collect());
    for Key { name, value, beside, refused } in all_keys() {
        for (place, around, call) in places() {
            let read = |more: &[(&str, &Value)]| {
                let mut rule: Map<String, Value> = beside.as_object().unwrap().clone();
                rule.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).clone())));
                Policy::from_bytes(around.replace('@', &Value::from(rule).to_string()).as_bytes())
            };
            let policy = read(&[(name, &value)]);
            assert_eq!(policy.is_err(), refused.contains(&place), "`{name}` in {place}: {:?}", policy.err());
            let Ok(policy) = policy else { continue };
            let [with, without] = [&policy, &read(&[]).unwrap()].map(|policy| told(&decided(policy, &call)));
            assert_ne!(with, without, "`{name}` has no effect in {place}");
            if name == "mode" {
                continue;
            }
            let shadow = json!("shadow");
            let policies = [&[(name, &value), ("mode", &shadow)][..], &[("mode", &shadow)]];
            let [with, without] = policies.map(|more| told(&decided(&read(more).unwrap(), &call)));
            assert_eq!(
                with[0], without[0],
                "`{name}` has an effect in {place} though the rule is in shadow mode"
            );
            assert_ne!(with[1], without[1], "`{name}` is not noted in {place} if the rule is in shadow mode");
        }
    }
}
