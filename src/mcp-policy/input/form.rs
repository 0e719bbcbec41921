//! The forms in which a policy of a configuration reaches the filter.

use std::fmt::Write as _;

use mcp_policy_engine::json;
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{ListValue, NullValue, Struct};

use super::node::{Node, Value};

/// Returns the wire form of an object as a `google.protobuf.Struct`; of another value, an empty one.
pub fn structure(node: &Node) -> Vec<u8> {
    match kind(node) {
        Kind::StructValue(object) => object.encode_to_vec(),
        _ => Vec::new(),
    }
}

fn kind(node: &Node) -> Kind {
    let value = |node: &Node| prost_types::Value { kind: Some(kind(node)) };
    match &node.value {
        Value::Null => Kind::NullValue(NullValue::NullValue.into()),
        Value::Bool(flag) => Kind::BoolValue(*flag),
        // A Struct holds doubles.
        Value::Number(text) => Kind::NumberValue(text.parse().unwrap_or(f64::NAN)),
        Value::Text(text) => Kind::StringValue(text.clone()),
        Value::List(elements) => Kind::ListValue(ListValue { values: elements.iter().map(value).collect() }),
        Value::Object(members) => {
            let fields = members.iter().map(|(key, _, member)| (key.clone(), value(member))).collect();
            Kind::StructValue(Struct { fields })
        }
    }
}

/// Writes a value as JSON text.
pub fn json(node: &Node) -> String {
    let mut out = String::new();
    write(&mut out, node);
    out
}

fn write(out: &mut String, node: &Node) {
    match &node.value {
        Value::Null => out.push_str("null"),
        // Writing to a String cannot fail.
        Value::Bool(flag) => drop(write!(out, "{flag}")),
        Value::Number(text) => out.push_str(text),
        Value::Text(text) => json::quote(out, text),
        Value::List(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(out, element);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (key, _, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                json::quote(out, key);
                out.push(':');
                write(out, member);
            }
            out.push('}');
        }
    }
}
