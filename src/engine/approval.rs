//! The protocol of the approval service: the question about a call, and the answer.
//!
//! Only the service decides, and only the service stores decisions. [`guard`](crate::guard) acts on the
//! answer.

mod answer;
mod bound;
mod question;

pub use answer::{Answer, Cause, MOST_BYTES, Status, read};
pub use bound::{Bound, BoundCall, Unapprovable};
pub use question::Question;

/// What the audit record says about an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The result
    pub outcome: Outcome,
    /// The approval's id, if the service answered
    pub id: Option<String>,
    /// Why there was no valid answer
    pub cause: Option<Cause>,
}

/// The result of asking the approval service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The service was asked and has not answered yet
    Asked,
    /// A person approved the call
    Approved,
    /// A person refused the call
    Denied,
    /// Nobody has decided yet
    Pending,
    /// The service could not be asked, or gave no valid answer
    Unavailable,
}

impl Outcome {
    /// Returns the word for records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Pending => "pending",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<Status> for Outcome {
    fn from(status: Status) -> Self {
        match status {
            Status::Approved => Self::Approved,
            Status::Denied => Self::Denied,
            Status::Pending => Self::Pending,
        }
    }
}
