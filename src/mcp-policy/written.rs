//! JSON that is written: its members keep their order.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::input::{Node, Value};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number
    Number(serde_json::Number),
    /// A string
    Text(String),
    /// A list
    List(Vec<Json>),
    /// An object. The keys are different
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Makes a string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Makes an object.
    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// Copies a value of a file. A number that would change on its way becomes a string, which no number equals.
    pub fn of_node(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(text) => number(text).map_or_else(|| Self::text(text), Self::Number),
            Value::Text(text) => Self::text(text),
            Value::List(elements) => Self::List(elements.iter().map(Self::of_node).collect()),
            Value::Object(members) => {
                let members = members.iter().map(|(key, _, value)| (key.clone(), Self::of_node(value)));
                Self::Object(members.collect())
            }
        }
    }

    /// Copies a value; its members are in the order of their names.
    pub fn of_value(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Bool(*flag),
            serde_json::Value::Number(number) => Self::Number(number.clone()),
            serde_json::Value::String(text) => Self::text(text),
            serde_json::Value::Array(elements) => Self::List(elements.iter().map(Self::of_value).collect()),
            serde_json::Value::Object(members) => {
                let members = members.iter().map(|(key, value)| (key.clone(), Self::of_value(value)));
                Self::Object(members.collect())
            }
        }
    }

    /// Writes the value with indentation, as text for people.
    pub fn pretty(&self) -> String {
        // Text and numbers can always be written.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Writes the value in one line.
    pub fn compact(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Reads a number, unless it is one that a double changes: a double holds 15 digits.
fn number(text: &str) -> Option<serde_json::Number> {
    let number: serde_json::Number = text.parse().ok()?;
    let (mantissa, _) = text.split_once(['e', 'E']).unwrap_or((text, ""));
    let digits = mantissa.chars().filter(char::is_ascii_digit).skip_while(|digit| *digit == '0').count();
    (!number.is_f64() || digits <= 15).then_some(number)
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(elements) => elements.serialize(serializer),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_copied_only_as_itself() {
        for (text, expected) in [
            ("1", "1"),
            ("-9007199254740993", "-9007199254740993"),
            ("0.000001", "1e-6"),
            ("25.10", "25.1"),
            ("18446744073709551616", "\"18446744073709551616\""),
            ("0.1234567890123456789", "\"0.1234567890123456789\""),
            ("1e999", "\"1e999\""),
        ] {
            assert_eq!(
                Json::of_node(&Node { span: 0..0, value: Value::Number(text.to_owned()) }).compact(),
                expected
            );
        }
    }
}
