//! The verdict on a request.

use super::Charged;
use crate::approval;
use crate::audit::CounterUsage;
use crate::denial::Denial;
use crate::mcp::answer::Reply;
use crate::mcp::list::Awaited;
use crate::rate_limit;

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Forward it to the server
    Forward {
        /// What the response belongs to. Lists in it are filtered, or in shadow mode only read. `None` if it need not be
        /// read
        awaited: Option<Awaited>,
        /// Why it would be refused outside of shadow mode
        would_deny: Option<Denial>,
    },
    /// Refuse it
    Deny {
        /// Why
        denial: Denial,
        /// The reply to its client
        reply: Reply,
    },
}

impl Verdict {
    /// Returns the word that records and metrics use.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Forward { would_deny: None, .. } => "allow",
            Self::Forward { would_deny: Some(_), .. } => "would_deny",
            Self::Deny { .. } => "deny",
        }
    }

    /// Returns why the request is refused, or would be outside of shadow mode.
    #[must_use]
    pub fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Forward { would_deny, .. } => would_deny.as_ref(),
            Self::Deny { denial, .. } => Some(denial),
        }
    }
}

/// The end of a case: the verdict, its record, and numbers for metrics.
#[derive(Debug)]
pub struct Conclusion {
    /// The verdict
    pub verdict: Verdict,
    /// The audit record, as one line of JSON. It has no time yet, see [`audit::add_time`](crate::audit::add_time)
    pub record: String,
    /// Numbers about counting
    pub counting: Counting,
    /// The limits that were checked or charged, and their use
    pub counters: Vec<CounterUsage>,
    /// The index of the caller's grant
    pub grant: Option<usize>,
    /// What was charged; nothing if the request is refused
    pub charged: Charged,
    /// The result of asking the rate limit service, if it was asked
    pub rates: Option<rate_limit::Outcome>,
    /// The result of asking for an approval, if one was asked for
    pub approval: Option<approval::Outcome>,
}

/// Numbers about counting, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counting {
    /// How many writes were repeated because another worker wrote first
    pub retries: u32,
    /// Why the call could not be counted, as one word
    pub failure: Option<&'static str>,
}
