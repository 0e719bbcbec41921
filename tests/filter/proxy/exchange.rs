//! One request and its answer on their way through a filter, with Envoy's order of callbacks.

mod message;

use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::mcp::answer::Reply;
use mcp_policy_filter::{Filter, Flow, Worker};

use super::{Buffers, Called, Headers, Posted, Proxy, Stream};
pub use message::{Arrived, End, Sent};

/// One side of the proxy: what is held, and what has been forwarded.
#[derive(Debug, Default)]
struct Side {
    arrived: Option<Arrived>,
}

/// A stream with the filter on it.
#[derive(Debug)]
pub struct Exchange {
    stream: Stream,
    filter: Filter<Stream>,
    /// Whether Envoy has `allow_on_headers_stop_iteration`.
    flag: bool,
    request: Side,
    response: Side,
}

impl Side {
    /// Forwards the headers.
    fn begin(&mut self, headers: &Headers) {
        self.arrived.get_or_insert_default().headers.clone_from(headers);
    }

    /// Forwards everything that is held, including the headers if they have not been forwarded.
    fn pass(&mut self, headers: &Headers, body: &mut Vec<u8>, end: bool) {
        if self.arrived.is_none() {
            self.begin(headers);
        }
        let arrived = self.arrived.get_or_insert_default();
        arrived.body.append(body);
        arrived.whole |= end;
        arrived.progress.push(arrived.body.len());
    }
}

impl Exchange {
    /// Opens a stream in `worker`.
    pub fn open(proxy: &Arc<Proxy>, worker: Option<&Rc<Worker>>) -> Self {
        let stream = proxy.stream();
        let filter = Filter::new(stream.clone(), worker.cloned());
        Self { stream, filter, flag: true, request: Side::default(), response: Side::default() }
    }

    /// Opens a stream in an Envoy that cannot hold headers: if the filter pauses there, the body stops too.
    pub fn open_without_flag(proxy: &Arc<Proxy>, worker: &Rc<Worker>) -> Self {
        Self { flag: false, ..Self::open(proxy, Some(worker)) }
    }

    /// Returns what has reached the upstream; `None` if not even headers have.
    pub fn upstream(&self) -> Option<&Arrived> {
        self.request.arrived.as_ref()
    }

    /// Returns what has reached the client.
    pub fn client(&self) -> Option<&Arrived> {
        self.response.arrived.as_ref()
    }

    /// Returns the filter's own answer.
    pub fn reply(&self) -> Option<Reply> {
        self.stream.state.borrow().reply.clone()
    }

    /// Returns the record, if there is one. A policy in shadow mode has another place for it.
    pub fn record(&self) -> Option<String> {
        self.state("mcp_policy_audit").or_else(|| self.state("mcp_policy_shadow"))
    }

    /// Returns a filter state.
    pub fn state(&self, name: &str) -> Option<String> {
        let record = self.stream.state.borrow().filter_state.get(name).cloned();
        record.map(|record| String::from_utf8(record).unwrap())
    }

    /// Sets an attribute of the stream; the parts of its path are joined by dots.
    pub fn know(&self, attribute: &str, value: &[u8]) {
        self.buffers().attributes.insert(attribute.to_owned(), value.to_vec());
    }

    /// Sends a request through the filter. Stops when the filter has answered.
    pub fn request(&mut self, sent: &Sent) {
        self.buffers().request_headers.clone_from(&sent.headers);
        // A proxy always knows the protocol. Over HTTP/2 a request without a body can end after its headers.
        self.buffers().attributes.entry("request.protocol".to_owned()).or_insert_with(|| b"HTTP/2".to_vec());
        self.stream.receive(sent.headers.iter().map(|(name, value)| name.len() + value.len()).sum());
        let flow = self.in_request(|filter| filter.request_headers(sent.ends_with_headers()));
        self.pass_request(flow, sent.ends_with_headers());
        if flow == Flow::Pause && !self.flag {
            self.stream.receive(sent.chunks.iter().map(Vec::len).sum());
            return;
        }
        self.request_more(sent);
    }

    /// Sends the body of a message as more of the body of a request that has not ended.
    pub fn request_more(&mut self, sent: &Sent) {
        let last = sent.chunks.len().saturating_sub(1);
        for (number, chunk) in sent.chunks.iter().enumerate() {
            self.request_body(chunk, sent.end == End::WithLast && number == last);
        }
        match sent.end {
            End::WithLast | End::Never => {}
            End::After => self.request_body(&[], true),
            End::Trailers if self.reply().is_none() => {
                let flow = self.in_request(Filter::request_trailers);
                self.pass_request(flow, true);
            }
            End::Trailers => {}
        }
    }

