//! What the filter needs from a proxy: one HTTP stream, the process, and the memory that workers share.
//!
//! proxy-wasm 0.2.1 provides all of this. Every call crosses the boundary of the module, which is expensive,
//! so values are fetched once.

use mcp_policy_engine::mcp::answer::Reply;

pub use crate::header_map::HeaderMap;
/// The severity of a log line.
pub use log::Level;

/// A host call failed. Whatever depends on its result is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// What the host must do after a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Continue with the next filter
    Continue,
    /// Keep the data and wait
    Pause,
}

/// Everything that the filter needs.
pub trait Host: Stream + Process + SharedMemory {}

impl<H: Stream + Process + SharedMemory> Host for H {}

/// One HTTP stream: a request and its response. Every method returns [`Broken`] if the host call fails.
#[expect(clippy::missing_errors_doc, reason = "the trait documents the error of all methods")]
pub trait Stream {
    /// Returns all request headers.
    fn request_headers(&self) -> Result<HeaderMap, Broken>;

    /// Sets a request header and replaces all headers of the same name.
    fn set_request_header(&self, name: &str, value: &str) -> Result<(), Broken>;

    /// Removes all request headers of this name.
    fn remove_request_header(&self, name: &str) -> Result<(), Broken>;

    /// Returns the part of the request's body that is buffered.
    fn request_body(&self) -> Result<Vec<u8>, Broken>;

    /// Replaces the bytes that [`request_body`](Self::request_body) returns.
    fn set_request_body(&self, bytes: &[u8]) -> Result<(), Broken>;

    /// Resumes a paused request. Not allowed in the callbacks of the request itself.
    fn resume(&self) -> Result<(), Broken>;

    /// Returns all response headers.
    fn response_headers(&self) -> Result<HeaderMap, Broken>;

    /// Sets a response header and replaces all headers of the same name; `None` removes them.
    fn set_response_header(&self, name: &str, value: Option<&str>) -> Result<(), Broken>;

    /// Returns the available part of the response's body: the current chunk and what is buffered before it.
    fn response_body(&self) -> Result<Vec<u8>, Broken>;

    /// Replaces the bytes that [`response_body`](Self::response_body) returns.
    fn set_response_body(&self, bytes: &[u8]) -> Result<(), Broken>;

    /// Sends a reply to the client. The request is not forwarded.
    fn reply(&self, reply: &Reply) -> Result<(), Broken>;

    /// Returns an attribute of the stream (Envoy documentation, "Attributes"), or `None` if it is not set.
    fn attribute(&self, path: &[&str]) -> Result<Option<Vec<u8>>, Broken>;

    /// Stores bytes in the stream's filter state `wasm.<name>`, which access logs can print.
    fn set_state(&self, name: &str, bytes: &[u8]) -> Result<(), Broken>;

    /// Returns the host's number for this stream.
    fn id(&self) -> StreamId;
}

/// The process: time, log, metrics and calls to other services.
pub trait Process {
    /// Returns the time in nanoseconds since the Unix epoch, or `None` if there is no clock.
    fn now_ns(&self) -> Option<u64>;

    /// Writes a line to the proxy's log.
    fn log(&self, level: Level, line: &str);

    /// Returns unpredictable random bytes.
    fn random(&self) -> [u8; 16];

    /// Returns how many bytes the host has received of a stream's request so far, headers included; `None` if it
    /// does not know.
    fn received(&self, stream: StreamId) -> Option<u64>;

    /// Sets the period of the tick callback, in milliseconds; 0 turns it off.
    ///
    /// # Errors
    /// [`Broken`] if the period is not set.
    fn set_tick(&self, milliseconds: u32) -> Result<(), Broken>;

    /// Returns the id of the metric of this name, and creates the metric on first use. `None` if that fails.
    fn metric(&self, kind: MetricKind, name: &str) -> Option<MetricId>;

    /// Adds `by` to a counter.
    fn add(&self, counter: MetricId, by: u32);

    /// Sets the value of a gauge.
    fn set(&self, gauge: MetricId, value: u64);

    /// Sends a request to another cluster. The host reports the answer, or that none came within the timeout,
    /// by a callback with the returned token. There is no callback if the stream has ended.
    ///
    /// # Errors
    /// [`Broken`] if it is not sent, for example because the cluster does not exist.
    fn post(&self, request: &HttpCall<'_>) -> Result<Token, Broken>;

    /// Returns the answer to a call: the HTTP status and the body. Only valid within its callback.
    ///
    /// # Errors
    /// [`Broken`] if there is none, or its body has more than `most` bytes.
    fn posted(&self, most: usize) -> Result<(Vec<u8>, Vec<u8>), Broken>;

    /// Calls a method of a gRPC service. The host reports the answer, or the status without one, by a callback with the
    /// returned token. There is no callback if the stream has ended.
    ///
    /// # Errors
    /// [`Broken`] if it is not sent, for example because the cluster has no endpoint.
    fn call(&self, call: &GrpcCall<'_>) -> Result<Token, Broken>;

    /// Returns the message that answers a gRPC call. Only valid within its callback.
    ///
    /// # Errors
    /// [`Broken`] if there is none, or it has more than `most` bytes.
    fn called(&self, most: usize) -> Result<Vec<u8>, Broken>;
}

/// The memory that all workers of a process share: byte strings by key, with compare-and-swap.
pub trait SharedMemory {
    /// Returns the value of a key and the token of its last write; both are `None` if the key is absent.
    ///
    /// # Errors
    /// [`Broken`] if the key cannot be read. An absent key is no error.
    fn shared(&self, key: &str) -> Result<Shared, Broken>;

    /// Writes a key if `token` is the token of its last write, or if the key is absent. Returns whether it
    /// was written. With no token, or with zero, it always writes.
    ///
    /// # Errors
    /// [`Broken`] if it was not written for another reason.
    fn set_shared(&self, key: &str, value: &[u8], token: Option<u32>) -> Result<bool, Broken>;
}

/// The value of a shared key, and the token of its last write.
pub type Shared = (Option<Vec<u8>>, Option<u32>);

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Its value only grows
    Counter,
    /// Its value is set
    Gauge,
}

/// The host's number for a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// The host's number for a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricId(pub u32);

/// The host's number for a call to another cluster. Both kinds of calls have numbers of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// An HTTP request
    Http(u32),
    /// A gRPC call
    Grpc(u32),
}

/// A gRPC call with one message each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcCall<'a> {
    /// Where the service is: an encoded `envoy.config.core.v3.GrpcService`
    pub service: &'a [u8],
    /// The service's name
    pub name: &'a str,
    /// The method's name
    pub method: &'a str,
    /// The encoded message
    pub message: &'a [u8],
    /// How long the answer may take, in milliseconds
    pub timeout_ms: u32,
}

/// A POST of JSON to another cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpCall<'a> {
    /// The cluster's name in the proxy
    pub cluster: &'a str,
    /// `:authority`
    pub authority: &'a str,
    /// `:path`
    pub path: &'a str,
    /// The body
    pub body: &'a [u8],
    /// How long the answer may take, in milliseconds
    pub timeout_ms: u32,
}
