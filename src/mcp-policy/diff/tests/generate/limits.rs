//! Generates pairs of policies that differ in limits, and bursts of calls.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{Call, clause, limit};

/// Two documents that differ in limits and in whom they count together.
pub fn limited() -> BoxedStrategy<(Value, Value)> {
    let entry = || (limit(), prop_oneof![2 => Just(None), 1 => clause().prop_map(Some)]);
    let grants = || {
        select(vec![
            json!(null),
            json!([{ "name": "g1", "match": "any" }]),
            json!([{ "name": "g1", "match": [{ "jwt": "bob" }, { "source": "mtls" }] }, { "name": "g2", "match": [{ "jwt": "eve" }] }]),
            json!([{ "name": "g1", "match": [{ "jwt": "bob" }, { "jwt": "eve" }, { "source": "mtls" }] }]),
        ])
    };
    let entries = vec((select(vec!["a", "b", "*"]), entry(), entry(), any::<u8>()), 1..3);
    (entries, grants(), grants(), any::<bool>())
        .prop_map(|(entries, was, becomes, same)| {
            let (mut old, mut new) = (json!({ "a": {}, "b": {} }), json!({ "a": {}, "b": {} }));
            for (name, (limit, when), (other, _), fate) in entries {
                let rule = |limit: Value, when: &Option<Value>| match when {
                    Some(when) => json!({ "when": [when], "limits": [limit] }),
                    None => json!({ "limits": [limit] }),
                };
                old[name] = rule(limit.clone(), &when);
                let mut larger = limit.clone();
                larger["max"] = json!(6);
                // Other terms for the same counter.
                let mut other = other;
                (other["counter"], other["max"]) = (limit["counter"].clone(), limit["max"].clone());
                let mut smaller = limit.clone();
                smaller["max"] = json!(2);
                new[name] = match fate {
                    0..40 => rule(limit, &when),
                    40..60 => rule(larger, &when),
                    60..90 => rule(smaller, &when),
                    90..110 => rule(limit, &None),
                    110..130 => rule(limit, &Some(json!({ "path": "args.x", "op": "eq", "value": 2 }))),
                    _ => rule(other, &when),
                };
            }
            let document = |tools: Value, grants: Value| {
                let mut document = json!({ "version": "1", "tools": tools,
                    "identity": [{ "jwt": { "payload": "p" } }, { "mtls": "uri_san" }] });
                if !grants.is_null() {
                    document["grants"] = grants;
                }
                document
            };
            let becomes = if same { was.clone() } else { becomes };
            (document(old, was), document(new, becomes))
        })
        .boxed()
}

/// Calls of two tools, close together.
pub fn burst() -> impl Strategy<Value = Vec<Call>> {
    let call = (
        select(vec!["a", "a", "b"]),
        select(vec![json!({ "x": 1 }), json!({ "x": 1 }), json!({ "x": 2 }), json!({})]),
        select(vec!["bob", "bob", "eve"]),
        select(vec![None, Some("s1"), Some("s2")]),
        0..30_000_u64,
    );
    vec(call, 10..60).prop_map(|calls| {
        let call =
            |(name, arguments, sub, session, at_ms): (&str, Value, &str, Option<&'static str>, u64)| Call {
                body: json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": { "name": name, "arguments": arguments } }),
                token: Some(json!({ "sub": sub })),
                certificate: None,
                key: None,
                session,
                at_ms,
            };
        calls.into_iter().map(call).collect()
    })
}
