//! Requests whose headers or token cost much: they name the caller, or repeat arguments.

use serde_json::{Map, Value, json};

use super::others::{Other, other};
use crate::host::Headers;
use crate::host::claims::{self, PAYLOAD};
use crate::policies::{self, API_KEY, TOOL};
use crate::requests::{self, Request};

/// The most bytes of headers that Envoy accepts by default is a little more.
const LARGEST: usize = 50_000;

/// Returns every policy with its requests.
pub fn all() -> Vec<Other> {
    let keyed = |value: String| with("x-api-key", value);
    let keys = vec![
        ("an API key of 50 kB".to_owned(), keyed("k".repeat(LARGEST))),
        ("the API key".to_owned(), keyed(API_KEY.to_owned())),
    ];
    vec![
        other("1,000 grants by names with many stars", by_name(1_000, 100), names()),
        other("1,000 grants by names with two stars", by_name(1_000, 1), names()),
        other("10,000 grants by names with two stars", by_name(10_000, 1), names()),
        other("1,000 grants by key", policies::grants(1_000), keys),
        other("1,000 grants by claims", by_claims(1_000), tokens()),
        other("10,000 grants by claims", by_claims(10_000), tokens()),
        other("1,000 origins with many stars", origins(1_000), web_pages()),
        other("200 conditions on claims", on_claims(200), tokens()),
        other("5,000 conditions on claims", on_claims(5_000), tokens()),
        other("1 rule with mirrored headers", mirrored(1), repeated()),
        other("1,000 rules with mirrored headers", mirrored(1_000), repeated()),
        other("5,000 rules with mirrored headers", mirrored(5_000), repeated()),
    ]
}

fn with(name: &str, value: String) -> Request {
    let mut request = requests::post(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    let header: Headers = vec![(name.as_bytes().to_vec(), value.into_bytes())];
    request.headers.extend(header);
    request
}

fn names() -> Vec<(String, Request)> {
    let long = |size: usize| (format!("a name of {size} bytes"), with("x-agent-id", "a".repeat(size)));
    [100, 1_000, 5_000, LARGEST].map(long).into()
}

fn by_name(count: usize, stars: usize) -> String {
    let grant = |number: usize| {
        let name = format!("*{number:04}{}", "*a".repeat(stars));
        json!({ "name": format!("g{number}"), "match": [{ "header": name }] })
    };
    let grants: Vec<Value> = (0..count).map(grant).collect();
    let identity = json!([{ "header": { "name": "x-agent-id" } }]);
    json!({ "version": "1", "default": "allow", "identity": identity, "grants": grants }).to_string()
}

/// Grants that all callers could have, if their tokens had the claims.
fn by_claims(count: usize) -> String {
    let grant = |number: usize| {
        let described = match number % 4 {
            0 => json!({ "claim": { "k9": format!("*a*b{number}*") } }),
            1 => json!({ "claim": { "list[*].k": number } }),
            2 => json!({ "claim": { "list": number } }),
            _ => json!({ "scope": [format!("s{number}")] }),
        };
        json!({ "name": format!("g{number}"), "match": [described] })
    };
    let grants: Vec<Value> = (0..count).map(grant).collect();
    json!({ "version": "1", "default": "allow", "identity": identity(), "grants": grants }).to_string()
}

fn identity() -> Value {
    json!([{ "jwt": { "payload": PAYLOAD } }])
}

/// Calls with large tokens.
fn tokens() -> Vec<(String, Request)> {
    let members = |count: usize| -> Map<String, Value> {
        (0..count).map(|number| (format!("k{number}"), json!("a".repeat(9)))).collect()
    };
    let words = |count: usize| (0..count).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
    let mut tokens = Vec::new();
    for size in [100, 1_000, LARGEST, 300_000] {
        for (name, claims) in [
            ("many claims", Value::Object(members(size / 16))),
            ("a long claim", json!({ "k9": "a".repeat(size) })),
            ("a list", json!({ "list": vec![1; size / 2] })),
            ("a list of objects", json!({ "list": vec![json!({ "k": 1 }); size / 8] })),
            ("many scopes", json!({ "scope": words(size / 6) })),
        ] {
            let mut claims = claims;
            claims["sub"] = json!("caller");
            let call =
                json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": TOOL } });
            let request =
                Request { metadata: claims::metadata(&claims), ..requests::post(&call.to_string()) };
            tokens.push((format!("{name}, {size} bytes"), request));
        }
    }
    tokens
}

fn on_claims(count: usize) -> String {
    let condition = |number: usize| match number % 4 {
        0 => json!({ "path": "claims.k9", "op": "glob", "value": format!("*a*b{number}*") }),
        1 => json!({ "path": "claims.list[*].k", "op": "eq", "value": 1_000 + number }),
        2 => json!({ "path": "claims.list", "op": "contains", "value": 1_000 + number }),
        _ => json!({ "path": "scopes", "op": "contains", "value": format!("s{number}") }),
    };
    let conditions: Vec<Value> = (0..count).map(condition).collect();
    let rule = json!({ "deny_if": conditions });
    json!({ "version": "1", "default": "allow", "identity": identity(), "all_tools": rule }).to_string()
}

fn origins(count: usize) -> String {
    let origins: Vec<String> =
        (0..count).map(|number| format!("https://*{}b{number}.example", "a*".repeat(100))).collect();
    json!({ "version": "1", "default": "allow", "origins": origins }).to_string()
}

fn web_pages() -> Vec<(String, Request)> {
    let page = |size: usize| {
        let origin = format!("https://{}.example", "a".repeat(size));
        (format!("an origin of {size} bytes"), with("origin", origin))
    };
    [100, 1_000, LARGEST].map(page).into()
}

/// Returns a policy in which headers repeat 50 arguments, by each of `count` rules.
fn mirrored(count: usize) -> String {
    let property = |number: usize| {
        (format!("p{number}"), json!({ "type": "number", "x-mcp-header": format!("P{number}") }))
    };
    let properties: Map<String, Value> = (0..50).map(property).collect();
    let rule = json!({ "arguments": { "properties": properties } });
    json!({ "version": "1", "tools": { TOOL: vec![rule; count] } }).to_string()
}

/// Calls with headers that repeat arguments.
fn repeated() -> Vec<(String, Request)> {
    let call = |count: usize, value: &str| {
        let arguments: Map<String, Value> =
            (0..count).map(|number| (format!("p{number}"), json!(1))).collect();
        let params = json!({ "name": TOOL, "arguments": arguments });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let mut request = requests::post(&body.to_string());
        for number in 0..count {
            request.headers.push((format!("mcp-param-p{number}").into_bytes(), value.into()));
        }
        request
    };
    let zeros = |size: usize| format!("1.{}", "0".repeat(size));
    vec![
        ("50 short headers".to_owned(), call(50, "1")),
        ("50 headers of 1 kB".to_owned(), call(50, &zeros(1_000))),
        ("one header of 50 kB".to_owned(), call(1, &zeros(LARGEST))),
        ("50 headers of 1 kB in base64".to_owned(), call(50, &format!("=?base64?MS{}?=", "4w".repeat(499)))),
    ]
}
