//! Translates a schema into the draft that the filter reads, without annotations.

use mcp_policy_engine::document::Path;
use serde_json::{Map, Value, json};

use super::{Difference, anchors};
use crate::keywords::{self, Form, Restricts};

/// The annotation that the filter does read: a header repeats the argument. It has an effect only on a chain of `properties`.
const MIRRORED: &str = "x-mcp-header";

/// The types of which keywords restrict the values.
const TYPES: [(&str, Restricts); 4] = [
    ("number", Restricts::Numbers),
    ("string", Restricts::Strings),
    ("array", Restricts::Arrays),
    ("object", Restricts::Objects),
];

/// Returns what a keyword takes, of JSON Schema's drafts and not only of those that the filter reads.
pub fn form(keyword: &str) -> Option<Form> {
    match keyword {
        "unevaluatedProperties" => Some(Form::Schema),
        "dependentSchemas" => Some(Form::SchemasByName),
        known => keywords::form(known),
    }
}

/// Returns whether a keyword can go because it restricts nothing.
fn restricts_nothing(keyword: &str) -> bool {
    keywords::is_annotation(keyword) || keyword == "$id" || (keyword.starts_with("x-") && keyword != MIRRORED)
}

/// Keywords below which a schema that fits less can make the whole fit more. A reference can lead from there to a definition.
const TURNS: [&str; 6] = ["not", "if", "oneOf", "contains", "$defs", "definitions"];

/// Keywords beside which the type may be said elsewhere.
const SAY_TYPE: [&str; 10] =
    ["type", "$ref", "enum", "const", "anyOf", "oneOf", "allOf", "not", "if", "then"];

/// Translates a whole schema.
pub fn translate(schema: &mut Value, differences: &mut Vec<Difference>) {
    if let Value::Object(members) = schema {
        members.remove(MIRRORED);
    }
    remove_mirrored(schema, true);
    within(schema, &Path::default(), Place::Beside, differences);
}

/// Removes the annotations [`MIRRORED`] to which not only `properties` lead. `chain` tells whether only they lead here.
fn remove_mirrored(schema: &mut Value, chain: bool) {
    let Value::Object(members) = schema else { return };
    if !chain {
        members.remove(MIRRORED);
    }
    for (key, value) in members.iter_mut() {
        let chain = chain && key == "properties";
        match (form(key), value) {
            (Some(Form::Schema), value) => remove_mirrored(value, chain),
            (Some(Form::Schemas), Value::Array(elements)) => {
                elements.iter_mut().for_each(|element| remove_mirrored(element, chain));
            }
            (Some(Form::SchemasByName), Value::Object(named)) => {
                named.values_mut().for_each(|member| remove_mirrored(member, chain));
            }
            _ => {}
        }
    }
}

/// Where a schema is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It alone describes a value
    Alone,
    /// It is one of several that describe a value
    Beside,
    /// Below a keyword of [`TURNS`]
    Turned,
}

impl Place {
    /// Returns where a schema is that is below `keyword` of a schema here, and `alone` if nothing turns it.
    fn below(self, keyword: &str, alone: bool) -> Self {
        match self {
            Self::Turned => Self::Turned,
            _ if TURNS.contains(&keyword) => Self::Turned,
            _ if alone => Self::Alone,
            _ => Self::Beside,
        }
    }
}

/// Translates a schema that is in this place.
fn within(schema: &mut Value, path: &Path, place: Place, differences: &mut Vec<Difference>) {
    let Value::Object(members) = schema else { return };
    members.retain(|key, _| !restricts_nothing(key));
    drafts(members);
    if let Some(Value::String(pattern)) = members.get_mut("pattern")
        && let Some(anchored) = anchors::anchored(pattern)
    {
        *pattern = anchored;
        let what = "written with `.*` where it has no anchor, which means the same: it accepts any text around a match";
        differences.push(Difference { path: path.key("pattern").to_string(), what: what.to_owned() });
    }
    if place == Place::Alone {
        add_type(members, path, differences);
    }
    for (key, value) in members.iter_mut() {
        let path = path.key(key);
        match (form(key), value) {
            (Some(Form::Schema), value) => {
                let alone = matches!(key.as_str(), "items" | "additionalProperties");
                within(value, &path, place.below(key, alone), differences);
            }
            (Some(Form::Schemas), Value::Array(elements)) => {
                for (index, element) in elements.iter_mut().enumerate() {
                    let place = place.below(key, key == "prefixItems");
                    within(element, &path.index(index), place, differences);
                }
            }
            (Some(Form::SchemasByName), Value::Object(named)) => {
                let alone = matches!(key.as_str(), "properties" | "patternProperties");
                let place = place.below(key, alone);
                for (name, member) in named.iter_mut() {
                    within(member, &path.key(name), place, differences);
                }
            }
            _ => {}
        }
    }
}

/// Translates keywords of older drafts and of OpenAPI into those that mean the same.
fn drafts(members: &mut Map<String, Value>) {
    for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if let Some(&Value::Bool(excludes)) = members.get(exclusive) {
            members.remove(exclusive);
            if let Some(number) = members.remove(bound) {
                members.insert(if excludes { exclusive } else { bound }.to_owned(), number);
            }
        }
    }
    if members.get("items").is_some_and(Value::is_array)
        && let Some(items) = members.remove("items")
    {
        members.insert("prefixItems".to_owned(), items);
        if let Some(rest) = members.remove("additionalItems") {
            members.insert("items".to_owned(), rest);
        }
    }
    // Without a list in `items` it means nothing.
    members.remove("additionalItems");
    if let Some(Value::Bool(nullable)) = members.get("nullable") {
        let nullable = *nullable;
        members.remove("nullable");
        if let Some(Value::String(name)) = members.get("type").filter(|_| nullable) {
            members.insert("type".to_owned(), json!([name, "null"]));
        }
    }
    let lists = members.get("dependencies").and_then(Value::as_object);
    if lists.is_some_and(|named| named.values().all(Value::is_array))
        && let Some(lists) = members.remove("dependencies")
    {
        members.insert("dependentRequired".to_owned(), lists);
    }
}

/// Adds the type that all keywords of a schema are about. Without it, `minimum` lets every text pass.
fn add_type(members: &mut Map<String, Value>, path: &Path, differences: &mut Vec<Difference>) {
    if SAY_TYPE.iter().any(|key| members.contains_key(*key)) {
        return;
    }
    let has = |values| keywords::that_restrict(values).any(|key| members.contains_key(key));
    let mut about = TYPES.iter().filter(|(_, values)| has(*values)).map(|(name, _)| *name);
    if let (Some(name), None) = (about.next(), about.next()) {
        members.insert("type".to_owned(), name.into());
        let what =
            format!("added: `\"type\": \"{name}\"`, because the other keywords are about this type only");
        differences.push(Difference { path: path.key("type").to_string(), what });
    }
}
