//! The caller's credentials, as the host has verified them.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;

use prost::Message;
use prost_types::Value;
use prost_types::value::Kind;

use crate::host::Stream;
use mcp_policy_engine::document::{Faults, structured};
use mcp_policy_engine::identity::Credentials;
use mcp_policy_engine::policy::Certificate;

/// What Envoy's filters and TLS have verified about a request.
#[derive(Debug)]
pub(crate) struct HostCredentials<'f, H> {
    host: &'f H,
    /// The stream's dynamic metadata, fetched once
    metadata: OnceCell<Option<Unread>>,
    /// Whether the client presented a certificate, fetched once
    certificate: OnceCell<bool>,
    unreadable: Cell<bool>,
}

impl<'f, H> HostCredentials<'f, H> {
    pub(crate) fn new(host: &'f H) -> Self {
        Self { host, metadata: OnceCell::new(), certificate: OnceCell::new(), unreadable: Cell::new(false) }
    }
}

/// A `google.protobuf.Struct`, or the part of `envoy.config.core.v3.Metadata` that is read: both are one map.
/// Its values stay bytes until one of them is needed, so nothing that is wrong with another matters.
///
/// Envoy returns a stream's dynamic metadata in this form. The whole message is requested, because for a path
/// within it Envoy would omit values that are not strings.
#[derive(Message)]
struct Unread {
    #[prost(btree_map = "string, bytes", tag = "1")]
    fields: BTreeMap<String, Vec<u8>>,
}

impl<H: Stream> Credentials for HostCredentials<'_, H> {
    fn verified_token(&self, metadata: &str, payload: &str) -> Option<String> {
        let stored = self.noted(Unread::decode(self.stored(metadata)?).ok())?;
        let value = self.noted(Value::decode(stored.fields.get(payload)?.as_slice()).ok())?;
        let Some(Kind::StructValue(claims)) = &value.kind else { return self.noted(None) };
        let mut faults = Faults::default();
        let text = structured::write(claims, &mut faults);
        // A fault means that a number has lost digits in the Struct, so it may not be the token's number.
        self.noted(faults.is_empty().then_some(text))
    }

    fn has_tokens(&self, metadata: &str) -> bool {
        self.stored(metadata).is_some()
    }

    fn certificate(&self, name: Certificate) -> Option<String> {
        if !self.has_certificate() {
            return None;
        }
        let attribute = match name {
            Certificate::UriSan => "uri_san_peer_certificate",
            Certificate::DnsSan => "dns_san_peer_certificate",
            Certificate::Subject => "subject_peer_certificate",
        };
        self.noted(String::from_utf8(self.fetched(&["connection", attribute])?).ok())
    }

    fn has_certificate(&self) -> bool {
        *self.certificate.get_or_init(|| self.fetched(&["connection", "mtls"]).as_deref() == Some(&[1]))
    }

    fn attribute(&self, path: &[String]) -> Option<String> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        // Envoy returns an object that is not a string as bytes of some other form.
        let text = self.noted(String::from_utf8(self.fetched(&path)?).ok())?;
        self.noted(Some(text).filter(|text| !text.contains(char::is_control)))
    }

    fn unreadable(&self) -> bool {
        self.unreadable.get()
    }
}

impl<H: Stream> HostCredentials<'_, H> {
    /// Returns what a filter has stored in its metadata namespace, as a `Struct`'s bytes.
    fn stored(&self, metadata: &str) -> Option<&[u8]> {
        let all = self.metadata.get_or_init(|| {
            let bytes = self.fetched(&["metadata"])?;
            self.noted(Unread::decode(bytes.as_slice()).ok())
        });
        all.as_ref()?.fields.get(metadata).map(Vec::as_slice)
    }

    /// Asks the host, and sets `unreadable` if it fails.
    fn fetched(&self, path: &[&str]) -> Option<Vec<u8>> {
        self.noted(self.host.attribute(path).ok()).flatten()
    }

    /// Sets `unreadable` if a value exists but could not be read.
    fn noted<T>(&self, read: Option<T>) -> Option<T> {
        if read.is_none() {
            self.unreadable.set(true);
        }
        read
    }
}
