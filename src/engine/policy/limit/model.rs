//! The model of a limit.

use std::sync::Arc;

use crate::limit::{Amount, Window};
use crate::policy::ValuePath;

/// How much of something may happen within a window.
#[derive(Debug, Clone)]
pub struct Limit {
    /// Its place in the document
    pub path: Arc<str>,
    /// The text for the caller if this limit denies a call: the rule's reason
    pub reason: Option<String>,
    /// The name of the counter, which other limits may share
    pub counter: String,
    /// The index of that counter among all counters of the policy
    pub number: usize,
    /// The time over which it counts
    pub window: Window,
    /// The most that may happen within a window
    pub max: Amount,
    /// Who shares the tally
    pub scope: Scope,
    /// The argument or claim whose values have a tally each
    pub by: Option<ValuePath>,
    /// How much one call adds
    pub amount: Adds,
    /// Whether the rate limit service counts it, for all proxies
    pub shared: bool,
    /// Whether the rule has no effect. Such a limit counts in tallies of its own
    pub shadow: bool,
}

impl Limit {
    /// Returns whether callers, not the document, determine how many tallies the counter has.
    #[must_use]
    pub fn is_of_callers(&self) -> bool {
        self.by.is_some() || matches!(self.scope, Scope::Principal | Scope::Session)
    }
}

/// Which callers share one tally of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Scope {
    /// All callers of one grant
    #[default]
    Grant,
    /// One principal within its grant; all callers of the grant if there is no principal
    Principal,
    /// One MCP session within its grant. If there is no session, the principal within its grant; if there is
    /// none either, all callers of the grant
    Session,
    /// All callers
    Global,
}

impl Scope {
    /// Returns the word for the document and for records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Principal => "principal",
            Self::Session => "session",
            Self::Global => "global",
        }
    }
}

/// How much one call adds to a tally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adds {
    /// A fixed amount
    Fixed(Amount),
    /// The sum of the numbers at these paths in the arguments, for example the money that the call spends
    Arguments(Box<[ValuePath]>),
}
