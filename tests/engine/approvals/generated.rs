//! Generated documents and edits: a call stays the same exactly while the rules that decide on it do.

use super::{call, digest_of, edited};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const KEYS: [&str; 5] = ["*", "a*", "ab*", "ab", "b*"];
const TOOLS: [&str; 4] = ["ab", "abc", "ax", "b"];

fn rule() -> impl Strategy<Value = Value> {
    select(vec![
        json!({}),
        json!({ "action": "require_approval" }),
        json!({ "action": "require_approval", "reason": "x" }),
        json!({ "action": "require_approval", "reason": "y" }),
        json!({ "limits": [{ "counter": "c", "window": "hour", "max": 1 }] }),
        json!({ "rate_limit": { "window": "hour", "max": 1 } }),
        json!({ "arguments": { "type": "object" } }),
        json!({ "deny_if": [{ "path": "args.a", "op": "eq", "value": 1 }] }),
        json!({ "mode": "shadow", "action": "deny" }),
    ])
}

fn entry() -> impl Strategy<Value = Value> {
    let name = select(vec![json!("one"), json!("two")]);
    let element = prop_oneof![rule(), name];
    prop_oneof![element.clone(), prop::collection::vec(element, 1..3).prop_map(Value::from)]
}

fn tools() -> impl Strategy<Value = Value> {
    prop::collection::vec((select(&KEYS[..]), entry()), 0..4).prop_map(|entries| {
        Value::Object(entries.into_iter().map(|(key, entry)| (key.to_owned(), entry)).collect())
    })
}

fn documents() -> impl Strategy<Value = Value> {
    (rule(), rule(), tools(), tools(), prop::option::of(entry())).prop_map(
        |(one, two, tools, granted, all)| {
            let mut document = json!({
                "version": "1", "default": "allow", "description": "x", "approvals": { "cluster": "a" },
                "rules": { "one": one, "two": two }, "tools": tools,
                "grants": [{ "name": "g", "match": "any", "default": "allow", "tools": granted }],
            });
            if let Some(all) = all {
                document["all_tools"] = all;
            }
            document
        },
    )
}

fn edits() -> impl Strategy<Value = (String, Value)> {
    let key = select(&KEYS[..]);
    prop_oneof![
        Just(("/description".to_owned(), json!("y"))),
        Just(("/denials".to_owned(), json!("error"))),
        (select(vec!["/rules/one", "/rules/two"]), rule()).prop_map(|(place, rule)| (place.to_owned(), rule)),
        (key.clone(), prop_oneof![entry(), Just(Value::Null)])
            .prop_map(|(key, entry)| (format!("/tools/{key}"), entry)),
        (key, prop_oneof![entry(), Just(Value::Null)])
            .prop_map(|(key, entry)| (format!("/grants/0/tools/{key}"), entry)),
        prop_oneof![entry(), Just(Value::Null)].prop_map(|entry| ("/all_tools".to_owned(), entry)),
    ]
}

/// Returns what the document says about a tool: the deciding entry and its rules, found without the engine.
fn deciding(document: &Value, tool: &str) -> Value {
    let fits =
        |key: &str| key == tool || key.strip_suffix('*').is_some_and(|prefix| tool.starts_with(prefix));
    let resolve = |name: &str, entry: &Value| {
        let elements = entry.as_array().cloned().unwrap_or_else(|| vec![entry.clone()]);
        let resolved = elements.into_iter().map(|element| match element.as_str() {
            Some(named) => json!([named, document["rules"][named]]),
            None => json!([name, element]),
        });
        Value::from(resolved.collect::<Vec<_>>())
    };
    let layer = |layer: &Value| {
        let entries = layer["tools"].as_object().cloned().unwrap_or_default();
        let best = entries
            .iter()
            .filter(|(key, _)| fits(key))
            .max_by_key(|(key, _)| (*key == tool, key.chars().filter(|char| *char != '*').count()));
        let own = best.map_or(json!("default"), |(key, entry)| json!([key, resolve(key, entry)]));
        let all = layer.get("all_tools").map_or(json!([]), |all| resolve("all_tools", all));
        json!([own, all])
    };
    json!([layer(document), layer(&document["grants"][0])])
}

proptest! {
    #[test]
    fn a_call_stays_the_same_exactly_while_the_deciding_rules_do(
        document in documents(),
        edits in prop::collection::vec(edits(), 1..3),
        tool in select(&TOOLS[..]),
    ) {
        let mut after = document.clone();
        for (pointer, value) in &edits {
            after = edited(&after, pointer, value);
        }
        let digest = |document: &Value| digest_of(document, &call(tool), Some(0));
        let (Some(first), Some(second)) = (digest(&document), digest(&after)) else {
            return Err(TestCaseError::reject("not a valid document"));
        };
        prop_assert_eq!(first == second, deciding(&document, tool) == deciding(&after, tool));
    }
}
