//! One HTTP stream of the in-memory proxy: the host that the filter sees.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::mcp::answer::Reply;
use mcp_policy_filter::host::{
    self, Broken, GrpcCall, HeaderMap, HttpCall, Level, MetricId, MetricKind, Process, Shared, SharedMemory,
    StreamId, Token,
};
use prost::Message as _;

use super::rates::GrpcService;
use super::{Call, Headers, Proxy};

/// One HTTP stream of a proxy, as its filter sees it.
#[derive(Debug, Clone)]
pub struct Stream {
    proxy: Arc<Proxy>,
    id: u32,
    pub(super) state: Rc<RefCell<Buffers>>,
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
    /// The filter's gRPC call, until its answer arrives.
    pub called: Option<Called>,
    /// The message that answers that call while it is being delivered.
    pub message: Option<Vec<u8>>,
    /// The answer to that call while it is being delivered: a status and a body.
    pub answer: Option<(Vec<u8>, Vec<u8>)>,
    /// A callback for the request is running.
    pub in_request: bool,
    /// The filter has resumed the request.
    pub resumed: bool,
}

impl Stream {
    pub(super) fn new(proxy: Arc<Proxy>) -> Self {
        let id = {
            let mut state = proxy.state();
            state.received.push(0);
            u32::try_from(state.received.len() - 1).unwrap()
        };
        Self { proxy, id, state: Rc::default() }
    }

    /// Counts bytes of the request that have arrived at the proxy, whether the filter gets them or not.
    pub(super) fn receive(&self, bytes: usize) {
        self.proxy.state().received[usize::try_from(self.id).unwrap()] += u64::try_from(bytes).unwrap();
    }

    fn take<T>(&self, call: Call, read: impl FnOnce(&mut Buffers) -> T) -> Result<T, Broken> {
        drop(self.proxy.turn(call)?);
        Ok(read(&mut self.state.borrow_mut()))
    }
}

/// Replaces all values of a name with one, at the position of the first, or removes them.
pub(super) fn set(headers: &mut Headers, name: &str, value: Option<&str>) {
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

    fn id(&self) -> StreamId {
        StreamId(self.id)
    }

    fn attribute(&self, path: &[&str]) -> Result<Option<Vec<u8>>, Broken> {
        self.take(Call::Attribute, |state| {
            // Envoy looks up a path without a known first part in the filter state.
            let path = path.join(".");
            state.attributes.get(&path).or_else(|| state.filter_state.get(&path)).cloned()
        })
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

    fn received(&self, StreamId(stream): StreamId) -> Option<u64> {
        self.proxy.state().received.get(usize::try_from(stream).unwrap()).copied()
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
        let token = Token::Http(state.posts);
        *posted = Some(Posted { to, body: request.body.to_vec(), timeout_ms: request.timeout_ms, token });
        Ok(token)
    }

    fn posted(&self, most: usize) -> Result<(Vec<u8>, Vec<u8>), Broken> {
        let answer = self.take(Call::Posted, |state| state.answer.clone())?;
        answer.filter(|(_, body)| body.len() <= most).ok_or(Broken)
    }

    fn call(&self, call: &GrpcCall<'_>) -> Result<Token, Broken> {
        let mut state = self.proxy.turn(Call::Post)?;
        let service = GrpcService::decode(call.service).expect("Envoy stops if this is no message");
        let to = service.envoy_grpc.expect("Envoy stops if this is missing");
        if !state.clusters.contains(&to.cluster_name) {
            return Err(Broken);
        }
        let called = &mut self.state.borrow_mut().called;
        assert_eq!(*called, None, "only one question at a time");
        state.posts += 1;
        let (name, method) = (call.name.to_owned(), call.method.to_owned());
        let to = [to.cluster_name, to.authority, name, method];
        let token = Token::Grpc(state.posts);
        *called = Some(Called { to, message: call.message.to_vec(), timeout_ms: call.timeout_ms, token });
        Ok(token)
    }

    fn called(&self, most: usize) -> Result<Vec<u8>, Broken> {
        let message = self.take(Call::Posted, |state| state.message.clone())?;
        // Envoy has no buffer for an answer without bytes.
        message.filter(|message| !message.is_empty() && message.len() <= most).ok_or(Broken)
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

/// A gRPC call of the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// Cluster, authority, service and method
    pub to: [String; 4],
    pub message: Vec<u8>,
    pub timeout_ms: u32,
    pub token: Token,
}
