//! Filters the lists in a response.

use std::rc::Rc;

use crate::host::{Broken, Flow, Process, Stream};
use crate::metrics::Metrics;
use mcp_policy_engine::decide;
use mcp_policy_engine::guard::{ListRequest, Request};
use mcp_policy_engine::mcp::list::{ListBody, ListKind, ListStream};
use mcp_policy_engine::mcp::media;

/// The most bytes of one response, or of one event of a stream, that the filter reads. The parsed tree takes
/// at most about sixteen times as much memory.
const LIMIT: usize = 4 * 1024 * 1024;

/// A response that may contain lists. They are filtered to what the caller may use.
#[derive(Debug)]
pub(crate) struct ListAnswer {
    request: Rc<Request>,
    state: State,
}

/// How to handle the response.
#[derive(Debug)]
enum State {
    /// Its headers have not arrived
    Awaited(Awaited),
    /// JSON, which Envoy buffers until it is complete
    Body(Option<ListRequest>),
    /// It cannot be read, because it is neither plain JSON nor a plain event stream. An error replaces it
    Replaced(Option<ListRequest>),
    /// Server-sent events. Each one is sent when it is complete
    Events(Option<ListStream>),
    /// It contains no list
    Untouched,
    /// A host call failed. Nothing more is sent
    Stopped,
}

/// What the response may contain, according to the request.
#[derive(Debug)]
enum Awaited {
    /// The response to this request for a list
    Request(ListRequest),
    /// Responses to earlier requests, in any form
    Replayed,
    /// Responses to any requests, if it is an event stream. In any other form it is not filtered
    Streamed,
}

impl ListAnswer {
    /// Awaits the response to a request for a list.
    pub(crate) fn new(request: Rc<Request>, list: ListRequest) -> Self {
        Self { request, state: State::Awaited(Awaited::Request(list)) }
    }

    /// Awaits a stream that may replay responses to earlier requests.
    pub(crate) fn replayed(request: Rc<Request>) -> Self {
        Self { request, state: State::Awaited(Awaited::Replayed) }
    }

    /// Awaits a response that may be a stream of responses to other requests.
    pub(crate) fn streamed(request: Rc<Request>) -> Self {
        Self { request, state: State::Awaited(Awaited::Streamed) }
    }

    /// Stops: nothing more of the response is sent.
    pub(crate) fn give_up(&mut self) {
        self.state = State::Stopped;
    }

    /// Handles the response's headers: determines how it can be read.
    ///
    /// # Errors
    /// [`Broken`] if a host call fails. Nothing may be sent then.
    pub(crate) fn headers<H: Stream>(&mut self, host: &H, end: bool) -> Result<(), Broken> {
        self.state.headers(host, end)
    }

    /// Handles a part of the response's body; `end` is true for the last part.
    pub(crate) fn body<H: Stream + Process>(
        &mut self,
        host: &H,
        metrics: &Metrics,
        size: usize,
        end: bool,
    ) -> Flow {
        let request = &self.request;
        let done = match &mut self.state {
            State::Untouched => return Flow::Continue,
            State::Body(_) | State::Replaced(_) if !end => return Flow::Pause,
            State::Body(_) | State::Replaced(_) => self.finish(host, metrics),
            State::Events(events) => pass_events(events, host, request, metrics, size, end),
            State::Awaited(_) | State::Stopped => Err(Broken),
        };
        self.settle(done)
    }

    /// Handles the response's trailers: the buffered body is complete.
    pub(crate) fn trailers<H: Stream + Process>(&mut self, host: &H, metrics: &Metrics) -> Flow {
        let done = match &self.state {
            // A client ignores an event that is not complete.
            State::Untouched | State::Events(_) => return Flow::Continue,
            State::Body(_) | State::Replaced(_) => match host.response_body() {
                // If the response has no body, Envoy cannot replace it. It returns a status for which the SDK
                // panics.
                Ok(bytes) if bytes.is_empty() => return Flow::Continue,
                Ok(_) => self.finish(host, metrics),
                Err(Broken) => Err(Broken),
            },
            State::Awaited(_) | State::Stopped => Err(Broken),
        };
        self.settle(done)
    }

