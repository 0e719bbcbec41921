//! How much of the limits of grants is used.

use mcp_policy_engine::audit::CounterUsage;
use mcp_policy_engine::guard::Conclusion;
use mcp_policy_engine::limit::{Amount, Usage};
use mcp_policy_engine::policy::Scope;

use super::{Metric, Metrics, label, slot};
use crate::host::{MetricId, Process};

/// How long a worker leaves a gauge as it is, in nanoseconds.
const INTERVAL_NS: u64 = 1_000_000_000;

/// The gauge of one counter.
#[derive(Debug)]
pub(super) struct Ratio {
    /// The counter's number
    number: usize,
    gauge: MetricId,
    /// When this worker last set it
    set_ns: u64,
    /// What it set
    percent: u64,
}

impl Ratio {
    /// Returns whether the gauge stays as it is for now. A limit that is used up is published at once, because a fast
    /// loop can use it up within the interval and then stop.
    fn waits(&self, now_ns: u64, percent: u64) -> bool {
        let is_news = percent >= 100 && self.percent < 100;
        now_ns.saturating_sub(self.set_ns) < INTERVAL_NS && !is_news
    }
}

impl Metrics {
    /// Publishes how much is used of the counters that belong to the caller's grant, each at most once a second, and once
    /// more when it is used up. The number of callers is not bounded, so counters of principals and sessions are not published.
    pub(super) fn used<P: Process>(&self, host: &P, conclusion: &Conclusion, now_ns: u64) {
        let Some(of_grant) = self.of_grants.get(slot(conclusion.grant)) else { return };
        let ratios = &mut of_grant.borrow_mut().ratios;
        for CounterUsage { limit, usage, .. } in &conclusion.counters {
            // The number of values is not bounded either, and what has no effect counts apart.
            if limit.scope != Scope::Grant || limit.by.is_some() || limit.shadow {
                continue;
            }
            match ratios.iter_mut().find(|ratio| ratio.number == limit.number) {
                Some(ratio) if ratio.waits(now_ns, percent(usage)) => {}
                Some(ratio) => {
                    (ratio.set_ns, ratio.percent) = (now_ns, percent(usage));
                    host.set(ratio.gauge, ratio.percent);
                }
                None => {
                    let metric = Metric::LimitUsedRatio { number: limit.number };
                    let labels =
                        [&label::of(&limit.counter), ".grant.", &self.grant(conclusion.grant)].concat();
                    let name = ["mcp_policy.", &metric.name(), &labels, &self.shared].concat();
                    let Some(gauge) = host.metric(metric.kind(), &name) else { continue };
                    let percent = percent(usage);
                    ratios.push(Ratio { number: limit.number, gauge, set_ns: now_ns, percent });
                    host.set(gauge, percent);
                }
            }
        }
    }
}

/// Returns how much is used in whole percent, rounded down. A gauge of Envoy holds no fraction.
fn percent(usage: &Usage) -> u64 {
    let hundredfold = u128::from(usage.used.micros()).saturating_mul(100);
    let max = u128::from(usage.max.micros());
    match usage.max {
        Amount::ZERO => 100,
        _ => hundredfold.checked_div(max).and_then(|percent| u64::try_from(percent).ok()).unwrap_or(100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_used_in_whole_percent() {
        for (used, max, expected) in [
            (0, 10, 0),
            (1, 1_000, 0),
            (5, 10, 50),
            (999, 1_000, 99),
            (10, 10, 100),
            (20, 10, 200),
            (0, 0, 100),
        ] {
            let [used, max] = [used, max].map(Amount::from_micros);
            assert_eq!(percent(&Usage { used, max, resets_in_seconds: 1 }), expected, "{used} of {max}");
        }
    }
}
