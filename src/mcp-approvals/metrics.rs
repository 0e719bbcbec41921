//! Metrics in the OpenMetrics text format.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::model::{Status, Verdict};

/// A counter with one label that has a few fixed values.
type LabeledCounter = Family<[(&'static str, &'static str); 1], Counter>;

/// Durations of requests, by route.
type Durations = Family<[(&'static str, String); 1], Histogram, fn() -> Histogram>;

/// All metrics of the service.
pub struct Metrics {
    registry: Registry,
    asked: LabeledCounter,
    decided: LabeledCounter,
    delivered: LabeledCounter,
    sign_in_failures: Counter,
    deleted: Counter,
    pending: Gauge,
    oldest: Gauge<f64, AtomicU64>,
    durations: Durations,
}

impl Metrics {
    /// Creates and registers all metrics, with the value 0.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("mcp_approvals"),
            asked: Family::default(),
            decided: Family::default(),
            delivered: Family::default(),
            sign_in_failures: Counter::default(),
            deleted: Counter::default(),
            pending: Gauge::default(),
            oldest: Gauge::default(),
            durations: Family::new_with_constructor(durations),
        };
        metrics.register_all()
    }

    fn register_all(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("asked", "Questions from callers, by answer", self.asked.clone());
        registry.register("decisions", "Decisions made by people, by verdict", self.decided.clone());
        registry.register("webhook_deliveries", "Webhook deliveries, by outcome", self.delivered.clone());
        let failures = self.sign_in_failures.clone();
        registry.register("sign_in_failures", "Failed attempts to sign in", failures);
        registry.register("deleted", "Old approvals that were deleted", self.deleted.clone());
        registry.register("pending", "Pending approvals", self.pending.clone());
        let oldest = "Age of the oldest pending approval, in seconds";
        registry.register("oldest_pending_seconds", oldest, self.oldest.clone());
        let durations =
            "Durations of requests, by route; a held question lasts as long as its caller asks for";
        registry.register("request_duration_seconds", durations, self.durations.clone());
        self
    }

    /// Counts a question by its answer.
    pub fn asked(&self, answer: Status) {
        let outcome = if answer == Status::Consumed { "approved" } else { answer.as_str() };
        self.asked.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Counts a question that was invalid, or whose caller may not ask it.
    pub fn refused(&self) {
        self.asked.get_or_create(&[("outcome", "refused")]).inc();
    }

    /// Counts a decision.
    pub fn decided(&self, verdict: Verdict) {
        self.decided.get_or_create(&[("verdict", verdict.participle())]).inc();
    }

    /// Counts a failed attempt to sign in.
    pub fn sign_in_failed(&self) {
        self.sign_in_failures.inc();
    }

    /// Counts approvals that were deleted.
    pub fn deleted(&self, approvals: u64) {
        self.deleted.inc_by(approvals);
    }

    /// Counts a webhook delivery; `outcome` is `delivered`, `failed` (to be retried) or `given_up`.
    pub fn delivered(&self, outcome: &'static str) {
        self.delivered.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Records the duration of a request.
    pub fn request_finished(&self, route: &str, duration: Duration) {
        self.durations.get_or_create(&[("route", route.to_owned())]).observe(duration.as_secs_f64());
    }

    /// Returns all metrics as text. `pending` is the number of pending approvals, `oldest` the age of the
    /// oldest one.
    #[must_use]
    pub fn text(&self, pending: i64, oldest: Duration) -> String {
        self.pending.set(pending);
        self.oldest.set(oldest.as_secs_f64());
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

fn durations() -> Histogram {
    Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0])
}
