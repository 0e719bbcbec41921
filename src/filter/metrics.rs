//! The filter's metrics. Envoy publishes them with the prefix `wasmcustom.`.
//!
//! Labels are parts of the names, such as
//! `mcp_policy.decisions.decision.<word>.code.<word>.grant.<name>.server.<name>`. The `stats_config` in
//! `envoy/envoy.yaml` turns them into tags. Names come only from the policy, so their number is bounded.

mod label;
mod metric;
mod ratio;

use std::cell::RefCell;
use std::sync::Arc;

use mcp_policy_engine::decide::Listed;
use mcp_policy_engine::denial::{Code, Denial};
use mcp_policy_engine::guard::Conclusion;
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::limit::GivenBack;
use mcp_policy_engine::mcp::list::Shown;
use mcp_policy_engine::policy::{Mode, OnFailure, Policy};
use mcp_policy_engine::rate_limit::Outcome;

use crate::host::{MetricId, Process};
use metric::Metric;
use ratio::Ratio;

/// The version of this module.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The label of callers to whom no grant applies.
const NO_GRANT: &str = "none";

/// The label of a policy whose server is not known because it cannot be read.
const NO_SERVER: &str = "unknown";

/// The metrics of one worker. If the host cannot count something, the decision is the same.
#[derive(Debug)]
pub(crate) struct Metrics {
    policy: Option<Arc<Policy>>,
    /// The end of all names: the labels that they share
    shared: String,
    /// The metrics that have no grant
    common: RefCell<Known>,
    /// Those of callers without a grant, then those of each grant
    of_grants: Box<[RefCell<OfGrant>]>,
}

/// The host's ids, so that each name is built and passed to the host only once.
type Known = Vec<(Metric, MetricId)>;

/// The metrics of one grant.
#[derive(Debug, Default)]
struct OfGrant {
    known: Known,
    ratios: Vec<Ratio>,
}

impl Metrics {
    /// Makes the metrics of a policy. They say if it is in shadow mode.
    pub(crate) fn new(policy: &Arc<Policy>) -> Self {
        let mode = if policy.mode == Mode::Shadow { ".mode.shadow" } else { "" };
        let shared = format!(".server.{}{mode}", label::of(&policy.server));
        let of_grants = (0..=policy.grants.len()).map(|_| RefCell::default()).collect();
        Self { policy: Some(Arc::clone(policy)), shared, common: RefCell::default(), of_grants }
    }

    /// Counts a policy that did not take effect. Its `server` is `None` if it cannot be read.
    pub(crate) fn refused<P: Process>(host: &P, server: Option<&str>) {
        let shared = format!(".server.{}", server.map_or_else(|| NO_SERVER.to_owned(), label::of));
        let metrics = Self { policy: None, shared, common: RefCell::default(), of_grants: Box::default() };
        metrics.count(host, Metric::ConfigurationRefused, 1);
    }

    /// Counts a conclusion: its verdict, its approval, and the numbers about counting. `now_ns` is the time of the
    /// verdict.
    pub(crate) fn concluded<P: Process>(&self, host: &P, conclusion: &Conclusion, now_ns: Option<u64>) {
        let denial = conclusion.verdict.denial();
        let code = denial.map_or("none", |denial| denial.code.as_str());
        self.decided(host, conclusion.verdict.as_str(), code, conclusion.grant);
        // A caller that is not known, and a call that is not counted, have a cause too, in their records.
        let strict = |denial: &&Denial| {
            !matches!(denial.code, Code::Unauthenticated | Code::NoGrant | Code::LimiterUnavailable)
        };
        if let Some(cause) = denial.filter(strict).and_then(|denial| denial.cause) {
            self.count(host, Metric::StrictRefusals { cause }, 1);
        }
        if let Some(outcome) = conclusion.approval {
            self.count(host, Metric::Approvals { outcome: outcome.as_str() }, 1);
        }
        if let Some(outcome) = conclusion.rates {
            self.rated(host, outcome);
        }
        self.repeated(host, conclusion.counting.retries);
        if let Some(why) = conclusion.counting.failure {
            self.count(host, Metric::CountersUnavailable { why }, 1);
        }
        if let Some(now_ns) = now_ns.filter(|_| !conclusion.counters.is_empty()) {
            self.used(host, conclusion, now_ns);
        }
    }

    /// Counts a question to the approval service.
    pub(crate) fn asked<P: Process>(&self, host: &P) {
        self.count(host, Metric::ApprovalsAsked, 1);
    }

