//! What becomes of a request.

use crate::approval;
use crate::denial::Denial;
use crate::mcp::answer::Reply;
use crate::mcp::list::ListKind;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on to the server
    Forward {
        /// The list whose answer is filtered, where it asks for one
        list: Option<ListRequest>,
        /// Why it would be refused but for shadow mode
        would_deny: Option<Denial>,
    },
    /// It is refused
    Deny {
        /// Why
        denial: Denial,
        /// What its client is told
        reply: Reply,
    },
}

impl Verdict {
    /// Returns the word for records and metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Forward { would_deny: None, .. } => "allow",
            Self::Forward { would_deny: Some(_), .. } => "would_deny",
            Self::Deny { .. } => "deny",
        }
    }

    /// Returns why the request is refused, or would be but for shadow mode.
    #[must_use]
    pub fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Forward { would_deny, .. } => would_deny.as_ref(),
            Self::Deny { denial, .. } => Some(denial),
        }
    }
}

/// A request for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// Of what
    pub kind: ListKind,
    /// The request's id, as JSON text
    pub id: String,
}

/// The end of a case: the verdict, and what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// What becomes of the request
    pub verdict: Verdict,
    /// The audit record, as one line of JSON
    pub record: String,
    /// How counting went
    pub counting: Counting,
    /// How asking for an approval ended, where it was asked
    pub approval: Option<approval::Outcome>,
}

/// How counting went, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counting {
    /// Writes that were lost to other workers and made again
    pub retries: u32,
    /// Why it could not be counted
    pub failure: Option<&'static str>,
}
