//! What the filter counts for the operator, as Envoy stats below `wasmcustom.`.
//!
//! Labels are parts of the names, which the stats configuration in `envoy/envoy.yaml` turns into
//! tags: `mcp_policy.decisions.decision.<word>.code.<word>`.

use crate::host::Host;
use mcp_policy_engine::denial::Code;
use mcp_policy_engine::guard::Judgement;
use mcp_policy_engine::mcp::list::Shown;
use mcp_policy_engine::policy::Policy;

/// Counts one decision, and how counting went.
pub(super) fn judged<H: Host>(host: &H, judgement: &Judgement) {
    let code = judgement.denial.as_ref().map_or("none", |denial| denial.code.as_str());
    let decision = judgement.outcome.as_str();
    host.count(&format!("mcp_policy.decisions.decision.{decision}.code.{code}"), 1);
    if let Some(cause) = judgement.denial.as_ref().and_then(|denial| denial.cause) {
        host.count(&format!("mcp_policy.strict_refusals.cause.{cause}"), 1);
    }
    if let Some(outcome) = judgement.approval {
        host.count(&format!("mcp_policy.approvals.outcome.{}", outcome.as_str()), 1);
    }
    if judgement.counting.retries > 0 {
        host.count("mcp_policy.counters.retries", judgement.counting.retries);
    }
    if let Some(why) = judgement.counting.failure {
        host.count(&format!("mcp_policy.counters.unavailable.why.{why}"), 1);
    }
}

/// Counts a question to the approval service.
pub(super) fn asked<H: Host>(host: &H) {
    host.count("mcp_policy.approvals.asked", 1);
}

/// Counts a request that was refused because its record could not be kept.
pub(super) fn unrecorded<H: Host>(host: &H) {
    let code = Code::Denied.as_str();
    host.count(&format!("mcp_policy.decisions.decision.deny.code.{code}"), 1);
}

/// Counts what was taken out of a list.
pub(super) fn listed<H: Host>(host: &H, shown: &Shown) {
    if let Ok(removed) = u32::try_from(shown.removed)
        && removed > 0
    {
        host.count("mcp_policy.lists.removed", removed);
    }
    if shown.unreadable.is_some() {
        host.count("mcp_policy.lists.unreadable", 1);
    }
}

/// Counts a policy that took effect.
pub(super) fn configured<H: Host>(host: &H, policy: &Policy) {
    host.count("mcp_policy.configuration.accepted", 1);
    host.gauge("mcp_policy.counters.capacity", policy.counter_capacity.into());
}

/// Counts a policy that did not.
pub(super) fn refused<H: Host>(host: &H) {
    host.count("mcp_policy.configuration.refused", 1);
}
