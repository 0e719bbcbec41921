//! What is counted while logs are read, so that nothing is dropped silently.

use std::fmt;

use super::{shown, thousands};
use crate::terminal::Terminal;

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// The log
    pub file: String,
    /// The number of the line, from 1
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.file, self.line)
    }
}

/// How often something happened, and where first.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Seen {
    /// How often
    pub count: u64,
    /// Where first
    pub first: Option<Place>,
    /// Why, of the first
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Seen {
    /// Counts one more.
    pub fn add(&mut self, file: &str, line: u64) {
        self.count = self.count.saturating_add(1);
        self.first.get_or_insert_with(|| Place { file: file.to_owned(), line });
    }

    /// Counts one more, and says why.
    pub fn add_because(&mut self, file: &str, line: u64, why: &str) {
        if self.first.is_none() {
            self.why = Some(why.to_owned());
        }
        self.add(file, line);
    }
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// All lines
    pub lines: u64,
    /// Lines without a record
    pub without_record: Seen,
    /// Lines that were skipped because they are too long
    pub too_long: Seen,
    /// Records that could not be read
    pub unreadable: Seen,
    /// Records without a time
    pub without_time: Seen,
}

impl Tally {
    /// Tells on stderr which lines and records were not used.
    pub fn tell(&self, terminal: &mut Terminal) {
        for (seen, one, many) in [
            (&self.without_record, "line has no record", "lines have no record"),
            (
                &self.too_long,
                "line is longer than 16 MiB and was skipped",
                "lines are longer than 16 MiB and were skipped",
            ),
            (&self.unreadable, "record cannot be read", "records cannot be read"),
            (&self.without_time, "record has no time", "records have no time"),
        ] {
            let Some(first) = &seen.first else { continue };
            let why = seen.why.as_ref().map_or_else(String::new, |why| format!(": {}", shown(why)));
            match seen.count {
                1 => terminal.note(format_args!("note: 1 {one}: {first}{why}")),
                count => terminal
                    .note(format_args!("note: {} {many}; the first is {first}{why}", thousands(count))),
            }
        }
    }
}
