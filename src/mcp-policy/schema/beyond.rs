//! What the filter refuses beyond its tables of keys, as far as a schema can say it.
//!
//! A schema may say less than the filter, never more: a test runs every document that the filter takes.

use mcp_policy_engine::document::Object;
use mcp_policy_engine::policy::keys;
use serde_json::{Map, Value, json};

/// The name or pattern of a tool or a prompt: no white space around it, and nothing that only regular expressions have.
const NAME: &str = r"^([^ \t\r\n^$?\\]|[^ \t\r\n^?\\][^?\\]*[^ \t\r\n$?\\])$";
/// A name of a header, and an authentication scheme.
const TOKEN: &str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
/// What a condition speaks of.
const SUBJECT: &str =
    r"^((args|claims)[.\[].+|grant|principal|source|tool|scopes(\[\*\])?|time\.(weekday|of_day|date))$";
/// A time as in RFC 3339.
const TIME: &str =
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$";

/// Returns what else holds for an object.
pub fn rules(object: &Object) -> Vec<Value> {
    let mut rules = Vec::new();
    let members: Map<String, Value> =
        members(object).into_iter().map(|(key, schema)| (key.to_owned(), schema)).collect();
    if !members.is_empty() {
        rules.push(json!({ "properties": members }));
    }
    if [&keys::RULE, &keys::CONDITION, &keys::GROUP].contains(&object) {
        rules.push(json!({ "not": { "required": ["reason", "on_deny"] } }));
    }
    if *object == keys::RULE {
        rules.push(json!({ "not": { "required": ["when", "definition"], "properties": { "when": { "minItems": 1 } } } }));
    }
    if *object == keys::CONDITION {
        let exists = json!({ "properties": { "op": { "const": "exists" } } });
        rules.push(json!({ "anyOf": [{ "required": ["value"] }, exists] }));
        rules.push(operands());
    }
    if *object == keys::GROUP {
        rules.push(json!({ "not": { "required": ["conditions", "any"] } }));
    }
    if *object == keys::AUDIT {
        let hashed = json!({ "properties": { "arguments": { "const": "hash" } } });
        rules.push(json!({ "anyOf": [{ "not": { "required": ["digest"] } }, hashed] }));
    }
    rules
}

/// Returns what else holds for the values of an object. A pattern says nothing about values that are not strings.
fn members(object: &Object) -> Vec<(&'static str, Value)> {
    let entries = |name: Value| json!({ "propertyNames": name, "additionalProperties": { "minItems": 1 } });
    let filled = json!({ "minLength": 1 });
    let mut members = Vec::new();
    if [&keys::DOCUMENT, &keys::GRANT].contains(&object) {
        members.extend([
            ("tools", entries(json!({ "pattern": NAME }))),
            ("prompts", entries(json!({ "pattern": NAME }))),
            ("resources", entries(filled.clone())),
            ("methods", json!({ "propertyNames": filled })),
            ("hide", json!({ "items": { "pattern": NAME } })),
            ("all_tools", json!({ "minItems": 1 })),
        ]);
    }
    let path = |pattern: &str| json!({ "pattern": pattern });
    match object {
        _ if *object == keys::DOCUMENT => members.extend([
            ("rules", json!({ "propertyNames": { "minLength": 1 } })),
            ("grants", json!({ "minItems": 1 })),
            ("exempt_paths", json!({ "items": { "pattern": "^/[^?#]*$" } })),
        ]),
        _ if *object == keys::GRANT => {
            members.extend([
                ("not_before", path(TIME)),
                ("expires", path(TIME)),
                ("match", json!({ "minItems": 1 })),
            ]);
        }
        _ if *object == keys::MATCH => members.extend([
            ("api_key_sha256", path("^[0-9A-Fa-f]{64}$")),
            ("scope", json!({ "minItems": 1, "items": { "pattern": "^[^ ]+$" } })),
        ]),
        _ if *object == keys::RULE => members.push(("definition", path("^sha256:[0-9A-Fa-f]{64}$"))),
        _ if *object == keys::LIMIT => members.extend([
            ("by", path(r"^(args|claims)[.\[]")),
            (
                "amount",
                json!({ "pattern": r"^args[.\[]", "minItems": 1, "items": { "pattern": r"^args[.\[]" } }),
            ),
        ]),
        _ if [&keys::CONDITION, &keys::OPERAND].contains(&object) => members.push(("path", path(SUBJECT))),
        _ if *object == keys::GROUP => members.push(("any", json!({ "minItems": 1 }))),
        _ if *object == keys::SOURCE => members
            .push(("attribute", json!({ "prefixItems": [{ "const": "filter_state" }], "minItems": 2 }))),
        _ if *object == keys::API_KEY => members.extend([("header", path(TOKEN)), ("scheme", path(TOKEN))]),
        _ if *object == keys::HEADER => members.push(("name", path(TOKEN))),
        _ if *object == keys::APPROVALS => members.push(("path", path("^/[^#]*$"))),
        _ => {}
    }
    members
}

/// Returns what belongs under `value`, by the operator.
fn operands() -> Value {
    let when = |operators: &[&str], value: Value| {
        json!({
            "if": { "properties": { "op": { "enum": operators } }, "required": ["op", "value"] },
            "then": { "properties": { "value": value } },
        })
    };
    json!({ "allOf": [
        when(&["in", "not_in"], json!({ "type": ["array", "object"], "minItems": 1 })),
        when(&["eq", "neq", "contains", "not_contains"],
            json!({ "type": ["string", "number", "boolean", "object"] })),
        when(&["starts_with", "ends_with"], json!({ "type": ["string", "object"], "minLength": 1 })),
        // A string is for the time, such as "08:30".
        when(&["lt", "lte", "gt", "gte"], json!({ "type": ["number", "string", "object"] })),
        when(&["glob", "regex"], json!({ "type": "string", "minLength": 1 })),
        when(&["exists"], json!({ "type": "boolean" })),
    ] })
}
