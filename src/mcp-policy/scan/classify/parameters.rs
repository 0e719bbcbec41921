//! What a tool's parameters say.

use serde_json::Value;

use super::evidence::{Evidence, Kind};
use super::subject;
use crate::money::is_money;
use crate::scan::class::Class;
use crate::scan::offer::Tool;
use crate::words;

/// Parameters that hold something to run.
const TO_RUN: [&str; 9] =
    ["code", "script", "command", "cmd", "shell", "javascript", "expression", "sql", "bash"];

/// Parameters that only lists and searches have.
const OF_READS: [&str; 12] = [
    "cursor",
    "limit",
    "page",
    "page_size",
    "pagesize",
    "per_page",
    "perpage",
    "offset",
    "query",
    "q",
    "top_k",
    "filter",
];

/// Values of a parameter that chooses what is done.
const DELETES: [&str; 7] = ["delete", "remove", "destroy", "drop", "purge", "wipe", "truncate"];

/// What makes a secret of a parameter that is named `key` or `token` alone.
const SAYS_SECRET: [&str; 5] = ["api key", "api token", "access key", "access token", "secret key"];

/// Returns the parameter with which each call gives a key, a password or a token.
pub fn secret(tool: &Tool) -> Option<&str> {
    let description = tool.description.to_lowercase();
    let says = SAYS_SECRET.iter().any(|phrase| description.contains(phrase));
    let is_secret = |name: &str| {
        let words = words::of_name(name);
        subject::is_secret_parameter(&words) || (says && (words == ["key"] || words == ["token"]))
    };
    tool.parameters().map(|(name, _)| name.as_str()).find(|name| tool.requires(name) && is_secret(name))
}

/// Returns what the parameters say. `words` is the class that the name and the description speak for; `secrets_count`
/// says whether a parameter for keys says something about the tool.
pub fn evidence(tool: &Tool, words: Option<Class>, secrets_count: bool) -> Vec<Evidence> {
    let found = |what: &str, class| Evidence::new(Kind::Parameter, what, class);
    let mut evidence = Vec::new();
    if let Some(name) = secret(tool).filter(|_| secrets_count) {
        evidence.push(found(name, Class::Credential));
    }
    for (name, schema) in tool.parameters() {
        if let Some(value) = deletes(schema).filter(|_| words != Some(Class::Destructive)) {
            evidence.push(found(&format!("{name}: {value}"), Class::Destructive));
        }
    }
    if words.is_some_and(|class| class != Class::Read) {
        evidence
            .extend(pays(&Value::Object(tool.schema.clone()), 0).map(|name| found(&name, Class::Financial)));
    }
    if words.is_none() {
        let names = || tool.parameters().map(|(name, _)| name.as_str());
        let to_run = names().find(|name| TO_RUN.contains(&name.to_lowercase().as_str()));
        let reads = || names().find(|name| OF_READS.contains(&name.to_lowercase().as_str()));
        evidence.extend(match to_run {
            Some(name) => Some(found(name, Class::Execute)),
            None => reads().map(|name| found(name, Class::Read)),
        });
    }
    evidence
}

/// Returns the value with which a parameter makes the tool delete.
fn deletes(schema: &Value) -> Option<&str> {
    let values = schema.get("enum").and_then(Value::as_array)?;
    values
        .iter()
        .filter_map(Value::as_str)
        .find(|value| words::of_name(value).first().is_some_and(|first| DELETES.contains(&first.as_str())))
}

/// How deep a parameter can be.
const DEEPEST: usize = 8;

/// Returns the parameter that is a number and named like money. A tool that changes something may spend it.
fn pays(schema: &Value, depth: usize) -> Option<String> {
    let properties = schema.get("properties").and_then(Value::as_object).filter(|_| depth < DEEPEST)?;
    properties.iter().find_map(|(name, schema)| {
        let is_money = takes_number(schema) && is_money(name);
        let within = || {
            let inner = [Some(schema), schema.get("items")];
            inner.into_iter().flatten().find_map(|schema| pays(schema, depth.saturating_add(1)))
        };
        is_money.then(|| name.clone()).or_else(within)
    })
}

fn takes_number(schema: &Value) -> bool {
    let is_number = |value: &Value| matches!(value.as_str(), Some("number" | "integer"));
    let of_type = schema.get("type").is_some_and(|types| match types.as_array() {
        Some(types) => types.iter().any(is_number),
        None => is_number(types),
    });
    let among = |key: &str| {
        let schemas = schema.get(key).and_then(Value::as_array);
        schemas.is_some_and(|schemas| schemas.iter().any(takes_number))
    };
    of_type || among("anyOf") || among("oneOf")
}
