//! Judges requests with a policy as a proxy does, on counters of its own.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use mcp_policy_engine::guard::{self, Answer, Conclusion, FixedEnvironment, Question, Whole};
use mcp_policy_engine::identity::Credentials;
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::policy::{Certificate, Policy};

/// One proxy with a policy. It counts as the filter does, from zero.
pub struct Proxy {
    policy: Arc<Policy>,
    store: MemoryStore,
    places: Places,
}

/// A request as its client sent it.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// The headers with lower-case names, `:method` and `:path` among them
    pub headers: Vec<(String, String)>,
    /// The body
    pub body: Option<Vec<u8>>,
}

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
}

impl Credentials for Known {
    fn verified_token(&self, metadata: &str, payload: &str) -> Option<String> {
        self.tokens.get(&(metadata.to_owned(), payload.to_owned())).cloned()
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
        self.attributes.get(path).cloned()
    }
}

impl Proxy {
    /// Makes a proxy that has counted nothing.
    pub fn new(policy: Arc<Policy>) -> Self {
        let capacity = NonZeroU32::new(policy.counter_capacity).unwrap_or(NonZeroU32::MIN);
        // Any secret will do: nobody who could choose names learns where counters are stored.
        let layout = Layout::new([0; 16], capacity);
        let places = Places::new(layout, policy.counters, policy.grants.iter().count());
        Self { policy, store: MemoryStore::new(), places }
    }

    /// Judges a request at a time in nanoseconds since the Unix epoch. `None` if its path is exempt.
    pub fn judge(
        &self,
        sent: &Sent,
        known: &Known,
        decision_id: &str,
        now_ns: u64,
        answer: impl FnMut(&Question) -> Answer,
    ) -> Option<Conclusion> {
        let environment = FixedEnvironment { store: &self.store, places: &self.places, now_ns };
        let request = Whole { headers: &sent.headers, body: sent.body.as_deref() };
        guard::judge(&self.policy, request, known, decision_id.to_owned(), &environment, answer)
    }
}
