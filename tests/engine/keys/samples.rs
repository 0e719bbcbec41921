//! An object of a valid document for each table of keys, and what becomes of the document with other members in it.

use mcp_policy_engine::document::{Faults, Holds, Key, Object};
use mcp_policy_engine::policy::{Policy, keys};
use serde_json::{Map, Value};

/// An object in a document that is otherwise valid.
pub struct Sample {
    pub table: &'static Object,
    path: &'static str,
    /// The document, with `@` in place of the object
    around: &'static str,
    /// The members that the object needs, as JSON
    least: &'static str,
}

const fn sample(
    table: &'static Object,
    path: &'static str,
    around: &'static str,
    least: &'static str,
) -> Sample {
    Sample { table, path, around, least }
}

/// At least one object for each table.
pub const SAMPLES: &[Sample] = &[
    sample(&keys::DOCUMENT, "", "@", r#"{"version": "1"}"#),
    sample(&keys::AUDIT, "audit", r#"{"version":"1","audit":@}"#, "{}"),
    sample(&keys::COUNTERS, "counters", r#"{"version":"1","counters":@}"#, "{}"),
    sample(&keys::APPROVALS, "approvals", r#"{"version":"1","approvals":@}"#, r#"{"cluster": "c"}"#),
    sample(
        &keys::SHARED_LIMITS,
        "shared_limits",
        r#"{"version":"1","shared_limits":@}"#,
        r#"{"cluster": "c"}"#,
    ),
    sample(&keys::RULE, "all_tools", r#"{"version":"1","approvals":{"cluster":"c"},"all_tools":@}"#, "{}"),
    sample(
        &keys::LIMIT,
        "tools.x.limits[0]",
        r#"{"version":"1","tools":{"x":{"limits":[@]}}}"#,
        r#"{"counter": "c", "window": 60, "max": 1}"#,
    ),
    sample(
        &keys::RATE_LIMIT,
        "tools.x.rate_limit",
        r#"{"version":"1","tools":{"x":{"rate_limit":@}}}"#,
        r#"{"window": 60, "max": 1}"#,
    ),
    sample(
        &keys::CONDITION,
        "tools.x.deny_if[0]",
        r#"{"version":"1","tools":{"x":{"deny_if":[@]}}}"#,
        r#"{"path": "args.a", "op": "eq", "value": "x"}"#,
    ),
    sample(
        &keys::GROUP,
        "tools.x.deny_if[0]",
        r#"{"version":"1","tools":{"x":{"deny_if":[@]}}}"#,
        r#"{"conditions": []}"#,
    ),
    sample(
        &keys::OPERAND,
        "tools.x.deny_if[0].value",
        r#"{"version":"1","tools":{"x":{"deny_if":[{"path":"args.a","op":"eq","value":@}]}}}"#,
        r#"{"path": "args.b"}"#,
    ),
    sample(&keys::SOURCE, "identity[0]", r#"{"version":"1","identity":[@]}"#, r#"{"mtls": "uri_san"}"#),
    sample(&keys::JWT, "identity[0].jwt", r#"{"version":"1","identity":[{"jwt":@}]}"#, r#"{"payload": "p"}"#),
    sample(
        &keys::API_KEY,
        "identity[0].api_key",
        r#"{"version":"1","identity":[{"api_key":@}]}"#,
        r#"{"header": "h"}"#,
    ),
    sample(
        &keys::HEADER,
        "identity[0].header",
        r#"{"version":"1","identity":[{"header":@}]}"#,
        r#"{"name": "h"}"#,
    ),
    sample(
        &keys::UNAUTHENTICATED,
        "unauthenticated",
        r#"{"version":"1","unauthenticated":@}"#,
        r#"{"scope": "mcp"}"#,
    ),
    sample(&keys::GRANT, "grants[0]", r#"{"version":"1","grants":[@]}"#, r#"{"name": "g", "match": "any"}"#),
    sample(
        &keys::MATCH,
        "grants[0].match[0]",
        r#"{"version":"1","grants":[{"name":"g","match":[@]}]}"#,
        r#"{"jwt": "*"}"#,
    ),
];

impl Sample {
    /// Returns the members that the object needs.
    pub fn least(&self) -> Map<String, Value> {
        serde_json::from_str(self.least).unwrap()
    }

    /// Reads the document with these members in the object. Leaves out the digest, because it differs.
    pub fn read(&self, members: &Map<String, Value>) -> Result<String, Faults> {
        let object = serde_json::to_string(members).unwrap();
        let mut policy = Policy::from_bytes(self.around.replace('@', &object).as_bytes())?;
        policy.digest.clear();
        Ok(format!("{policy:?}"))
    }

    /// Reads it with only the members that it needs and this value under `key`, or without the key.
    pub fn with(&self, key: &Key, value: Option<Value>) -> Result<String, Faults> {
        let mut members = self.least();
        if self.table.holds == Holds::One {
            members.clear();
        }
        members.remove(key.name);
        members.extend(value.map(|value| (key.name.to_owned(), value)));
        self.read(&members)
    }

    /// Tells whether a value under `key` causes a fault at that key.
    pub fn refuses(&self, key: &Key, value: Option<Value>) -> bool {
        let dot = if self.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{}", self.path, key.name);
        let faults = self.with(key, value).err().unwrap_or_default();
        faults.iter().any(|fault| fault.path.to_string() == path)
    }
}
