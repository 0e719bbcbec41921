//! The answer to a list request on its way back: shown filtered, or not at all.

use crate::filter::Flow;
use crate::host::{Broken, Host};
use crate::metrics;
use mcp_policy_engine::decide;
use mcp_policy_engine::guard::ListRequest;
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::mcp::list::{ListBody, ListKind, ListStream};
use mcp_policy_engine::mcp::media;
use mcp_policy_engine::policy::Policy;

/// The most bytes of one answer, or of one event of a stream, that the filter reads. Their tree takes
/// some sixteen times as much of the module's memory at worst.
const LIMIT: usize = 4 * 1024 * 1024;

/// How one answer is shown.
#[derive(Debug)]
pub(super) enum ListAnswer {
    /// Its headers have not come
    Awaited(Awaited),
    /// JSON, which Envoy keeps until it is whole
    Body(Option<ListRequest>),
    /// Neither JSON nor events: an error takes its place
    Replaced(Option<ListRequest>),
    /// Server-sent events, each of which goes on when it is whole
    Events(Option<ListStream>),
    /// It is no list
    Untouched,
    /// The host failed: nothing more goes out
    Stopped,
}

/// What an answer may be, by its request.
#[derive(Debug)]
pub(super) enum Awaited {
    /// The answer to this request
    Request(ListRequest),
    /// Answers to earlier requests, in any form
    Replayed,
    /// Answers to any requests, if it is a stream of events; else it is not the filter's to read
    Streamed,
}

impl ListAnswer {
    /// Awaits the answer to a request.
    pub(super) fn new(request: ListRequest) -> Self {
        Self::Awaited(Awaited::Request(request))
    }

    /// Awaits a stream that may replay answers to earlier requests.
    pub(super) fn replayed() -> Self {
        Self::Awaited(Awaited::Replayed)
    }

    /// Awaits what may be a stream of answers to other requests.
    pub(super) fn streamed() -> Self {
        Self::Awaited(Awaited::Streamed)
    }

    /// Lets nothing more through.
    pub(super) fn give_up(&mut self) {
        *self = Self::Stopped;
    }

    /// Takes the answer's headers and finds out how it can be read.
    pub(super) fn headers<H: Host>(&mut self, host: &H, end: bool) -> Result<(), Broken> {
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
            pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_slice())
        };
        let plain = all("content-encoding").all(|value| value.eq_ignore_ascii_case(b"identity"));
        let types: Vec<&[u8]> = all("content-type").collect();
        // Error pages of servers and of Envoy hold no list, and some clients need them as they are.
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

    /// Takes a part of the answer's body, `end` when it is the last.
    pub(super) fn body<H: Host>(
        &mut self,
        host: &H,
        policy: &Policy,
        caller: &Caller,
        size: usize,
        end: bool,
    ) -> Flow {
        let done = match self {
            Self::Untouched => return Flow::Continue,
            Self::Body(_) | Self::Replaced(_) if !end => return Flow::Pause,
            Self::Body(_) | Self::Replaced(_) => self.finish(host, policy, caller),
            Self::Events(events) => pass_events(events, host, policy, caller, size, end),
            Self::Awaited(_) | Self::Stopped => Err(Broken),
        };
        self.settle(done)
    }

    /// Takes the answer's trailers: what is buffered is all there is.
    pub(super) fn trailers<H: Host>(&mut self, host: &H, policy: &Policy, caller: &Caller) -> Flow {
        let done = match self {
            // An event without its end is no event.
            Self::Untouched | Self::Events(_) => return Flow::Continue,
            Self::Body(_) | Self::Replaced(_) => match host.response_body() {
                // Where there is no body Envoy has nothing to put another in place of, and says so
                // with a status at which the SDK traps.
                Ok(bytes) if bytes.is_empty() => return Flow::Continue,
                Ok(_) => self.finish(host, policy, caller),
                Err(Broken) => Err(Broken),
            },
            Self::Awaited(_) | Self::Stopped => Err(Broken),
        };
        self.settle(done)
    }

    fn finish<H: Host>(&self, host: &H, policy: &Policy, caller: &Caller) -> Result<(), Broken> {
        let (request, bytes) = match self {
            Self::Body(request) => (request, host.response_body()?),
            // No bytes are no answer, so the error takes their place.
            Self::Replaced(request) => (request, Vec::new()),
            _ => return Err(Broken),
        };
        let keep = &mut |kind: ListKind, name: &str| decide::shows(policy, caller, kind, name);
        let mut body = match request {
            Some(request) => ListBody::answering(request.kind, &request.id, LIMIT),
            None => ListBody::resumed(LIMIT),
        };
        body.push(&bytes);
        let shown = body.finish(keep);
        metrics::listed(host, &shown);
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

fn pass_events<H: Host>(
    events: &mut Option<ListStream>,
    host: &H,
    policy: &Policy,
    caller: &Caller,
    size: usize,
    end: bool,
) -> Result<(), Broken> {
    let keep = &mut |kind: ListKind, name: &str| decide::shows(policy, caller, kind, name);
    let Some(mut filter) = events.take() else { return Err(Broken) };
    let mut bytes = Vec::new();
    if size > 0 {
        let shown = filter.push(&host.response_body()?, keep);
        metrics::listed(host, &shown);
        bytes = shown.bytes;
    }
    if end {
        let shown = filter.finish(keep);
        metrics::listed(host, &shown);
        bytes.extend_from_slice(&shown.bytes);
    } else {
        *events = Some(filter);
    }
    host.set_response_body(&bytes)
}
