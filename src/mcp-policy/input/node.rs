//! Values of a file with their places, whatever the file's language.

use std::collections::HashSet;
use std::ops::Range;

use mcp_policy_engine::json::{self, Kind};

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
    Object(Vec<(String, Range<usize>, Node)>),
}

impl Node {
    /// Reads a JSON text; `None` if it is malformed.
    pub fn of_json(text: &str) -> Option<Self> {
        let document = json::read(text.as_bytes()).ok()?;
        Some(Self::of_value(document.root()))
    }

    /// Copies a value of a JSON document.
    pub fn of_value(value: json::Value<'_>) -> Self {
        let held = match value.kind() {
            Kind::Null => Value::Null,
            Kind::Bool(flag) => Value::Bool(flag),
            Kind::Number => Value::Number(value.raw().to_owned()),
            Kind::String { .. } => Value::Text(value.string().unwrap_or_default().into_owned()),
            Kind::Array => Value::List(value.elements().map(Self::of_value).collect()),
            Kind::Object => {
                let member = |(key, value): (json::Value<'_>, json::Value<'_>)| {
                    (key.string().unwrap_or_default().into_owned(), key.span(), Self::of_value(value))
                };
                Value::Object(value.keyed().map(member).collect())
            }
        };
        Self { span: value.span(), value: held }
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
                for (key, value) in members {
                    held.push((key_text(key)?, key.span.clone(), Self::of_yaml(value, schema)?));
                }
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

    /// Returns the member of an object with this key; the first one if there are two.
    pub fn member(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Object(members) => members.iter().find(|(name, ..)| name == key).map(|(.., value)| value),
            _ => None,
        }
    }

    /// Returns the text of a string.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

fn key_text(key: &Yaml) -> Result<String, Malformed> {
    match &key.kind {
        yaml::Kind::Scalar { text, .. } => Ok(text.clone()),
        yaml::Kind::List(_) | yaml::Kind::Object(_) => {
            Err(Malformed::new(key.span.clone(), "a key must be a string, not a list or an object"))
        }
    }
}
