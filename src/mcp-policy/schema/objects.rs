//! The objects of a policy, as schemas.

use mcp_policy_engine::document::{Absent, Holds, Key, Note, Object};
use mcp_policy_engine::policy::keys;
use serde_json::{Map, Value, json};

use super::{beyond, takes};

/// The names of the objects' definitions.
const NAMES: [(&Object, &str); 18] = [
    (&keys::DOCUMENT, "policy"),
    (&keys::AUDIT, "audit"),
    (&keys::COUNTERS, "counters"),
    (&keys::APPROVALS, "approvals"),
    (&keys::SHARED_LIMITS, "shared_limits"),
    (&keys::RULE, "rule"),
    (&keys::LIMIT, "limit"),
    (&keys::RATE_LIMIT, "rate_limit"),
    (&keys::CONDITION, "condition"),
    (&keys::GROUP, "group"),
    (&keys::OPERAND, "operand"),
    (&keys::SOURCE, "source"),
    (&keys::JWT, "jwt"),
    (&keys::API_KEY, "api_key"),
    (&keys::HEADER, "header"),
    (&keys::UNAUTHENTICATED, "unauthenticated"),
    (&keys::GRANT, "grant"),
    (&keys::MATCH, "match"),
];

/// Returns the name of an object's definition. A test holds that every object has one of its own.
pub fn name(object: &Object) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == object).map_or("other", |(_, name)| name)
}

/// Returns the reference to an object's definition.
pub fn reference(object: &Object) -> String {
    format!("#/$defs/{}", name(object))
}

/// Returns the schema of an object.
pub fn schema(object: &Object, notes: &[Note]) -> Value {
    let properties: Map<String, Value> = object
        .keys
        .iter()
        .zip(notes)
        .map(|(key, note)| (key.name.to_owned(), described(takes::schema(key.takes), key, note)))
        .collect();
    let required: Vec<&str> = object.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if let Value::Object(schema) = &mut schema {
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        let rules: Vec<Value> = holds(object).into_iter().chain(beyond::rules(object)).collect();
        if !rules.is_empty() {
            schema.insert("allOf".to_owned(), json!(rules));
        }
    }
    schema
}

/// Returns what says how many keys the object must have. The words for the object name the keys that count.
fn holds(object: &Object) -> Option<Value> {
    let keyword = match object.holds {
        Holds::Any => return None,
        Holds::Some => "anyOf",
        Holds::One => "oneOf",
    };
    let counted = object.expected.split('`').skip(1).step_by(2);
    let alternatives: Vec<Value> = counted.map(|key| json!({ "required": [key] })).collect();
    Some(json!({ keyword: alternatives }))
}

/// Adds the description of a key: VS Code shows `markdownDescription`, other editors `description`.
fn described(mut schema: Value, key: &Key, note: &Note) -> Value {
    let Value::Object(members) = &mut schema else { return schema };
    let without = match note.absent {
        Absent::Refused => "Required.".to_owned(),
        Absent::Nothing => "Optional.".to_owned(),
        Absent::As(value) => {
            if let Ok(value) = serde_json::from_str(value) {
                members.insert("default".to_owned(), value);
            }
            format!("Without it: `{value}`.")
        }
        Absent::Means(words) => format!("Without it: {words}."),
    };
    let mut meaning = note.meaning.chars();
    let first: String = meaning.next().into_iter().flat_map(char::to_uppercase).collect();
    let text = format!("{first}{}.\n\nTakes {}. {without}", meaning.as_str(), key.takes);
    members.insert("title".to_owned(), json!(key.name));
    members.insert("description".to_owned(), json!(text));
    members.insert("markdownDescription".to_owned(), json!(text));
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_of_a_policy_has_a_definition_of_its_own() {
        let mut names: Vec<&str> = keys::OBJECTS.iter().map(|(object, _)| name(object)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), keys::OBJECTS.len());
        assert!(!names.contains(&"other"));
    }
}
