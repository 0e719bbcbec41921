//! Verified tokens in the form in which Envoy passes them to a filter.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use serde_json::Map;

/// `envoy.config.core.v3.Metadata`.
#[derive(Message)]
struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: BTreeMap<String, Struct>,
}

/// Returns a stream's metadata in which `jwt_authn` has stored these payloads.
pub fn metadata(tokens: &Map<String, serde_json::Value>) -> Vec<u8> {
    let stored = ("envoy.filters.http.jwt_authn".to_owned(), object(tokens));
    Metadata { filter_metadata: BTreeMap::from([stored]) }.encode_to_vec()
}

fn object(members: &Map<String, serde_json::Value>) -> Struct {
    Struct { fields: members.iter().map(|(key, member)| (key.clone(), value(member))).collect() }
}

fn value(json: &serde_json::Value) -> Value {
    let kind = match json {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(flag) => Kind::BoolValue(*flag),
        serde_json::Value::Number(number) => Kind::NumberValue(number.as_f64().expect("a double")),
        serde_json::Value::String(text) => Kind::StringValue(text.clone()),
        serde_json::Value::Array(values) => {
            Kind::ListValue(ListValue { values: values.iter().map(value).collect() })
        }
        serde_json::Value::Object(members) => Kind::StructValue(object(members)),
    };
    Value { kind: Some(kind) }
}
