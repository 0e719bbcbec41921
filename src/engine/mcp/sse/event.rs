//! One event of a stream: its data, and other data in their place.

/// The type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `message`, which is what absent and empty types mean
    Message,
    /// `endpoint`: the first event of the old HTTP+SSE transport (MCP 2024-11-05)
    Endpoint,
    /// Another type
    Other,
}

impl Kind {
    pub(super) fn of(value: &[u8]) -> Self {
        match value {
            b"" | b"message" => Self::Message,
            b"endpoint" => Self::Endpoint,
            _ => Self::Other,
        }
    }
}

/// An event with data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'s> {
    /// The data line, its end and the blank line
    pub(super) raw: &'s [u8],
    /// The length of the data line without its end
    pub(super) line: usize,
    pub(super) kind: Kind,
}

impl<'s> Event<'s> {
    /// Returns the bytes as they came, with the data in one line.
    #[must_use]
    pub fn raw(&self) -> &'s [u8] {
        self.raw
    }

    /// Returns the event's type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the data. It has no line ends.
    #[must_use]
    pub fn data(&self) -> &'s [u8] {
        let (_, value) = field(self.raw.get(..self.line).unwrap_or_default());
        value
    }

    /// Appends the event with `prefix` and `text` in place of its data line. `text` has no line ends.
    pub fn write_with(&self, prefix: &str, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(text);
        out.extend_from_slice(self.raw.get(self.line..).unwrap_or_default());
    }
}

/// Splits a line into the field's name and value; a comment's name is empty.
pub(super) fn field(line: &[u8]) -> (&[u8], &[u8]) {
    let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    let (name, rest) = line.split_at(colon);
    let value = rest.strip_prefix(b":").unwrap_or_default();
    (name, value.strip_prefix(b" ").unwrap_or(value))
}
