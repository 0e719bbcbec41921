//! What the requests of one worker share.

use std::cell::{Cell, OnceCell};
use std::num::NonZeroU32;
use std::sync::Arc;

use mcp_policy_engine::limit::{Layout, Places};
use mcp_policy_engine::policy::{Faults, RequestHeaders};

use crate::counters;
use crate::host::{Host, Level, Process, SharedMemory};
use crate::ids::Ids;
use crate::metrics::Metrics;
use crate::plugin::Plugin;
use crate::waiting::Waiting;
use crate::watch::{self, Watch};

/// One plugin in one worker: the plugin, and what the worker keeps beside it.
#[derive(Debug)]
pub struct Worker {
    /// The plugin
    pub plugin: Arc<Plugin>,
    /// Ids of its decisions
    pub ids: Ids,
    /// Whether headers can be held
    pub watch: Watch,
    /// The requests that wait for an answer from outside
    pub(crate) waiting: Waiting,
    /// The worker's metrics
    pub(crate) metrics: Metrics,
    places: OnceCell<Places>,
    /// When a line last said that nobody could be asked
    reported_ns: Cell<u64>,
}

/// How often a line says that nobody could be asked, at most: every 10 seconds.
const REPORT_INTERVAL_NS: u64 = 10_000_000_000;

impl Worker {
    /// Configures a worker.
    ///
    /// # Errors
    /// Every fault of the policy document, as [`Plugin::read`] finds it.
    pub fn configure<H: Process>(configuration: &[u8], host: &H) -> Result<Self, Faults> {
        let metrics = Metrics::default();
        let plugin = Plugin::read(configuration).inspect_err(|_| metrics.refused(host))?;
        metrics.configured(host, plugin.policy.counter_capacity);
        let watch = Watch::default();
        match plugin.policy.request_headers {
            // Without a tick nobody is warned, and nothing else depends on it.
            RequestHeaders::Hold => drop(host.set_tick(watch::TICK_MS)),
            RequestHeaders::Stream => watch.settle(),
        }
        Ok(Self {
            plugin: Arc::new(plugin),
            ids: Ids::new(host.random()),
            watch,
            waiting: Waiting::default(),
            metrics,
            places: OnceCell::new(),
            reported_ns: Cell::new(0),
        })
    }

    /// Returns where counters are, or `None` while the host does not tell the proxy's secret.
    pub(crate) fn places<H: Process + SharedMemory>(&self, host: &H) -> Option<&Places> {
        if self.places.get().is_none() {
            let policy = &self.plugin.policy;
            let capacity = NonZeroU32::new(policy.counter_capacity)?;
            let layout = Layout::new(counters::secret(host).ok()?, capacity);
            // If it is set twice, then with the same secret.
            let _ = self.places.set(Places::new(layout, policy.counters, policy.grants.len()));
        }
        self.places.get()
    }

    /// Says in the proxy's log why nobody could be asked, at most every 10 seconds.
    pub(crate) fn report_unavailable<H: Process>(&self, host: &H, cause: &str, now_ns: Option<u64>) {
        let since = |now_ns: &u64| now_ns.saturating_sub(self.reported_ns.get());
        let Some(now_ns) = now_ns.filter(|now_ns| since(now_ns) >= REPORT_INTERVAL_NS) else { return };
        self.reported_ns.set(now_ns);
        let cluster = self.plugin.policy.approvals.as_ref().map_or("", |to| to.cluster.as_str());
        host.log(
            Level::Warn,
            &format!(
                "calls are refused because the approval service, cluster `{cluster}`, gave no answer: {cause}"
            ),
        );
    }

    /// Looks for requests that wait too long; the host calls this about once a second while there is a reason to.
    pub fn tick<H: Host>(&self, host: &H) {
        if let Some(now_ns) = host.now_ns()
            && self.watch.is_overdue(now_ns)
            && counters::is_first_to_report(host, &self.plugin.policy.digest)
        {
            host.log(Level::Error, watch::MISSING_FLAG);
        }
        if !self.watch.is_open() {
            // A tick too many does no harm.
            let _ = host.set_tick(0);
        }
    }
}
