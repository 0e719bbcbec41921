//! An event that is too large to be held: it is read line by line as it comes, and passed on or dropped.

use super::event::field;
use super::{Dropped, Part};
use crate::mcp::screen::{Finding, Screen};

/// How the lines begin that mean something; a comment begins with the colon.
const NAMES: [&[u8]; 5] = [DATA, b"event:", b"id:", b"retry:", COMMENT];
const DATA: &[u8] = b"data:";
const COMMENT: &[u8] = b":";

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
    /// The first bytes of the current line, until they tell what it is. They have not gone out
    start: Vec<u8>,
    line: Line,
    has_data: bool,
    /// A data line has ended, and its end has not gone out: more data may follow
    owes_end: bool,
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
    /// It means nothing, and does not go out
    Ignored,
}

impl Line {
    /// Tells what a line is that starts so. Behind data, some readers take a comment for more of the data.
    fn of(start: &[u8], has_data: bool) -> Self {
        match NAMES.into_iter().find(|name| name.starts_with(start)) {
            None => Self::Ignored,
            Some(name) if name.len() > start.len() => Self::Unknown,
            Some(DATA) => Self::Data,
            Some(COMMENT) if has_data => Self::Ignored,
            Some(_) => Self::Other,
        }
    }
}

impl Large {
    /// Takes over an event: its data line, and the line that has not ended. With `may_hold` it can still be held, if it
    /// has a list.
    pub(super) fn new(data: &[u8], line: &[u8], may_hold: bool) -> Self {
        let has_data = !data.is_empty();
        let mut large = Self {
            screen: Screen::default(),
            fate: Fate::Dropped { begun: false },
            start: Vec::new(),
            line: Line::Unknown,
            has_data,
            owes_end: has_data,
            interrupted: false,
        };
        let (_, value) = field(data);
        large.read(value);
        large.read(b" ");
        large.read_line(line);
        large.fate = match large.screen.finding() {
            Finding::List if may_hold => Fate::Held,
            Finding::List | Finding::Unreadable => Fate::Dropped { begun: false },
            Finding::Nothing | Finding::NoMessage => Fate::Passed,
        };
        large
    }

    /// Passes on what has come of the event so far, if it is passed on.
    pub(super) fn begin(&mut self, data: &[u8], line: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        if self.passes() {
            each(Part::Passing(data));
            self.begin_line(!data.is_empty(), each);
            self.put(line.get(self.start.len()..).unwrap_or_default(), each);
        }
    }

    /// Tells whether the event is held.
    pub(super) fn holds(&self) -> bool {
        self.fate == Fate::Held
    }

    /// Tells whether it has data. A long comment in front of an event is none.
    pub(super) fn has_data(&self) -> bool {
        self.has_data
    }

    fn passes(&self) -> bool {
        self.fate == Fate::Passed
    }

    /// Takes more of the current line.
    pub(super) fn extend_line(&mut self, content: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        let (was_unknown, had_data) = (self.line == Line::Unknown, self.has_data);
        let (value, read) = self.read_line(content);
        if !self.passes() {
            return;
        }
        if was_unknown {
            self.begin_line(had_data, each);
        }
        // Some readers take this data alone, and not that in front of it.
        let is_behind_another = self.interrupted && self.line == Line::Data;
        if !is_behind_another {
            self.put(content.get(value..read).unwrap_or_default(), each);
        }
        if is_behind_another || matches!(self.screen.finding(), Finding::List | Finding::Unreadable) {
            self.fate = Fate::Dropped { begun: true };
            // Reading has stopped where a list was found. What was found behind it must not depend on the chunks.
            self.read_line(content.get(read..).unwrap_or_default());
        }
    }

    /// Passes on the beginning of a line, once it tells what the line is.
    fn begin_line(&mut self, had_data: bool, each: &mut dyn FnMut(Part<'_>)) {
        match self.line {
            Line::Unknown | Line::Ignored => {}
            Line::Data if had_data && !self.interrupted => {
                self.owes_end = false;
                each(Part::Passing(b" "));
            }
            Line::Data | Line::Other => {
                self.put_end(each);
                each(Part::Passing(&self.start));
            }
        }
    }

    fn put_end(&mut self, each: &mut dyn FnMut(Part<'_>)) {
        if std::mem::take(&mut self.owes_end) {
            each(Part::Passing(b"\n"));
        }
    }

    fn put(&self, value: &[u8], each: &mut dyn FnMut(Part<'_>)) {
        if matches!(self.line, Line::Data | Line::Other) {
            each(Part::Passing(value));
        }
    }

    /// Takes the end of the current line. Returns whether the event has ended with it.
    pub(super) fn end_line(&mut self, each: &mut dyn FnMut(Part<'_>)) -> bool {
        let is_blank = self.start.is_empty();
        match self.line {
            // A data line without a value.
            Line::Unknown if self.start == b"data" && !self.has_data => {
                if self.passes() {
                    each(Part::Passing(DATA));
                }
                (self.has_data, self.owes_end) = (true, true);
            }
            Line::Data => {
                self.owes_end = true;
                self.read(b" ");
            }
            Line::Other if self.passes() => each(Part::Passing(b"\n")),
            Line::Unknown | Line::Other | Line::Ignored => {}
        }
        self.start.clear();
        self.line = Line::Unknown;
        if is_blank {
            self.end(each);
            if self.passes() {
                each(Part::Passing(b"\n"));
            }
        }
        is_blank
    }

    /// Ends the event, or the stream within it.
    pub(super) fn end(&mut self, each: &mut dyn FnMut(Part<'_>)) {
        match self.fate {
            Fate::Held => {}
            Fate::Passed => self.put_end(each),
            Fate::Dropped { begun } => {
                let Self { screen, .. } = self;
                let (finding, has_list) = (screen.finding(), screen.has_list());
                let (id, answers) = (screen.id(), screen.answers());
                each(Part::Dropped(Dropped { begun, finding, has_list, id: id.as_deref(), answers }));
            }
        }
    }

    /// Reads more of a line. Returns where its value begins, and up to where it was read: up to where a list was found.
    fn read_line(&mut self, content: &[u8]) -> (usize, usize) {
        let mut at = 0;
        while self.line == Line::Unknown
            && let Some(byte) = content.get(at)
        {
            self.start.push(*byte);
            // The space behind the colon is not part of the value, and white space changes no JSON.
            self.line = Line::of(&self.start, self.has_data);
            at = at.saturating_add(1);
        }
        match self.line {
            Line::Data => {
                self.has_data = true;
                (at, at.saturating_add(self.read(content.get(at..).unwrap_or_default())))
            }
            Line::Other => {
                self.interrupted |= self.has_data;
                (at, content.len())
            }
            Line::Unknown | Line::Ignored => (at, content.len()),
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
