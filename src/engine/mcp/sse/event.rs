//! One event of a stream: its data, and other data in their place.

use std::borrow::Cow;

use super::BYTE_ORDER_MARK;

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
        let mut values = data_lines(self.raw);
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
        for (line, end) in lines(self.raw) {
            if data(line).is_none() {
                out.extend_from_slice(line);
                out.extend_from_slice(end);
            } else if !written {
                written = true;
                for (index, new) in text.split(|byte| *byte == b'\n').enumerate() {
                    if index > 0 {
                        // An end of the stream without a line end leaves none to repeat.
                        out.extend_from_slice(if end.is_empty() { b"\n" } else { end });
                    }
                    out.extend_from_slice(prefix.as_bytes());
                    out.extend_from_slice(new);
                }
                out.extend_from_slice(end);
            } else if end.ends_with(b"\n") && out.ends_with(b"\r") {
                // Else the line feed of a line that follows would belong to this carriage return.
                out.push(b'\n');
            }
        }
    }
}

/// Splits a line into the field's name and value; a comment's name is empty.
pub(super) fn field(line: &[u8]) -> (&[u8], &[u8]) {
    let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    let (name, rest) = line.split_at(colon);
    let value = rest.strip_prefix(b":").unwrap_or_default();
    (name, value.strip_prefix(b" ").unwrap_or(value))
}

/// Returns the values of the `data` lines.
pub(super) fn data_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines(bytes).filter_map(|(line, _)| data(line))
}

/// Returns the value of a `data` line, or `None` where it is another line.
fn data(line: &[u8]) -> Option<&[u8]> {
    let (name, value) = field(line);
    (name == b"data").then_some(value)
}

/// Returns the lines of an event with its data lines behind all others but the blank one; `None` if they stand together
/// already, as in almost every event, and at its end if more may follow. The order of lines makes no difference to what an
/// event means.
pub(super) fn gathered(event: &[u8], more_may_follow: bool) -> Option<Vec<u8>> {
    let is_data = |line: &[u8]| data(line).is_some();
    // At the beginning of the stream it would mean something else. Here it means nothing.
    let is_marked = |line: &[u8]| line.starts_with(BYTE_ORDER_MARK);
    let first = lines(event).skip_while(|(line, _)| !is_data(line));
    let mut behind = first.skip_while(|(line, _)| is_data(line));
    let is_scattered =
        if more_may_follow { behind.next().is_some() } else { behind.any(|(line, _)| is_data(line)) };
    is_scattered.then(|| {
        let mut out = Vec::with_capacity(event.len().saturating_add(1));
        for takes_data in [false, true] {
            for (line, end) in lines(event)
                .filter(|(line, _)| !line.is_empty() && !is_marked(line) && is_data(line) == takes_data)
            {
                out.extend_from_slice(line);
                // The stream may have ended within this line.
                out.extend_from_slice(if end.is_empty() && !takes_data { b"\n" } else { end });
            }
        }
        let blank = lines(event).filter(|(line, _)| line.is_empty());
        blank.for_each(|(_, end)| out.extend_from_slice(end));
        out
    })
}

/// Splits bytes into lines and their ends.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(at);
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
            Event { raw: raw.as_bytes(), kind: Kind::Message }.write_with(
                "data: ",
                text.as_bytes(),
                &mut out,
            );
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{raw:?}");
        }
    }
}
