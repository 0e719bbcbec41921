//! One event of a stream: its data, and other data in their place.

use std::borrow::Cow;

use super::BYTE_ORDER_MARK;
use crate::json;

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
    pub(super) raw: &'s [u8],
    pub(super) kind: Kind,
    /// The first line has at least this many bytes
    pub(super) first: usize,
}

impl<'s> Event<'s> {
    /// Returns the bytes as they came.
    #[must_use]
    pub fn raw(&self) -> &'s [u8] {
        self.raw
    }

    /// Returns the event's type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the data: the values of the `data` lines, joined by line feeds.
    #[must_use]
    pub fn data(&self) -> Cow<'s, [u8]> {
        let mut values = data_lines(self.raw, self.first);
        let first = values.next().unwrap_or_default();
        let mut joined = Cow::Borrowed(first);
        for value in values {
            let joined = joined.to_mut();
            joined.push(b'\n');
            joined.extend_from_slice(value);
        }
        joined
    }

    /// Appends the event with lines that start with `prefix` and hold `text`, one for each of its
    /// lines, in place of the data lines. The other lines stay as they came.
    pub fn write_with(&self, prefix: &str, text: &[u8], out: &mut Vec<u8>) {
        let mut written = false;
        for (line, end) in lines(self.raw, self.first) {
            if data(line).is_none() {
                out.extend_from_slice(line);
                out.extend_from_slice(end);
            } else if !written {
                written = true;
                // An end of the stream without a line end leaves none to repeat.
                write_lines(text, prefix, if end.is_empty() { b"\n" } else { end }, out);
                out.extend_from_slice(end);
            } else if end.ends_with(b"\n") && out.ends_with(b"\r") {
                // Else the line feed of a line that follows would belong to this carriage return.
                out.push(b'\n');
            }
        }
    }
}

/// Writes the lines of a text, each behind `prefix`, with `between` between two of them.
fn write_lines(text: &[u8], prefix: &str, between: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        out.extend_from_slice(prefix.as_bytes());
        let (line, behind) = rest.split_at(json::line_end(rest, 0).min(rest.len()));
        out.extend_from_slice(line);
        let Some((_, next)) = behind.split_first() else { return };
        out.extend_from_slice(between);
        rest = next;
    }
}

/// Splits a line into the field's name and value; a comment's name is empty.
pub(super) fn field(line: &[u8]) -> (&[u8], &[u8]) {
    let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    let (name, rest) = line.split_at(colon);
    let value = rest.strip_prefix(b":").unwrap_or_default();
    (name, value.strip_prefix(b" ").unwrap_or(value))
}

/// Returns the values of the `data` lines. The first line is at least `first` bytes long.
pub(super) fn data_lines(bytes: &[u8], first: usize) -> impl Iterator<Item = &[u8]> {
    lines(bytes, first).filter_map(|(line, _)| data(line))
}

/// Returns the value of a `data` line, or `None` where it is another line.
fn data(line: &[u8]) -> Option<&[u8]> {
    let (name, value) = field(line);
    (name == b"data").then_some(value)
}

/// How the data lines of an event stand among its other lines. The order makes no difference to what an event means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The data lines are the last ones
    Last,
    /// Other lines stand behind them
    InFront,
    /// Other lines stand between them
    Scattered,
}

impl Order {
    /// Takes one more line, which is not the blank one.
    pub(super) fn then(self, is_data: bool) -> Self {
        match (self, is_data) {
            (Self::Last, true) => Self::Last,
            (Self::Last | Self::InFront, false) => Self::InFront,
            (Self::InFront, true) | (Self::Scattered, _) => Self::Scattered,
        }
    }
}

/// Returns the lines of an event with its data lines behind all others but the blank one.
pub(super) fn gathered(event: &[u8]) -> Vec<u8> {
    let is_data = |line: &[u8]| data(line).is_some();
    // At the beginning of the stream it would mean something else. Here it means nothing.
    let is_marked = |line: &[u8]| line.starts_with(BYTE_ORDER_MARK);
    let mut out = Vec::with_capacity(event.len().saturating_add(1));
    for takes_data in [false, true] {
        for (line, end) in lines(event, 0)
            .filter(|(line, _)| !line.is_empty() && !is_marked(line) && is_data(line) == takes_data)
        {
            out.extend_from_slice(line);
            // The stream may have ended within this line.
            out.extend_from_slice(if end.is_empty() && !takes_data { b"\n" } else { end });
        }
    }
    let blank = lines(event, 0).filter(|(line, _)| line.is_empty());
    blank.for_each(|(_, end)| out.extend_from_slice(end));
    out
}

/// Splits bytes into lines and their ends. The first line is at least `first` bytes long.
fn lines(bytes: &[u8], first: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
    let (mut rest, mut first) = (bytes, first);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, behind) = rest.split_at(json::line_end(rest, std::mem::take(&mut first)).min(rest.len()));
        let (end, next) = behind.split_at(if behind.starts_with(b"\r\n") { 2 } else { behind.len().min(1) });
        rest = next;
        Some((line, end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_data_takes_the_place_of_the_data_lines_alone() {
        for (raw, text, expected) in [
            ("data: a\nid: 1\ndata: b\n: c\n\n", "n", "data: n\nid: 1\n: c\n\n"),
            ("data:a\r\nid: 1\r\n\r", "n\nm", "data: n\r\ndata: m\r\nid: 1\r\n\r"),
            ("data\r\r", "n\nm", "data: n\rdata: m\r\r"),
            ("data: a", "n\nm", "data: n\ndata: m"),
            ("data: a\rdata: b\n\n", "n", "data: n\r\n\n"),
            ("data: a\nid: 1\rdata: b\r\n\n", "n", "data: n\nid: 1\r\n\n"),
            ("data: a\rdata: b\r\r", "n", "data: n\r\r"),
        ] {
            let mut out = Vec::new();
            let event = Event { raw: raw.as_bytes(), kind: Kind::Message, first: 0 };
            event.write_with("data: ", text.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{raw:?}");
        }
    }
}
