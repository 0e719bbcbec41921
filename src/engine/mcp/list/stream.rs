//! Lists among the events of a stream.

use super::answer::{Awaited, Bounds, Shown, UNREADABLE, error_for};
use super::{Keep, Unreadable, filter};
use crate::json::{self, Malformed};
use crate::mcp::answer::DENIED;
use crate::mcp::screen::{Finding, Screen};
use crate::mcp::sse::{Dropped, Event, EventStream, Kind, Part};

/// What a client of the old transport is told. Over it a refusal cannot reach the caller: clients ignore the
/// answer to their POST, and nothing can be written into the stream of another request.
pub const OLD_TRANSPORT: &str = "the policy filter does not support the HTTP+SSE transport of MCP 2024-11-05, \
    because a refusal could not be delivered: connect by Streamable HTTP";

/// Ends a part of an event so that no client takes it for a message.
const CUT: &[u8] = b"event: cut\n\n";

/// Filters a `text/event-stream` answer event by event (MCP, Transports: Streamable HTTP).
///
/// Everything but a changed list comes out as it went in, apart from what [`EventStream`] writes so that all clients read it
/// alike. An event with data comes out when its blank line
/// is there, everything else at once. An event that grows larger than [`Bounds::hold`] and has no list so far
/// goes on in pieces; if a list comes later, it is cut off.
///
/// What cannot be read is dropped. An error with the id of the dropped message takes its place; if the id is not
/// known, a comment does, since clients take an error without an id for a broken stream or ignore it.
#[derive(Debug)]
pub struct ListStream {
    events: EventStream,
    reader: Reader,
    /// The last byte that went out
    last: Option<u8>,
}

#[derive(Debug)]
struct Reader {
    awaited: Awaited,
    bounds: Bounds,
    /// The stream is one of the old transport
    old_transport: bool,
    /// An answer has gone out
    answered: bool,
    /// Something was dropped that may have been an answer
    owing: bool,
}

impl ListStream {
    /// Awaits answers to a request, or to others.
    #[must_use]
    pub fn new(awaited: Awaited, bounds: Bounds) -> Self {
        let reader = Reader { awaited, bounds, old_transport: false, answered: false, owing: false };
        // A list that was asked for is told from its first byte on.
        let hold = if reader.awaited.list.is_some() { bounds.limit } else { bounds.hold };
        Self { events: EventStream::new(Bounds { hold, ..bounds }), reader, last: None }
    }

    /// Learns what the answer belongs to, after it has begun.
    pub fn expect(&mut self, awaited: Awaited) {
        self.reader.awaited = awaited;
    }

    /// Takes the next bytes and returns what the client gets for them.
    pub fn push(&mut self, chunk: &[u8], keep: &mut Keep<'_>) -> Shown {
        let mut shown = Shown { bytes: Vec::with_capacity(chunk.len()), ..Shown::default() };
        let Self { events, reader, last } = self;
        events.push(chunk, &mut |part| reader.show(part, keep, &mut shown));
        *last = shown.bytes.last().copied().or(*last);
        shown
    }

    /// Ends the stream and returns what is left of it. Clients drop an event without its blank
    /// line; it still goes out, filtered, where it can be read, and not at all where it cannot.
    #[must_use]
    pub fn finish(self, keep: &mut Keep<'_>) -> Shown {
        let mut shown = Shown::default();
        let Self { events, mut reader, last } = self;
        events.finish(&mut |part| reader.show(part, keep, &mut shown));
        if let Awaited { list: Some(_), id: Some(id), .. } = &reader.awaited
            && reader.owing
            && !reader.answered
        {
            // The stream may have ended within an event, or within a line of it.
            match shown.bytes.last().copied().or(last) {
                None | Some(b'\n' | b'\r') => {}
                Some(_) => shown.bytes.push(b'\n'),
            }
            shown.bytes.extend_from_slice(CUT);
            shown.bytes.extend_from_slice(format!("data: {}\n\n", error_for(id)).as_bytes());
        }
        shown
    }
}

impl Reader {
    fn show(&mut self, part: Part<'_>, keep: &mut Keep<'_>, shown: &mut Shown) {
        match part {
            Part::Passing(bytes) => shown.bytes.extend_from_slice(bytes),
            Part::Event(event) => self.event(&event, keep, shown, true),
            Part::Unfinished(event) => self.event(&event, keep, shown, false),
            Part::Dropped(dropped) => self.dropped(&dropped, shown),
        }
    }

