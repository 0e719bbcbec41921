//! The framing of an event stream (WHATWG HTML, section 9.2.6): bytes in any chunks to events.
//!
//! Every byte of the stream comes out again in a [`Part`], so that all but replaced data is passed on byte
//! for byte. What some readers take for something else than the standard says is written so that all agree:
//!
//! - A carriage return alone ends a line. Some readers know only line feeds, so one is put behind it.
//! - Other characters end lines for some readers: see [`Separators`].
//! - The `data` lines of an event are one text, whatever stands between them. Some readers take only the last of them
//!   then, so the other lines are put in front of them. In an event that is too large for that, data behind another line
//!   is dropped.

mod event;
mod large;
mod separator;

pub use event::{Event, Kind};

use super::list::Bounds;
use super::screen::Finding;
use crate::json;
use event::{Order, field, gathered};
use large::Large;
use separator::Separators;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A piece of the stream, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'s> {
    /// Bytes outside of data: comments, blank lines, other fields in front of the first data line; and the bytes
    /// of an event that is too large to be held and has no list so far
    Passing(&'s [u8]),
    /// What is left of an event from its first data line on, the blank line included
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

/// What to do with a line feed right behind a carriage return: the two are one line end, and there is always one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum AfterReturn {
    /// There was no carriage return
    #[default]
    None,
    /// The line that it ended came out: it comes out, too
    Keep,
    /// The line that it ended was dropped: it is dropped, too
    Drop,
}

impl AfterReturn {
    fn behind(end: &[u8], dropped: bool) -> Self {
        match (end, dropped) {
            (b"\r", true) => Self::Drop,
            (b"\r", false) => Self::Keep,
            _ => Self::None,
        }
    }
}

/// A stream being read.
#[derive(Debug)]
pub struct EventStream {
    bounds: Bounds,
    separators: Separators,
    /// The line that has not ended yet
    line: Vec<u8>,
    /// The lines of an event from its first data line on, line ends included.
    event: Vec<u8>,
    order: Order,
    /// The event's first line has at least this many bytes, in which no line end has to be looked for
    first: usize,
    kind: Kind,
    /// The first line has ended.
    started: bool,
    after_return: AfterReturn,
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
            event: Vec::new(),
            order: Order::Last,
            first: 0,
            kind: Kind::Message,
            started: false,
            after_return: AfterReturn::None,
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
            let after_return = std::mem::take(&mut self.after_return);
            if after_return == AfterReturn::Keep {
                // It is there already, or is put there.
                self.put(b"\n", each);
            }
            if first == b'\n' && after_return != AfterReturn::None {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let (content, behind) = rest.split_at(json::line_end(rest, 0).min(rest.len()));
            let fits = content.len().saturating_add(self.event.len()) <= self.bounds.hold;
            rest = match behind.split_at_checked(1) {
                // Almost every line is whole, and is not copied.
                Some((line_end, next)) if fits && self.line.is_empty() && self.large.is_none() => {
                    self.take_line(content, line_end, each);
                    self.after_return = AfterReturn::behind(line_end, false);
                    next
                }
                Some((line_end, next)) => {
                    self.extend_line(content, each);
                    self.end_line(line_end, each);
                    next
                }
                None => {
                    self.extend_line(content, each);
                    behind
                }
            };
        }
    }

    /// Ends the stream and hands over what is left of it.
    pub fn finish(mut self, each: &mut dyn FnMut(Part<'_>)) {
        let begun = self.separators.finish();
        self.read(&begun, each);
        if let Some(large) = self.large.as_ref().filter(|large| !large.holds()) {
            large.end(each);
            return;
        }
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.take_line(&line, b"", each);
        }
        self.gather(false);
        if !self.event.is_empty() {
            each(Part::Unfinished(Event { raw: &self.event, kind: self.kind, first: self.first }));
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
            let held = self.line.len().saturating_add(self.event.len());
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
            each(Part::Passing(BYTE_ORDER_MARK));
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        self.gather(true);
        match &mut self.large {
            None => {
                let large = Large::new(&self.event, &self.line, self.bounds.hold < self.bounds.limit);
                if large.passes() {
                    each(Part::Passing(&self.event));
                    each(Part::Passing(&self.line));
                }
                self.large = Some(Box::new(large));
            }
            Some(large) => **large = Large::new(&self.event, &self.line, false),
        }
        if self.large.as_ref().is_some_and(|large| !large.holds()) {
            self.event = Vec::new();
            self.line = Vec::new();
        }
    }

    fn end_line(&mut self, end: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        let mut dropped = false;
        match self.large.take() {
            Some(mut large) if !large.holds() => {
                dropped = !large.passes();
                self.started = true;
                match large.end_line(end, each) {
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
        self.after_return = AfterReturn::behind(end, dropped);
    }

    /// Reads one line (section 9.2.6, "interpreting an event stream").
    fn take_line(&mut self, line: &[u8], end: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        let mut content = line;
        if !std::mem::replace(&mut self.started, true)
            && let Some(behind) = content.strip_prefix(BYTE_ORDER_MARK)
        {
            each(Part::Passing(BYTE_ORDER_MARK));
            content = behind;
        }
        match field(content) {
            (b"data", _) if self.event.is_empty() => {
                (self.order, self.first) = (Order::Last, content.len());
                self.event.reserve(content.len().saturating_add(2));
                self.event.extend_from_slice(content);
                self.event.extend_from_slice(end);
            }
            (name, value) => {
                if name == b"event" {
                    self.kind = Kind::of(value);
                }
                if !content.is_empty() {
                    self.order = self.order.then(name == b"data");
                }
                self.put(content, each);
                self.put(end, each);
            }
        }
        if content.is_empty() {
            self.gather(false);
            if !self.event.is_empty() {
                each(Part::Event(Event { raw: &self.event, kind: self.kind, first: self.first }));
                self.event = Vec::new();
            }
            self.kind = Kind::Message;
            self.large = None;
        }
    }

    /// Puts the data lines of the event that is held behind its other lines.
    fn gather(&mut self, more_may_follow: bool) {
        if self.order == Order::Scattered || (self.order == Order::InFront && more_may_follow) {
            self.event = gathered(&self.event);
            (self.order, self.first) = (Order::Last, 0);
        }
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
mod tests;
