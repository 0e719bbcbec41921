//! The nodes of the tree that the reader builds.

use std::borrow::Cow;
use std::ops::Range;

use super::text;

/// The type of a value. A number has no value here: its text is used, since not every number fits `u64` or
/// `f64` exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number in any of JSON's notations
    Number,
    /// A string
    String {
        /// Whether the text between the quotes contains a backslash, so that it must be unescaped
        escaped: bool,
    },
    /// A list of values
    Array,
    /// A list of keys and values
    Object,
}

impl Kind {
    /// Names the JSON type, for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number => "a number",
            Self::String { .. } => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// One value, or one key of an object: its span, and the index of the node after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub kind: Kind,
    /// Byte offsets into the text, quotes and brackets included. The reader refuses texts that are too long
    /// for them. While an array or object is being read, the reader uses its `end` for another purpose.
    start: u32,
    pub end: u32,
    /// Index of the first node after this value and everything inside it. It fits, because there are no more
    /// nodes than bytes.
    after: u32,
}

impl Node {
    pub fn new(kind: Kind, start: usize, end: usize, after: usize) -> Self {
        let [start, end, after] = [start, end, after].map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        Self { kind, start, end, after }
    }

    pub fn span(&self) -> Range<usize> {
        index(self.start)..index(self.end)
    }

    pub fn after(&self) -> usize {
        index(self.after)
    }

    /// Returns what stands between the quotes of a string or key of `text`.
    #[inline]
    pub fn inner(self, text: &[u8]) -> &[u8] {
        let Range { start, end } = self.span();
        text.get(start.wrapping_add(1)..end.wrapping_sub(1)).unwrap_or_default()
    }

    /// Returns a string or key of `text`, unescaped. The result is meaningless for other values.
    pub fn string(self, text: &str) -> Cow<'_, str> {
        let Range { start, end } = self.span();
        let inner = text.get(start.saturating_add(1)..end.saturating_sub(1)).unwrap_or_default();
        match self.kind {
            Kind::String { escaped: true } => Cow::Owned(text::unescape(inner)),
            _ => Cow::Borrowed(inner),
        }
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
