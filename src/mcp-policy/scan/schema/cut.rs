//! Cuts a part out of a schema so that the schema becomes wider.

use mcp_policy_engine::document::Path;
use serde_json::{Map, Value};

use super::translate::form;
use crate::keywords::Form;

/// What happened below a part.
enum Cut {
    /// The part is not there
    NotThere,
    /// It was cut, at this path
    Done(String),
    /// It cannot be cut alone: what holds it must go
    Above,
}

/// Keywords below which a wider schema allows less.
const TURNS: [&str; 4] = ["not", "if", "oneOf", "contains"];

/// Cuts the part at a path. Returns the path of what was cut; `None` if there is no such part, or if nothing would be
/// left.
pub fn cut(schema: &mut Value, path: &str) -> Option<String> {
    match below(schema, &Path::default(), path) {
        Cut::Done(path) => Some(path),
        Cut::NotThere | Cut::Above => None,
    }
}

fn below(schema: &mut Value, at: &Path, wanted: &str) -> Cut {
    let Value::Object(members) = schema else { return Cut::Above };
    let keys: Vec<String> = members.keys().cloned().collect();
    for key in keys {
        let path = at.key(&key);
        let text = path.to_string();
        let Some(value) = members.get_mut(&key).filter(|_| is_at_or_below(wanted, &text)) else { continue };
        let found = if wanted == text { Cut::Above } else { of_keyword(&key, value, &path, wanted) };
        return match found {
            // To leave out a keyword here would make the schema narrower in the end.
            Cut::Done(_) if TURNS.contains(&key.as_str()) => remove(members, &key, text),
            Cut::Above => remove(members, &key, text),
            found => found,
        };
    }
    Cut::NotThere
}

fn of_keyword(key: &str, value: &mut Value, path: &Path, wanted: &str) -> Cut {
    match (form(key), value) {
        (Some(Form::Schemas), Value::Array(elements)) => {
            for (index, element) in elements.iter_mut().enumerate() {
                let path = path.index(index);
                if is_at_or_below(wanted, &path.to_string()) {
                    return widen(element, &path, wanted);
                }
            }
            Cut::Above
        }
        (Some(Form::SchemasByName), Value::Object(named)) => {
            for (name, member) in named.iter_mut() {
                let path = path.key(name);
                if is_at_or_below(wanted, &path.to_string()) {
                    return widen(member, &path, wanted);
                }
            }
            Cut::Above
        }
        (Some(Form::Schema), value) => below(value, path, wanted),
        _ => Cut::Above,
    }
}

/// Cuts within a schema that must stay in its place, or makes it allow everything.
fn widen(schema: &mut Value, at: &Path, wanted: &str) -> Cut {
    let found = if wanted == at.to_string() { Cut::Above } else { below(schema, at, wanted) };
    match found {
        Cut::Above => {
            *schema = Value::Object(Map::new());
            Cut::Done(at.to_string())
        }
        found => found,
    }
}

fn remove(members: &mut Map<String, Value>, key: &str, path: String) -> Cut {
    members.remove(key);
    let depends: &[&str] = match key {
        "if" => &["then", "else"],
        "contains" => &["minContains", "maxContains"],
        _ => &[],
    };
    for key in depends {
        members.remove(*key);
    }
    Cut::Done(path)
}

/// Returns whether a path names this part or one within it.
fn is_at_or_below(path: &str, part: &str) -> bool {
    path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
