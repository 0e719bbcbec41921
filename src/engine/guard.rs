//! One request from its headers to its verdict: admit, read, decide, ask, charge, answer, record.
//!
//! A [`Request`] is what is known at the headers. Its body makes it a [`Case`], which goes forward in [`Step`]s:
//! a step asks for something to be done outside and comes back with its result, or concludes. What Envoy's filter
//! does with a request, a native tool can do with a file: the store, the time and the answers are arguments.

mod admit;
mod approve;
mod case;
mod charge;
mod conclude;
mod request;
mod verdict;

use crate::denial::{Code, Denial, Invalid};
use crate::limit::{Places, Store};

pub use admit::{Admission, admit, refuse_unrecorded, refuse_without_policy, too_large};
pub use case::{Answer, Asking, Change, Changing, Question, Step, Unchanged};
pub use request::Request;
pub use verdict::{Conclusion, Counting, ListRequest, Verdict};

/// What a case needs of the world while it takes a step: the shared counters and the time. Each may cost a call of
/// the host, so it is asked for only where the case needs it.
pub trait Environment {
    /// How the counters are stored
    type Store: Store + ?Sized;

    /// Returns the shared counters.
    fn store(&self) -> &Self::Store;

    /// Returns where each counter is, or `None` while the proxy's secret cannot be had.
    fn places(&self) -> Option<&Places>;

    /// Returns the time of this step in nanoseconds since the Unix epoch, or `None` where the host has no clock.
    /// Without the time nothing can be counted, and everything that can expire counts as expired.
    fn now_ns(&self) -> Option<u64>;
}

/// An environment that is known beforehand, for native tools and tests.
#[derive(Debug)]
pub struct Snapshot<'e, S: ?Sized> {
    /// The counters
    pub store: &'e S,
    /// Where each counter is
    pub places: &'e Places,
    /// The time in nanoseconds since the Unix epoch
    pub now_ns: u64,
}

impl<S: Store + ?Sized> Environment for Snapshot<'_, S> {
    type Store = S;

    fn store(&self) -> &S {
        self.store
    }

    fn places(&self) -> Option<&Places> {
        Some(self.places)
    }

    fn now_ns(&self) -> Option<u64> {
        Some(self.now_ns)
    }
}

/// Makes the denial of a request of which a part cannot be had from the host.
#[must_use]
pub fn unreadable(part: &str) -> Denial {
    let reason = format!("the request's {part} cannot be read");
    Denial::protocol(Code::InvalidRequest(Invalid::Request), reason)
}
