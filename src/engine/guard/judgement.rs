//! What comes of judging a request.

use crate::approval;
use crate::audit::Outcome;
use crate::denial::Denial;
use crate::mcp::answer::Reply;
use crate::mcp::list::ListKind;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on as it is; an answer to a list request is filtered
    Forward(Option<ListRequest>),
    /// It is answered here
    Refuse(Reply),
    /// It waits while the approval service is asked, by a request with this body; then
    /// [`resume`](super::Request::resume) judges it again
    Ask(String),
}

/// A request for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// Of what
    pub kind: ListKind,
    /// The request's id, as JSON text
    pub id: String,
}

/// A verdict, and what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What becomes of the request
    pub verdict: Verdict,
    /// The audit record, as JSON
    pub record: String,
    /// The record's decision, for metrics
    pub outcome: Outcome,
    /// Why it was refused, or would have been but for shadow mode
    pub denial: Option<Denial>,
    /// How counting went
    pub counting: Counting,
    /// What goes on in place of the body, where something in it was for this filter
    pub body: Option<Vec<u8>>,
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
