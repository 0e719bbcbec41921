//! The JSON Schemas that stand under `arguments`: the keywords that the filter judges, and those that it may ignore.
//!
//! The meta-schema of JSON Schema would allow unknown keywords, and would have to be fetched.

use serde_json::{Map, Value, json};

use crate::keywords::{self, Form};

/// The name of the definition.
pub const NAME: &str = "arguments";

/// Returns the reference to the definition.
pub fn reference() -> String {
    format!("#/$defs/{NAME}")
}

/// Returns the schema of what a keyword takes.
fn of_form(form: Form) -> Value {
    let within = json!({ "$ref": reference() });
    let names = json!({ "type": "array", "items": { "type": "string" } });
    let types = json!({ "enum": ["array", "boolean", "integer", "number", "object", "string", "null"] });
    match form {
        Form::Schema => within,
        Form::Schemas => json!({ "type": "array", "minItems": 1, "items": within }),
        Form::SchemasByName => json!({ "type": "object", "additionalProperties": within }),
        Form::Names => names,
        Form::NamesByName => json!({ "type": "object", "additionalProperties": names }),
        Form::Number => json!({ "type": "number" }),
        Form::Positive => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Form::Count => json!({ "type": "integer", "minimum": 0 }),
        Form::Boolean => json!({ "type": "boolean" }),
        Form::Text => json!({ "type": "string", "minLength": 1 }),
        Form::Types => json!({ "anyOf": [types, { "type": "array", "minItems": 1, "items": types }] }),
        Form::List => json!({ "type": "array", "minItems": 1 }),
        Form::Anything => json!(true),
    }
}

/// Returns the schema of schemas.
pub fn schema() -> Value {
    let properties: Map<String, Value> =
        keywords::all().map(|(name, form, _)| (name.to_owned(), of_form(form))).collect();
    json!({
        "type": ["object", "boolean"],
        "properties": properties,
        "patternProperties": { "^x-": true },
        "additionalProperties": false,
    })
}
