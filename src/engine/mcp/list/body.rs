//! A body of JSON in which there may be lists.

mod opening;
mod settle;

use super::answer::{Awaited, Bounds, Shown};
use super::{Filtered, Keep, filter};
use crate::mcp::screen::{Finding, Screen};
use opening::Opening;

/// Filters one body, text by text. Each is held until it has ended. A text that grows larger than
/// [`Bounds::hold`] and has no list so far goes on in pieces; if a list comes later, nothing of it goes out.
#[derive(Debug)]
pub struct ListBody {
    awaited: Awaited,
    bounds: Bounds,
    /// The status and the media type announce nothing but the list that was asked for
    announced: bool,
    /// The text is looked at when the body has ended
    late: bool,
    /// The headers announce the length, so what is gone is made up with spaces
    padded: bool,
    /// What does not begin like JSON is no message. It has not begun so far
    strict: bool,
    screen: Screen,
    /// The bytes of the text from its first bracket on
    held: Vec<u8>,
    /// Nothing but white space has come
    empty: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The text is held
    Holding,
    /// The text has no list so far, and goes on
    Passing,
    /// What follows is no message
    Open,
    /// Nothing of what follows goes out. `owed` is how many bytes have to be made up, `error` what to begin with
    Replaced { error: Option<Vec<u8>>, owed: usize },
}

impl ListBody {
    /// Awaits the answer to a request.
    #[must_use]
    pub fn new(awaited: Awaited, bounds: Bounds) -> Self {
        // A list that was asked for is told from its first byte on.
        let hold = if awaited.list.is_some() { bounds.limit } else { bounds.hold };
        Self {
            awaited,
            bounds: Bounds { hold, ..bounds },
            announced: false,
            late: false,
            padded: false,
            strict: false,
            screen: Screen::default(),
            held: Vec::new(),
            empty: true,
            state: State::Holding,
        }
    }

    /// Learns what the answer belongs to, after it has begun.
    pub fn expect(&mut self, awaited: Awaited) {
        if awaited.list.is_some() {
            self.bounds.hold = self.bounds.limit;
        }
        self.awaited = awaited;
    }

    /// Lets an error take the place of a body that is empty or no message. The client waits for the list that it
    /// asked for, and the status and the media type announce it.
    #[must_use]
    pub fn announced(self) -> Self {
        Self { announced: true, ..self }
    }

    /// Lets an error take the place of a body that is no message, but lets it be empty.
    #[must_use]
    pub fn announced_if_any(self) -> Self {
        Self { announced: true, empty: false, ..self }
    }

    /// Reads the text only when the body has ended, by [`read_held`](Self::read_held). For a body whose end is told,
    /// such as one with a length.
    #[must_use]
    pub fn read_late(self) -> Self {
        Self { late: true, ..self }
    }

    /// Lets as many bytes come out as go in.
    #[must_use]
    pub fn padded(self) -> Self {
        Self { padded: true, ..self }
    }

    /// Lets everything pass that does not begin like JSON. For a body of another type: clients that take it for JSON all
    /// the same read it strictly.
    #[must_use]
    pub fn strictly(self) -> Self {
        Self { strict: true, ..self }
    }

    /// Tells whether a text is held that has not ended.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Tells whether nothing is added to the body if it ends here.
    #[must_use]
    pub fn may_end(&self) -> bool {
        match self.state {
            State::Holding => self.held.is_empty() && !(self.empty && self.announced),
            State::Passing | State::Open => true,
            State::Replaced { owed, .. } => owed == 0,
        }
    }

    /// Tells whether everything that follows goes out as it comes.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Tells whether a chunk is a whole text without a list, and goes on as it is. Almost every answer is one.
    /// Otherwise it is still to be pushed.
    pub fn passes(&mut self, chunk: &[u8]) -> bool {
        if self.late
            || !matches!(self.state, State::Holding)
            || !self.held.is_empty()
            || chunk.len() > self.bounds.hold
        {
            return false;
        }
        // A chunk that begins with white space is pushed, because white space goes out at once.
        let passes = !chunk.first().is_some_and(is_space) && Screen::finds_nothing_in(chunk);
        self.empty &= !passes;
        passes
    }

