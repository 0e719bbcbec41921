//! What all requests of one worker share.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use mcp_policy_engine::decide::{Definition, Listed};
use mcp_policy_engine::denial::{Code, Denial};
use mcp_policy_engine::json;
use mcp_policy_engine::limit::{Layout, Places};
use mcp_policy_engine::policy::{Faults, Mode, OnFailure, RequestHeaders};
use mcp_policy_engine::rate_limit::{Failure, Tallies};

use crate::counters;
use crate::host::{Level, Process, SharedMemory};
use crate::ids::Ids;
use crate::metrics::{Metrics, VERSION};
use crate::plugin::{self, Plugin};
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
    /// The requests that wait for the approval service
    pub(crate) waiting: Waiting,
    /// Those that wait for the rate limit service. They have a limit of their own, because callers can make calls wait for
    /// an approval as long as they like, and calls under shared limits would then be refused
    pub(crate) counting: Waiting,
    /// The worker's metrics
    pub(crate) metrics: Metrics,
    places: OnceCell<Places>,
    tallies: OnceCell<Tallies>,
    /// When [`report_unavailable`](Self::report_unavailable) last wrote a line
    reported_ns: Cell<u64>,
    /// When [`report_uncounted`](Self::report_uncounted) last wrote a line
    uncounted_ns: Cell<u64>,
    /// When [`report_unshown`](Self::report_unshown) last wrote a line for each cause
    unshown_ns: RefCell<Vec<(&'static str, u64)>>,
    /// When [`report_definition`](Self::report_definition) last wrote a line about each pin, by its number
    definitions_ns: RefCell<BTreeMap<(usize, bool), u64>>,
    /// When [`report_unidentified`](Self::report_unidentified) last wrote a line
    unidentified_ns: Cell<u64>,
}

/// The log line about a table of counters that cannot grow so much.
const TOO_LARGE: &str = "calls under limits are refused: `counters.capacity` is too large for the table of counters, \
    which this Envoy has made for a much smaller one; restart Envoy, or use another `vm_id`";

/// The least time between two log lines about the same thing.
const REPORT_INTERVAL_NS: u64 = 10_000_000_000;

