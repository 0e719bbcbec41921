//! The shell: implements the host traits with proxy-wasm's host calls, and its callbacks with the filter. The
//! only module that uses proxy-wasm.
//!
//! It does not use the SDK's functions that panic on header values that are not UTF-8. If the host returns a
//! status that the specification does not list, the SDK panics; the filter cannot prevent that. The module
//! then traps, and Envoy's failure policy refuses the request.

mod contexts;
mod raw;

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, UNIX_EPOCH};

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, Bytes, LogLevel, MapType, MetricType, Status};

use crate::host::{
    Broken, GrpcCall, HeaderMap, HttpCall, Level, MetricId, MetricKind, Process, Shared, SharedMemory,
    Stream, StreamId, Token,
};
use mcp_policy_engine::mcp::answer::Reply;

pub use contexts::root;

/// The proxy that runs this module, as one of its contexts sees it: a stream, or a worker.
#[derive(Debug, Clone, Copy)]
pub struct Envoy(u32);

/// As long as the path of an attribute usually is, in bytes.
const LONG_PATH: usize = 64;

/// More bytes than any body has.
const ALL: usize = u32::MAX as usize;

fn or_broken<T>(result: Result<T, Status>) -> Result<T, Broken> {
    result.map_err(|_| Broken)
}

fn buffer(kind: BufferType) -> Result<Bytes, Broken> {
    or_broken(hostcalls::get_buffer(kind, 0, ALL)).map(Option::unwrap_or_default)
}

/// Returns all headers of a message. The SDK has no call that does not allocate each name and each value.
fn header_map(kind: MapType) -> Result<HeaderMap, Broken> {
    let bytes = raw::header_map_pairs(kind).ok_or(Broken)?;
    HeaderMap::new(bytes).ok_or(Broken)
}

impl Stream for Envoy {
    fn request_headers(&self) -> Result<HeaderMap, Broken> {
        header_map(MapType::HttpRequestHeaders)
    }

    fn set_request_header(&self, name: &str, value: &str) -> Result<(), Broken> {
        or_broken(hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, name, Some(value.as_bytes())))
    }

    fn remove_request_header(&self, name: &str) -> Result<(), Broken> {
        or_broken(hostcalls::remove_map_value(MapType::HttpRequestHeaders, name))
    }

    fn request_body(&self) -> Result<Vec<u8>, Broken> {
        buffer(BufferType::HttpRequestBody)
    }

    fn set_request_body(&self, bytes: &[u8]) -> Result<(), Broken> {
        or_broken(hostcalls::set_buffer(BufferType::HttpRequestBody, 0, ALL, bytes))
    }

    fn resume(&self) -> Result<(), Broken> {
        or_broken(hostcalls::resume_http_request())
    }

    fn response_headers(&self) -> Result<HeaderMap, Broken> {
        header_map(MapType::HttpResponseHeaders)
    }

    fn set_response_header(&self, name: &str, value: Option<&str>) -> Result<(), Broken> {
        or_broken(hostcalls::set_map_value_bytes(
            MapType::HttpResponseHeaders,
            name,
            value.map(str::as_bytes),
        ))
    }

    fn response_body(&self) -> Result<Vec<u8>, Broken> {
        buffer(BufferType::HttpResponseBody)
    }

    fn set_response_body(&self, bytes: &[u8]) -> Result<(), Broken> {
        or_broken(hostcalls::set_buffer(BufferType::HttpResponseBody, 0, ALL, bytes))
    }

    fn reply(&self, reply: &Reply) -> Result<(), Broken> {
        let headers = reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        or_broken(hostcalls::send_http_response(reply.status.into(), headers, Some(reply.body.as_bytes())))
    }

    fn attribute(&self, path: &[&str]) -> Result<Option<Vec<u8>>, Broken> {
        let mut joined = Vec::with_capacity(LONG_PATH);
        for (index, part) in path.iter().enumerate() {
            if index > 0 {
                joined.push(0);
            }
            joined.extend_from_slice(part.as_bytes());
        }
        raw::property(&joined).map_err(|()| Broken)
    }

    fn set_state(&self, name: &str, bytes: &[u8]) -> Result<(), Broken> {
        raw::set_property(name.as_bytes(), bytes).ok_or(Broken)
    }

    fn id(&self) -> StreamId {
        let Self(context) = self;
        StreamId(*context)
    }
}

