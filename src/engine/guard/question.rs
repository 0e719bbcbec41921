//! What a case asks outside, and what comes back.

use std::rc::Rc;

use crate::approval;
use crate::rate_limit;

/// A question to an outside service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A question to the approval service: the body of the request
    Approval(String),
    /// A question to the rate limit service
    Rates(Rc<rate_limit::Request>),
}

/// The answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The answer of the approval service, or why there is none
    Approval(Result<approval::Answer, approval::Cause>),
    /// The answer of the rate limit service, or why there is none
    Rates(Result<rate_limit::Answer, rate_limit::Failure>),
}

impl Answer {
    /// Returns the answer of the approval service.
    pub(super) fn of_approval(self) -> Result<approval::Answer, approval::Cause> {
        match self {
            Self::Approval(answer) => answer,
            Self::Rates(_) => Err("an answer to another question".into()),
        }
    }

    /// Returns the answer of the rate limit service.
    pub(super) fn of_rates(self) -> Result<rate_limit::Answer, rate_limit::Failure> {
        match self {
            Self::Rates(answer) => answer,
            Self::Approval(_) => Err(rate_limit::Failure::Unreadable),
        }
    }
}
