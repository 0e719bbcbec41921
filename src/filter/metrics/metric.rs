//! The names and kinds of metrics.

use super::VERSION;
use crate::host::MetricKind;

/// One metric with its labels, except those that all metrics of a policy share, and the grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    /// Verdicts
    Decisions { decision: &'static str, code: &'static str },
    /// Refusals by the strict reader
    StrictRefusals { cause: &'static str },
    /// Writes to counters that were repeated because another worker wrote first
    CountersRetries,
    /// Calls that could not be counted
    CountersUnavailable { why: &'static str },
    /// Calls whose charges were given back, because no server received them
    CountersGivenBack,
    /// The capacity of the table of counters
    CountersCapacity,
    /// How much of a limit is used, in percent. The number is that of its counter
    LimitUsedRatio { number: usize },
    /// Questions to the approval service
    ApprovalsAsked,
    /// Results of questions to the approval service
    Approvals { outcome: &'static str },
    /// Questions to the rate limit service
    SharedLimitsAsked,
    /// Results of questions to the rate limit service
    SharedLimits { outcome: &'static str },
    /// Calls whose shared limits this proxy has counted alone
    SharedLimitsLocal,
    /// Elements that were removed from lists
    ListsRemoved,
    /// Lists with a pinned tool in another definition. The number is that of the pin
    DefinitionsChanged { number: usize },
    /// Lists, and elements of lists, that could not be read and were not shown
    ListsUnreadable { cause: &'static str },
    /// The version of the module, always 1
    BuildInfo,
    /// Policies that took effect
    ConfigurationAccepted,
    /// Policies with a fault
    ConfigurationRefused,
}

impl Metric {
    pub(super) fn kind(self) -> MetricKind {
        match self {
            Self::CountersCapacity | Self::LimitUsedRatio { .. } | Self::BuildInfo => MetricKind::Gauge,
            _ => MetricKind::Counter,
        }
    }

    /// Returns the name with the metric's own labels.
    pub(super) fn name(self) -> String {
        let (name, label) = match self {
            Self::Decisions { decision, code } => {
                return format!("decisions.decision.{decision}.code.{code}");
            }
            Self::StrictRefusals { cause } => ("strict_refusals.cause.", cause),
            Self::CountersRetries => ("counters.retries", ""),
            Self::CountersUnavailable { why } => ("counters.unavailable.why.", why),
            Self::CountersGivenBack => ("counters.given_back", ""),
            Self::CountersCapacity => ("counters.capacity", ""),
            // The counter's name follows.
            Self::LimitUsedRatio { .. } => ("limit_used_ratio.counter.", ""),
            Self::ApprovalsAsked => ("approvals.asked", ""),
            Self::Approvals { outcome } => ("approvals.outcome.", outcome),
            Self::SharedLimitsAsked => ("shared_limits.asked", ""),
            Self::SharedLimits { outcome } => ("shared_limits.outcome.", outcome),
            Self::SharedLimitsLocal => ("shared_limits.local", ""),
            Self::ListsRemoved => ("lists.removed", ""),
            // The tool's name follows.
            Self::DefinitionsChanged { .. } => ("definitions_changed.tool.", ""),
            Self::ListsUnreadable { cause } => ("lists.unreadable.cause.", cause),
            Self::BuildInfo => ("build_info.version.", VERSION),
            Self::ConfigurationAccepted => ("configuration.accepted", ""),
            Self::ConfigurationRefused => ("configuration.refused", ""),
        };
        [name, label].concat()
    }
}
