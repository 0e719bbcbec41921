//! Lists that cost much to filter.

use serde_json::{Map, Value, json};

use super::others::{Other, other};
use crate::host::claims::{self, PAYLOAD};
use crate::requests::{self, Request};

/// The most bytes of a list that is filtered.
const LARGEST: usize = 4 * 1024 * 1024 - 1_000;

/// Returns every policy with its lists.
pub fn all() -> Vec<Other> {
    let stars = |number: usize| format!("*{}b*", "a*".repeat(number + 1));
    let plain = |number: usize| format!("*{}b*", "a".repeat(number + 1));
    let begun = |number: usize| format!("{}{number:04}*", "a".repeat(990));
    let entries = |count: usize, pattern: &dyn Fn(usize) -> String| -> Value {
        Value::Object((0..count).map(|number| (pattern(number), json!({}))).collect())
    };
    let section = |key: &str, value: Value| json!({ "version": "1", "default": "allow", key: value });
    let list = |name: &str, policy: Value| other(name, policy.to_string(), lists());
    vec![
        list("a list: no rules", section("tools", json!({}))),
        list("a list: 10 tools", section("tools", entries(10, &plain))),
        list("a list: 1,000 tools with one beginning", section("tools", entries(1_000, &begun))),
        list("a list: 1,000 tools", section("tools", entries(1_000, &plain))),
        list("a list: 100 tools with many stars", section("tools", entries(100, &stars))),
        list(
            "a list: 1,000 hidden tools with many stars",
            section("hide", json!((0..1_000).map(stars).collect::<Vec<_>>())),
        ),
        list("a list: 10 resources", section("resources", entries(10, &plain))),
        list("a list: 1,000 resources", section("resources", entries(1_000, &plain))),
        list("a list: 100 resources with many stars", section("resources", entries(100, &stars))),
        list("a list: 1,000 rules", section("all_tools", json!(vec![json!({ "reason": "x" }); 1_000]))),
        list("a list: 1 condition on claims", identified(section("all_tools", conditions(1)))),
        list("a list: 1,000 conditions on claims", identified(section("all_tools", conditions(1_000)))),
        list("a list: 1,000 conditions on arguments", section("all_tools", on_arguments(1_000))),
        list("a list: a grant", granted()),
    ]
}

fn identified(mut policy: Value) -> Value {
    policy["identity"] = json!([{ "jwt": { "payload": PAYLOAD } }]);
    policy
}

fn conditions(count: usize) -> Value {
    let condition = |number: usize| match number % 3 {
        0 => json!({ "path": "claims.k9", "op": "glob", "value": format!("*a*b{number}*") }),
        1 => json!({ "path": "tool", "op": "regex", "value": format!("[a-f]{{1,9}}x{number}") }),
        _ => json!({ "path": "scopes", "op": "contains", "value": format!("s{number}") }),
    };
    json!({ "deny_if": (0..count).map(condition).collect::<Vec<_>>() })
}

fn on_arguments(count: usize) -> Value {
    let condition = |number: usize| json!({ "path": format!("args.k{number}"), "op": "eq", "value": number });
    json!({ "deny_if": (0..count).map(condition).collect::<Vec<_>>() })
}

/// Returns a policy whose only grant has conditions and patterns.
fn granted() -> Value {
    let tools: Map<String, Value> =
        (0..100).map(|number| (format!("*{}b*", "a".repeat(number + 1)), conditions(3))).collect();
    let grant = json!({ "name": "g", "match": "any", "default": "allow", "tools": tools });
    identified(json!({ "version": "1", "default": "allow", "grants": [grant] }))
}

/// Returns lists of many elements and of long names, for callers with and without a large token.
fn lists() -> Vec<(String, Request)> {
    let members: Map<String, Value> =
        (0..3_000).map(|number| (format!("k{number}"), json!("aaaaaaaaa"))).collect();
    let mut claims = Value::Object(members);
    claims["sub"] = json!("caller");
    claims["scope"] = json!("word ".repeat(500));
    let metadata = claims::metadata(&claims);
    let mut lists = Vec::new();
    for (method, member, key, begin) in [
        ("tools/list", "tools", "name", ""),
        ("prompts/list", "prompts", "name", ""),
        ("resources/list", "resources", "uri", "file:///"),
        ("resources/templates/list", "resourceTemplates", "uriTemplate", "file:///"),
    ] {
        for (name, size) in [("short names", 4), ("names of 1 kB", 1_000), ("one name", LARGEST - 100)] {
            let element = format!(r#"{{"{key}":"{begin}{}"}}"#, "a".repeat(size));
            let count = if size > 10_000 { 1 } else { LARGEST / (element.len() + 1) };
            let result = format!(r#"{{"{member}":[{}]}}"#, vec![element; count].join(","));
            let request = Request { metadata: metadata.clone(), ..requests::list(method, &result) };
            lists.push((format!("{method}, {name}"), request));
        }
    }
    lists
}
