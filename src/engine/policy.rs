//! The policy: the model of a valid document.
//!
//! A document becomes either a [`Policy`] or a list of [`Faults`]. The rest of the engine never sees an
//! invalid rule.

pub mod alike;
mod approvals;
mod challenge;
mod claims;
mod clause;
mod condition;
mod entry;
mod grant;
mod grants;
pub mod keys;
mod limit;
mod load;
mod methods;
mod origins;
mod path;
mod pattern;
mod pins;
mod resources;
mod rule;
mod rules;
mod scalars;
mod shared;
mod source;
mod time_zone;
mod words;

pub use crate::regex::Regex;
pub use approvals::Approvals;
pub use claims::ReadClaim;
pub use clause::{Clause, Group, Holds};
pub use condition::{Comparison, Condition, Scalar, Test};
pub use entry::EntryRules;
pub use grant::{ClaimPath, DESCRIBED, Expected, Grant};
pub use grants::{Callers, Described, Grants, TokenMatch};
pub use limit::{Adds, Limit, Scope};
pub use methods::{Methods, OnMethod};
pub use origins::Origins;
pub use path::{Origin, Resolved, Step, ValuePath};
pub use pattern::{Pattern, Patterns, Section};
pub use pins::{Pin, Pins};
pub use resources::Resources;
pub use rule::RuleDigest;
pub use rules::Rules;
pub use scalars::{Scalars, text_is_bool, text_is_number};
pub use shared::{OnFailure, SharedLimits};
pub use source::{Source, SourceKind};
pub use time_zone::{LocalTime, TimeZone, is_date, is_time_of_day};

use std::sync::Arc;

pub use crate::document::Faults;
use crate::limit::Scale;
use crate::mcp::answer::Form;
use crate::mcp::definition::DefinitionDigest;
use crate::mcp::headers::AUTHORITY;
use crate::schema::Schema;

/// The effect of `default` and of an entry in `methods`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effect {
    /// The request is forwarded
    Allow,
    /// The request is refused
    #[default]
    Deny,
}

/// Whether decisions have an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Decisions have an effect
    #[default]
    Enforce,
    /// Decisions are made, counted and recorded, and the request is forwarded
    Shadow,
}

/// What happens to a request's headers until its body has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestHeaders {
    /// They are held: nothing reaches the server before the verdict
    #[default]
    Hold,
    /// They are sent at once; a denial resets the stream to the server
    Stream,
}

/// What a record contains of a call's arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arguments {
    /// The SHA-256 of their bytes as sent
    #[default]
    Sha256,
    /// The BLAKE3 digest of their bytes as sent
    Blake3,
    /// The arguments themselves
    Full,
    /// Nothing
    None,
}

/// What a record contains of the claims that the policy reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Claims {
    /// A digest of each
    #[default]
    Hash,
    /// The claims themselves
    Full,
    /// Nothing
    None,
}

/// A valid policy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The first 16 hex digits of the document's SHA-256
    pub digest: String,
    /// The name of the protected server
    pub server: String,
    /// Whether decisions have an effect
    pub mode: Mode,
    /// The rules that every request must pass
    pub rules: Rules,
    /// The rules that have names, whether an entry uses them or not
    pub named_rules: Vec<Arc<Rule>>,
    /// The definitions of tools that rules have, those of grants included
    pub pins: Pins,
    /// The time zone of conditions on the time
    pub time_zone: TimeZone,
    /// The sources of identity. The first that has a value names the caller
    pub identity: Vec<Source>,
    /// The grants. The first that matches a caller applies, in addition to the rules
    pub grants: Grants,
    /// The value of `WWW-Authenticate` for a caller without an identity
    pub challenge: String,
    /// The origins of web pages that may send requests; `None` if they are not checked
    pub origins: Option<Origins>,
    /// The form of the reply to a denied tool call
    pub denials: Form,
    /// Request paths that are forwarded without reading
    pub exempt_paths: Vec<String>,
    /// The largest body that is read, in bytes. Larger bodies are refused
    pub max_body_bytes: usize,
    /// What happens to a request's headers before the verdict
    pub request_headers: RequestHeaders,
    /// The approval service, if the document configures it. Always `Some` if a rule requires approval
    pub approvals: Option<Approvals>,
    /// The service that counts shared limits, if the document configures it. Always `Some` if a limit is shared
    pub shared_limits: Option<SharedLimits>,
    /// What records contain of arguments
    pub audit: Arguments,
    /// What records contain of claims
    pub audit_claims: Claims,
    /// The claims that conditions, limits and grants read, each once
    pub claims: Vec<ReadClaim>,
    /// How many different counters the limits name
    pub counters: usize,
    /// How finely each counter counts if it is shared
    pub scales: Box<[Scale]>,
    /// The most entries of counters that callers can create
    pub counter_capacity: u32,
}

