//! What a proxy has verified about a caller.

use std::cell::Cell;
use std::collections::BTreeMap;

use mcp_policy_engine::document::{Faults, structured};
use mcp_policy_engine::identity::Credentials;
use mcp_policy_engine::json::{self, Kind, Value};
use mcp_policy_engine::policy::Certificate;
use prost_types::value::Kind as InStruct;
use prost_types::{ListValue, Struct};

/// What the proxy has verified about a caller.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The payloads of verified tokens as JSON, by namespace and key of the metadata
    pub tokens: BTreeMap<(String, String), String>,
    /// The certificate's first URI
    pub uri_san: Option<String>,
    /// The certificate's first DNS name
    pub dns_san: Option<String>,
    /// The certificate's subject
    pub subject: Option<String>,
    /// Attributes that clients cannot set, by their paths
    pub attributes: BTreeMap<Vec<String>, String>,
    unreadable: Cell<bool>,
}

impl Known {
    /// Notes that a value exists and cannot be read.
    fn noted<T>(&self, read: Option<T>) -> Option<T> {
        if read.is_none() {
            self.unreadable.set(true);
        }
        read
    }
}

impl Credentials for Known {
    /// Returns a payload as the filter receives it: Envoy keeps it as a `Struct`, whose numbers are doubles.
    fn verified_token(&self, metadata: &str, payload: &str) -> Option<String> {
        let text = self.tokens.get(&(metadata.to_owned(), payload.to_owned()))?;
        let read = json::read(text.as_bytes()).ok().filter(|read| read.root().is_object());
        let claims = object(self.noted(read)?.root());
        let mut faults = Faults::default();
        let text = structured::write(&claims, &mut faults);
        // A fault means that a number has lost digits in the Struct, so it may not be the token's number.
        self.noted(faults.is_empty().then_some(text))
    }

    fn has_tokens(&self, metadata: &str) -> bool {
        self.tokens.keys().any(|(namespace, _)| namespace == metadata)
    }

    fn certificate(&self, name: Certificate) -> Option<String> {
        match name {
            Certificate::UriSan => self.uri_san.clone(),
            Certificate::DnsSan => self.dns_san.clone(),
            Certificate::Subject => self.subject.clone(),
        }
    }

    fn has_certificate(&self) -> bool {
        self.uri_san.is_some() || self.dns_san.is_some() || self.subject.is_some()
    }

    fn attribute(&self, path: &[String]) -> Option<String> {
        let text = self.attributes.get(path)?.clone();
        self.noted(Some(text).filter(|text| !text.contains(char::is_control)))
    }

    fn unreadable(&self) -> bool {
        self.unreadable.get()
    }
}

fn object(value: Value<'_>) -> Struct {
    Struct { fields: value.entries().map(|(key, member)| (key.into_owned(), of(member))).collect() }
}

fn of(value: Value<'_>) -> prost_types::Value {
    let kind = match value.kind() {
        Kind::Null => InStruct::NullValue(0),
        Kind::Bool(flag) => InStruct::BoolValue(flag),
        Kind::Number => InStruct::NumberValue(value.raw().parse().unwrap_or(f64::NAN)),
        Kind::String { .. } => InStruct::StringValue(value.string().unwrap_or_default().into_owned()),
        Kind::Array => InStruct::ListValue(ListValue { values: value.elements().map(of).collect() }),
        Kind::Object => InStruct::StructValue(object(value)),
    };
    prost_types::Value { kind: Some(kind) }
}
