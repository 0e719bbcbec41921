//! An in-memory proxy that keeps state, not scripts. It tells the filter what Envoy 1.40 tells it, and allows
//! what Envoy 1.40 allows.
//!
//! All workers share a [`Proxy`]. A [`Stream`] is the [`Host`](mcp_policy_filter::Host) of one request. An
//! [`Exchange`](exchange::Exchange) calls a filter in the order in which Envoy does.

pub mod exchange;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_policy_engine::mcp::answer::Reply;
use mcp_policy_filter::host::{
    self, Broken, HeaderMap, HttpCall, Level, MetricId, MetricKind, Process, Shared, SharedMemory, Token,
};

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
            calls: Vec::new(),
        };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Makes the host of a request, or of a worker's root context.
    pub fn stream(self: &Arc<Self>) -> Stream {
        Stream { proxy: Arc::clone(self), state: Rc::default() }
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

/// One HTTP stream of a proxy, as its filter sees it.
#[derive(Debug, Clone)]
pub struct Stream {
    proxy: Arc<Proxy>,
    state: Rc<RefCell<Buffers>>,
}

/// The current state of a stream.
#[derive(Debug, Default)]
pub struct Buffers {
    pub request_headers: Headers,
    pub request_body: Vec<u8>,
    pub response_headers: Headers,
    pub response_body: Vec<u8>,
    /// A part of the response's body is being passed to the filter.
    pub in_response_body: bool,
    /// Properties by their paths, joined by dots.
    pub attributes: HashMap<String, Vec<u8>>,
    pub filter_state: HashMap<String, Vec<u8>>,
    /// The filter's own answer.
    pub reply: Option<Reply>,
    /// The filter's call to another cluster, until its answer arrives.
    pub posted: Option<Posted>,
    /// The answer to that call while it is being delivered: a status and a body.
    pub answer: Option<(Vec<u8>, Vec<u8>)>,
    /// A callback for the request is running.
    pub in_request: bool,
    /// The filter has resumed the request.
    pub resumed: bool,
}

impl Stream {
    fn take<T>(&self, call: Call, read: impl FnOnce(&mut Buffers) -> T) -> Result<T, Broken> {
        drop(self.proxy.turn(call)?);
        Ok(read(&mut self.state.borrow_mut()))
    }
}

/// Replaces all values of a name with one, at the position of the first, or removes them.
fn set(headers: &mut Headers, name: &str, value: Option<&str>) {
    assert!(!name.bytes().any(|byte| byte.is_ascii_uppercase()), "Envoy keeps names in lower case");
    let at = headers.iter().position(|(known, _)| known == name).unwrap_or(headers.len());
    headers.retain(|(known, _)| known != name);
    if let Some(value) = value {
        headers.insert(at, (name.to_owned(), value.as_bytes().to_vec()));
    }
}

impl host::Stream for Stream {
    fn request_headers(&self) -> Result<HeaderMap, Broken> {
        self.take(Call::RequestHeaders, |state| HeaderMap::from_pairs(&state.request_headers))
    }

    fn set_request_header(&self, name: &str, value: &str) -> Result<(), Broken> {
        self.take(Call::SetRequestHeader, |state| set(&mut state.request_headers, name, Some(value)))
    }

    fn remove_request_header(&self, name: &str) -> Result<(), Broken> {
        self.take(Call::SetRequestHeader, |state| set(&mut state.request_headers, name, None))
    }

    fn request_body(&self) -> Result<Vec<u8>, Broken> {
        self.take(Call::RequestBody, |state| state.request_body.clone())
    }

    fn set_request_body(&self, bytes: &[u8]) -> Result<(), Broken> {
        self.take(Call::SetRequestBody, |state| {
            assert!(!state.request_body.is_empty(), "Envoy cannot replace a body that does not exist");
            state.request_body = bytes.to_vec();
        })
    }

    fn resume(&self) -> Result<(), Broken> {
        self.take(Call::Resume, |state| {
            assert!(!state.in_request, "Envoy does this only after the request's callback");
            state.resumed = true;
        })
    }

    fn response_headers(&self) -> Result<HeaderMap, Broken> {
        self.take(Call::ResponseHeaders, |state| HeaderMap::from_pairs(&state.response_headers))
    }

    fn set_response_header(&self, name: &str, value: Option<&str>) -> Result<(), Broken> {
        self.take(Call::SetResponseHeader, |state| set(&mut state.response_headers, name, value))
    }

    fn response_body(&self) -> Result<Vec<u8>, Broken> {
        self.take(Call::ResponseBody, |state| state.response_body.clone())
    }

    fn set_response_body(&self, bytes: &[u8]) -> Result<(), Broken> {
        self.take(Call::SetResponseBody, |state| {
            let there = state.in_response_body || !state.response_body.is_empty();
            assert!(there, "Envoy cannot replace a body that does not exist, and the SDK traps");
            state.response_body = bytes.to_vec();
        })
    }

    fn reply(&self, reply: &Reply) -> Result<(), Broken> {
        self.take(Call::Reply, |state| {
            assert_eq!(state.reply, None, "a request is answered only once");
            state.reply = Some(reply.clone());
        })
    }

    fn set_state(&self, name: &str, bytes: &[u8]) -> Result<(), Broken> {
        self.take(Call::SetState, |state| drop(state.filter_state.insert(name.to_owned(), bytes.to_vec())))
    }

    fn attribute(&self, path: &[&str]) -> Result<Option<Vec<u8>>, Broken> {
        self.take(Call::Attribute, |state| state.attributes.get(&path.join(".")).cloned())
    }
}

impl Process for Stream {
    fn now_ns(&self) -> Option<u64> {
        self.proxy.turn(Call::Clock).ok().map(|state| state.now_ns)
    }

    fn log(&self, level: Level, line: &str) {
        self.proxy.state().log.push(format!("{level:?}: {line}"));
    }

    fn random(&self) -> [u8; 16] {
        let mut state = self.proxy.state();
        state.random += 1;
        state.random.to_le_bytes()
    }

    fn set_tick(&self, milliseconds: u32) -> Result<(), Broken> {
        self.proxy.turn(Call::SetTick)?.tick_ms = milliseconds;
        Ok(())
    }

    fn metric(&self, _kind: MetricKind, name: &str) -> Option<MetricId> {
        let mut state = self.proxy.state();
        let at = state.metrics.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            state.metrics.push((name.to_owned(), 0));
            state.metrics.len() - 1
        });
        Some(MetricId(u32::try_from(at).unwrap()))
    }

    fn add(&self, MetricId(counter): MetricId, by: u32) {
        let (_, value) = &mut self.proxy.state().metrics[usize::try_from(counter).unwrap()];
        *value = value.saturating_add(by.into());
    }

    fn set(&self, MetricId(gauge): MetricId, new: u64) {
        let (_, value) = &mut self.proxy.state().metrics[usize::try_from(gauge).unwrap()];
        *value = new;
    }

    fn post(&self, request: &HttpCall<'_>) -> Result<Token, Broken> {
        let mut state = self.proxy.turn(Call::Post)?;
        if !state.clusters.contains(request.cluster) {
            return Err(Broken);
        }
        let posted = &mut self.state.borrow_mut().posted;
        assert_eq!(*posted, None, "only one question at a time");
        let to = [request.cluster, request.authority, request.path].map(str::to_owned);
        state.posts += 1;
        let token = Token(state.posts);
        *posted = Some(Posted { to, body: request.body.to_vec(), timeout_ms: request.timeout_ms, token });
        Ok(token)
    }

    fn posted(&self, most: usize) -> Result<(Vec<u8>, Vec<u8>), Broken> {
        let answer = self.take(Call::Posted, |state| state.answer.clone())?;
        answer.filter(|(_, body)| body.len() <= most).ok_or(Broken)
    }
}

impl SharedMemory for Stream {
    fn shared(&self, key: &str) -> Result<Shared, Broken> {
        let state = self.proxy.turn(Call::Shared)?;
        Ok(state.shared.get(key).cloned().unzip())
    }

    fn set_shared(&self, key: &str, value: &[u8], token: Option<u32>) -> Result<bool, Broken> {
        Ok(self.proxy.turn(Call::SetShared)?.set_shared(key, value, token.unwrap_or(0)))
    }
}

/// A call of the filter to another cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Cluster, authority and path
    pub to: [String; 3],
    pub body: Vec<u8>,
    pub timeout_ms: u32,
    pub token: Token,
}
