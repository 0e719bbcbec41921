//! One text for all JSON texts that mean the same, whichever reader reads them. It is no check of its own.
//!
//! Numbers are written as doubles (some readers have no others, and minus zero is zero), strings in hexadecimal, and the
//! members of an object are sorted. `readers/` writes the same in other languages.

use mcp_policy_engine::json::{Kind, Value};

use crate::oracle::Tree;

/// Writes what the engine has read.
pub fn own(value: Value<'_>) -> String {
    match value.kind() {
        Kind::Null => "n".to_owned(),
        Kind::Bool(bool) => word(bool),
        Kind::Number => number(value.raw().parse().expect("a number")),
        Kind::String { .. } => string(&value.string().expect("a string")),
        Kind::Array => array(value.elements().map(own)),
        Kind::Object => object(value.entries().map(|(key, value)| (string(&key), own(value)))),
    }
}

/// Writes what a reader with a deserializer has read.
pub fn tree(tree: &Tree) -> String {
    match tree {
        Tree::Null => "n".to_owned(),
        Tree::Bool(bool) => word(*bool),
        Tree::Integer(integer) => number(*integer as f64),
        Tree::Float(float) => number(*float),
        Tree::Text(text) => string(text),
        Tree::Array(elements) => array(elements.iter().map(self::tree)),
        Tree::Object(entries) => object(entries.iter().map(|(key, value)| (string(key), self::tree(value)))),
    }
}

/// Writes what pydantic's reader has read.
pub fn jiter(value: &jiter::JsonValue<'_>) -> String {
    use jiter::JsonValue;
    match value {
        JsonValue::Null => "n".to_owned(),
        JsonValue::Bool(bool) => word(*bool),
        JsonValue::Int(int) => number(*int as f64),
        JsonValue::BigInt(int) => number(int.to_string().parse().expect("a number")),
        JsonValue::Float(float) => number(*float),
        JsonValue::Str(text) => string(text),
        JsonValue::Array(elements) => array(elements.iter().map(jiter)),
        JsonValue::Object(entries) => object(entries.iter().map(|(key, value)| (string(key), jiter(value)))),
    }
}

fn word(bool: bool) -> String {
    if bool { "t" } else { "f" }.to_owned()
}

fn number(number: f64) -> String {
    let number = if number == 0.0 { 0.0 } else { number };
    format!("#{:016x}", number.to_bits())
}

fn string(text: &str) -> String {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

fn array(elements: impl Iterator<Item = String>) -> String {
    format!("[{}]", elements.collect::<Vec<_>>().join(","))
}

fn object(entries: impl Iterator<Item = (String, String)>) -> String {
    let mut entries: Vec<_> = entries.map(|(key, value)| format!("{key}:{value}")).collect();
    entries.sort();
    format!("{{{}}}", entries.join(","))
}
