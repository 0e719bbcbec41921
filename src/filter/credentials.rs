//! The caller's credentials, as the host has verified them.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;

use prost::Message;
use prost_types::Struct;
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
    metadata: OnceCell<Option<Metadata>>,
    unreadable: Cell<bool>,
}

impl<'f, H> HostCredentials<'f, H> {
    pub(crate) fn new(host: &'f H) -> Self {
        Self { host, metadata: OnceCell::new(), unreadable: Cell::new(false) }
    }
}

/// The part of `envoy.config.core.v3.Metadata` that is read. Envoy returns a stream's dynamic metadata in
/// this form. The whole message is requested, because for a path within it Envoy would omit values that are
/// not strings.
#[derive(Message)]
struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: BTreeMap<String, Struct>,
}

impl<H: Stream> Credentials for HostCredentials<'_, H> {
    fn verified_token(&self, metadata: &str, payload: &str) -> Option<String> {
        let all = self.metadata.get_or_init(|| {
            let bytes = self.attribute(&["metadata"])?;
            self.noted(Metadata::decode(bytes.as_slice()).ok())
        });
        let value = all.as_ref()?.filter_metadata.get(metadata)?.fields.get(payload)?;
        let Some(Kind::StructValue(claims)) = &value.kind else { return self.noted(None) };
        let mut faults = Faults::default();
        let text = structured::write(claims, &mut faults);
        // A fault means that a number has lost digits in the Struct, so it may not be the token's number.
        self.noted(faults.is_empty().then_some(text))
    }

    fn certificate(&self, name: Certificate) -> Option<String> {
        // `connection.mtls` is true if the client presented a certificate. Otherwise there is no name.
        if self.attribute(&["connection", "mtls"])? != [1] {
            return None;
        }
        let attribute = match name {
            Certificate::UriSan => "uri_san_peer_certificate",
            Certificate::DnsSan => "dns_san_peer_certificate",
            Certificate::Subject => "subject_peer_certificate",
        };
        self.noted(String::from_utf8(self.attribute(&["connection", attribute])?).ok())
    }

    fn unreadable(&self) -> bool {
        self.unreadable.get()
    }
}

impl<H: Stream> HostCredentials<'_, H> {
    /// Asks the host, and sets `unreadable` if it fails.
    fn attribute(&self, path: &[&str]) -> Option<Vec<u8>> {
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
