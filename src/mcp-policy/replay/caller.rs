//! The callers of records, as the policy identifies them.

use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::identity::{Caller, Principal};
use mcp_policy_engine::policy::{Policy, SourceKind};

use super::claims::{Book, Claims};
use super::reads::{self, Needs};
use super::request;
use crate::records::Record;

/// Finds the callers of records.
pub struct Callers {
    policy: Arc<Policy>,
    book: Book,
    /// The claims that grants read
    of_grants: Vec<(String, Needs)>,
}

impl Callers {
    /// Prepares for the records that a policy judges.
    pub fn new(policy: &Arc<Policy>) -> Self {
        Self { policy: Arc::clone(policy), book: Book::of(policy), of_grants: reads::of_grants(policy) }
    }

    /// Makes the caller of a record, with what is known of its claims.
    ///
    /// # Errors
    /// Why the record is undecided: it does not tell enough about the caller.
    pub fn find(&mut self, record: &Record<'_>) -> Result<(Caller, Rc<Claims>), String> {
        let Some(name) = record.principal.as_deref() else { return Ok((Caller::default(), Rc::default())) };
        if request::is_cut(Some(name)) {
            return Err("the name of the caller is cut off in the record".to_owned());
        }
        let source = record.source.as_deref().unwrap_or_default();
        let sources = &self.policy.identity;
        if sources.is_empty() {
            return Ok((Caller::default(), Rc::default()));
        }
        let Some(number) = sources.iter().position(|known| known.name == source) else {
            return Err(format!("`identity`: the policy has no source `{source}`"));
        };
        let name = name.to_owned();
        let mut claims = None;
        let principal = match sources.get(number).map(|source| &source.kind) {
            Some(SourceKind::Jwt { .. }) => {
                claims = Some(self.book.claims(record.claims));
                Principal::Jwt(name)
            }
            Some(SourceKind::Mtls(_)) => Principal::Mtls(name),
            Some(SourceKind::ApiKey { .. }) => Principal::ApiKey(self.key(&name)),
            Some(SourceKind::Header(_)) => Principal::Header(name),
            Some(SourceKind::Attribute(_)) | None => Principal::Attribute(name),
        };
        if let Some(claim) = claims.as_ref().and_then(|claims| reads::unknown(&self.of_grants, claims)) {
            return Err(format!("`grants` read the claim `{claim}`, which the record does not contain"));
        }
        let token = claims.as_ref().map(|claims| claims.token.clone());
        let caller = Caller { grant: None, source: Some(number), principal: Some(principal), claims: token };
        Ok((caller, claims.unwrap_or_default()))
    }

    /// Returns the SHA-256 of the key that a record names by its first digits, as far as the policy lists it.
    fn key(&self, name: &str) -> String {
        let digits = name.strip_prefix("sha256:").unwrap_or(name);
        self.policy.grants.key_from(digits).unwrap_or(digits).to_owned()
    }
}
