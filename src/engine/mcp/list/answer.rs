//! The answer to a request: what was asked for, how much of it is held, what the client gets of it, and the error in the
//! place of what cannot be read.

use super::{ListKind, Unreadable};

/// What a client is told in place of an answer that could not be read.
pub const UNREADABLE: &str = "the list could not be read and is not shown";

/// Writes the JSON-RPC error (JSON-RPC 2.0, section 5.1: internal error) that takes the place of
/// an answer that cannot be read. `id` is the request's, as JSON text.
#[must_use]
pub fn error_for(id: &str) -> String {
    [r#"{"jsonrpc":"2.0","id":"#, id, r#","error":{"code":-32603,"message":""#, UNREADABLE, r#""}}"#].concat()
}

/// The request that an answer belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Awaited {
    /// The kind of list that it asks for
    pub list: Option<ListKind>,
    /// Its id as JSON text
    pub id: Option<String>,
    /// It resumes a stream, which may hold answers from earlier
    pub resumes: bool,
}

/// How much of an answer is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The most bytes of one text, or of one event, without a list so far
    pub hold: usize,
    /// The most bytes of a text or an event with a list
    pub limit: usize,
}

/// The bytes that go to the client, and how the answer was changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// What goes out
    pub bytes: Vec<u8>,
    /// How many elements are gone from it
    pub removed: usize,
    /// Why an answer or an element in it is not shown; the last one's cause where there were several
    pub unreadable: Option<Unreadable>,
    /// A whole list is not shown, or something that may be the list that was asked for
    pub lost: bool,
    /// The stream is one of the old transport, whose answers are refused
    pub old_transport: bool,
}

impl Shown {
    /// Appends what comes next.
    pub fn join(&mut self, next: Self) {
        self.bytes.extend_from_slice(&next.bytes);
        self.removed = self.removed.saturating_add(next.removed);
        self.unreadable = next.unreadable.or(self.unreadable.take());
        self.lost |= next.lost;
        self.old_transport |= next.old_transport;
    }
}