    /// Takes the next bytes and returns what the client gets for them.
    pub fn push(&mut self, chunk: &[u8], keep: &mut Keep<'_>) -> Shown {
        let mut shown = Shown::default();
        if self.late && self.held.len().saturating_add(chunk.len()) <= self.bounds.limit {
            self.held.extend_from_slice(chunk);
            return shown;
        }
        if self.late {
            shown = self.read_held(keep);
        }
        let mut rest = chunk;
        while !rest.is_empty() {
            match &self.state {
                State::Open => {
                    shown.bytes.extend_from_slice(rest);
                    break;
                }
                State::Replaced { .. } => {
                    self.swallow(rest.len(), &mut shown);
                    break;
                }
                State::Holding if self.held.is_empty() && rest.first().is_some_and(is_space) => {
                    // White space in front of a text is not held, so that the chunks do not matter.
                    let (space, text) = rest.split_at(rest.iter().take_while(|byte| is_space(byte)).count());
                    shown.bytes.extend_from_slice(space);
                    rest = text;
                }
                State::Holding if self.strict => rest = self.open(rest, keep, &mut shown),
                State::Holding | State::Passing => {
                    self.empty = false;
                    let part = rest.get(..self.room()).unwrap_or(rest);
                    let (read, behind) = rest.split_at(self.screen.push(part).min(part.len()));
                    match self.state {
                        State::Passing => shown.bytes.extend_from_slice(read),
                        _ => self.held.extend_from_slice(read),
                    }
                    self.settle(keep, &mut shown);
                    rest = behind;
                }
            }
        }
        shown
    }

    /// Finds out whether a body begins like JSON, whatever its encoding is. Returns the bytes that are still to be read.
    fn open<'c>(&mut self, bytes: &'c [u8], keep: &mut Keep<'_>, shown: &mut Shown) -> &'c [u8] {
        let room = opening::LONGEST.saturating_sub(self.held.len());
        let (begin, rest) = bytes.split_at(room.min(bytes.len()));
        self.held.extend_from_slice(begin);
        self.empty = false;
        let opening = opening::of(&self.held);
        if opening == Opening::Unknown {
            return rest;
        }
        let held = std::mem::take(&mut self.held);
        let mark = if opening == Opening::Mark { opening::MARK.len() } else { 0 };
        let (mark, text) = held.split_at(mark.min(held.len()));
        shown.bytes.extend_from_slice(mark);
        match opening {
            Opening::Json => self.strict = false,
            Opening::Other => self.state = State::Open,
            Opening::Mark | Opening::Unknown => {}
        }
        shown.join(self.push(text, keep));
        rest
    }

    /// Reads what is held of a text that is [read late](Self::read_late). A sound answer needs no screen.
    pub fn read_held(&mut self, keep: &mut Keep<'_>) -> Shown {
        if !std::mem::take(&mut self.late) {
            return Shown::default();
        }
        let held = std::mem::take(&mut self.held);
        let begins = held.iter().find(|byte| !byte.is_ascii_whitespace());
        if matches!(begins, Some(b'{' | b'['))
            && !self.padded
            && let Ok(Filtered { bytes, removed, unreadable }) = filter(&held, keep)
        {
            self.empty = false;
            return Shown { bytes: bytes.unwrap_or(held), removed, unreadable, ..Shown::default() };
        }
        self.push(&held, keep)
    }

    /// Ends the body and returns what is left of it.
    #[must_use]
    pub fn finish(mut self) -> Shown {
        let mut shown = Shown::default();
        match self.state {
            State::Holding if self.empty && self.announced => self.refuse(&mut shown),
            State::Holding if self.held.is_empty() => {}
            State::Holding if self.screen.finding() == Finding::List || self.awaited.list.is_some() => {
                self.refuse(&mut shown);
            }
            State::Holding => shown.bytes.append(&mut self.held),
            State::Passing | State::Open | State::Replaced { .. } => {}
        }
        if let State::Replaced { owed, .. } = self.state {
            shown.bytes.resize(shown.bytes.len().saturating_add(owed), b' ');
        }
        shown
    }

    /// Tells whether the text has a list, or may be the one that was asked for.
    fn may_be_list(&self) -> bool {
        self.awaited.list.is_some() || self.screen.has_list()
    }

    /// Returns how many bytes to read before the bounds are looked at: one more than can be held. So the chunks do
    /// not matter.
    fn room(&self) -> usize {
        let bound = match (&self.state, self.screen.finding()) {
            (State::Holding, Finding::List) => self.bounds.limit,
            (State::Holding, _) => self.bounds.hold,
            _ => usize::MAX,
        };
        bound.saturating_sub(self.held.len()).saturating_add(1)
    }
}

/// Tells whether a byte is white space of JSON (RFC 8259, section 2).
const fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests;
