//! Values of a file with their places, whatever the file's language.

use std::ops::Range;

use mcp_policy_engine::json::{self, Kind};

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
        Some(of_value(document.root()))
    }
}

fn of_value(value: json::Value<'_>) -> Node {
    let held = match value.kind() {
        Kind::Null => Value::Null,
        Kind::Bool(flag) => Value::Bool(flag),
        Kind::Number => Value::Number(value.raw().to_owned()),
        Kind::String { .. } => Value::Text(value.string().unwrap_or_default().into_owned()),
        Kind::Array => Value::List(value.elements().map(of_value).collect()),
        Kind::Object => {
            let key = |member: (json::Value<'_>, json::Value<'_>)| {
                let (key, value) = member;
                (key.string().unwrap_or_default().into_owned(), key.span(), of_value(value))
            };
            Value::Object(value.keyed().map(key).collect())
        }
    };
    Node { span: value.span(), value: held }
}
