//! The budget of work for one request.
//!
//! All connections of a worker wait while a request is judged, so the work of judging it is bounded, whatever the
//! policy and the body are. Work is counted in units that do not depend on the machine: one unit is at most 100
//! operations of the WebAssembly module. `tests/cost` verifies that, and that no request costs more than 20 times the operations of
//! a plain call: one with a text of 1 MiB, judged by a rule without conditions. On a machine where that call takes 5 ms, none
//! takes more than 100.

use std::cell::Cell;

/// How many units of work may be spent on judging one request by rules that are enforced.
pub const ENFORCED: u64 = 10_000_000;

/// How many units may be spent on rules in shadow mode. They have their own budget, so that they cannot cause a
/// refusal.
pub const SHADOW: u64 = 1_000_000;

/// How many units may be spent before the body: on the request's origin, on its caller and on finding the caller's grant.
pub const IDENTIFIED: u64 = 1_000_000;

/// How many units may be spent on what one part of an answer shows of lists. Usually, that is the whole list.
pub const LISTED: u64 = 8_000_000;

/// The cause of a denial because a budget of work is exhausted, in one word for metrics.
pub const CAUSE: &str = "work";

/// Returns how many units it takes at most to read a JSON text of this many bytes.
#[must_use]
pub fn of_reading(length: usize) -> usize {
    length.saturating_mul(3).saturating_add(10)
}

/// A budget of work. When it is exhausted, it stays so, and whatever is not judged by then cannot be judged.
#[derive(Debug)]
pub struct Work {
    left: Cell<u64>,
    all: u64,
}

impl Work {
    /// Makes a budget of this many units.
    #[must_use]
    pub fn new(units: u64) -> Self {
        Self { left: Cell::new(units), all: units }
    }

    /// Spends `units`. Returns false if that is more than what is left; the budget is exhausted then.
    #[must_use]
    pub fn spend(&self, units: usize) -> bool {
        let units = u64::try_from(units).unwrap_or(u64::MAX);
        let left = self.left.get().checked_sub(units);
        self.left.set(left.unwrap_or_default());
        left.is_some()
    }

    /// Tells whether the budget is exhausted.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }

    /// Returns how many units have been spent.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.all.saturating_sub(self.left.get())
    }
}

impl Default for Work {
    /// Makes the budget of the enforced rules of one request.
    fn default() -> Self {
        Self::new(ENFORCED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exhausted_budget_stays_exhausted() {
        let work = Work::new(10);
        assert!(work.spend(4) && work.spend(5));
        assert_eq!((work.spent(), work.is_exhausted()), (9, false));
        assert!(!work.spend(2));
        assert!(work.is_exhausted() && !work.spend(1));
        assert_eq!(work.spent(), 10);
    }
}
