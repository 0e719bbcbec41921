//! The policy: one valid model of one document.
//!
//! A document becomes a [`Policy`] or a list of [`Faults`]; the engine never meets an invalid rule.

mod approvals;
mod condition;
mod grant;
mod grants;
pub mod keys;
mod load;
mod path;
mod pattern;
mod regex;
mod rule;
mod rules;
mod words;

pub use approvals::Approvals;
pub use condition::{Condition, Scalar, Test};
pub use grant::{Expected, Grant, Source};
pub use grants::Grants;
pub use path::{Found, Origin, ValuePath};
pub use pattern::{Pattern, Patterns, Section};
pub use regex::Regex;
pub use rules::Rules;

use std::sync::Arc;

pub use crate::document::Faults;
use crate::limit::{Amount, Window};
use crate::mcp::answer::Form;
use crate::schema::Schema;

/// What a policy does with a target that no entry names, and with a method that it lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effect {
    /// It goes through
    Allow,
    /// It is refused
    #[default]
    Deny,
}

/// Whether decisions take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// They do
    #[default]
    Enforce,
    /// They are made and counted, and the request goes through
    Shadow,
}

/// What happens to a request's headers while its body is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestHeaders {
    /// They wait: nothing reaches the upstream before the verdict
    #[default]
    Hold,
    /// They go ahead; a denial resets the upstream's stream
    Stream,
}

/// What a record holds of a call's arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arguments {
    /// The SHA-256 of their bytes as they were sent
    #[default]
    Sha256,
    /// The BLAKE3 digest of their bytes as they were sent
    Blake3,
    /// All of them
    Full,
    /// Nothing
    None,
}

/// A valid policy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// First 16 hex digits of the document's SHA-256
    pub digest: String,
    /// Name of the protected server
    pub server: String,
    /// Whether any decision takes effect
    pub mode: Mode,
    /// What every request has to pass
    pub rules: Rules,
    /// Where callers' identities come from, the first that tells
    pub identity: Vec<Source>,
    /// What each caller has to pass beside the rules, the first that matches
    pub grants: Grants,
    /// How denied tool calls are answered
    pub denials: Form,
    /// Request paths that pass unread
    pub exempt_paths: Vec<String>,
    /// Larger bodies are refused
    pub max_body_bytes: usize,
    /// What happens to headers before the verdict
    pub request_headers: RequestHeaders,
    /// Whom to ask where a person has to approve; there is nobody where no rule does
    pub approvals: Option<Approvals>,
    /// What records hold of arguments
    pub audit: Arguments,
    /// How many counters its limits name
    pub counters: usize,
    /// Most live counter entries that callers can cause
    pub counter_capacity: u32,
}

/// What applies to the targets of one entry.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its place in the document
    pub path: Arc<str>,
    /// Its verdict where limits have room
    pub action: Action,
    /// What the caller is told on a denial by this rule
    pub reason: Option<String>,
    /// Whether this rule takes effect
    pub mode: Mode,
    /// What the arguments of a call must be
    pub arguments: Option<Schema>,
    /// Conditions that must all hold
    pub require: Vec<Condition>,
    /// Conditions of which none may hold
    pub deny_if: Vec<Condition>,
    /// Limits, all of which must have room
    pub limits: Vec<Arc<Limit>>,
}

/// A rule's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Action {
    /// The call goes through
    #[default]
    Allow,
    /// It is refused
    Deny,
    /// A person has to approve it
    RequireApproval,
}

/// How much of something may happen within a window.
#[derive(Debug, Clone)]
pub struct Limit {
    /// Its place in the document
    pub path: Arc<str>,
    /// What the caller is told on a denial by this limit: the rule's reason
    pub reason: Option<String>,
    /// Name of the tally, which other limits may share
    pub counter: String,
    /// The number of that counter among all of the policy, from 0
    pub number: usize,
    /// Over what time it counts
    pub window: Window,
    /// How much may fall within a window
    pub max: Amount,
    /// Whose tally it is
    pub scope: Scope,
    /// How much one call adds
    pub amount: Adds,
}

/// Who shares one tally of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Scope {
    /// All callers of one grant
    #[default]
    Grant,
    /// One principal within its grant; the grant where there is none
    Principal,
    /// One MCP session within its grant; the grant where there is none
    Session,
    /// Everybody
    Global,
}

/// On which side of a number.
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

/// Which name in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// The first URI among the subject's alternative names
    UriSan,
    /// The first DNS name among them
    DnsSan,
    /// The subject
    Subject,
}

/// How much one call adds to a tally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adds {
    /// Always the same
    Fixed(Amount),
    /// What the call's arguments say: spend
    Argument(ValuePath),
}

impl Policy {
    /// Reads a policy document as Envoy hands it over: JSON text, or a `google.protobuf.Struct` in
    /// wire form.
    ///
    /// # Errors
    /// Every fault of the document, each with its path.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Faults> {
        load::policy(bytes)
    }

    /// Walks all rules, those of grants included.
    pub fn all_rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.iter().chain(self.grants.iter().flat_map(|grant| grant.rules.iter()))
    }
}
