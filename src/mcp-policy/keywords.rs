//! The keywords of JSON Schema that the filter reads.
//!
//! The engine reads them in `schema/load.rs`. A test holds that it takes these and no others.

use Form::{
    Anything, Boolean, Count, List, Names, NamesByName, Number, Positive, Schema, Schemas, SchemasByName,
    Text, Types,
};
use Restricts::{Arrays, Nothing, Numbers, Objects, Strings, Values};

/// What a keyword takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A schema
    Schema,
    /// A list of one schema or more
    Schemas,
    /// An object of names and schemas
    SchemasByName,
    /// A list of names
    Names,
    /// An object of names and lists of names
    NamesByName,
    /// A number
    Number,
    /// A number above 0
    Positive,
    /// An integer from 0
    Count,
    /// A boolean
    Boolean,
    /// A string that is not empty
    Text,
    /// The name of a type, or a list of names
    Types,
    /// A list of one value or more
    List,
    /// Any value
    Anything,
}

/// Which values a keyword restricts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restricts {
    /// Values of any type, by itself or together with other keywords
    Values,
    /// Numbers only
    Numbers,
    /// Strings only
    Strings,
    /// Arrays only
    Arrays,
    /// Objects only
    Objects,
    /// None: it is an annotation
    Nothing,
}

/// The keywords, by what they take and what they restrict.
const KEYWORDS: [(Form, Restricts, &[&str]); 22] = [
    (Types, Values, &["type"]),
    (List, Values, &["enum"]),
    (Anything, Values, &["const"]),
    (Schemas, Values, &["allOf", "anyOf", "oneOf"]),
    (Schema, Values, &["not", "if", "then", "else"]),
    (Text, Values, &["$ref", "x-mcp-header"]),
    (SchemasByName, Values, &["$defs", "definitions"]),
    (Number, Numbers, &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]),
    (Positive, Numbers, &["multipleOf"]),
    (Count, Strings, &["minLength", "maxLength"]),
    (Text, Strings, &["pattern"]),
    (Schema, Arrays, &["items"]),
    (Schemas, Arrays, &["prefixItems"]),
    (Schema, Arrays, &["contains"]),
    (Count, Arrays, &["minItems", "maxItems"]),
    (Boolean, Arrays, &["uniqueItems"]),
    // Without `contains` they have no meaning.
    (Count, Values, &["minContains", "maxContains"]),
    (SchemasByName, Objects, &["properties", "patternProperties"]),
    (Schema, Objects, &["additionalProperties", "propertyNames"]),
    (Names, Objects, &["required"]),
    (NamesByName, Objects, &["dependentRequired"]),
    (Count, Objects, &["minProperties", "maxProperties"]),
];

/// Keywords that restrict nothing.
const ANNOTATIONS: [&str; 15] = [
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
];

/// Returns every keyword, with what it takes and what it restricts.
pub fn all() -> impl Iterator<Item = (&'static str, Form, Restricts)> {
    let of = |(form, restricts, names): &(Form, Restricts, &'static [&'static str])| {
        let (form, restricts) = (*form, *restricts);
        names.iter().map(move |name| (*name, form, restricts))
    };
    KEYWORDS.iter().flat_map(of).chain(ANNOTATIONS.iter().map(|name| (*name, Anything, Nothing)))
}

/// Returns what a keyword takes.
pub fn form(keyword: &str) -> Option<Form> {
    all().find(|(name, ..)| *name == keyword).map(|(_, form, _)| form)
}

/// Returns whether a keyword restricts nothing.
pub fn is_annotation(keyword: &str) -> bool {
    ANNOTATIONS.contains(&keyword)
}

/// Returns the keywords that restrict these values.
pub fn that_restrict(values: Restricts) -> impl Iterator<Item = &'static str> {
    all().filter(move |(_, _, restricts)| *restricts == values).map(|(name, ..)| name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mcp_policy_engine::document::{InSchema, Wrong};
    use mcp_policy_engine::policy::Policy;
    use serde_json::json;

    use super::*;

    /// The keywords of JSON Schema 2020-12 and OpenAPI 3.1 that the filter refuses.
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
        let takes = |keyword: &str| {
            let policy = json!({ "version": "1", "tools": { "t": { "arguments": { keyword: 1 } } } });
            let faults = Policy::from_bytes(policy.to_string().as_bytes()).err().unwrap_or_default();
            let unknown = |wrong: &Wrong| matches!(wrong, Wrong::Schema(InSchema::UnknownKeyword { .. }));
            !faults.iter().any(|fault| unknown(&fault.wrong))
        };
        let names: Vec<&str> = all().map(|(name, ..)| name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        for name in &names {
            assert!(takes(name), "{name}");
        }
        for name in REFUSED {
            assert!(!takes(name) && !names.contains(&name), "{name}");
        }
    }
}
