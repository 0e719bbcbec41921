//! The policies under which requests are measured. `tests/bench/policies.py` makes the same policies.

use serde_json::{Map, Value, json};

const AIPAYGEN: &str = include_str!("../../policies/aipaygen.json");

/// A policy for one caller with an API key, a schema and a limit. The key is [`API_KEY`].
pub const API_KEY_POLICY: &str = include_str!("../bench/api_key.json");

/// The key of the caller that [`API_KEY_POLICY`] and [`grants`] know.
pub const API_KEY: &str = "bench-key-1";

/// SHA-256 of [`API_KEY`].
const API_KEY_SHA256: &str = "7717cad459fb710bd99adf26d5d638743337933ec301092cc951377a94603c07";

/// The tool that is called in every row.
pub const TOOL: &str = "summarize";

/// Returns `policies/aipaygen.json` with every limit at `max`, and with `more` keys.
pub fn aipaygen(max: u64, more: Value) -> String {
    let mut policy: Value = serde_json::from_str(AIPAYGEN).expect("the policy is JSON");
    for key in ["rules", "tools"] {
        policy[key].as_object_mut().expect("it has entries").values_mut().for_each(|entry| raise(entry, max));
    }
    with(policy, more)
}

/// Sets every limit of an entry, which is a rule, a name, or a list of these.
fn raise(entry: &mut Value, max: u64) {
    match entry {
        Value::Array(rules) => rules.iter_mut().for_each(|rule| raise(rule, max)),
        Value::Object(rule) => {
            let limits = rule.get_mut("limits").and_then(Value::as_array_mut);
            limits.into_iter().flatten().for_each(|limit| limit["max"] = json!(max));
        }
        _ => {}
    }
}

/// Counts calls by session.
pub fn sessions() -> String {
    let limit = json!({ "counter": "calls", "window": "minute", "max": 1_000_000_000, "scope": "session" });
    policy(json!({ "tools": { TOOL: { "limits": [limit] } } }))
}

/// Pins the definitions of tools, of which nothing is known.
pub fn pinned(tools: &[&str]) -> String {
    let rule = json!({ "definition": format!("sha256:{}", "0".repeat(64)) });
    let tools: Map<String, Value> = tools.iter().map(|tool| ((*tool).to_owned(), rule.clone())).collect();
    policy(json!({ "tools": tools }))
}

/// Counts calls in the rate limit service.
pub fn shared() -> String {
    let limit =
        json!({ "counter": "calls", "window": "minute", "max": 10, "type": "calendar", "shared": true });
    policy(json!({ "shared_limits": { "cluster": "ratelimit" }, "tools": { TOOL: { "limits": [limit] } } }))
}

/// Requires approval of the tool.
pub fn approval() -> String {
    policy(json!({
        "approvals": { "cluster": "approvals", "authority": "approvals.internal" },
        "tools": { TOOL: { "action": "require_approval", "reason": "it takes a person" } },
    }))
}

/// Lists `count` tools by name, including the one that is called.
pub fn tools(count: usize) -> String {
    policy(json!({ "tools": entries((1..count).map(|number| format!("tool_{number:05}")), TOOL) }))
}

/// Lists `count` patterns of tools, one of which matches.
pub fn patterns(count: usize) -> String {
    policy(json!({ "tools": entries((1..count).map(|number| pattern("team", number)), "summari*") }))
}

/// Hides `count` patterns, none of which matches.
pub fn hidden(count: usize) -> String {
    let hide: Vec<String> = (0..count).map(|number| pattern("hidden", number)).collect();
    policy(json!({ "hide": hide, "tools": { TOOL: {} } }))
}

/// Grants the tool to `count` keys, each with its own grant; the caller's is the last.
pub fn grants(count: usize) -> String {
    let others = (1..count).map(|number| (format!("grant_{number:05}"), format!("{number:064x}")));
    let own = ("own".to_owned(), API_KEY_SHA256.to_owned());
    let grants: Vec<Value> = others
        .chain([own])
        .map(|(name, key)| json!({ "name": name, "match": [{ "api_key_sha256": key }] }))
        .collect();
    let identity = json!([{ "api_key": { "header": "x-api-key" } }]);
    policy(json!({ "identity": identity, "grants": grants, "tools": { TOOL: {} } }))
}

/// Makes one of many patterns. Their lengths differ, as those of real ones do.
fn pattern(kind: &str, number: usize) -> String {
    let tail = "x".repeat(number % 20);
    format!("{kind}_{number:05}{tail}_*")
}

fn entries(others: impl Iterator<Item = String>, own: &str) -> Map<String, Value> {
    others.chain([own.to_owned()]).map(|name| (name, json!({}))).collect()
}

fn policy(keys: Value) -> String {
    with(json!({ "version": "1", "server": "bench", "default": "deny" }), keys)
}

fn with(mut policy: Value, keys: Value) -> String {
    let (Value::Object(policy_keys), Value::Object(keys)) = (&mut policy, keys) else {
        unreachable!("both are objects")
    };
    policy_keys.extend(keys);
    policy.to_string()
}
