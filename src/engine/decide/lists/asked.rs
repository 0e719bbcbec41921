//! Requests for the tools as a server has them now.

use crate::decide::definitions;
use crate::limit::Store;
use crate::policy::Pins;

/// A request for the tools that is about to be forwarded. Its answer can open the tools that have changed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The id of the request, as JSON text
    pub id: String,
    /// How many changes lists had shown when it began
    pub changes: u64,
}

impl Asked {
    /// Begins a request with this id, which is JSON text. Returns `None` if the store cannot tell which changes were before
    /// it; then its answer opens nothing.
    pub fn now<S: Store + ?Sized>(id: &str, pins: &Pins, store: &S) -> Option<Self> {
        definitions::changes(store, pins).map(|changes| Self { id: id.to_owned(), changes })
    }
}
