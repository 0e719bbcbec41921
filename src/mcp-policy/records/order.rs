//! Records of several logs in the order of their times, as far as a bounded memory allows.
//!
//! A proxy writes a record when its request has ended, which can be long after the verdict, and every log is in the
//! order of its own proxy. So a number of records of each log is held, and the earliest of all is taken next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::Deserialize;

use super::{Counter, Finder, Line, Lines, Tally, Text, milliseconds, unreadable};
use crate::outcome::Failure;

/// The most bytes of records that are held.
const MOST_BYTES: usize = 48 * 1024 * 1024;
/// The most records that are held.
const MOST_RECORDS: usize = 65_536;

/// A record with its time, in milliseconds since the Unix epoch.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    /// The time
    pub at_ms: i64,
    /// Whether it was refused. Of calls in the same millisecond those that passed come first, because they have used up
    /// the limit that refused the others
    pub refused: bool,
    /// The index of the log, and the number of the line
    pub place: (usize, u64),
    /// Its JSON text
    pub text: Box<str>,
    /// How much of its counters was used; nothing if it was refused
    used: Box<[Used]>,
}

/// How much of a counter was used after a call.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Used {
    /// The hash of the counter's name
    counter: u64,
    /// The use, as the bits of a number that is not negative
    used: u64,
}

impl Taken {
    /// Returns whether the call passed, and left of this counter at most so much used. Callers may share its tally or not.
    pub fn used_at_most(&self, counter: &str, most: f64) -> bool {
        let counter = hash(counter);
        self.used.iter().any(|one| one.counter == counter && f64::from_bits(one.used) <= most)
    }
}

fn hash(counter: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    counter.hash(&mut hasher);
    hasher.finish()
}

/// What is read of a record to sort it. The rest is read when it is judged.
#[derive(Deserialize)]
struct Head<'r> {
    #[serde(borrow)]
    decision: Text<'r>,
    #[serde(borrow)]
    server: Text<'r>,
    #[serde(borrow, default)]
    counters: Vec<Counter<'r>>,
    #[serde(borrow, default)]
    time: Option<Text<'r>>,
}

/// Takes records in the order of their times.
pub struct InOrder {
    logs: Vec<Log>,
    finder: Finder,
    server: String,
    last_ms: i64,
    most: (usize, usize),
    /// What was read
    pub tally: Tally,
    /// How many records of other servers were left out
    pub other_servers: u64,
    /// How many more records lines had. The first one of a line counts: a policy on trial records the same request
    pub beside: u64,
    /// How many records came too late to be sorted
    pub late: u64,
}

struct Log {
    lines: Lines,
    ended: bool,
    held: BinaryHeap<Reverse<Taken>>,
    bytes: usize,
}

impl InOrder {
    /// Opens logs for the records of one server.
    ///
    /// # Errors
    /// A log cannot be read.
    pub fn open(logs: &[String], finder: Finder, server: &str) -> Result<Self, Failure> {
        let log = |name: &String| {
            Ok(Log { lines: Lines::open(name)?, ended: false, held: BinaryHeap::new(), bytes: 0 })
        };
        let logs = logs.iter().map(log).collect::<Result<Vec<_>, Failure>>()?;
        let each = |most: usize| most.checked_div(logs.len()).unwrap_or(most).max(1);
        let most = (each(MOST_RECORDS), each(MOST_BYTES));
        Ok(Self {
            logs,
            finder,
            server: server.to_owned(),
            last_ms: i64::MIN,
            most,
            tally: Tally::default(),
            other_servers: 0,
            beside: 0,
            late: 0,
        })
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// A log cannot be read on.
    pub fn next(&mut self) -> Result<Option<Taken>, Failure> {
        for index in 0..self.logs.len() {
            self.fill(index)?;
        }
        let times =
            self.logs.iter().enumerate().filter_map(|(index, log)| Some((log.held.peek()?.0.at_ms, index)));
        let Some((_, index)) = times.min() else { return Ok(None) };
        let Some(log) = self.logs.get_mut(index) else { return Ok(None) };
        let Some(Reverse(taken)) = log.held.pop() else { return Ok(None) };
        log.bytes = log.bytes.saturating_sub(taken.text.len());
        if taken.at_ms < self.last_ms {
            self.late = self.late.saturating_add(1);
        }
        self.last_ms = self.last_ms.max(taken.at_ms);
        Ok(Some(taken))
    }

    /// Counts a record that cannot be judged, because more of it than its time is needed and cannot be read.
    pub fn count_unreadable(&mut self, taken: &Taken, why: &str) {
        let (index, number) = taken.place;
        if let Some(log) = self.logs.get(index) {
            self.tally.unreadable.add_because(log.lines.name(), number, why);
        }
    }

    /// Reads lines of a log until enough records are held.
    fn fill(&mut self, index: usize) -> Result<(), Failure> {
        let Self { logs, finder, server, tally, other_servers, beside, .. } = self;
        let Some(log) = logs.get_mut(index) else { return Ok(()) };
        while !log.ended && log.held.len() < self.most.0 && log.bytes < self.most.1 {
            match log.lines.next()? {
                Line::End => log.ended = true,
                Line::TooLong => {
                    tally.lines = tally.lines.saturating_add(1);
                    tally.too_long.add(log.lines.name(), log.lines.number());
                }
                Line::Read => {
                    tally.lines = tally.lines.saturating_add(1);
                    let (name, number) = (log.lines.name(), log.lines.number());
                    let mut own = 0_u64;
                    let mut hold = |text: &str| match read(text, server) {
                        Read::Own(_) if own > 0 => *beside = beside.saturating_add(1),
                        Read::Own(Some(Known { at_ms, refused, used })) => {
                            own = 1;
                            log.bytes = log.bytes.saturating_add(text.len());
                            log.held.push(Reverse(Taken {
                                at_ms,
                                refused,
                                place: (index, number),
                                text: text.into(),
                                used,
                            }));
                        }
                        Read::Own(None) => {
                            own = 1;
                            tally.without_time.add(name, number);
                        }
                        Read::Others => *other_servers = other_servers.saturating_add(1),
                        Read::Unreadable(why) => tally.unreadable.add_because(name, number, &why),
                    };
                    if finder.records(log.lines.text(), &mut hold) == 0 {
                        tally.without_record.add(name, number);
                    }
                }
            }
        }
        Ok(())
    }
}

enum Read {
    /// A record of the server; `None` if it has no time
    Own(Option<Known>),
    /// A record of another server
    Others,
    /// Why
    Unreadable(String),
}

/// What sorts a record.
struct Known {
    at_ms: i64,
    refused: bool,
    used: Box<[Used]>,
}

fn read(text: &str, server: &str) -> Read {
    let head = match serde_json::from_str::<Head<'_>>(text) {
        Err(error) => return Read::Unreadable(unreadable(&error)),
        Ok(head) if &*head.server != server => return Read::Others,
        Ok(head) => head,
    };
    let refused = &*head.decision != "allow";
    let used = |one: &Counter<'_>| Used { counter: hash(&one.counter), used: one.used.max(0.0).to_bits() };
    let counters = head.counters.iter().filter(|_| !refused);
    let at_ms = head.time.as_deref().and_then(milliseconds);
    Read::Own(at_ms.map(|at_ms| Known { at_ms, refused, used: counters.map(used).collect() }))
}
