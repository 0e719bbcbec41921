//! What the filter needs of a proxy: of one HTTP stream, of the process, and of the memory its workers share.
//!
//! proxy-wasm 0.2.1 offers all of it. Every call crosses the boundary of the module, which is what costs: fetch
//! once what is needed.

use mcp_policy_engine::mcp::answer::Reply;

pub use crate::header_map::HeaderMap;

/// A call to the host failed. What depended on it is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// Everything that the filter needs.
pub trait Host: Stream + Process + SharedMemory {}

impl<H: Stream + Process + SharedMemory> Host for H {}

/// One HTTP stream: a request and its response. Every method returns [`Broken`] where the host does not do what it
/// is asked.
#[expect(clippy::missing_errors_doc, reason = "all of them say it in the trait's own words")]
pub trait Stream {
    /// Returns all request headers.
    fn request_headers(&self) -> Result<HeaderMap, Broken>;

    /// Sets a request header, in place of all headers of its name.
    fn set_request_header(&self, name: &str, value: &str) -> Result<(), Broken>;

    /// Removes all request headers of a name.
    fn remove_request_header(&self, name: &str) -> Result<(), Broken>;

    /// Returns what is buffered of the request's body.
    fn request_body(&self) -> Result<Vec<u8>, Broken>;

    /// Puts `bytes` in place of what [`request_body`](Self::request_body) returns.
    fn set_request_body(&self, bytes: &[u8]) -> Result<(), Broken>;

    /// Resumes a paused request. Only outside of the callbacks for the request itself.
    fn resume(&self) -> Result<(), Broken>;

    /// Returns all response headers.
    fn response_headers(&self) -> Result<HeaderMap, Broken>;

    /// Sets a response header in place of all headers of its name, or removes them.
    fn set_response_header(&self, name: &str, value: Option<&str>) -> Result<(), Broken>;

    /// Returns what is there of the response's body: the chunk, and what is buffered before it.
    fn response_body(&self) -> Result<Vec<u8>, Broken>;

    /// Puts `bytes` in place of what [`response_body`](Self::response_body) returns.
    fn set_response_body(&self, bytes: &[u8]) -> Result<(), Broken>;

    /// Answers the request, which then goes no further.
    fn reply(&self, reply: &Reply) -> Result<(), Broken>;

    /// Returns an attribute of the stream (Envoy, "Attributes"), or `None` where it has none.
    fn attribute(&self, path: &[&str]) -> Result<Option<Vec<u8>>, Broken>;

    /// Keeps bytes with the stream as filter state `wasm.<name>`, which access logs print.
    fn set_state(&self, name: &str, bytes: &[u8]) -> Result<(), Broken>;
}

/// The process, as one worker sees it: time, log, metrics and calls to other services.
pub trait Process {
    /// Returns the time in nanoseconds since the Unix epoch, or `None` where there is no clock.
    fn now_ns(&self) -> Option<u64>;

    /// Writes a line to the proxy's log.
    fn log(&self, level: Level, line: &str);

    /// Returns bytes that nobody can guess.
    fn random(&self) -> [u8; 16];

    /// Asks to be called every so many milliseconds, or never with 0.
    ///
    /// # Errors
    /// [`Broken`] when the period is not set.
    fn set_tick(&self, milliseconds: u32) -> Result<(), Broken>;

    /// Returns the id of the metric of this name, which is made on its first use; the same id each time.
    fn metric(&self, kind: MetricKind, name: &str) -> Option<MetricId>;

    /// Adds to a counter.
    fn add(&self, counter: MetricId, by: u32);

    /// Sets a gauge.
    fn set(&self, gauge: MetricId, value: u64);

    /// Sends a request to another cluster. The answer, or that there is none within the time-out, comes by a
    /// callback with the token, as long as the stream lives that sent it.
    ///
    /// # Errors
    /// [`Broken`] when it is not sent, for example because there is no such cluster.
    fn post(&self, request: &HttpCall<'_>) -> Result<Token, Broken>;

    /// Returns the answer to a call within its callback: the HTTP status and the body.
    ///
    /// # Errors
    /// [`Broken`] when there is none, or its body has more than `most` bytes.
    fn posted(&self, most: usize) -> Result<(Vec<u8>, Vec<u8>), Broken>;
}

/// The memory that all workers of a process share: bytes by key, with compare-and-swap.
pub trait SharedMemory {
    /// Returns the value of a key and the token of its last write; both `None` where the key is absent.
    ///
    /// # Errors
    /// [`Broken`] when the key cannot be read; not where it is absent.
    fn shared(&self, key: &str) -> Result<Shared, Broken>;

    /// Writes a key if `token` is that of its last write or the key is absent; returns whether it is written. No
    /// token, or zero, compares nothing.
    ///
    /// # Errors
    /// [`Broken`] when it is not written for another reason.
    fn set_shared(&self, key: &str, value: &[u8], token: Option<u32>) -> Result<bool, Broken>;
}

/// The value of a shared key, and the token of its last write.
pub type Shared = (Option<Vec<u8>>, Option<u32>);

/// The severity of a line in the proxy's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For the record
    Info,
    /// Somebody should look
    Warn,
    /// Somebody must look
    Error,
}

/// What a metric does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows
    Counter,
    /// It is set
    Gauge,
}

/// The host's number for a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricId(pub u32);

/// The host's number for a call to another cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token(pub u32);

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
    /// How long the answer may take
    pub timeout_ms: u32,
}
