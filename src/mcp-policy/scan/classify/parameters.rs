//! What a tool's parameters say.

use serde_json::Value;

use super::evidence::{Evidence, Source};
use super::{subject, words};
use crate::scan::class::Class;
use crate::scan::offer::Tool;

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

/// Returns the parameter with which each call gives a key, a password or a token.
pub fn secret(tool: &Tool) -> Option<&str> {
    let names = tool.parameters().map(|(name, _)| name.as_str());
    names.into_iter().find(|name| tool.requires(name) && subject::is_secret_parameter(&words::of_name(name)))
}

/// Returns what the parameters say. `words` is the class that the name and the description speak for; `secrets_count`
/// tells whether a parameter for keys says something about the tool.
pub fn evidence(tool: &Tool, words: Option<Class>, secrets_count: bool) -> Vec<Evidence> {
    let found = |what: &str, class| Evidence::new(Source::Parameter, what, class);
    let mut evidence = Vec::new();
    if let Some(name) = secret(tool).filter(|_| secrets_count) {
        evidence.push(found(name, Class::Credential));
    }
    for (name, schema) in tool.parameters() {
        if let Some(value) = deletes(schema).filter(|_| words != Some(Class::Destructive)) {
            evidence.push(found(&format!("{name}: {value}"), Class::Destructive));
        }
    }
    if words.is_some_and(|class| class != Class::Read) && pays(tool) {
        evidence.push(found("amount", Class::Financial));
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

/// Tells whether the tool takes an amount and what money needs besides.
fn pays(tool: &Tool) -> bool {
    let has = |wanted: &[&str]| {
        tool.parameters()
            .any(|(name, _)| words::of_name(name).iter().any(|word| wanted.contains(&word.as_str())))
    };
    has(&["amount"])
        && has(&["currency", "recipient", "payee", "payment", "wallet", "card", "iban", "account"])
}
