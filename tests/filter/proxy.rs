//! An in-memory proxy that keeps state, not scripts. It tells the filter what Envoy 1.40 tells it, and allows
//! what Envoy 1.40 allows.
//!
//! All workers share a [`Proxy`]. A [`Stream`] is the [`Host`](mcp_policy_filter::Host) of one request. An
//! [`Exchange`](exchange::Exchange) calls a filter in the order in which Envoy does.

pub mod exchange;
pub mod rates;
mod stream;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_policy_filter::host::Broken;

pub use stream::{Buffers, Called, Posted, Stream};

pub type Headers = Vec<(String, Vec<u8>)>;

/// A call to the host that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    RequestHeaders,
    SetRequestHeader,
    RequestBody,
    SetRequestBody,
    Resume,
    Post,
    Posted,
    ResponseHeaders,
    SetResponseHeader,
    ResponseBody,
    SetResponseBody,
    Reply,
    Clock,
    Shared,
    SetShared,
    SetTick,
    Attribute,
    SetState,
}

/// One process: the state that its workers share.
#[derive(Debug)]
pub struct Proxy {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    shared: HashMap<String, (Vec<u8>, u32)>,
    next_token: u32,
    now_ns: u64,
    random: u128,
    tick_ms: u32,
    log: Vec<String>,
    failing: BTreeSet<Call>,
    clusters: BTreeSet<String>,
    metrics: Vec<(String, u64)>,
    posts: u32,
    /// What has arrived of each stream's request, in bytes
    received: Vec<u64>,
    calls: Vec<Call>,
}

impl Proxy {
    /// Starts a proxy at `now_ns` since the Unix epoch.
    pub fn new(now_ns: u64) -> Arc<Self> {
        let state = State {
            shared: HashMap::new(),
            next_token: 1,
            now_ns,
            random: 1,
            tick_ms: 0,
            log: Vec::new(),
            failing: BTreeSet::new(),
            clusters: BTreeSet::new(),
            metrics: Vec::new(),
            posts: 0,
            received: Vec::new(),
            calls: Vec::new(),
        };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Makes the host of a request, or of a worker's root context.
    pub fn stream(self: &Arc<Self>) -> Stream {
        Stream::new(Arc::clone(self))
    }

    /// Makes every use of `call` fail from now on.
    pub fn fail(&self, call: Call) {
        self.state().failing.insert(call);
    }

    /// Lets all calls succeed again.
    pub fn mend(&self) {
        self.state().failing.clear();
    }

    /// Adds a cluster that can be called.
    pub fn know(&self, cluster: &str) {
        self.state().clusters.insert(cluster.to_owned());
    }

    pub fn advance(&self, nanoseconds: u64) {
        self.state().now_ns += nanoseconds;
    }

    /// Returns how often the host calls the plugin's tick, in milliseconds; 0 for never.
    pub fn tick_ms(&self) -> u32 {
        self.state().tick_ms
    }

    pub fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// Returns the lines of the log that are not just for information.
    pub fn warnings(&self) -> Vec<String> {
        self.log().into_iter().filter(|line| !line.starts_with("Info: ")).collect()
    }

    /// Returns the metrics whose names begin with `prefix`, by the rest of the name.
    pub fn metrics(&self, prefix: &str) -> Vec<(String, u64)> {
        let state = self.state();
        let named = state.metrics.iter();
        let mut found: Vec<_> =
            named.filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), *value))).collect();
        found.sort();
        found
    }

    /// Returns the calls since this function was last called.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.state().calls)
    }

    /// Writes a value, as another program with the same `vm_id` could.
    pub fn put(&self, key: &str, value: &[u8]) {
        self.state().set_shared(key, value, 0);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, call: Call) -> Result<MutexGuard<'_, State>, Broken> {
        let mut state = self.state();
        state.calls.push(call);
        if state.failing.contains(&call) { Err(Broken) } else { Ok(state) }
    }
}

impl State {
    /// Writes as Envoy does: a missing key is inserted whatever the token, a token of zero always matches,
    /// and every write in the process gets the next token.
    fn set_shared(&mut self, key: &str, value: &[u8], token: u32) -> bool {
        match self.shared.get(key) {
            Some((_, current)) if token != 0 && token != *current => return false,
            _ => {}
        }
        self.shared.insert(key.to_owned(), (value.to_vec(), self.next_token));
        self.next_token = self.next_token.checked_add(1).unwrap_or(1);
        true
    }
}
