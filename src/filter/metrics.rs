//! The filter's metrics. Envoy publishes them with the prefix `wasmcustom.`.
//!
//! Labels are parts of the names, such as `mcp_policy.decisions.decision.<word>.code.<word>`. The
//! `stats_config` in `envoy/envoy.yaml` turns them into tags.

use std::cell::RefCell;

use mcp_policy_engine::denial::Code;
use mcp_policy_engine::guard::Conclusion;
use mcp_policy_engine::mcp::list::Shown;

use crate::host::{MetricId, MetricKind, Process};

/// One metric with its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metric {
    /// Verdicts
    Decisions { decision: &'static str, code: &'static str },
    /// Refusals by the strict reader
    StrictRefusals { cause: &'static str },
    /// Writes to counters that were repeated because another worker wrote first
    CountersRetries,
    /// Calls that could not be counted
    CountersUnavailable { why: &'static str },
    /// The capacity of the table of counters
    CountersCapacity,
    /// Questions to the approval service
    ApprovalsAsked,
    /// Results of questions to the approval service
    Approvals { outcome: &'static str },
    /// Elements that were removed from lists
    ListsRemoved,
    /// Lists, and elements of lists, that could not be read and were not shown
    ListsUnreadable { cause: &'static str },
    /// Policies that took effect
    ConfigurationAccepted,
    /// Policies with a fault
    ConfigurationRefused,
}

impl Metric {
    fn kind(self) -> MetricKind {
        match self {
            Self::CountersCapacity => MetricKind::Gauge,
            _ => MetricKind::Counter,
        }
    }

    fn name(self) -> String {
        let (name, label) = match self {
            Self::Decisions { decision, code } => {
                return format!("mcp_policy.decisions.decision.{decision}.code.{code}");
            }
            Self::StrictRefusals { cause } => ("strict_refusals.cause.", cause),
            Self::CountersRetries => ("counters.retries", ""),
            Self::CountersUnavailable { why } => ("counters.unavailable.why.", why),
            Self::CountersCapacity => ("counters.capacity", ""),
            Self::ApprovalsAsked => ("approvals.asked", ""),
            Self::Approvals { outcome } => ("approvals.outcome.", outcome),
            Self::ListsRemoved => ("lists.removed", ""),
            Self::ListsUnreadable { cause } => ("lists.unreadable.cause.", cause),
            Self::ConfigurationAccepted => ("configuration.accepted", ""),
            Self::ConfigurationRefused => ("configuration.refused", ""),
        };
        format!("mcp_policy.{name}{label}")
    }
}

/// The metrics of one worker. If the host cannot count something, the decision is the same.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// The host's ids, so that each name is built and passed to the host only once
    ids: RefCell<Vec<(Metric, MetricId)>>,
}

impl Metrics {
    /// Counts a conclusion: its verdict, its approval, and the numbers about counting.
    pub(crate) fn concluded<P: Process>(&self, host: &P, conclusion: &Conclusion) {
        let denial = conclusion.verdict.denial();
        let code = denial.map_or("none", |denial| denial.code.as_str());
        self.count(host, Metric::Decisions { decision: conclusion.verdict.as_str(), code }, 1);
        if let Some(cause) = denial.and_then(|denial| denial.cause) {
            self.count(host, Metric::StrictRefusals { cause }, 1);
        }
        if let Some(outcome) = conclusion.approval {
            self.count(host, Metric::Approvals { outcome: outcome.as_str() }, 1);
        }
        if conclusion.counting.retries > 0 {
            self.count(host, Metric::CountersRetries, conclusion.counting.retries);
        }
        if let Some(why) = conclusion.counting.failure {
            self.count(host, Metric::CountersUnavailable { why }, 1);
        }
    }

    /// Counts a question to the approval service.
    pub(crate) fn asked<P: Process>(&self, host: &P) {
        self.count(host, Metric::ApprovalsAsked, 1);
    }

    /// Counts a request that was refused because its record could not be stored.
    pub(crate) fn unrecorded<P: Process>(&self, host: &P) {
        self.count(host, Metric::Decisions { decision: "deny", code: Code::Denied.as_str() }, 1);
    }

    /// Counts what was changed in a response: elements that were removed from lists, lists that were not shown, and
    /// streams of the old transport. Those were counted as allowed when their requests were forwarded.
    pub(crate) fn listed<P: Process>(&self, host: &P, shown: &Shown) {
        if let Ok(removed) = u32::try_from(shown.removed)
            && removed > 0
        {
            self.count(host, Metric::ListsRemoved, removed);
        }
        if let Some(unreadable) = &shown.unreadable {
            self.count(host, Metric::ListsUnreadable { cause: unreadable.cause() }, 1);
        }
        if shown.old_transport {
            self.count(host, Metric::StrictRefusals { cause: "http_sse" }, 1);
        }
    }

    /// Counts a policy that took effect, and publishes the capacity of its table of counters.
    pub(crate) fn configured<P: Process>(&self, host: &P, capacity: u32) {
        self.count(host, Metric::ConfigurationAccepted, 1);
        if let Some(id) = self.id(host, Metric::CountersCapacity) {
            host.set(id, capacity.into());
        }
    }

    /// Counts a policy that did not take effect.
    pub(crate) fn refused<P: Process>(&self, host: &P) {
        self.count(host, Metric::ConfigurationRefused, 1);
    }

    fn count<P: Process>(&self, host: &P, metric: Metric, by: u32) {
        if let Some(id) = self.id(host, metric) {
            host.add(id, by);
        }
    }

    fn id<P: Process>(&self, host: &P, metric: Metric) -> Option<MetricId> {
        let mut ids = self.ids.borrow_mut();
        if let Some((_, id)) = ids.iter().find(|(known, _)| *known == metric) {
            return Some(*id);
        }
        let id = host.metric(metric.kind(), &metric.name())?;
        ids.push((metric, id));
        Some(id)
    }
}
