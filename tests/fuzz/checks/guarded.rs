//! A server behind the engine, without a proxy. It is no check of its own.

use std::num::NonZeroU32;
use std::sync::Arc;

use mcp_policy_engine::document::Faults;
use mcp_policy_engine::guard::{self, Answer, Conclusion, FixedEnvironment, Question, Whole};
use mcp_policy_engine::identity::Credentials;
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::policy::{Certificate, Policy};
use mcp_policy_engine::rate_limit::MemoryService;
use serde_json::Value;

/// The time of all requests, in nanoseconds since the Unix epoch: 2027-01-15, 08:00 UTC.
pub const NOW_NS: u64 = 1_800_000_000_000_000_000;

/// A policy with its counters.
pub struct Guarded {
    /// The policy
    pub policy: Arc<Policy>,
    store: MemoryStore,
    places: Places,
    service: MemoryService,
}

impl Guarded {
    /// Loads a policy.
    ///
    /// # Errors
    /// What is wrong with the document.
    pub fn new(document: &[u8]) -> Result<Self, Faults> {
        let policy = Arc::new(Policy::from_bytes(document)?);
        let capacity = NonZeroU32::new(policy.counter_capacity).unwrap_or(NonZeroU32::MIN);
        let places =
            Places::new(Layout::new([7; 16], capacity), policy.counters, policy.grants.iter().count());
        Ok(Self { policy, store: MemoryStore::new(), places, service: MemoryService::new() })
    }

    /// Judges a POST with this body. Where `answer` has no answer to a question, nobody approves, and limits are counted in
    /// memory. Asserts that the record is one line of JSON with the same verdict. `None` if the path is exempt.
    pub fn judge(&self, body: &[u8], answer: impl Fn(&Question) -> Option<Answer>) -> Option<Conclusion> {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![
            header(":method", "POST"),
            header(":path", "/mcp"),
            header(":authority", "server.example"),
            header("content-type", "application/json"),
        ];
        for name in self.policy.header_names() {
            // A header that comes twice is refused, so `:authority` is not added again.
            if !headers.iter().any(|(other, _)| *other == name) {
                headers.push(header(&name, "caller"));
            }
        }
        let environment = FixedEnvironment { store: &self.store, places: &self.places, now_ns: NOW_NS };
        let answers = |question: &Question| {
            answer(question).unwrap_or_else(|| match question {
                Question::Approval(_) => Answer::Approval(Err("nobody answers".into())),
                Question::Rates(request) => Answer::Rates(Ok(self.service.answer(request, NOW_NS))),
            })
        };
        let whole = Whole { headers: &headers, body: Some(body) };
        let conclusion = guard::judge(&self.policy, whole, &Anybody, "id".to_owned(), &environment, answers)?;
        let Conclusion { record, verdict, .. } = &conclusion;
        let read: Value = serde_json::from_str(record).unwrap_or_else(|error| panic!("{error}: {record}"));
        assert!(!record.contains(char::is_control), "{record}");
        assert_eq!(read["decision"], verdict.as_str(), "{record}");
        Some(conclusion)
    }
}

/// A caller with a token and a certificate.
struct Anybody;

impl Credentials for Anybody {
    fn verified_token(&self, _: &str, _: &str) -> Option<String> {
        let claims = r#"{"sub":"caller","iss":"i","aud":["a","b"],"scope":"read write","team":"sre","n":1.5,"list":[{"k":1}]}"#;
        Some(claims.to_owned())
    }

    fn certificate(&self, _: Certificate) -> Option<String> {
        Some("spiffe://a.example/caller".to_owned())
    }

    fn attribute(&self, _: &[String]) -> Option<String> {
        Some("caller".to_owned())
    }
}
