//! Takes one request from its headers to its verdict: admit, read, decide, ask, charge, reply, record.
//!
//! A [`Request`] is what is known from the headers. With its body it becomes a case, which advances in
//! [`Step`]s. A step either asks the caller of this module to do something and report the result, or it is
//! the conclusion. The store, the time and the answers are arguments, so native tools and tests can run a
//! case like the filter does.

mod admit;
mod approve;
mod case;
mod charge;
mod charged;
mod conclude;
mod facts;
mod question;
mod refusal;
mod request;
mod shared;
mod verdict;
mod whole;

use crate::denial::{Code, Denial, Invalid};
use crate::limit::{Places, Store};
use crate::rate_limit::Tallies;

pub use admit::{
    Admission, admit, announces_too_large, is_exempt, only_a_post_has_a_body, refuse_unrecorded,
    refuse_without_policy, too_large,
};
pub use case::{Ask, Asking, Change, ChangeFailure, Changing, Step};
pub use charged::Charged;
pub use question::{Answer, Question};
pub use request::{Arrival, Request};
pub use verdict::{Conclusion, Counting, Verdict};
pub use whole::{Whole, arrive, judge, judge_known, readable};

/// What a case needs while it takes a step: the shared counters and the time. Each method may cost a host
/// call, so it is called only when its result is needed.
pub trait Environment {
    /// The store of the counters
    type Store: Store + ?Sized;

    /// Returns the shared counters.
    fn store(&self) -> &Self::Store;

    /// Returns the places of the counters in the store.
    ///
    /// # Errors
    /// Why calls cannot be counted, in one word for metrics.
    fn places(&self) -> Result<&Places, &'static str>;

    /// Returns the names of shared tallies that it keeps. Without them, each question hashes its own.
    fn tallies(&self) -> Option<&Tallies> {
        None
    }

    /// Returns the time of this step in nanoseconds since the Unix epoch; `None` if the host has no clock.
    /// Without a clock, calls cannot be counted, and anything that can expire counts as expired.
    fn now_ns(&self) -> Option<u64>;
}

/// An environment with a fixed time, for native tools and tests.
#[derive(Debug)]
pub struct FixedEnvironment<'e, S: ?Sized> {
    /// The counters
    pub store: &'e S,
    /// The places of the counters in the store
    pub places: &'e Places,
    /// The time in nanoseconds since the Unix epoch
    pub now_ns: u64,
}

impl<S: Store + ?Sized> Environment for FixedEnvironment<'_, S> {
    type Store = S;

    fn store(&self) -> &S {
        self.store
    }

    fn places(&self) -> Result<&Places, &'static str> {
        Ok(self.places)
    }

    fn now_ns(&self) -> Option<u64> {
        Some(self.now_ns)
    }
}

/// Makes the denial of a request whose `part`, such as "headers", the host could not return.
#[must_use]
pub fn unreadable(part: &str) -> Denial {
    let reason = format!("the request's {part} cannot be read");
    Denial::protocol(Code::InvalidRequest(Invalid::Request), reason)
}
