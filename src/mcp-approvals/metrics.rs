//! What is counted, in Prometheus' text form.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::model::{Status, Verdict};

/// One label with one of a few words.
type Words = Family<[(&'static str, &'static str); 1], Counter>;

/// Durations of requests, by route.
type Durations = Family<[(&'static str, String); 1], Histogram, fn() -> Histogram>;

/// What is counted.
pub struct Metrics {
    registry: Registry,
    asked: Words,
    decided: Words,
    delivered: Words,
    sign_in_failures: Counter,
    pending: Gauge,
    oldest: Gauge<f64, AtomicU64>,
    durations: Durations,
}

impl Metrics {
    /// Begins to count.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("mcp_approvals"),
            asked: Family::default(),
            decided: Family::default(),
            delivered: Family::default(),
            sign_in_failures: Counter::default(),
            pending: Gauge::default(),
            oldest: Gauge::default(),
            durations: Family::new_with_constructor(durations),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("asked", "Questions of callers, by what they were answered", self.asked.clone());
        registry.register("decisions", "Decisions of people, by verdict", self.decided.clone());
        registry.register("webhook_deliveries", "Deliveries to webhooks, by outcome", self.delivered.clone());
        let failures = self.sign_in_failures.clone();
        registry.register("sign_in_failures", "Attempts to sign in that failed", failures);
        registry.register("pending", "Approvals that wait for a decision", self.pending.clone());
        let oldest = "Age of the oldest approval that waits for a decision, in seconds";
        registry.register("oldest_pending_seconds", oldest, self.oldest.clone());
        let durations = "Durations of requests, by route; a long poll lasts as long as its caller wants";
        registry.register("request_duration_seconds", durations, self.durations.clone());
        self
    }

    /// Counts a question.
    pub fn asked(&self, answer: Status) {
        let word = if answer == Status::Consumed { "approved" } else { answer.as_str() };
        self.asked.get_or_create(&[("outcome", word)]).inc();
    }

    /// Counts a question that was none, or nobody's who may ask.
    pub fn refused(&self) {
        self.asked.get_or_create(&[("outcome", "refused")]).inc();
    }

    /// Counts a decision.
    pub fn decided(&self, verdict: Verdict) {
        self.decided.get_or_create(&[("verdict", verdict.done())]).inc();
    }

    /// Counts an attempt to sign in that failed.
    pub fn sign_in_failed(&self) {
        self.sign_in_failures.inc();
    }

    /// Counts a delivery to a webhook: `delivered`, `failed` (to be tried again) or `given_up`.
    pub fn delivered(&self, outcome: &'static str) {
        self.delivered.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Counts the duration of a request.
    pub fn lasted(&self, route: &str, duration: Duration) {
        self.durations.get_or_create(&[("route", route.to_owned())]).observe(duration.as_secs_f64());
    }

    /// Writes all of it, with how many approvals wait at present, and for how long the oldest has.
    #[must_use]
    pub fn text(&self, pending: i64, oldest: Duration) -> String {
        self.pending.set(pending);
        self.oldest.set(oldest.as_secs_f64());
        let mut out = String::new();
        // WriteTransaction to a String cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

fn durations() -> Histogram {
    Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0])
}