impl Process for Envoy {
    fn now_ns(&self) -> Option<u64> {
        let since = hostcalls::get_current_time().ok()?.duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_nanos()).ok()
    }

    fn log(&self, level: Level, line: &str) {
        let level = match level {
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
            Level::Debug => LogLevel::Debug,
            Level::Trace => LogLevel::Trace,
        };
        // A failure to log does not change any decision.
        let _ = hostcalls::log(level, line);
    }

    fn random(&self) -> [u8; 16] {
        // The standard library seeds `RandomState` with the host's random bytes (WASI `random_get`) once, and
        // makes each new one different.
        let [left, right] = [0, 1].map(|part: u8| RandomState::new().hash_one(part).to_le_bytes());
        let mut bytes = [0; 16];
        for (byte, random) in bytes.iter_mut().zip(left.into_iter().chain(right)) {
            *byte = random;
        }
        bytes
    }

    fn received(&self, StreamId(stream): StreamId) -> Option<u64> {
        let Self(own) = self;
        // The attribute is that of the context in effect. Afterwards it is again the one whose callback this is.
        hostcalls::set_effective_context(stream).ok()?;
        let size = self.attribute(&["request", "total_size"]);
        hostcalls::set_effective_context(*own).ok()?;
        Some(u64::from_le_bytes(size.ok()??.try_into().ok()?))
    }

    fn set_tick(&self, milliseconds: u32) -> Result<(), Broken> {
        or_broken(hostcalls::set_tick_period(Duration::from_millis(milliseconds.into())))
    }

    fn metric(&self, kind: MetricKind, name: &str) -> Option<MetricId> {
        let kind = match kind {
            MetricKind::Counter => MetricType::Counter,
            MetricKind::Gauge => MetricType::Gauge,
        };
        hostcalls::define_metric(kind, name).ok().map(MetricId)
    }

    fn add(&self, MetricId(counter): MetricId, by: u32) {
        // A failure to count does not change any decision.
        let _ = hostcalls::increment_metric(counter, by.into());
    }

    fn set(&self, MetricId(gauge): MetricId, value: u64) {
        let _ = hostcalls::record_metric(gauge, value);
    }

    fn post(&self, request: &HttpCall<'_>) -> Result<Token, Broken> {
        let headers = vec![
            (":method", "POST"),
            (":path", request.path),
            (":authority", request.authority),
            ("content-type", "application/json"),
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
        ];
        let timeout = Duration::from_millis(request.timeout_ms.into());
        let sent =
            hostcalls::dispatch_http_call(request.cluster, headers, Some(request.body), vec![], timeout);
        or_broken(sent).map(Token::Http)
    }

    fn posted(&self, most: usize) -> Result<(Vec<u8>, Vec<u8>), Broken> {
        let headers = or_broken(hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders))?;
        let status = headers.into_iter().find(|(name, _)| name == ":status").ok_or(Broken)?.1;
        let wanted = most.saturating_add(1);
        let body = or_broken(hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, wanted))?;
        let body = body.unwrap_or_default();
        if body.len() > most { Err(Broken) } else { Ok((status, body)) }
    }

    fn call(&self, call: &GrpcCall<'_>) -> Result<Token, Broken> {
        let timeout = Duration::from_millis(call.timeout_ms.into());
        raw::grpc_call(call, timeout).map(Token::Grpc).ok_or(Broken)
    }

    fn called(&self, most: usize) -> Result<Vec<u8>, Broken> {
        let wanted = most.saturating_add(1);
        let message = or_broken(hostcalls::get_buffer(BufferType::GrpcReceiveBuffer, 0, wanted))?;
        message.filter(|message| message.len() <= most).ok_or(Broken)
    }
}

impl SharedMemory for Envoy {
    fn shared(&self, key: &str) -> Result<Shared, Broken> {
        or_broken(hostcalls::get_shared_data(key))
    }

    fn set_shared(&self, key: &str, value: &[u8], token: Option<u32>) -> Result<bool, Broken> {
        match hostcalls::set_shared_data(key, Some(value), token) {
            Ok(()) => Ok(true),
            Err(Status::CasMismatch) => Ok(false),
            Err(_) => Err(Broken),
        }
    }
}