/// What applies to the targets of an entry, alone or with other rules.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its place in the document
    pub path: Arc<str>,
    /// The digest of what the document says about it; only in a policy with approvals
    pub digest: Option<RuleDigest>,
    /// What to do with a call
    pub action: Action,
    /// The text for the caller if this rule denies a call
    pub reason: Option<String>,
    /// Whether this rule has an effect
    pub mode: Mode,
    /// Clauses that must all hold. Otherwise the rule does not apply
    pub when: Vec<Clause>,
    /// The digest that the tool's definition must have. Only a rule under the exact name of a tool, without `when`, has one
    pub definition: Option<DefinitionDigest>,
    /// The schema of a call's arguments
    pub arguments: Option<Schema>,
    /// Clauses that must all hold
    pub require: Vec<Clause>,
    /// Clauses, none of which may hold
    pub deny_if: Vec<Clause>,
    /// Limits, all of which must have room
    pub limits: Vec<Arc<Limit>>,
}

/// What a rule does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Action {
    /// The call is forwarded
    #[default]
    Allow,
    /// The call is refused
    Deny,
    /// A person must approve the call
    RequireApproval,
}

/// The comparison of a value with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `lt`
    Less,
    /// `lte`
    LessOrEqual,
    /// `gt`
    Greater,
    /// `gte`
    GreaterOrEqual,
}

/// Which name of a certificate to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// The first URI among the subject alternative names
    UriSan,
    /// The first DNS name among the subject alternative names
    DnsSan,
    /// The subject
    Subject,
}

impl Rule {
    /// Tells whether the rule can refuse every call whatever the arguments are, for another reason than its action: by its
    /// conditions. Such a rule can hide an element of a list from some callers, or at some times.
    #[must_use]
    pub fn may_hide(&self) -> bool {
        self.clauses().next().is_some()
    }

    /// Iterates over all clauses: those of `when`, then those of `require` and of `deny_if`.
    pub fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.when.iter().chain(&self.require).chain(&self.deny_if)
    }
}

impl Policy {
    /// Reads a policy document in either form in which Envoy passes it: JSON text, or a
    /// `google.protobuf.Struct` in wire format.
    ///
    /// # Errors
    /// Every fault of the document, each with its path.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Faults> {
        load::policy(bytes)
    }

    /// Returns how finely a shared limit is counted. It is the same for all limits that share its counter.
    #[must_use]
    pub fn scale(&self, limit: &Limit) -> Scale {
        self.scales.get(limit.number).copied().unwrap_or(Scale::FINEST)
    }

    /// Iterates over all rules of entries, including those of grants. A named rule comes as often as it is
    /// used.
    pub fn all_rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.iter().chain(self.grants.iter().flat_map(|grant| grant.rules.iter()))
    }

    /// Walks all rules of entries, including those of grants, to replace them: for tools that ask what another policy
    /// would decide.
    pub fn all_rules_mut(&mut self) -> impl Iterator<Item = &mut Arc<Rule>> {
        self.rules.iter_mut().chain(self.grants.iter_mut().flat_map(|grant| grant.rules.iter_mut()))
    }

    /// Returns the names of the headers that this policy needs beside those that every policy needs, in lower case:
    /// those that hold credentials, and the host that an approval is bound to.
    #[must_use]
    pub fn header_names(&self) -> Vec<String> {
        let credentials = self.identity.iter().filter_map(Source::header);
        let bound = self.approvals.is_some().then_some(AUTHORITY);
        credentials.chain(bound).map(str::to_owned).collect()
    }

    /// Iterates over the named rules that no entry uses.
    pub fn unused_rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.named_rules.iter().filter(|named| !self.all_rules().any(|rule| Arc::ptr_eq(rule, named)))
    }
}
