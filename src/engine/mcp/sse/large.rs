//! An event that is too large to be held: it is read line by line as it comes, and passed on or dropped.

use super::event::data_lines;
use super::{Dropped, Part};
use crate::mcp::screen::{Finding, Screen};

/// A data line begins with this.
const DATA: &[u8] = b"data:";

/// What becomes of a large event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It has a list, and is held up to the limit
    Held,
    /// It has no list so far, and goes on as it comes
    Passed,
    /// Nothing more of it goes out
    Dropped {
        /// Its first bytes are out
        begun: bool,
    },
}

/// A large event.
#[derive(Debug)]
pub(super) struct Large {
    screen: Screen,
    fate: Fate,
    /// The first bytes of the current line, until they tell whether it is a data line
    start: Vec<u8>,
    line: Line,
    has_data: bool,
    /// Another line stands behind the data
    interrupted: bool,
}

/// The current line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// It is too short to tell
    Unknown,
    Data,
    Other,
}

impl Large {
    /// Takes over an event: its whole lines, and the line that has not ended. With `may_hold` it can still be
    /// held, if it has a list.
    pub(super) fn new(event: &[u8], line: &[u8], may_hold: bool) -> Self {
        let mut large = Self {
            screen: Screen::default(),
            fate: Fate::Dropped { begun: false },
            start: Vec::new(),
            line: Line::Unknown,
            has_data: !event.is_empty(),
            interrupted: false,
        };
        for value in data_lines(event, 0) {
            large.read(value);
            large.read(b"\n");
        }
        large.read_line(line);
        large.fate = match large.screen.finding() {
            Finding::List if may_hold => Fate::Held,
            Finding::List | Finding::Unreadable => Fate::Dropped { begun: false },
            Finding::Nothing | Finding::NoMessage => Fate::Passed,
        };
        large
    }

    /// Tells whether the event is held.
    pub(super) fn holds(&self) -> bool {
        self.fate == Fate::Held
    }

    /// Tells whether it has data. A long comment in front of an event is none.
    pub(super) fn has_data(&self) -> bool {
        self.has_data
    }

    /// Tells whether the event goes on as it comes.
    pub(super) fn passes(&self) -> bool {
        self.fate == Fate::Passed
    }

    /// Takes more of the current line.
    pub(super) fn extend_line(&mut self, content: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        let known = self.start.len();
        let read = self.read_line(content);
        if !self.passes() {
            return;
        }
        let is_behind_another = self.interrupted && self.line == Line::Data;
        each(Part::Passing(match is_behind_another {
            // Some readers take this data alone, and not that in front of it.
            true => DATA.get(known..).unwrap_or_default(),
            false => content.get(..read).unwrap_or_default(),
        }));
        if is_behind_another || matches!(self.screen.finding(), Finding::List | Finding::Unreadable) {
            self.fate = Fate::Dropped { begun: true };
            // Reading has stopped where a list was found. What was found behind it must not depend on the chunks.
            self.read_line(content.get(read..).unwrap_or_default());
        }
    }

    /// Takes the end of the current line. Returns whether the event has ended with it.
    pub(super) fn end_line(&mut self, end: &[u8], each: &mut dyn FnMut(Part<'_>)) -> bool {
        let blank = self.line == Line::Unknown && self.start.is_empty();
        let is_data = self.line == Line::Data || self.start == b"data";
        self.interrupted |= self.has_data && !is_data;
        // A line `data` or `data:` has no value, and one more line feed changes no JSON.
        self.read(b"\n");
        self.start.clear();
        self.line = Line::Unknown;
        if self.passes() {
            each(Part::Passing(end));
        } else if blank {
            self.end(each);
        }
        blank
    }

    /// Ends the event.
    pub(super) fn end(&self, each: &mut dyn FnMut(Part<'_>)) {
        if let Fate::Dropped { begun } = self.fate {
            let Self { screen, .. } = self;
            let (finding, has_list) = (screen.finding(), screen.has_list());
            let (id, answers) = (screen.id(), screen.answers());
            each(Part::Dropped(Dropped { begun, finding, has_list, id: id.as_deref(), answers }));
        }
    }

    /// Reads more of a line. Returns how many bytes were read, up to where a list was found.
    fn read_line(&mut self, content: &[u8]) -> usize {
        let mut at = 0;
        while self.line == Line::Unknown
            && let Some(byte) = content.get(at)
        {
            // The space behind the colon is not part of the value, and white space changes no JSON.
            self.line = match self.start.len() {
                4 if self.start == b"data" && *byte == b':' => Line::Data,
                length if DATA.get(length) == Some(byte) => Line::Unknown,
                _ => Line::Other,
            };
            self.start.push(*byte);
            at = at.saturating_add(1);
        }
        let value = content.get(at..).unwrap_or_default();
        self.has_data |= self.line == Line::Data;
        match self.line {
            Line::Data => at.saturating_add(self.read(value)),
            Line::Unknown | Line::Other => content.len(),
        }
    }

    /// Reads data. Returns how many bytes were read, up to where a list was found.
    fn read(&mut self, data: &[u8]) -> usize {
        let mut at = 0;
        while let Some(rest) = data.get(at..).filter(|rest| !rest.is_empty()) {
            // Whatever follows a text with a list, a client may read that text.
            if self.screen.finding() == Finding::List && !self.screen.is_within() {
                return data.len();
            }
            let read = self.screen.push(rest);
            at = at.saturating_add(read);
            if read == 0 {
                break;
            }
            if self.passes() && matches!(self.screen.finding(), Finding::List | Finding::Unreadable) {
                return at;
            }
        }
        if matches!(self.screen.finding(), Finding::NoMessage | Finding::Unreadable) {
            data.len()
        } else {
            at
        }
    }
}
