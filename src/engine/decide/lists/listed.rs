//! What lists have shown of pinned tools.

use crate::policy::Pin;

/// How lists show a pinned tool. If they show it several times, the last of these counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Definition {
    /// With the definition that is pinned
    Pinned,
    /// It cannot be told: an element that is or may be the tool cannot be read
    Unread,
    /// With another definition, or one without a digest
    Other,
}

/// What a list has shown of a pinned tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'p> {
    /// The number of the pin
    pub number: usize,
    /// The pin
    pub pin: &'p Pin,
    /// The definition that was listed
    pub definition: Definition,
    /// The last list with the tool has shown something else
    pub is_news: bool,
}
