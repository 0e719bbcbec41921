//! Generates calls.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// A call and its caller.
#[derive(Debug, Clone)]
pub struct Call {
    pub body: Value,
    pub token: Option<Value>,
    pub certificate: Option<&'static str>,
    pub key: Option<&'static str>,
    pub session: Option<&'static str>,
    pub at_ms: u64,
}

/// A call of a tool, a resource, a prompt or another method.
pub fn call() -> impl Strategy<Value = Call> {
    let x = select(vec![
        None,
        Some(json!(0)),
        Some(json!(1)),
        Some(json!(2)),
        Some(json!(3)),
        Some(json!("1")),
        Some(Value::Null),
    ]);
    let arguments = x.prop_map(|x| x.map_or_else(|| json!({}), |x| json!({ "x": x })));
    let tool = select(vec!["a", "ab", "abc", "ac", "b", "bc", "c"]);
    let uri = select(vec![
        "file:///a",
        "file:///a?q=1",
        "file:///a%2Cb",
        "file:///a,b",
        "file:///c",
        "file:///a/../b",
        "x://b/c",
        "y:z",
    ]);
    let params = prop_oneof![
        6 => (tool, arguments).prop_map(|(name, arguments)| ("tools/call", json!({ "name": name, "arguments": arguments }))),
        3 => uri.prop_map(|uri| ("resources/read", json!({ "uri": uri }))),
        1 => select(vec!["p", "pq", "q"]).prop_map(|name| ("prompts/get", json!({ "name": name }))),
        1 => select(vec!["foo/bar", "foo/x", "Foo/Bar", "Foo/x", "fox", "ping", "notifications/y", "initialize", "zoo"])
            .prop_map(|method| (method, json!({}))),
    ];
    let token = select(vec![
        None,
        Some(json!({ "sub": "bob" })),
        Some(json!({ "sub": "bob", "team": "sre" })),
        Some(json!({ "sub": "eve", "team": "sre" })),
        Some(json!({ "sub": "eve" })),
    ]);
    let certificate = select(vec![None, Some("spiffe://x"), Some("spiffe://y")]);
    let session = select(vec![None, Some("s1"), Some("s2")]);
    let key = select(vec![None, Some("k1"), Some("k2"), Some("k3")]);
    (params, token, certificate, key, session, 0..200_000_u64).prop_map(
        |((method, params), token, certificate, key, session, at_ms)| {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
            Call { body, token, certificate, key, session, at_ms }
        },
    )
}
