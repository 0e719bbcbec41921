//! Converts documents between JSON and the Struct that Envoy passes on.

use mcp_policy_engine::json::quote;
use prost::Message as _;
use prost_types::value::Kind as Wire;
use prost_types::{ListValue, Struct};

/// Writes a document as JSON, with numbers and strings as a Struct has them.
pub fn text(value: &serde_json::Value) -> String {
    use serde_json::Value;
    let string = |text: &str| {
        let mut out = String::new();
        quote(&mut out, text);
        out
    };
    match value {
        Value::Number(number) => number.as_f64().unwrap().to_string(),
        Value::String(inner) => string(inner),
        Value::Array(list) => format!("[{}]", list.iter().map(text).collect::<Vec<_>>().join(",")),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}:{}", string(key), text(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Value::Null | Value::Bool(_) => value.to_string(),
    }
}

/// Converts a JSON value to a `google.protobuf.Value`, as Envoy does with YAML.
fn wire(value: &serde_json::Value) -> prost_types::Value {
    use serde_json::Value;
    let kind = match value {
        Value::Null => Wire::NullValue(0),
        Value::Bool(bool) => Wire::BoolValue(*bool),
        Value::Number(number) => Wire::NumberValue(number.as_f64().unwrap()),
        Value::String(text) => Wire::StringValue(text.clone()),
        Value::Array(list) => Wire::ListValue(ListValue { values: list.iter().map(wire).collect() }),
        Value::Object(map) => Wire::StructValue(Struct {
            fields: map.iter().map(|(key, value)| (key.clone(), wire(value))).collect(),
        }),
    };
    prost_types::Value { kind: Some(kind) }
}

/// Encodes an object as the bytes that Envoy hands over for a Struct.
pub fn structured(document: &serde_json::Value) -> Vec<u8> {
    match wire(document).kind {
        Some(Wire::StructValue(object)) => object.encode_to_vec(),
        _ => panic!("{document} is not an object"),
    }
}

/// Converts numbers as Envoy does when it reads YAML: only 32-bit integers remain numbers.
pub fn as_from_yaml(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Number(number) => {
            let integer = number.as_f64().filter(|number| number.fract() == 0.0);
            let small = integer.filter(|number| (-2_147_483_648.0..=2_147_483_647.0).contains(number));
            small.map_or_else(|| text(value).into(), |_| value.clone())
        }
        Value::Array(list) => list.iter().map(as_from_yaml).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), as_from_yaml(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// Tells whether a document has a string that could have been a number in YAML, or a boolean that could have
/// been a word.
pub fn changes_in_yaml(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::String(text) => text.parse::<f64>().is_ok(),
        Value::Array(list) => {
            let mixed = list.iter().any(Value::is_boolean) && list.iter().any(Value::is_string);
            mixed || list.iter().any(changes_in_yaml)
        }
        Value::Object(map) => map.iter().any(|(key, value)| key != "version" && changes_in_yaml(value)),
        _ => false,
    }
}
