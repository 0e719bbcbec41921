//! What a case asks outside, and what comes back.

use crate::approval;

/// A question to an outside service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A question to the approval service: the body of the request
    Approval(String),
}

/// The answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The answer of the approval service, or why there is none
    Approval(Result<approval::Answer, approval::Cause>),
}
