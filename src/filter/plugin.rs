//! What all requests of one worker share: the policy, the ids, the places of counters.

use std::cell::{Cell, OnceCell};
use std::num::NonZeroU32;

use crate::counters;
use crate::host::{Host, Level};
use crate::ids::Ids;
use crate::metrics;
use crate::waiting::Waiting;
use crate::watch::{self, Watch};
use mcp_policy_engine::limit::Layout;
use mcp_policy_engine::policy::{Faults, Policy, RequestHeaders, Source};

/// One configured plugin in one worker.
#[derive(Debug)]
pub struct Plugin {
    /// The policy
    pub policy: Policy,
    /// Ids of its decisions
    pub ids: Ids,
    /// Whether headers can be held
    pub watch: Watch,
    /// Whether any rule counts
    pub counts: bool,
    /// The headers that tell of an identity
    pub credentials: Vec<String>,
    /// What waits for an approval
    pub waiting: Waiting,
    layout: OnceCell<Layout>,
    /// When it was last said that nobody could be asked
    complained_ns: Cell<u64>,
}

/// How often it is said that nobody could be asked, in nanoseconds: as often as that is worth reading.
const COMPLAINT_NS: u64 = 10_000_000_000;

impl Plugin {
    /// Makes a plugin of the bytes of its configuration, and of nothing else: what one worker
    /// refuses all refuse.
    ///
    /// # Errors
    /// Every fault of the policy document.
    pub fn new<H: Host>(configuration: &[u8], host: &H) -> Result<Self, Faults> {
        let policy = Policy::from_bytes(configuration).inspect_err(|_| metrics::refused(host))?;
        metrics::configured(host, &policy);
        let watch = Watch::default();
        match policy.request_headers {
            // Without a tick nobody is warned, and nothing else depends on it.
            RequestHeaders::Hold => drop(host.set_tick(watch::TICK_MS)),
            RequestHeaders::Stream => watch.settle(),
        }
        let credentials = policy.identity.iter().filter_map(Source::header).map(str::to_owned).collect();
        let counts = policy.all_rules().any(|rule| !rule.limits.is_empty());
        let (ids, waiting) = (Ids::new(host.random()), Waiting::default());
        Ok(Self {
            policy,
            counts,
            credentials,
            ids,
            watch,
            waiting,
            layout: OnceCell::new(),
            complained_ns: Cell::new(0),
        })
    }

    /// Returns where counters are, or `None` while the host does not tell the proxy's secret.
    pub fn layout<H: Host>(&self, host: &H) -> Option<&Layout> {
        if self.layout.get().is_none() {
            let capacity = NonZeroU32::new(self.policy.counter_capacity)?;
            let secret = counters::secret(host).ok()?;
            // Set twice it would be with the same secret.
            let _ = self.layout.set(Layout::new(secret, capacity));
        }
        self.layout.get()
    }

    /// Says in the proxy's log why nobody could be asked, now and then.
    pub fn complain<H: Host>(&self, host: &H, cause: &str, now_ns: Option<u64>) {
        let since = |now_ns: &u64| now_ns.saturating_sub(self.complained_ns.get());
        let Some(now_ns) = now_ns.filter(|now_ns| since(now_ns) >= COMPLAINT_NS) else { return };
        self.complained_ns.set(now_ns);
        let cluster = self.policy.approvals.as_ref().map_or("", |to| to.cluster.as_str());
        host.log(
            Level::Warn,
            &format!(
                "calls are refused as the approval service, cluster `{cluster}`, gave no answer: {cause}"
            ),
        );
    }

    /// Looks after what waits; the host calls this about once a second while there is a reason to.
    pub fn tick<H: Host>(&self, host: &H) {
        if let Ok(now_ns) = host.now_ns()
            && self.watch.has_waited(now_ns)
            && counters::is_first_to_tell(host, &self.policy.digest)
        {
            host.log(Level::Error, watch::MISSING_FLAG);
        }
        if !self.watch.is_open() {
            // A tick too many does no harm.
            let _ = host.set_tick(0);
        }
    }
}