impl Worker {
    /// Configures a worker.
    ///
    /// # Errors
    /// Every fault of the policy document, see [`Plugin::read`].
    pub fn configure<H: Process + SharedMemory>(configuration: &[u8], host: &H) -> Result<Self, Faults> {
        let plugin =
            Plugin::read(configuration).inspect_err(|faults| refused(configuration, faults, host))?;
        let metrics = Metrics::new(&plugin.policy);
        metrics.configured(host, plugin.policy.counter_capacity);
        report_policy(host, &plugin);
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
            counting: Waiting::default(),
            metrics,
            places: OnceCell::new(),
            tallies: OnceCell::new(),
            reported_ns: Cell::new(0),
            uncounted_ns: Cell::new(0),
            unshown_ns: RefCell::default(),
            definitions_ns: RefCell::default(),
            unidentified_ns: Cell::new(0),
        })
    }

    /// Returns the places of the counters.
    ///
    /// # Errors
    /// Why there are none, in one word for metrics.
    pub(crate) fn places<H: Process + SharedMemory>(&self, host: &H) -> Result<&Places, &'static str> {
        const NO_SECRET: &str = "secret";
        if self.places.get().is_none() {
            let policy = &self.plugin.policy;
            let capacity = NonZeroU32::new(policy.counter_capacity).ok_or(NO_SECRET)?;
            let secret = counters::secret(host).map_err(|_| NO_SECRET)?;
            let layout = self.layout(Layout::new(secret, capacity), host)?;
            // It is empty: this was checked above.
            let _ = self.places.set(Places::new(layout, policy.counters, policy.grants.len()));
        }
        self.places.get().ok_or(NO_SECRET)
    }

    /// Returns the names of the shared tallies.
    pub(crate) fn tallies(&self) -> &Tallies {
        let policy = &self.plugin.policy;
        self.tallies.get_or_init(|| Tallies::new(policy.counters, policy.grants.len()))
    }

    /// Adapts the layout to the table that the proxy has, if the policy needs the table.
    fn layout<H: Process + SharedMemory>(&self, own: Layout, host: &H) -> Result<Layout, &'static str> {
        let policy = &self.plugin.policy;
        if !policy.all_rules().flat_map(|rule| &rule.limits).any(|limit| limit.is_of_callers()) {
            return Ok(own);
        }
        let buckets = counters::buckets(host, own.buckets()).map_err(|_| "secret")?;
        own.with_buckets(buckets).ok_or_else(|| {
            if counters::is_first_to_report(host, &["table", &policy.server], &policy.digest) {
                self.log(host, Level::Error, TOO_LARGE);
            }
            "capacity"
        })
    }

    /// Writes a line about this policy to the proxy's log. Lines name the server, because one proxy can have several
    /// policies.
    pub(crate) fn log<H: Process>(&self, host: &H, level: Level, line: &str) {
        host.log(level, &about(&self.plugin.policy.server, line));
    }

    /// Logs why the approval service gave no answer, at most every 10 seconds.
    pub(crate) fn report_unavailable<H: Process>(&self, host: &H, cause: &str, now_ns: Option<u64>) {
        let since = |now_ns: &u64| now_ns.saturating_sub(self.reported_ns.get());
        let Some(now_ns) = now_ns.filter(|now_ns| since(now_ns) >= REPORT_INTERVAL_NS) else { return };
        self.reported_ns.set(now_ns);
        let cluster = self.plugin.policy.approvals.as_ref().map_or("", |to| to.cluster.as_str());
        let line = format!(
            "calls are refused because the approval service, cluster `{cluster}`, gave no answer: {cause}"
        );
        self.log(host, Level::Warn, &line);
    }

    /// Logs why the rate limit service has not counted a call, at most every 10 seconds.
    pub(crate) fn report_uncounted<H: Process>(&self, host: &H, failure: Failure, now_ns: Option<u64>) {
        let since = |now_ns: &u64| now_ns.saturating_sub(self.uncounted_ns.get());
        let Some(now_ns) = now_ns.filter(|now_ns| since(now_ns) >= REPORT_INTERVAL_NS) else { return };
        let Some(to) = &self.plugin.policy.shared_limits else { return };
        self.uncounted_ns.set(now_ns);
        let what = match to.on_failure {
            OnFailure::Deny if self.plugin.policy.mode == Mode::Shadow => "calls would be refused",
            OnFailure::Deny => "calls are refused",
            OnFailure::Local => "shared limits are counted by this proxy alone",
        };
        let (cluster, why) = (&to.cluster, failure.explain());
        let line = format!(
            "{what} because the rate limit service, cluster `{cluster}`, gave no valid answer: {why}"
        );
        self.log(host, Level::Warn, &line);
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
        drop(reported);
        self.log(host, Level::Warn, &format!("an answer is not shown as the server sent it: {why}"));
    }

    /// Counts that a list has not shown a pinned tool with its definition, and logs that this has begun or ended, at most
    /// every 10 seconds for each pin.
    pub(crate) fn report_definition<H: Process>(&self, host: &H, listed: &Listed<'_>) {
        let is_changed = listed.definition != Definition::Pinned;
        if is_changed {
            self.metrics.definition_changed(host, listed);
        }
        let Some(now_ns) = host.now_ns().filter(|_| listed.is_news) else { return };
        let mut reported = self.definitions_ns.borrow_mut();
        let last_ns = reported.entry((listed.number, is_changed)).or_default();
        if now_ns.saturating_sub(*last_ns) < REPORT_INTERVAL_NS {
            return;
        }
        *last_ns = now_ns;
        let (tool, digest) = (named(&listed.pin.tool), listed.pin.digest);
        let (level, line) = match listed.definition {
            Definition::Other => (
                Level::Warn,
                format!("the tool {tool} is listed with another definition than the policy's {digest}"),
            ),
            Definition::Unread => (
                Level::Warn,
                format!(
                    "it cannot be told with which definition the tool {tool} is listed, so its calls are refused"
                ),
            ),
            Definition::Pinned => {
                (Level::Info, format!("the tool {tool} is listed with its definition again"))
            }
        };
        self.log(host, level, &line);
    }

    /// Logs why a caller has no identity, at most every 10 seconds. The line contains nothing that the caller sent.
    pub(crate) fn report_unidentified<H: Process>(&self, host: &H, denial: &Denial) {
        let Some(cause) = denial.cause.filter(|_| denial.code == Code::Unauthenticated) else { return };
        let since = |now_ns: &u64| now_ns.saturating_sub(self.unidentified_ns.get());
        let Some(now_ns) = host.now_ns().filter(|now_ns| since(now_ns) >= REPORT_INTERVAL_NS) else { return };
        self.unidentified_ns.set(now_ns);
        let line = format!("requests get 401 because no source of identity names their caller: {cause}");
        self.log(host, Level::Warn, &line);
    }

    /// Checks for requests that have waited too long for their body. The host calls this about once a second
    /// until the watch ends.
    pub fn tick<H: Process + SharedMemory>(&self, host: &H) {
        let policy = &self.plugin.policy;
        if let Some(now_ns) = host.now_ns()
            && self.watch.misses_flag(now_ns, |stream| host.received(stream))
            && counters::is_first_to_report(host, &["flag", &policy.server], &policy.digest)
        {
            self.log(host, Level::Error, watch::MISSING_FLAG);
        }
        if !self.watch.is_open() {
            // An extra tick does no harm.
            let _ = host.set_tick(0);
        }
    }
}

/// Logs the faults of a configuration and counts it.
fn refused<H: Process>(configuration: &[u8], faults: &Faults, host: &H) {
    let server = plugin::server_of(configuration);
    for fault in faults.iter() {
        let line = format!("the policy is refused: {fault}");
        host.log(
            Level::Error,
            &server.as_deref().map_or_else(|| line.clone(), |server| about(server, &line)),
        );
    }
    Metrics::refused(host, server.as_deref());
}

/// Logs which policy takes effect, once for all workers.
fn report_policy<H: Process + SharedMemory>(host: &H, plugin: &Plugin) {
    let policy = &plugin.policy;
    let (digest, mode) = match policy.mode {
        Mode::Enforce => (policy.digest.as_str(), ""),
        Mode::Shadow => (policy.digest.as_str(), " in shadow mode"),
    };
    if counters::is_first_to_report(host, &["policy", &policy.server, mode], digest) {
        let line = format!("policy {digest} takes effect{mode}, by mcp-policy-filter {VERSION}");
        host.log(Level::Info, &about(&policy.server, &line));
    }
}

/// Makes a line of the log about a server.
fn about(server: &str, line: &str) -> String {
    format!("server {}: {line}", named(server))
}

/// Quotes a name from the policy for the log, as a JSON string if it has characters that do not show.
fn named(name: &str) -> String {
    let mut quoted = String::new();
    match name.chars().any(json::is_unseen) {
        true => json::quote(&mut quoted, name),
        false => quoted = format!("`{name}`"),
    }
    quoted
}
