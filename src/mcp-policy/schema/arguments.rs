//! The JSON Schemas that stand under `arguments`: the keywords that the filter judges, and those that it may ignore.
//!
//! The meta-schema of JSON Schema would allow unknown keywords, and would have to be fetched.

use serde_json::{Map, Value, json};

/// The name of the definition.
pub const NAME: &str = "arguments";

/// Returns the reference to the definition.
pub fn reference() -> String {
    format!("#/$defs/{NAME}")
}

/// Keywords by what they take. A test holds that the filter takes these and no others.
const KEYWORDS: [(Form, &[&str]); 10] = [
    (
        Form::Schema,
        &["items", "contains", "not", "if", "then", "else", "additionalProperties", "propertyNames"],
    ),
    (Form::Schemas, &["allOf", "anyOf", "oneOf", "prefixItems"]),
    (Form::SchemasByName, &["properties", "patternProperties", "$defs", "definitions"]),
    (Form::Names, &["required"]),
    (Form::NamesByName, &["dependentRequired"]),
    (Form::Number, &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]),
    (
        Form::Count,
        &[
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "minProperties",
            "maxProperties",
            "minContains",
            "maxContains",
        ],
    ),
    (Form::Boolean, &["uniqueItems"]),
    (Form::Text, &["pattern", "$ref"]),
    (
        Form::Anything,
        &[
            "const",
            "title",
            "description",
            "default",
            "examples",
            "example",
            "format",
            "$schema",
            "$comment",
            "readOnly",
            "writeOnly",
            "deprecated",
            "contentEncoding",
            "contentMediaType",
            "contentSchema",
            "discriminator",
        ],
    ),
];

/// What a keyword takes.
#[derive(Debug, Clone, Copy)]
enum Form {
    Schema,
    Schemas,
    SchemasByName,
    Names,
    NamesByName,
    Number,
    Count,
    Boolean,
    Text,
    Anything,
}

impl Form {
    fn schema(self) -> Value {
        let within = json!({ "$ref": reference() });
        let names = json!({ "type": "array", "items": { "type": "string" } });
        match self {
            Self::Schema => within,
            Self::Schemas => json!({ "type": "array", "minItems": 1, "items": within }),
            Self::SchemasByName => json!({ "type": "object", "additionalProperties": within }),
            Self::Names => names,
            Self::NamesByName => json!({ "type": "object", "additionalProperties": names }),
            Self::Number => json!({ "type": "number" }),
            Self::Count => json!({ "type": "integer", "minimum": 0 }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Text => json!({ "type": "string", "minLength": 1 }),
            Self::Anything => json!(true),
        }
    }
}

/// Returns the schema of schemas.
pub fn schema() -> Value {
    let of = |(form, names): &(Form, &[&str])| {
        let schema = form.schema();
        names.iter().map(move |name| ((*name).to_owned(), schema.clone())).collect::<Vec<_>>()
    };
    let mut properties: Map<String, Value> = KEYWORDS.iter().flat_map(of).collect();
    let types = json!({ "enum": ["array", "boolean", "integer", "number", "object", "string", "null"] });
    let some = json!({ "type": "array", "minItems": 1, "items": types });
    properties.insert("type".to_owned(), json!({ "anyOf": [types, some] }));
    properties.insert("enum".to_owned(), json!({ "type": "array", "minItems": 1 }));
    properties.insert("multipleOf".to_owned(), json!({ "type": "number", "exclusiveMinimum": 0 }));
    json!({
        "type": ["object", "boolean"],
        "properties": properties,
        "patternProperties": { "^x-": true },
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use mcp_policy_engine::policy::Policy;

    use super::*;

    /// The keywords of JSON Schema 2020-12 and OpenAPI 3.1 that this schema does not have.
    const REFUSED: [&str; 14] = [
        "$anchor",
        "$dynamicRef",
        "$dynamicAnchor",
        "$id",
        "$vocabulary",
        "dependentSchemas",
        "dependencies",
        "unevaluatedItems",
        "unevaluatedProperties",
        "additionalItems",
        "nullable",
        "xml",
        "externalDocs",
        "id",
    ];

    #[test]
    fn the_filter_takes_these_keywords_and_no_others() {
        let takes = |keyword: &str, value: &Value| {
            let arguments = json!({ keyword: value });
            let policy = json!({ "version": "1", "tools": { "t": { "arguments": arguments } } });
            let faults = Policy::from_bytes(policy.to_string().as_bytes()).err().unwrap_or_default();
            !faults.iter().any(|fault| fault.to_string().contains("unknown keyword"))
        };
        let schema = schema();
        for keyword in schema["properties"].as_object().unwrap().keys() {
            assert!(takes(keyword, &json!(1)), "{keyword}");
        }
        for keyword in REFUSED {
            assert!(!takes(keyword, &json!(1)), "{keyword}");
            assert!(schema["properties"].get(keyword).is_none(), "{keyword}");
        }
    }
}