    /// Counts a question to the rate limit service.
    pub(crate) fn rates_asked<P: Process>(&self, host: &P) {
        self.count(host, Metric::SharedLimitsAsked, 1);
    }

    fn rated<P: Process>(&self, host: &P, outcome: Outcome) {
        self.count(host, Metric::SharedLimits { outcome: outcome.as_str() }, 1);
        let to = self.policy.as_ref().and_then(|policy| policy.shared_limits.as_ref());
        let alone = to.is_some_and(|to| to.on_failure == OnFailure::Local);
        if alone && matches!(outcome, Outcome::Failed(_)) {
            self.count(host, Metric::SharedLimitsLocal, 1);
        }
    }

    /// Counts a request that was refused because its record could not be stored.
    pub(crate) fn unrecorded<P: Process>(&self, host: &P, grant: Option<usize>) {
        self.decided(host, "deny", Code::Denied.as_str(), grant);
    }

    /// Counts a call whose charges were given back.
    pub(crate) fn given_back<P: Process>(&self, host: &P, given: &GivenBack) {
        if given.charges > 0 {
            self.count(host, Metric::CountersGivenBack, 1);
        }
        self.repeated(host, given.retries);
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

    /// Counts a list that has shown a pinned tool in another definition.
    pub(crate) fn definition_changed<P: Process>(&self, host: &P, listed: &Listed<'_>) {
        let metric = Metric::DefinitionsChanged { number: listed.number };
        let name = || label::of(&listed.pin.tool);
        if let Some(id) = self.find(host, &mut self.common.borrow_mut(), metric, name) {
            host.add(id, 1);
        }
    }

    /// Counts a policy that took effect, and publishes the module's version and the capacity of the table of
    /// counters.
    pub(crate) fn configured<P: Process>(&self, host: &P, capacity: u32) {
        self.count(host, Metric::ConfigurationAccepted, 1);
        for (gauge, value) in [(Metric::BuildInfo, 1), (Metric::CountersCapacity, capacity.into())] {
            if let Some(id) = self.id(host, gauge) {
                host.set(id, value);
            }
        }
    }

    fn decided<P: Process>(
        &self,
        host: &P,
        decision: &'static str,
        code: &'static str,
        grant: Option<usize>,
    ) {
        let Some(of_grant) = self.of_grants.get(slot(grant)) else { return };
        let metric = Metric::Decisions { decision, code };
        let name = || [".grant.", &self.grant(grant)].concat();
        if let Some(id) = self.find(host, &mut of_grant.borrow_mut().known, metric, name) {
            host.add(id, 1);
        }
    }

    fn repeated<P: Process>(&self, host: &P, retries: u32) {
        if retries > 0 {
            self.count(host, Metric::CountersRetries, retries);
        }
    }

    fn count<P: Process>(&self, host: &P, metric: Metric, by: u32) {
        if let Some(id) = self.id(host, metric) {
            host.add(id, by);
        }
    }

    fn id<P: Process>(&self, host: &P, metric: Metric) -> Option<MetricId> {
        self.find(host, &mut self.common.borrow_mut(), metric, String::new)
    }

    /// Returns the host's id of a metric; `more` is what follows the metric's own labels.
    fn find<P: Process>(
        &self,
        host: &P,
        known: &mut Known,
        metric: Metric,
        more: impl FnOnce() -> String,
    ) -> Option<MetricId> {
        if let Some((_, id)) = known.iter().find(|(known, _)| *known == metric) {
            return Some(*id);
        }
        let name = ["mcp_policy.", &metric.name(), &more(), &self.shared].concat();
        let id = host.metric(metric.kind(), &name)?;
        known.push((metric, id));
        Some(id)
    }

    /// Returns the label of a grant. Without grants, all callers share the default one.
    fn grant(&self, grant: Option<usize>) -> String {
        let Some(policy) = &self.policy else { return NO_GRANT.to_owned() };
        match grant.and_then(|grant| policy.grants.get(grant)) {
            Some(grant) => label::of(&grant.name),
            None if policy.grants.is_empty() => label::of(Caller::default().grant_name(policy)),
            None => NO_GRANT.to_owned(),
        }
    }
}

/// Returns the place of a grant among the metrics.
fn slot(grant: Option<usize>) -> usize {
    grant.map_or(0, |grant| grant.saturating_add(1))
}