    fn finish<H: Stream + Process>(&self, host: &H, metrics: &Metrics) -> Result<(), Broken> {
        let (list, bytes) = match &self.state {
            State::Body(list) => (list, host.response_body()?),
            // An empty body is not a valid response, so `ListBody` returns the error.
            State::Replaced(list) => (list, Vec::new()),
            _ => return Err(Broken),
        };
        let mut body = match list {
            Some(list) => ListBody::answering(list.kind, &list.id, LIMIT),
            None => ListBody::resumed(LIMIT),
        };
        body.push(&bytes);
        let shown = body.finish(&mut |kind, name| shows(&self.request, kind, name, host));
        metrics.listed(host, &shown);
        host.set_response_body(&shown.bytes)
    }

    fn settle(&mut self, done: Result<(), Broken>) -> Flow {
        match done {
            Ok(()) => Flow::Continue,
            Err(Broken) => {
                self.give_up();
                Flow::Pause
            }
        }
    }
}

impl State {
    /// Determines from the response's headers how it can be read.
    fn headers<H: Stream>(&mut self, host: &H, end: bool) -> Result<(), Broken> {
        let awaited = match std::mem::replace(self, Self::Untouched) {
            Self::Awaited(awaited) => awaited,
            other => {
                *self = other;
                return Ok(());
            }
        };
        if end {
            return Ok(());
        }
        let pairs = host.response_headers()?;
        let all = |name: &'static str| {
            pairs.iter().filter(move |(key, _)| *key == name.as_bytes()).map(|(_, value)| value)
        };
        let plain = all("content-encoding").all(|value| value.eq_ignore_ascii_case(b"identity"));
        let types: Vec<&[u8]> = all("content-type").collect();
        // Error responses of servers and of Envoy contain no list, and some clients need them unchanged.
        let failed = all(":status").any(|status| matches!(status.first(), Some(b'4' | b'5')));
        let streams = types.iter().any(|one| media::is_event_stream(one));
        let request = match awaited {
            Awaited::Request(request) => Some(request),
            Awaited::Streamed if !streams => return Ok(()),
            Awaited::Replayed | Awaited::Streamed => None,
        };
        *self = match types.as_slice() {
            [_] if plain && streams => Self::Events(Some(match request {
                Some(request) => ListStream::answering(request.kind, &request.id, LIMIT),
                None => ListStream::resumed(LIMIT),
            })),
            [one] if plain && media::is_json(one) => Self::Body(request),
            _ if plain && failed => Self::Untouched,
            _ => Self::Replaced(request),
        };
        match self {
            Self::Body(_) | Self::Events(_) => host.set_response_header("content-length", None),
            Self::Replaced(_) => {
                host.set_response_header("content-length", None)?;
                host.set_response_header("content-encoding", None)?;
                host.set_response_header("content-type", Some("application/json"))
            }
            Self::Awaited(_) | Self::Untouched | Self::Stopped => Ok(()),
        }
    }
}

fn shows<H: Process>(request: &Request, kind: ListKind, name: &str, host: &H) -> bool {
    decide::shows(&request.policy, &request.caller, kind, name, &|| host.now_ns())
}

fn pass_events<H: Stream + Process>(
    events: &mut Option<ListStream>,
    host: &H,
    request: &Request,
    metrics: &Metrics,
    size: usize,
    end: bool,
) -> Result<(), Broken> {
    let keep = &mut |kind: ListKind, name: &str| shows(request, kind, name, host);
    let Some(mut filter) = events.take() else { return Err(Broken) };
    let mut bytes = Vec::new();
    if size > 0 {
        let shown = filter.push(&host.response_body()?, keep);
        metrics.listed(host, &shown);
        bytes = shown.bytes;
    }
    if end {
        let shown = filter.finish(keep);
        metrics.listed(host, &shown);
        bytes.extend_from_slice(&shown.bytes);
    } else {
        *events = Some(filter);
    }
    host.set_response_body(&bytes)
}
