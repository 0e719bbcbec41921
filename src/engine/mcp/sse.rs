//! The framing of an event stream (WHATWG HTML, section 9.2.6): bytes in any chunks to events.
//!
//! Every byte of the stream comes out again in a [`Part`], so that all but replaced data is passed on byte
//! for byte.

mod event;

pub use event::Event;

use event::field;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A piece of the stream, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'s> {
    /// Bytes outside of data: comments, blank lines, other fields in front of the first data line
    Passing(&'s [u8]),
    /// What is left of an event from its first data line on, the blank line included
    Event(Event<'s>),
    /// The stream ended in the middle of this event, which clients drop (section 9.2.6)
    Unfinished(Event<'s>),
    /// An event is over the bound: its rest, the blank line included, comes in no other part
    TooLarge,
}

/// What to do with a line feed right behind a carriage return: the two are one line end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum AfterReturn {
    /// There was no carriage return
    #[default]
    None,
    /// The line that it ended came out
    Keep,
    /// The line that it ended was dropped
    Drop,
}

/// A stream being read.
#[derive(Debug)]
pub struct EventStream {
    limit: usize,
    /// The line that has not ended yet; of a dropped one no more than its first bytes.
    line: Vec<u8>,
    /// The lines of an event from its first data line on, line ends included.
    event: Vec<u8>,
    /// The event's type is another than `message`.
    typed: bool,
    /// The first line has ended.
    started: bool,
    after_return: AfterReturn,
    /// The current event is over the bound.
    dropping: bool,
}

impl EventStream {
    /// Starts at the beginning of a stream. At most about `limit` bytes of one event are held.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            event: Vec::new(),
            typed: false,
            started: false,
            after_return: AfterReturn::None,
            dropping: false,
        }
    }

    /// Takes the next bytes and hands over what they complete. However a stream is cut into
    /// chunks, the parts hold the same bytes in the same order.
    pub fn push(&mut self, chunk: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        let mut rest = chunk;
        while let Some(&first) = rest.first() {
            let after_return = std::mem::take(&mut self.after_return);
            if first == b'\n' && after_return != AfterReturn::None {
                if after_return == AfterReturn::Keep {
                    self.put(b"\n", each);
                }
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
            let (content, behind) = rest.split_at(end);
            self.extend_line(content, each);
            rest = match behind.split_at_checked(1) {
                Some((line_end, next)) => {
                    self.end_line(line_end, each);
                    next
                }
                None => behind,
            };
        }
    }

    /// Ends the stream and hands over what is left of it.
    pub fn finish(mut self, each: &mut dyn FnMut(Part<'_>)) {
        if self.dropping {
            return;
        }
        if !self.line.is_empty() {
            self.take_line(b"", each);
        }
        if !self.event.is_empty() {
            each(Part::Unfinished(Event { raw: &self.event, message: !self.typed }));
        }
    }

    fn extend_line(&mut self, content: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        if content.is_empty() {
            return;
        }
        if !self.dropping {
            let held = self.line.len().saturating_add(self.event.len());
            if content.len() <= self.limit.saturating_sub(held) {
                self.line.extend_from_slice(content);
                return;
            }
            self.dropping = true;
            self.event = Vec::new();
            self.line = Vec::new();
            each(Part::TooLarge);
        }
        // One byte tells that the line is not blank.
        if self.line.is_empty() {
            self.line.extend(content.first());
        }
    }

    fn end_line(&mut self, end: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        let drop = self.dropping;
        if drop {
            self.started = true;
            if self.line.is_empty() {
                self.dropping = false;
                self.typed = false;
            }
            self.line.clear();
        } else {
            self.take_line(end, each);
        }
        if end == b"\r" {
            self.after_return = if drop { AfterReturn::Drop } else { AfterReturn::Keep };
        }
    }

    /// Reads one line (section 9.2.6, "interpreting an event stream").
    fn take_line(&mut self, end: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        let line = std::mem::take(&mut self.line);
        let mut content = line.as_slice();
        if !std::mem::replace(&mut self.started, true)
            && let Some(behind) = content.strip_prefix(BYTE_ORDER_MARK)
        {
            each(Part::Passing(BYTE_ORDER_MARK));
            content = behind;
        }
        match field(content) {
            (b"data", _) if self.event.is_empty() => {
                self.event.extend_from_slice(content);
                self.event.extend_from_slice(end);
            }
            (name, value) => {
                if name == b"event" {
                    self.typed = !matches!(value, b"" | b"message");
                }
                self.put(content, each);
                self.put(end, each);
            }
        }
        if content.is_empty() {
            if !self.event.is_empty() {
                each(Part::Event(Event { raw: &self.event, message: !self.typed }));
                self.event = Vec::new();
            }
            self.typed = false;
        }
        self.line = line;
        self.line.clear();
    }

    /// Puts bytes where they belong: behind the data that is held, or out.
    fn put(&mut self, bytes: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        if self.event.is_empty() {
            each(Part::Passing(bytes));
        } else {
            self.event.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `stream` in chunks of `size` bytes; parts as text, neighbouring passing ones joined.
    fn parts(stream: &str, size: usize, limit: usize) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let mut each = |part: Part<'_>| match part {
            Part::Passing(bytes) => match out.last_mut() {
                Some(last) if last.starts_with('=') => last.push_str(str::from_utf8(bytes).unwrap()),
                _ => out.push(format!("={}", str::from_utf8(bytes).unwrap())),
            },
            Part::TooLarge => out.push("too large".into()),
            Part::Event(event) | Part::Unfinished(event) => {
                let mark = match part {
                    Part::Unfinished(_) => "cut",
                    _ if event.is_message() => "message",
                    _ => "other",
                };
                out.push(format!("{mark} {}", str::from_utf8(&event.data()).unwrap()));
            }
        };
        let mut events = EventStream::new(limit);
        stream.as_bytes().chunks(size).for_each(|chunk| events.push(chunk, &mut each));
        events.finish(&mut each);
        out
    }

    #[test]
    fn events_are_found_as_the_standard_says_whatever_the_chunks() {
        for (stream, expected) in [
            ("data: a\n\n", &["message a"] as &[_]),
            ("data:a\ndata\ndata:  b\n\n", &["message a\n\n b"]),
            ("data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", &["message a\nb", "=\n", "message c", "=\n"]),
            ("data: a\r\rdata: b\r\r", &["message a", "message b"]),
            ("data: a\r\n\ndata: b\n\r\n", &["message a", "message b", "=\n"]),
            ("\u{feff}data: a\n\n\u{feff}data: b\n\n", &["=\u{feff}", "message a", "=\u{feff}data: b\n\n"]),
            (
                ": ping\n\nid: 1\nevent: message\ndata: a\nretry: 5\n\n",
                &["=: ping\n\nid: 1\nevent: message\n", "message a"],
            ),
            ("event: ping\ndata: a\n\ndata: b\n\n", &["=event: ping\n", "other a", "message b"]),
            ("event: ping\n\ndata: b\n\n", &["=event: ping\n\n", "message b"]),
            ("data: a\nevent: ping\nevent\n\n", &["message a"]),
            ("data: a\nevent:ping\n\n", &["other a"]),
            ("Data: a\n data: a\n\n", &["=Data: a\n data: a\n\n"]),
            ("data: a\n\ndata: b\n", &["message a", "cut b"]),
            ("data: b\r\nid", &["cut b"]),
            ("id: 4", &["=id: 4"]),
            ("data: b", &["cut b"]),
        ] {
            for size in [1, 2, 3, 1000] {
                assert_eq!(parts(stream, size, 1000), expected, "{stream:?} by {size}");
            }
        }
    }

    #[test]
    fn an_event_over_the_bound_is_dropped_up_to_its_blank_line() {
        for (stream, expected) in [
            ("data: 4567890123\n\n", &["message 4567890123"] as &[_]),
            ("data: 45678901234\n\ndata: b\n\n", &["too large", "message b"]),
            ("id: 1\ndata: 4\ndata: 12\r\nid: 2\r\n\r\ndata: b\n\n", &["=id: 1\n", "too large", "message b"]),
            (": 345678901234567\n:\n\n: ok\n\n", &["too large", "=: ok\n\n"]),
            (": 345678901234567\n\n\u{feff}data\n\n", &["too large", "=\u{feff}data\n\n"]),
            ("event: x\n: 345678901234567\n\ndata: b\n\n", &["=event: x\n", "too large", "message b"]),
            ("data: 45678901234\nid: 5", &["too large"]),
        ] {
            for size in [1, 2, 3, 1000] {
                assert_eq!(parts(stream, size, 16), expected, "{stream:?} by {size}");
            }
        }
    }
}
