//! Translates a schema into the draft that the filter reads, without annotations.

use mcp_policy_engine::document::Path;
use serde_json::{Map, Value, json};

use super::{Difference, anchors};

/// Keywords that restrict nothing.
const ANNOTATIONS: [&str; 16] = [
    "$comment",
    "$schema",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "deprecated",
    "description",
    "discriminator",
    "example",
    "examples",
    "format",
    "readOnly",
    "title",
    "writeOnly",
    "$id",
];

/// The annotation that the filter does read: a header repeats the argument.
const MIRRORED: &str = "x-mcp-header";

/// Keywords whose value is one schema.
pub const ONE: [&str; 9] = [
    "items",
    "additionalProperties",
    "propertyNames",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "unevaluatedProperties",
];
/// Keywords whose value is a list of schemas.
pub const LISTED: [&str; 4] = ["anyOf", "oneOf", "allOf", "prefixItems"];
/// Keywords whose value is an object of schemas by name.
pub const NAMED: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// Keywords below which a schema that fits less may let the whole fit more. A reference can lead from there into `$defs`.
pub const TURNS: [&str; 6] = ["not", "if", "oneOf", "contains", "$defs", "definitions"];

/// Keywords that mean something for values of one type only.
const OF_TYPE: [(&str, &[&str]); 4] = [
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ("string", &["minLength", "maxLength", "pattern"]),
    ("array", &["items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"]),
    (
        "object",
        &[
            "properties",
            "required",
            "additionalProperties",
            "minProperties",
            "maxProperties",
            "patternProperties",
        ],
    ),
];

/// Keywords beside which the type may be said elsewhere.
const SAY_TYPE: [&str; 10] =
    ["type", "$ref", "enum", "const", "anyOf", "oneOf", "allOf", "not", "if", "then"];

/// Translates a whole schema.
pub fn translate(schema: &mut Value, differences: &mut Vec<Difference>) {
    within(schema, &Path::default(), Place::Beside, differences);
}

/// Where a schema stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It alone describes a value
    Alone,
    /// It is one of several that describe a value
    Beside,
    /// A keyword around it turns its meaning: if it fits less, the whole may fit more
    Turned,
}

impl Place {
    /// Returns where a schema stands that stands there under a keyword of this one.
    fn of(self, key: &str, alone: bool) -> Self {
        match self {
            Self::Turned => Self::Turned,
            _ if TURNS.contains(&key) => Self::Turned,
            _ if alone => Self::Alone,
            _ => Self::Beside,
        }
    }
}

/// Translates a schema that stands there.
fn within(schema: &mut Value, path: &Path, place: Place, differences: &mut Vec<Difference>) {
    let Value::Object(members) = schema else { return };
    members
        .retain(|key, _| !ANNOTATIONS.contains(&key.as_str()) && (!key.starts_with("x-") || key == MIRRORED));
    drafts(members);
    if let Some(Value::String(pattern)) = members.get_mut("pattern")
        && let Some(anchored) = anchors::anchored(pattern)
    {
        *pattern = anchored;
        let what =
            "written with anchors: it means the same, and shows that anything may stand around a match";
        differences.push(Difference { path: path.key("pattern").to_string(), what: what.to_owned() });
    }
    if place == Place::Alone {
        add_type(members, path, differences);
    }
    for (key, value) in members.iter_mut() {
        let path = path.key(key);
        match (key.as_str(), value) {
            (key, value) if ONE.contains(&key) => {
                let alone = matches!(key, "items" | "additionalProperties");
                within(value, &path, place.of(key, alone), differences);
            }
            (key, Value::Array(elements)) if LISTED.contains(&key) => {
                for (index, element) in elements.iter_mut().enumerate() {
                    within(element, &path.index(index), place.of(key, key == "prefixItems"), differences);
                }
            }
            (key, Value::Object(named)) if NAMED.contains(&key) => {
                let place = place.of(key, matches!(key, "properties" | "patternProperties"));
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
    let has = |keys: &[&str]| keys.iter().any(|key| members.contains_key(*key));
    let mut about = OF_TYPE.iter().filter(|(_, keys)| has(keys)).map(|(name, _)| *name);
    if let (Some(name), None) = (about.next(), about.next()) {
        members.insert("type".to_owned(), name.into());
        let what =
            format!("added: `\"type\": \"{name}\"`, because the other keywords are about this type only");
        differences.push(Difference { path: path.key("type").to_string(), what });
    }
}
