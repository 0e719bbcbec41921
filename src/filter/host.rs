//! What the filter needs of a proxy, which is what proxy-wasm 0.2.1 offers.

use mcp_policy_engine::mcp::answer::Reply;
use mcp_policy_engine::policy::Approvals;

/// A call to the host failed. What depended on it is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// How important a line in the proxy's log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For the record
    Info,
    /// Somebody should look
    Warn,
    /// Somebody must look
    Error,
}

/// Values of a key in the memory that all workers share, and the token of its last write; the token
/// is `None` where the key is absent.
pub type Shared = (Option<Vec<u8>>, Option<u32>);

/// The proxy, as one request or one worker sees it. Every call crosses the boundary of the module,
/// which is what costs: fetch once what is needed.
pub trait Host {
    /// Returns all request headers, names in lower case, values as they are.
    ///
    /// # Errors
    /// [`Broken`], as for all of these.
    fn request_headers(&self) -> Result<Vec<(String, Vec<u8>)>, Broken>;

    /// Sets a request header, in place of all of its name.
    ///
    /// # Errors
    /// [`Broken`] when it is not set.
    fn set_request_header(&self, name: &str, value: &str) -> Result<(), Broken>;

    /// Removes all request headers of a name.
    ///
    /// # Errors
    /// [`Broken`] when they are not removed.
    fn remove_request_header(&self, name: &str) -> Result<(), Broken>;

    /// Returns what is buffered of the request's body.
    ///
    /// # Errors
    /// [`Broken`] when it cannot be had.
    fn request_body(&self) -> Result<Vec<u8>, Broken>;

    /// Puts `bytes` in place of what [`request_body`](Self::request_body) returns.
    ///
    /// # Errors
    /// [`Broken`] when it is not replaced.
    fn set_request_body(&self, bytes: &[u8]) -> Result<(), Broken>;

    /// Lets a request go on that was paused, outside of the callbacks that tell of it.
    ///
    /// # Errors
    /// [`Broken`] when it stays.
    fn resume(&self) -> Result<(), Broken>;

    /// Posts JSON to another cluster. What comes back is told by a callback of the stream, as long as
    /// there is the stream: nothing within `timeout_ms` too.
    ///
    /// # Errors
    /// [`Broken`] when it is not sent, as where there is no such cluster.
    fn post(&self, to: &Approvals, body: &[u8], timeout_ms: u32) -> Result<(), Broken>;

    /// Returns what has come back: the HTTP status, and the body if it has at most `most` bytes.
    /// Within the callback that tells of it.
    ///
    /// # Errors
    /// [`Broken`] when nothing has, or more, or it cannot be had.
    fn posted(&self, most: usize) -> Result<(Vec<u8>, Vec<u8>), Broken>;

    /// Returns all response headers, names in lower case, values as they are.
    ///
    /// # Errors
    /// [`Broken`] when they cannot be had.
    fn response_headers(&self) -> Result<Vec<(String, Vec<u8>)>, Broken>;

    /// Sets a response header in place of all of its name, or removes it.
    ///
    /// # Errors
    /// [`Broken`] when it is not set.
    fn set_response_header(&self, name: &str, value: Option<&str>) -> Result<(), Broken>;

    /// Returns what is there of the response's body: the chunk, and what is buffered before it.
    ///
    /// # Errors
    /// [`Broken`] when it cannot be had.
    fn response_body(&self) -> Result<Vec<u8>, Broken>;

    /// Puts `bytes` in place of what [`response_body`](Self::response_body) returns.
    ///
    /// # Errors
    /// [`Broken`] when it is not replaced.
    fn set_response_body(&self, bytes: &[u8]) -> Result<(), Broken>;

    /// Answers the request, which then goes no further.
    ///
    /// # Errors
    /// [`Broken`] when it is not answered.
    fn reply(&self, reply: &Reply) -> Result<(), Broken>;

    /// Returns an attribute of the stream (Envoy, "Attributes"), or `None` where it has none.
    ///
    /// # Errors
    /// [`Broken`] when it cannot be had.
    fn attribute(&self, path: &[&str]) -> Result<Option<Vec<u8>>, Broken>;

    /// Keeps bytes with the stream, as filter state `wasm.<name>`, for access logs to print.
    ///
    /// # Errors
    /// [`Broken`] when they are not kept.
    fn set_state(&self, name: &str, bytes: &[u8]) -> Result<(), Broken>;

    /// Adds to a metric of the proxy, a counter of this name, which is made on its first use.
    fn count(&self, metric: &str, by: u32);

    /// Sets a metric of the proxy, a gauge of this name, which is made on its first use.
    fn gauge(&self, metric: &str, value: u64);

    /// Returns the time in nanoseconds since the Unix epoch.
    ///
    /// # Errors
    /// [`Broken`] when there is no clock.
    fn now_ns(&self) -> Result<u64, Broken>;

    /// Reads a key of the memory that all workers share.
    ///
    /// # Errors
    /// [`Broken`] when it cannot be read; not where the key is absent.
    fn shared(&self, key: &str) -> Result<Shared, Broken>;

    /// Writes a key of the memory that all workers share, if `token` is that of its last write or
    /// the key is absent; returns whether it is written. No token, or zero, compares nothing.
    ///
    /// # Errors
    /// [`Broken`] when it is not written for another reason.
    fn set_shared(&self, key: &str, value: &[u8], token: Option<u32>) -> Result<bool, Broken>;

    /// Calls [`Plugin::tick`](super::Plugin::tick) every so many milliseconds, or no more with 0.
    ///
    /// # Errors
    /// [`Broken`] when it is not set.
    fn set_tick(&self, milliseconds: u32) -> Result<(), Broken>;

    /// Returns bytes that nobody can guess.
    fn random(&self) -> [u8; 16];

    /// Writes a line to the proxy's log.
    fn log(&self, level: Level, line: &str);
}
