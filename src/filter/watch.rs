//! Notices an Envoy that cannot hold headers.
//!
//! Pausing at the headers lets the body through to the filter only where Envoy's `PluginConfig` has
//! `allow_on_headers_stop_iteration: true` (Envoy 1.35). Without it no body ever comes and every
//! request waits for its time-out. Nothing tells the filter which it is, so a worker watches until
//! it has seen one body behind a pause.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// How long a request may wait for the first byte of its body before that looks like the missing
/// flag, in nanoseconds: a client that sends headers and body apart does so within this.
const PATIENCE_NS: u64 = 2_000_000_000;

/// How often to look, in milliseconds.
pub const TICK_MS: u32 = 1_000;

/// What to tell the operator.
pub const MISSING_FLAG: &str = "no request body reaches the policy filter: \
    `request_headers` is \"hold\", which needs `allow_on_headers_stop_iteration: true` in the PluginConfig of \
    Envoy's wasm filter (Envoy 1.35 and later); set it, or set `request_headers` to \"stream\" in the policy";

/// The requests of one worker that are paused at their headers, until one body has come.
#[derive(Debug, Default)]
pub struct Watch {
    settled: Cell<bool>,
    next: Cell<u64>,
    waiting: RefCell<BTreeMap<u64, u64>>,
}

impl Watch {
    /// Tells whether there is still something to find out.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.settled.get()
    }

    /// Notes that a request is paused since `now_ns`; returns its number.
    pub fn pause(&self, now_ns: u64) -> u64 {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        self.waiting.borrow_mut().insert(number, now_ns);
        number
    }

    /// Notes that a request is gone.
    pub fn forget(&self, number: u64) {
        self.waiting.borrow_mut().remove(&number);
    }

    /// Notes that a body has come behind a pause: the flag is there.
    pub fn settle(&self) {
        self.settled.set(true);
        self.waiting.borrow_mut().clear();
    }

    /// Tells, once, that a request has waited too long at `now_ns`.
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
    fn a_request_that_waits_is_told_of_once() {
        let watch = Watch::default();
        watch.pause(1_000_000_000);
        assert!(!watch.is_overdue(2_000_000_000));
        assert!(watch.is_overdue(3_000_000_000));
        assert!(!watch.is_overdue(9_000_000_000));
    }

    #[test]
    fn a_body_or_an_end_settles_it() {
        let watch = Watch::default();
        watch.forget(watch.pause(0));
        assert!(!watch.is_overdue(9_000_000_000));
        watch.pause(0);
        watch.settle();
        assert!(!watch.is_overdue(9_000_000_000) && !watch.is_open());
    }
}
