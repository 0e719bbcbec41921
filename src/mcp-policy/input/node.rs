//! Values of a file with their places, whatever the file's language.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use mcp_policy_engine::json::{self, Kind};

use super::form;
use super::scalar::Schema;
use super::yaml::{self, Malformed, Yaml};

/// A value and its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its bytes in the file
    pub span: Range<usize>,
    /// What it is
    pub value: Value,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as its text
    Number(String),
    /// A string
    Text(String),
    /// A list
    List(Vec<Node>),
    /// An object: its members in their order, with the places of their keys. A key can stand twice
    Object(Vec<Member>),
}

/// A member of an object: its key, the key's place, and its value.
pub type Member = (String, Range<usize>, Node);

impl Node {
    /// Reads a JSON text; `None` if it is malformed, or nests deeper than the engine reads.
    pub fn of_json(text: &str) -> Option<Self> {
        let document = json::read(text.as_bytes()).ok()?;
        Self::of_value(document.root())
    }

    /// Copies a value of a JSON document; `None` if it nests deeper than the engine reads.
    pub fn of_value(value: json::Value<'_>) -> Option<Self> {
        // The functions that walk the tree recurse, so its depth must be bounded.
        Self::within(value, json::MAX_DEPTH)
    }

    fn within(value: json::Value<'_>, levels: usize) -> Option<Self> {
        let held = match value.kind() {
            Kind::Null => Value::Null,
            Kind::Bool(flag) => Value::Bool(flag),
            Kind::Number => Value::Number(value.raw().to_owned()),
            Kind::String { .. } => Value::Text(value.string().unwrap_or_default().into_owned()),
            Kind::Array => {
                let below = levels.checked_sub(1)?;
                Value::List(
                    value.elements().map(|element| Self::within(element, below)).collect::<Option<_>>()?,
                )
            }
            Kind::Object => {
                let below = levels.checked_sub(1)?;
                let member = |(key, value): (json::Value<'_>, json::Value<'_>)| {
                    Some((
                        key.string().unwrap_or_default().into_owned(),
                        key.span(),
                        Self::within(value, below)?,
                    ))
                };
                Value::Object(value.keyed().map(member).collect::<Option<_>>()?)
            }
        };
        Some(Self { span: value.span(), value: held })
    }

    /// Makes the value of a YAML value, with the scalars as this schema has them.
    ///
    /// # Errors
    /// A key that is no scalar, or a scalar that the schema refuses.
    pub fn of_yaml(yaml: &Yaml, schema: Schema) -> Result<Self, Malformed> {
        let value = match &yaml.kind {
            yaml::Kind::Scalar { text, plain } => schema
                .resolve(text, *plain, yaml.tag.as_deref())
                .map_err(|wrong| Malformed::new(yaml.span.clone(), wrong))?,
            yaml::Kind::List(elements) => Value::List(
                elements.iter().map(|element| Self::of_yaml(element, schema)).collect::<Result<_, _>>()?,
            ),
            yaml::Kind::Object(members) => {
                let mut held = Vec::with_capacity(members.len());
                let mut merged = Vec::new();
                for (key, value) in members {
                    match (schema, key.tag.as_deref(), key_text(key)?) {
                        (Schema::Envoy, Some("!ignore"), _) => {}
                        (Schema::Kubernetes, None, name) if name == "<<" && is_plain(key) => {
                            merged.push(Self::of_yaml(value, schema)?);
                        }
                        (_, _, name) => held.push((name, key.span.clone(), Self::of_yaml(value, schema)?)),
                    }
                }
                merged.into_iter().for_each(|source| merge(&mut held, source));
                Value::Object(held)
            }
        };
        Ok(Self { span: yaml.span.clone(), value })
    }

    /// Returns the first key that stands twice in one object, and the place of the second.
    pub fn repeated_key(&self) -> Option<(&str, Range<usize>)> {
        match &self.value {
            Value::List(elements) => elements.iter().find_map(Self::repeated_key),
            Value::Object(members) => {
                let mut seen = HashSet::new();
                members.iter().find_map(|(key, place, value)| {
                    let repeated = !seen.insert(key.as_str());
                    if repeated { Some((key.as_str(), place.clone())) } else { value.repeated_key() }
                })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => None,
        }
    }

    /// Keeps the last of the members of an object that have the same key, as readers of YAML do. Returns the keys of
    /// the others and their places.
    pub fn drop_repeated_keys(&mut self) -> Vec<(String, Range<usize>)> {
        let mut dropped = Vec::new();
        self.drop_repeated(&mut dropped);
        dropped
    }

    fn drop_repeated(&mut self, dropped: &mut Vec<(String, Range<usize>)>) {
        match &mut self.value {
            Value::List(elements) => elements.iter_mut().for_each(|element| element.drop_repeated(dropped)),
            Value::Object(members) => {
                let mut last: HashMap<String, usize> = HashMap::new();
                last.extend(members.iter().enumerate().map(|(index, (key, ..))| (key.clone(), index)));
                let mut index: usize = 0;
                members.retain(|(key, place, _)| {
                    let is_last = last.get(key) == Some(&index);
                    index = index.saturating_add(1);
                    if !is_last {
                        dropped.push((key.clone(), place.clone()));
                    }
                    is_last
                });
                members.iter_mut().for_each(|(.., value)| value.drop_repeated(dropped));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }

    /// Returns the member of an object with this key; the first one if there are two.
    pub fn member(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Object(members) => members.iter().find(|(name, ..)| name == key).map(|(.., value)| value),
            _ => None,
        }
    }

    /// Writes the value as JSON text.
    pub fn json(&self) -> String {
        form::json(self)
    }

    /// Returns the text of a string.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Adds the members of an object, or of a list of objects, that are not there yet: YAML 1.1's merge key.
fn merge(held: &mut Vec<Member>, source: Node) {
    match source.value {
        Value::List(sources) => sources.into_iter().for_each(|source| merge(held, source)),
        Value::Object(members) => {
            for (key, place, value) in members {
                if !held.iter().any(|(name, ..)| *name == key) {
                    held.push((key, place, value));
                }
            }
        }
        _ => {}
    }
}

fn is_plain(key: &Yaml) -> bool {
    matches!(key.kind, yaml::Kind::Scalar { plain: true, .. })
}

fn key_text(key: &Yaml) -> Result<String, Malformed> {
    match &key.kind {
        // The key of `: x` and of `~: x`.
        yaml::Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~") => {
            Ok("null".to_owned())
        }
        yaml::Kind::Scalar { text, .. } => Ok(text.clone()),
        yaml::Kind::List(_) | yaml::Kind::Object(_) => {
            Err(Malformed::new(key.span.clone(), "a key must be a string, not a list or an object"))
        }
    }
}
