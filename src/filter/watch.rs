//! Detects an Envoy that cannot hold headers.
//!
//! If a filter pauses at the headers, Envoy passes it the body only if the `PluginConfig` has
//! `allow_on_headers_stop_iteration: true` (Envoy 1.35). Without this flag no body ever arrives, and every
//! request waits until its timeout. The filter cannot query the flag, so each worker watches until it has
//! seen one body after a pause.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// How long a request may wait for its body before the flag is assumed to be missing, in nanoseconds. A
/// client that sends headers and body separately takes less.
const PATIENCE_NS: u64 = 2_000_000_000;

/// How often to check, in milliseconds.
pub const TICK_MS: u32 = 1_000;

/// The log line for the operator.
pub const MISSING_FLAG: &str = "no request body reaches the policy filter: \
    `request_headers` is \"hold\", which needs `allow_on_headers_stop_iteration: true` in the PluginConfig of \
    Envoy's wasm filter (Envoy 1.35 and later); set it, or set `request_headers` to \"stream\" in the policy";

/// The requests of one worker that are paused at their headers, until a body arrives for one of them.
#[derive(Debug, Default)]
pub struct Watch {
    settled: Cell<bool>,
    next: Cell<u64>,
    waiting: RefCell<BTreeMap<u64, u64>>,
}

impl Watch {
    /// Returns whether the worker still watches, because it does not know whether the flag is set.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.settled.get()
    }

    /// Records that a request is paused since `now_ns`. Returns its number.
    pub fn pause(&self, now_ns: u64) -> u64 {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        self.waiting.borrow_mut().insert(number, now_ns);
        number
    }

    /// Records that a request has ended.
    pub fn forget(&self, number: u64) {
        self.waiting.borrow_mut().remove(&number);
    }

    /// Stops watching: a body arrived after a pause, so the flag is set.
    pub fn settle(&self) {
        self.settled.set(true);
        self.waiting.borrow_mut().clear();
    }

    /// Returns whether a request has waited too long at `now_ns`. Returns `true` only once.
    pub fn is_overdue(&self, now_ns: u64) -> bool {
        let late = self.is_open()
            && self.waiting.borrow().values().any(|since| now_ns.saturating_sub(*since) >= PATIENCE_NS);
        if late {
            self.settle();
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overdue_request_is_reported_once() {
        let watch = Watch::default();
        watch.pause(1_000_000_000);
        assert!(!watch.is_overdue(2_000_000_000));
        assert!(watch.is_overdue(3_000_000_000));
        assert!(!watch.is_overdue(9_000_000_000));
    }

    #[test]
    fn a_body_stops_the_watch_and_an_ended_request_is_not_overdue() {
        let watch = Watch::default();
        watch.forget(watch.pause(0));
        assert!(!watch.is_overdue(9_000_000_000));
        watch.pause(0);
        watch.settle();
        assert!(!watch.is_overdue(9_000_000_000) && !watch.is_open());
    }
}
