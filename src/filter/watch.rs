//! Detects an Envoy that cannot hold headers.
//!
//! If a filter pauses at the headers, Envoy passes it the body only if the `PluginConfig` has
//! `allow_on_headers_stop_iteration: true` (Envoy 1.35). Without this flag no body ever arrives, and every
//! request waits until its timeout. The filter cannot query the flag, so each worker watches until it has
//! seen one body after a pause: the flag is missing if Envoy has received more of a request than its headers, and
//! the filter has not. A slow client is no sign of that.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::host::StreamId;

/// How long a request may wait for its body before Envoy is asked what it has received, in nanoseconds.
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
    waiting: RefCell<BTreeMap<StreamId, Paused>>,
}

/// A request that is paused at its headers.
#[derive(Debug, Clone, Copy)]
struct Paused {
    since_ns: u64,
    /// What Envoy had received of it then, in bytes
    received: u64,
}

impl Watch {
    /// Returns whether the worker still watches, because it does not know whether the flag is set.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.settled.get()
    }

    /// Records that a request is paused since `now_ns`, when Envoy had `received` so many bytes of it.
    pub fn pause(&self, stream: StreamId, now_ns: u64, received: u64) {
        self.waiting.borrow_mut().insert(stream, Paused { since_ns: now_ns, received });
    }

    /// Records that a request has ended.
    pub fn forget(&self, stream: StreamId) {
        self.waiting.borrow_mut().remove(&stream);
    }

    /// Stops watching: a body arrived after a pause, so the flag is set.
    pub fn settle(&self) {
        self.settled.set(true);
        self.waiting.borrow_mut().clear();
    }

    /// Returns whether the flag is missing: a request has waited long enough at `now_ns`, and Envoy has received
    /// more of it, as `received` tells. Returns `true` only once.
    pub fn misses_flag(&self, now_ns: u64, received: impl Fn(StreamId) -> Option<u64>) -> bool {
        let missing = self.is_open()
            && self.waiting.borrow().iter().any(|(stream, paused)| {
                now_ns.saturating_sub(paused.since_ns) >= PATIENCE_NS
                    && received(*stream).is_some_and(|received| received > paused.received)
            });
        if missing {
            self.settle();
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: StreamId = StreamId(7);

    #[test]
    fn a_body_that_envoy_keeps_is_reported_once() {
        let watch = Watch::default();
        watch.pause(STREAM, 1_000_000_000, 100);
        let more = |_| Some(101);
        assert!(!watch.misses_flag(2_000_000_000, more));
        assert!(watch.misses_flag(3_000_000_000, more));
        assert!(!watch.misses_flag(9_000_000_000, more));
    }

    #[test]
    fn a_client_that_has_sent_no_body_yet_is_not_reported() {
        let watch = Watch::default();
        watch.pause(STREAM, 0, 100);
        for received in [None, Some(100)] {
            assert!(!watch.misses_flag(60_000_000_000, |_| received));
        }
        assert!(watch.misses_flag(61_000_000_000, |_| Some(140)));
    }

    #[test]
    fn a_body_stops_the_watch_and_an_ended_request_is_not_overdue() {
        let (watch, more) = (Watch::default(), |_| Some(101));
        watch.pause(STREAM, 0, 100);
        watch.forget(STREAM);
        assert!(!watch.misses_flag(9_000_000_000, more));
        watch.pause(STREAM, 0, 100);
        watch.settle();
        assert!(!watch.misses_flag(9_000_000_000, more) && !watch.is_open());
    }
}
