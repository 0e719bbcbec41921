//! Writes claims as Envoy returns a stream's dynamic metadata: `envoy.config.core.v3.Metadata` in wire format.

use serde_json::Value;

/// Where Envoy's `jwt_authn` stores the payload of a token.
const FILTER: &str = "envoy.filters.http.jwt_authn";

/// The key under which the policies of the worst requests look for it.
pub const PAYLOAD: &str = "claims";

/// Returns the metadata of a stream whose token has these claims.
pub fn metadata(claims: &Value) -> Vec<u8> {
    // A map is a list of entries, each with a key and a value.
    let payload = field(1, &entry(PAYLOAD, &value(claims)));
    field(1, &entry(FILTER, &payload))
}

fn entry(key: &str, value: &[u8]) -> Vec<u8> {
    [field(1, key.as_bytes()), field(2, value)].concat()
}

/// Writes a `google.protobuf.Value`.
fn value(json: &Value) -> Vec<u8> {
    match json {
        Value::Null => vec![1 << 3, 0],
        Value::Number(number) => {
            let number = number.as_f64().expect("the claims have ordinary numbers");
            [&[2 << 3 | 1][..], &number.to_le_bytes()].concat()
        }
        Value::String(text) => field(3, text.as_bytes()),
        Value::Bool(flag) => vec![4 << 3, u8::from(*flag)],
        Value::Object(members) => {
            let members = members.iter().map(|(key, json)| field(1, &entry(key, &value(json))));
            field(5, &members.collect::<Vec<_>>().concat())
        }
        Value::Array(elements) => {
            let elements = elements.iter().map(|json| field(1, &value(json)));
            field(6, &elements.collect::<Vec<_>>().concat())
        }
    }
}

/// Writes a field whose content has a length.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut written = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        written.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    written.push(length as u8);
    written.extend(content);
    written
}
