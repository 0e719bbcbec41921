//! What all requests of one worker share.

use std::cell::{Cell, OnceCell, RefCell};
use std::num::NonZeroU32;
use std::sync::Arc;

use mcp_policy_engine::limit::{Layout, Places};
use mcp_policy_engine::policy::{Faults, RequestHeaders};

use crate::counters;
use crate::host::{Host, Level, Process, SharedMemory};
use crate::ids::Ids;
use crate::metrics::Metrics;
use crate::plugin::Plugin;
use crate::sessions::Sessions;
use crate::waiting::Waiting;
use crate::watch::{self, Watch};

/// A plugin in one worker, with the state of that worker.
#[derive(Debug)]
pub struct Worker {
    /// The plugin
    pub plugin: Arc<Plugin>,
    /// The source of ids of decisions
    pub ids: Ids,
    /// Watches whether headers can be held
    pub watch: Watch,
    /// Digests of session ids
    pub(crate) sessions: Sessions,
    /// The requests that wait for an outside answer
    pub(crate) waiting: Waiting,
    /// The worker's metrics
    pub(crate) metrics: Metrics,
    places: OnceCell<Places>,
    /// When [`report_unavailable`](Self::report_unavailable) last wrote a line
    reported_ns: Cell<u64>,
    /// When [`report_unshown`](Self::report_unshown) last wrote a line for each cause
    unshown_ns: RefCell<Vec<(&'static str, u64)>>,
}

/// The least time between two log lines about the same thing.
const REPORT_INTERVAL_NS: u64 = 10_000_000_000;

impl Worker {
    /// Configures a worker.
    ///
    /// # Errors
    /// Every fault of the policy document, see [`Plugin::read`].
    pub fn configure<H: Process>(configuration: &[u8], host: &H) -> Result<Self, Faults> {
        let metrics = Metrics::default();
        let plugin = Plugin::read(configuration).inspect_err(|_| metrics.refused(host))?;
        metrics.configured(host, plugin.policy.counter_capacity);
        let watch = Watch::default();
        match plugin.policy.request_headers {
            // If the tick is not set, only the warning about the missing flag is lost.
            RequestHeaders::Hold => drop(host.set_tick(watch::TICK_MS)),
            RequestHeaders::Stream => watch.settle(),
        }
        Ok(Self {
            plugin: Arc::new(plugin),
            ids: Ids::new(host.random()),
            watch,
            sessions: Sessions::new(host.random()),
            waiting: Waiting::default(),
            metrics,
            places: OnceCell::new(),
            reported_ns: Cell::new(0),
            unshown_ns: RefCell::default(),
        })
    }

    /// Returns the places of the counters; `None` if the proxy's secret is not available.
    pub(crate) fn places<H: Process + SharedMemory>(&self, host: &H) -> Option<&Places> {
        if self.places.get().is_none() {
            let policy = &self.plugin.policy;
            let capacity = NonZeroU32::new(policy.counter_capacity)?;
            let layout = Layout::new(counters::secret(host).ok()?, capacity);
            // It is empty: this was checked above.
            let _ = self.places.set(Places::new(layout, policy.counters, policy.grants.len()));
        }
        self.places.get()
    }

    /// Logs why the approval service gave no answer, at most every 10 seconds.
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

    /// Logs why something of a response was not shown, at most every 10 seconds for each cause.
    pub(crate) fn report_unshown<H: Process>(&self, host: &H, cause: &'static str, why: &str) {
        let Some(now_ns) = host.now_ns() else { return };
        let mut reported = self.unshown_ns.borrow_mut();
        match reported.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, last_ns)) if now_ns.saturating_sub(*last_ns) < REPORT_INTERVAL_NS => return,
            Some((_, last_ns)) => *last_ns = now_ns,
            None => reported.push((cause, now_ns)),
        }
        let server = &self.plugin.policy.server;
        host.log(Level::Warn, &format!("an answer of the server `{server}` is not shown: {why}"));
    }

    /// Checks for requests that have waited too long for their body. The host calls this about once a second
    /// until the watch ends.
    pub fn tick<H: Host>(&self, host: &H) {
        if let Some(now_ns) = host.now_ns()
            && self.watch.is_overdue(now_ns)
            && counters::is_first_to_report(host, &self.plugin.policy.digest)
        {
            host.log(Level::Error, watch::MISSING_FLAG);
        }
        if !self.watch.is_open() {
            // An extra tick does no harm.
            let _ = host.set_tick(0);
        }
    }
}