    fn request_body(&mut self, chunk: &[u8], end: bool) {
        if self.reply().is_some() {
            return;
        }
        self.stream.receive(chunk.len());
        self.buffers().request_body.extend_from_slice(chunk);
        let size = self.buffers().request_body.len();
        let flow = self.in_request(|filter| filter.request_body(size, end));
        self.pass_request(flow, end);
    }

    fn in_request(&mut self, call: impl FnOnce(&mut Filter<Stream>) -> Flow) -> Flow {
        self.buffers().in_request = true;
        let flow = call(&mut self.filter);
        self.buffers().in_request = false;
        flow
    }

    /// Returns the question to the approval service for which the filter is waiting.
    pub fn question(&self) -> Option<([String; 3], serde_json::Value, u32)> {
        let Posted { to, body, timeout_ms, .. } = self.buffers().posted.clone()?;
        Some((to, serde_json::from_slice(&body).unwrap(), timeout_ms))
    }

    /// Delivers the approval service's answer: a status and a body, or `None` if it gives no answer.
    pub fn answer(&mut self, answer: Option<(&str, &str)>) {
        let posted = self.buffers().posted.take().unwrap();
        self.buffers().answer =
            answer.map(|(status, body)| (status.as_bytes().to_vec(), body.as_bytes().to_vec()));
        self.filter.answered(posted.token, answer.is_some());
        let resumed = std::mem::take(&mut self.buffers().resumed);
        self.pass_request(if resumed { Flow::Continue } else { Flow::Pause }, true);
    }

    /// Returns the question to the rate limit service for which the filter is waiting.
    pub fn called(&self) -> Option<Called> {
        self.buffers().called.clone()
    }

    /// Delivers the rate limit service's answer: a message, or the status of a call that has failed.
    pub fn rate(&mut self, answer: Result<Vec<u8>, u32>) {
        let called = self.buffers().called.take().unwrap();
        let status = *answer.as_ref().err().unwrap_or(&0);
        self.buffers().message = answer.ok();
        self.filter.rated(called.token, status);
        let resumed = std::mem::take(&mut self.buffers().resumed);
        self.pass_request(if resumed { Flow::Continue } else { Flow::Pause }, true);
    }

    /// Does what Envoy does after a callback for the request.
    fn pass_request(&mut self, flow: Flow, end: bool) {
        if let Some(reply) = self.reply() {
            assert_eq!(flow, Flow::Pause, "an answered request was forwarded");
            // The filter's own answer passes through its callbacks too, once.
            if self.response.arrived.is_none() {
                self.respond(&message::local(&reply));
            }
            return;
        }
        if flow == Flow::Continue {
            let Buffers { request_headers, request_body, .. } = &mut *self.stream.state.borrow_mut();
            self.request.pass(request_headers, request_body, end);
        }
    }

    /// Calls the filter with more of a request, even if it has been answered.
    pub fn more(&mut self, chunk: &[u8], end: bool) -> Flow {
        self.buffers().request_body.extend_from_slice(chunk);
        let size = self.buffers().request_body.len();
        self.filter.request_body(size, end)
    }

    /// Calls the filter with a request's trailers, even if the request has been answered.
    pub fn trailers(&mut self) -> Flow {
        self.filter.request_trailers()
    }

    /// Sends an answer through the filter.
    pub fn respond(&mut self, sent: &Sent) {
        self.buffers().response_headers.clone_from(&sent.headers);
        let flow = self.filter.response_headers(sent.ends_with_headers());
        self.pass_response(flow, sent.ends_with_headers());
        self.respond_more(sent);
    }

    /// Sends the body of a message as more of the body of an answer that has not ended.
    pub fn respond_more(&mut self, sent: &Sent) {
        let last = sent.chunks.len().saturating_sub(1);
        for (number, chunk) in sent.chunks.iter().enumerate() {
            self.response_body(chunk, sent.end == End::WithLast && number == last);
        }
        match sent.end {
            End::WithLast | End::Never => {}
            End::After => self.response_body(&[], true),
            End::Trailers => {
                let flow = self.filter.response_trailers();
                self.pass_response(flow, true);
            }
        }
    }

    fn response_body(&mut self, chunk: &[u8], end: bool) {
        self.buffers().response_body.extend_from_slice(chunk);
        let size = self.buffers().response_body.len();
        self.buffers().in_response_body = true;
        let flow = self.filter.response_body(size, end);
        self.buffers().in_response_body = false;
        self.pass_response(flow, end);
    }

    fn pass_response(&mut self, flow: Flow, end: bool) {
        if flow == Flow::Continue {
            let Buffers { response_headers, response_body, .. } = &mut *self.stream.state.borrow_mut();
            self.response.pass(response_headers, response_body, end);
        }
    }

    fn buffers(&self) -> std::cell::RefMut<'_, Buffers> {
        self.stream.state.borrow_mut()
    }
}
