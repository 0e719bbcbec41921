//! List answers among the events of an SSE stream.

use super::body::{Shown, UNREADABLE, error_for};
use super::{Keep, ListKind, Unreadable, filter, filter_any, id_of};
use crate::mcp::sse::{Event, EventStream, Part};

/// Filters a `text/event-stream` answer event by event (MCP, Transports: Streamable HTTP).
///
/// Everything but a changed list comes out byte for byte. An event with data comes out when its blank line
/// is there, everything else at once.
#[derive(Debug)]
pub struct ListStream {
    events: EventStream,
    expected: Expected,
}

#[derive(Debug)]
struct Expected {
    /// What the request asked for, and its id as JSON text; `None` on a resumed stream.
    request: Option<(ListKind, String)>,
    limit: usize,
}

impl ListStream {
    /// Awaits the answer to a request for `kind` with this `id` (JSON text), and holds at most
    /// about `limit` bytes of one event.
    ///
    /// An event that cannot be read becomes the error that answers the request, so that the client
    /// does not wait for an answer that it was not shown.
    #[must_use]
    pub fn answering(kind: ListKind, id: &str, limit: usize) -> Self {
        let request = Some((kind, id.to_owned()));
        Self { events: EventStream::new(limit), expected: Expected { request, limit } }
    }

    /// Awaits the answers to any earlier requests, as a GET with `Last-Event-ID` replays them.
    ///
    /// An event that cannot be read becomes an error with the event's own id. Where it has none
    /// that can be read, a comment takes the place of its data: clients take an error without an id
    /// for a broken stream or ignore it, while the event's `id` line still moves the resumption on.
    #[must_use]
    pub fn resumed(limit: usize) -> Self {
        Self { events: EventStream::new(limit), expected: Expected { request: None, limit } }
    }

    /// Takes the next bytes and returns what the client gets for them.
    pub fn push(&mut self, chunk: &[u8], keep: &mut Keep<'_>) -> Shown {
        let mut shown = Shown { bytes: Vec::with_capacity(chunk.len()), removed: 0, unreadable: None };
        let Self { events, expected } = self;
        events.push(chunk, &mut |part| expected.show(part, keep, &mut shown));
        shown
    }

    /// Ends the stream and returns what is left of it. Clients drop an event without its blank
    /// line; it still goes out, filtered, where it can be read, and not at all where it cannot.
    #[must_use]
    pub fn finish(self, keep: &mut Keep<'_>) -> Shown {
        let mut shown = Shown { bytes: Vec::new(), removed: 0, unreadable: None };
        let Self { events, expected } = self;
        events.finish(&mut |part| expected.show(part, keep, &mut shown));
        shown
    }
}

impl Expected {
    fn show(&self, part: Part<'_>, keep: &mut Keep<'_>, shown: &mut Shown) {
        match part {
            Part::Passing(bytes) => shown.bytes.extend_from_slice(bytes),
            Part::Event(event) => self.event(&event, keep, shown, true),
            Part::Unfinished(event) => self.event(&event, keep, shown, false),
            Part::TooLarge => {
                shown.unreadable = Some(Unreadable::TooLarge(self.limit));
                let line = match &self.request {
                    Some((_, id)) => format!("data: {}\n\n", error_for(id)),
                    None => format!(": {UNREADABLE}\n\n"),
                };
                shown.bytes.extend_from_slice(line.as_bytes());
            }
        }
    }

    fn event(&self, event: &Event<'_>, keep: &mut Keep<'_>, shown: &mut Shown, finished: bool) {
        let data = event.data();
        if holds_no_list(event, &data) {
            shown.bytes.extend_from_slice(event.raw());
            return;
        }
        let filtered = match self.request {
            Some((kind, _)) => filter(&data, kind, &mut |name| keep(kind, name)),
            None => filter_any(&data, keep),
        };
        match filtered {
            Ok(filtered) => {
                shown.removed = shown.removed.saturating_add(filtered.removed);
                match filtered.bytes {
                    Some(bytes) => event.write_with("data: ", &bytes, &mut shown.bytes),
                    None => shown.bytes.extend_from_slice(event.raw()),
                }
            }
            Err(unreadable) => {
                shown.unreadable = Some(unreadable);
                if finished {
                    let id = self.request.as_ref().map(|(_, id)| id.clone()).or_else(|| id_of(&data));
                    match id {
                        Some(id) => event.write_with("data: ", error_for(&id).as_bytes(), &mut shown.bytes),
                        None => event.write_with(": ", UNREADABLE.as_bytes(), &mut shown.bytes),
                    }
                }
            }
        }
    }
}

/// Tells whether no client can find a list in the event: it primes a resumption and has no data,
/// or it is no message and holds no object, such as the `endpoint` event of MCP 2024-11-05.
fn holds_no_list(event: &Event<'_>, data: &[u8]) -> bool {
    data.trim_ascii().is_empty() || (!event.is_message() && !data.contains(&b'{'))
}

#[cfg(test)]
mod tests;
