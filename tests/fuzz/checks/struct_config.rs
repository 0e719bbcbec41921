//! The wire form of `google.protobuf.Struct`, in which Envoy passes on a configuration in YAML: any bytes are a document or a
//! fault; and a JSON object comes out of its wire form with the same meaning.

use mcp_policy_engine::document::{Faults, structured};
use mcp_policy_engine::json;
use mcp_policy_engine::policy::Policy;
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::Value;

use crate::{document, normal};

/// Checks one input: a JSON object, or the wire form of a Struct.
pub fn check(bytes: &[u8]) {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(object @ Value::Object(_)) => {
            let Some(Kind::StructValue(object)) = wire(&object).kind else { return };
            let bytes = object.encode_to_vec();
            same(&object, &bytes);
            document::check(&bytes);
        }
        Ok(_) => {}
        Err(_) => {
            let decoded = Struct::decode(bytes);
            match (&decoded, structured::to_json(bytes, &mut Faults::default())) {
                (Ok(object), Ok(_)) => same(object, bytes),
                (Err(_), Err(_)) => {
                    assert!(Policy::from_bytes(bytes).is_err(), "it loads, and is no document")
                }
                (decoded, read) => panic!("{decoded:?}, but read as {read:?}"),
            }
            document::check(bytes);
        }
    }
}

/// Asserts that the wire form of an object reads as the object.
fn same(object: &Struct, bytes: &[u8]) {
    let mut faults = Faults::default();
    let Ok(text) = structured::to_json(bytes, &mut faults) else { return };
    assert_eq!(text, structured::write(object, &mut Faults::default()));
    let document = json::read(text.as_bytes()).unwrap_or_else(|malformed| panic!("{malformed}: {text}"));
    if faults.is_empty() && document.defect().is_none() {
        let mut expected = String::new();
        write(&mut expected, &Kind::StructValue(object.clone()));
        let expected = json::read(expected.as_bytes()).expect("JSON");
        assert_eq!(normal::own(document.root()), normal::own(expected.root()));
    }
}

/// Writes a value as JSON by means of `serde_json`.
fn write(out: &mut String, kind: &Kind) {
    let text = match kind {
        Kind::NullValue(_) => Value::Null.to_string(),
        Kind::BoolValue(bool) => bool.to_string(),
        Kind::NumberValue(number) => format!("{number:?}"),
        Kind::StringValue(text) => Value::from(text.as_str()).to_string(),
        Kind::ListValue(list) => {
            let elements: Vec<_> = list.values.iter().map(of_value).collect();
            format!("[{}]", elements.join(","))
        }
        Kind::StructValue(object) => {
            let member = |(key, value): (&String, &prost_types::Value)| {
                format!("{}:{}", Value::from(key.as_str()), of_value(value))
            };
            format!("{{{}}}", object.fields.iter().map(member).collect::<Vec<_>>().join(","))
        }
    };
    out.push_str(&text);
}

fn of_value(value: &prost_types::Value) -> String {
    let mut out = String::new();
    write(&mut out, value.kind.as_ref().unwrap_or(&Kind::NullValue(0)));
    out
}

/// Converts a JSON value to a `google.protobuf.Value`, as Envoy does.
fn wire(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(bool) => Kind::BoolValue(*bool),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(list) => Kind::ListValue(ListValue { values: list.iter().map(wire).collect() }),
        Value::Object(map) => {
            let fields = map.iter().map(|(key, value)| (key.clone(), wire(value))).collect();
            Kind::StructValue(Struct { fields })
        }
    };
    prost_types::Value { kind: Some(kind) }
}
