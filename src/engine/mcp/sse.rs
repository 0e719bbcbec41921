//! The framing of an event stream (WHATWG HTML, section 9.2.6): bytes in any chunks to events.
//!
//! Everything that means something comes out again in a [`Part`], all but replaced data byte for byte. What some readers
//! take for something else than the standard says is written so that all agree:
//!
//! - A carriage return alone ends a line. Some readers know only line feeds, so one is put behind it.
//! - Other characters end lines for some readers: see [`Separators`].
//! - The byte order mark at the beginning is left out: for some readers it is part of the first field's name.
//! - A line with a field that the standard does not know means nothing, and is left out. Some readers drop a byte order mark
//!   in front of any line, others take such a line for more of the data.
//! - The `data` lines of an event are one text. Some readers take only the last of them, take each for a message of its
//!   own, or join them in another way, so they become one line: a space stands for each line end between them. In JSON
//!   that means the same.
//! - The other lines of an event come out in front of its data. In an event that is too large to be held, data behind
//!   another line is dropped.

mod event;
mod large;
mod separator;

pub use event::{Event, Kind};

use super::list::Bounds;
use super::screen::Finding;
use crate::json;
use event::field;
use large::Large;
use separator::Separators;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A piece of the stream, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'s> {
    /// Bytes outside of data: comments, blank lines, other fields; and the bytes of an event that is too large to be
    /// held and has no list so far
    Passing(&'s [u8]),
    /// The data of an event, with the blank line
    Event(Event<'s>),
    /// The stream ended in the middle of this event, which clients drop (section 9.2.6)
    Unfinished(Event<'s>),
    /// An event has ended that is over the bounds and was dropped
    Dropped(Dropped<'s>),
}

/// A large event that was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped<'s> {
    /// Its first bytes were passed on, and a line of it has not ended
    pub begun: bool,
    /// Why
    pub finding: Finding,
    /// It has a list, even if something behind that cannot be read
    pub has_list: bool,
    /// The id of its message, as JSON text
    pub id: Option<&'s str>,
    /// Its message is an answer
    pub answers: bool,
}

/// A stream being read.
#[derive(Debug)]
pub struct EventStream {
    bounds: Bounds,
    separators: Separators,
    /// The line that has not ended yet
    line: Vec<u8>,
    /// The data line of the event, without its end
    data: Vec<u8>,
    /// Its end; empty if the stream has ended within it
    end: &'static [u8],
    kind: Kind,
    /// The first line has ended.
    started: bool,
    /// A line feed that comes next belongs to the line end before it
    after_return: bool,
    /// The current event is over a bound.
    large: Option<Box<Large>>,
}

impl EventStream {
    /// Starts at the beginning of a stream. At most about [`Bounds::limit`] bytes of one event are held.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            separators: Separators::default(),
            line: Vec::new(),
            data: Vec::new(),
            end: b"",
            kind: Kind::Message,
            started: false,
            after_return: false,
            large: None,
        }
    }

    /// Takes the next bytes and hands over what they complete. However a stream is cut into
    /// chunks, the parts hold the same bytes in the same order.
    pub fn push(&mut self, chunk: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        let chunk = self.separators.replace(chunk);
        self.read(&chunk, each);
    }

    fn read(&mut self, chunk: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        let mut rest = chunk;
        while let Some(&first) = rest.first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let (content, behind) = rest.split_at(json::line_end(rest, 0).min(rest.len()));
            let Some((&byte, next)) = behind.split_first() else {
                return self.extend_line(content, each);
            };
            rest = next;
            self.after_return = byte == b'\r';
            let end: &'static [u8] = if self.after_return { b"\r\n" } else { b"\n" };
            let fits = content.len().saturating_add(self.data.len()) <= self.bounds.hold;
            // Almost every line is whole, and is not copied.
            if fits && self.line.is_empty() && self.large.is_none() {
                self.take_line(content, end, each);
            } else {
                self.extend_line(content, each);
                self.end_line(end, each);
            }
        }
    }

    /// Ends the stream and hands over what is left of it.
    pub fn finish(mut self, each: &mut dyn FnMut(Part<'_>)) {
        let begun = self.separators.finish();
        self.read(&begun, each);
        if let Some(large) = self.large.as_mut().filter(|large| !large.holds()) {
            large.end(each);
            return;
        }
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.take_line(&line, b"", each);
        }
        if !self.data.is_empty() {
            let line = self.data.len();
            self.data.extend_from_slice(self.end);
            each(Part::Unfinished(Event { raw: &self.data, line, kind: self.kind }));
        }
    }

    fn extend_line(&mut self, content: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        let mut rest = content;
        while !rest.is_empty() {
            if let Some(large) = &mut self.large
                && !large.holds()
            {
                large.extend_line(rest, each);
                return;
            }
            let bound = if self.large.is_some() { self.bounds.limit } else { self.bounds.hold };
            let held = self.line.len().saturating_add(self.data.len());
            let (fits, over) = rest.split_at(rest.len().min(bound.saturating_sub(held)));
            self.line.extend_from_slice(fits);
            rest = over;
            if !rest.is_empty() {
                self.outgrow(each);
            }
        }
    }

    /// Decides on an event that has reached a bound.
    fn outgrow(&mut self, each: &mut dyn FnMut(Part<'_>)) {
        if !std::mem::replace(&mut self.started, true) && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        let may_hold = self.large.is_none() && self.bounds.hold < self.bounds.limit;
        let mut large = Large::new(&self.data, &self.line, may_hold);
        if !large.holds() {
            large.begin(&self.data, &self.line, each);
            self.data = Vec::new();
            self.line = Vec::new();
        }
        self.large = Some(Box::new(large));
    }

    fn end_line(&mut self, end: &'static [u8], each: &mut dyn FnMut(Part<'_>)) {
        match self.large.take() {
            Some(mut large) if !large.holds() => {
                self.started = true;
                match large.end_line(each) {
                    true => self.kind = Kind::Message,
                    false if large.has_data() => self.large = Some(large),
                    false => {}
                }
            }
            large => {
                self.large = large;
                let mut line = std::mem::take(&mut self.line);
                self.take_line(&line, end, each);
                line.clear();
                self.line = line;
            }
        }
    }

    /// Reads one line (section 9.2.6, "interpreting an event stream").
    fn take_line(&mut self, line: &[u8], end: &'static [u8], each: &mut dyn FnMut(Part<'_>)) {
        let content = match std::mem::replace(&mut self.started, true) {
            true => line,
            false => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line),
        };
        match field(content) {
            _ if content.is_empty() => return self.end_event(end, each),
            (b"data", value) => return self.add_data(content, value, end),
            (b"event", value) => self.kind = Kind::of(value),
            (b"" | b"id" | b"retry", _) => {}
            _ => return,
        }
        each(Part::Passing(content));
        // The stream may have ended within this line, and data comes out behind it.
        each(Part::Passing(if end.is_empty() && !self.data.is_empty() { b"\n" } else { end }));
    }

    /// Adds a data line to the event.
    fn add_data(&mut self, line: &[u8], value: &[u8], end: &'static [u8]) {
        self.end = end;
        if self.data.is_empty() {
            self.data.reserve(line.len().saturating_add(4));
            self.data.extend_from_slice(line);
            return;
        }
        if self.data == b"data" {
            self.data.push(b':');
        }
        self.data.push(b' ');
        self.data.extend_from_slice(value);
    }

    fn end_event(&mut self, end: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        if self.data.is_empty() {
            each(Part::Passing(end));
        } else {
            let line = self.data.len();
            self.data.extend_from_slice(self.end);
            self.data.extend_from_slice(end);
            each(Part::Event(Event { raw: &self.data, line, kind: self.kind }));
            self.data = Vec::new();
        }
        self.kind = Kind::Message;
        self.large = None;
    }
}

#[cfg(test)]
mod tests;