    fn event(&mut self, event: &Event<'_>, keep: &mut Keep<'_>, shown: &mut Shown, finished: bool) {
        if event.kind() == Kind::Endpoint && !self.old_transport {
            self.old_transport = true;
            shown.old_transport = true;
        }
        let data = event.data();
        let screen = read(data);
        match screen.finding() {
            // The client's first request, `initialize`, gets this answer, so it fails at once and in words.
            Finding::Nothing | Finding::List if self.old_transport && screen.answers() => {
                if finished {
                    let error = screen.id().as_deref().map(refusal);
                    put(event, error.as_deref(), OLD_TRANSPORT, shown);
                }
            }
            // Some readers find the rest of it in the next event.
            Finding::Nothing if finished && screen.is_within() && event.kind() != Kind::Endpoint => {
                self.refuse(event, &screen, malformed(data), shown, finished);
            }
            Finding::Nothing | Finding::NoMessage => {
                self.answered |= screen.answers();
                shown.bytes.extend_from_slice(event.raw());
            }
            Finding::List => match filter(data, keep) {
                Ok(filtered) => {
                    self.answered = true;
                    shown.removed = shown.removed.saturating_add(filtered.removed);
                    shown.unreadable = filtered.unreadable.or(shown.unreadable.take());
                    match filtered.bytes {
                        Some(bytes) => event.write_with("data: ", &bytes, &mut shown.bytes),
                        None => shown.bytes.extend_from_slice(event.raw()),
                    }
                }
                Err(unreadable) => self.refuse(event, &screen, unreadable, shown, finished),
            },
            Finding::Unreadable => self.refuse(event, &screen, malformed(data), shown, finished),
        }
    }

    /// Puts an error, or else a comment, in the place of an event's data.
    fn refuse(
        &mut self,
        event: &Event<'_>,
        screen: &Screen,
        unreadable: Unreadable,
        shown: &mut Shown,
        finished: bool,
    ) {
        shown.unreadable = Some(unreadable);
        shown.lost |= self.may_be_list(screen.has_list());
        let error = self.error(screen.id().as_deref(), screen.answers());
        if finished {
            put(event, error.as_deref(), UNREADABLE, shown);
        }
    }

    fn dropped(&mut self, dropped: &Dropped<'_>, shown: &mut Shown) {
        shown.unreadable = Some(match dropped.finding {
            Finding::List => {
                Unreadable::TooLarge(if dropped.begun { self.bounds.hold } else { self.bounds.limit })
            }
            _ => Unreadable::Malformed(Malformed { at: 0, what: "the structure is unclear" }),
        });
        shown.lost |= self.may_be_list(dropped.has_list);
        if dropped.begun {
            shown.bytes.push(b'\n');
            shown.bytes.extend_from_slice(CUT);
        }
        let line = match self.error(dropped.id, dropped.answers) {
            Some(error) => format!("data: {error}\n\n"),
            None => format!(": {UNREADABLE}\n\n"),
        };
        shown.bytes.extend_from_slice(line.as_bytes());
    }

    /// Tells whether what is dropped has a list, or may be the one that was asked for.
    fn may_be_list(&self, has_list: bool) -> bool {
        self.awaited.list.is_some() || has_list
    }

    /// Writes the error for a message that is dropped. `id` is its own.
    fn error(&mut self, id: Option<&str>, answers: bool) -> Option<String> {
        // Nobody waits for an answer to what is no answer.
        let id = id.or(self.awaited.id.as_deref().filter(|_| self.awaited.list.is_some() && !self.answered));
        let error = id.filter(|_| answers).map(error_for);
        self.answered |= error.is_some();
        self.owing |= error.is_none();
        error
    }
}

fn malformed(data: &[u8]) -> Unreadable {
    let malformed = json::read(data).err();
    Unreadable::Malformed(malformed.unwrap_or(Malformed { at: 0, what: "the structure is unclear" }))
}

/// Writes the error that answers a request over the old transport.
fn refusal(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{DENIED},"message":"{OLD_TRANSPORT}"}}}}"#)
}

/// Writes an event with an error in place of its data, or without one a comment.
fn put(event: &Event<'_>, error: Option<&str>, comment: &str, shown: &mut Shown) {
    match error {
        Some(error) => event.write_with("data: ", error.as_bytes(), &mut shown.bytes),
        None => event.write_with(": ", comment.as_bytes(), &mut shown.bytes),
    }
}

/// Reads the data of a whole event. Behind a first text, which is what clients read, there may be more.
fn read(data: &[u8]) -> Screen {
    let mut screen = Screen::default();
    let mut at = 0;
    while let Some(rest) = data.get(at..).filter(|rest| !rest.is_empty()) {
        let read = screen.push(rest);
        at = at.saturating_add(read);
        if read == 0 || (screen.finding() == Finding::List && !screen.is_within()) {
            break;
        }
    }
    screen
}

#[cfg(test)]
mod tests;
