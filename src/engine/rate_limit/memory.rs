//! A rate limit service in this process's own memory, for native tools and tests.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::answer::{Answer, Status};
use super::request::{Descriptor, Request, Unit};
use super::tally::Tally;

/// One second in nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// Answers like the reference implementation on a Redis: each tally is charged by itself, one without room too, in
/// windows that are aligned to the epoch.
#[derive(Debug, Default)]
pub struct MemoryService {
    tallies: Mutex<HashMap<(Tally, Unit), Count>>,
}

/// What was charged in one window.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// The window's number, counted from the epoch
    window: u64,
    hits: u64,
}

impl MemoryService {
    /// Makes a service that has counted nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a question at `now_ns`, in nanoseconds since the Unix epoch.
    #[must_use]
    pub fn answer(&self, request: &Request, now_ns: u64) -> Answer {
        let statuses: Vec<Status> =
            request.descriptors.iter().map(|descriptor| self.charge(descriptor, now_ns / SECOND)).collect();
        Answer { over: statuses.iter().any(|status| status.over), statuses }
    }

    /// Takes back what a question has charged in the window of `now_ns`. The real service cannot do this.
    pub fn take_back(&self, request: &Request, now_ns: u64) {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        for Descriptor { tally, unit, adds, .. } in request.descriptors.iter().filter(|asked| asked.charges) {
            let window = (now_ns / SECOND).checked_div(unit.seconds()).unwrap_or_default();
            if let Some(count) = tallies.get_mut(&(*tally, *unit)).filter(|count| count.window == window) {
                count.hits = count.hits.saturating_sub(u64::from(*adds));
            }
        }
    }

    fn charge(&self, descriptor: &Descriptor, now: u64) -> Status {
        let Descriptor { tally, most, unit, adds, charges } = descriptor;
        let length = unit.seconds();
        let window = now.checked_div(length).unwrap_or_default();
        let passed = now.checked_rem(length).unwrap_or_default();
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let count = tallies.entry((*tally, *unit)).or_default();
        if count.window != window {
            *count = Count { window, hits: 0 };
        }
        count.hits = count.hits.saturating_add(if *charges { u64::from(*adds) } else { 0 });
        let left = u64::from(*most).saturating_sub(count.hits);
        Status {
            over: count.hits > u64::from(*most),
            applied: Some((*most, unit.number())),
            remaining: u32::try_from(left).unwrap_or_default(),
            resets_in_seconds: Some(length.saturating_sub(passed)),
        }
    }
}
