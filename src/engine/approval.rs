//! Asking a person: what the approval service is told of a call, and what it says.
//!
//! The service is the only authority and holds the only record. Nothing here decides; what a call may
//! do with an answer is [`guard`](crate::guard)'s.

mod answer;
mod question;

pub use answer::{Answer, Cause, MOST_BYTES, Status, read};
pub use question::{Bound, Question, Unbound, fingerprint};

/// What a record tells of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// How it ended
    pub outcome: Outcome,
    /// The approval's id
    pub id: Option<String>,
    /// Why there was no answer
    pub cause: Option<Cause>,
}

/// How asking ended, or that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The service has been asked, and nothing has come of it
    Asked,
    /// A person approved the call
    Approved,
    /// A person refused it
    Denied,
    /// Nobody has decided yet
    Pending,
    /// The service did not answer, or said nothing that can be read
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
