//! The messages of an exchange: as they are sent, and as they arrive on the other side of the proxy.

use mcp_policy_engine::mcp::answer::Reply;

use crate::proxy::{Headers, stream};

/// How the proxy learns that a body has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With its last bytes, as in HTTP/1.1 with a length
    WithLast,
    /// After them, as in HTTP/1.1 in chunks
    After,
    /// By trailers, as HTTP/2 allows
    Trailers,
    /// Not yet
    Never,
}

impl End {
    /// Every way to end.
    pub const ALL: [Self; 3] = [Self::WithLast, Self::After, Self::Trailers];
}

/// A message that is sent. It has no body if `chunks` is empty and nothing follows.
#[derive(Debug, Clone)]
pub struct Sent {
    pub headers: Headers,
    pub chunks: Vec<Vec<u8>>,
    pub end: End,
}

impl Sent {
    pub fn new(headers: &[(&str, &str)], chunks: &[&[u8]], end: End) -> Self {
        Self { headers: pairs(headers), chunks: chunks.iter().map(|chunk| chunk.to_vec()).collect(), end }
    }

    /// Cuts the body into chunks of `size` bytes.
    pub fn cut(headers: &[(&str, &str)], body: &str, size: usize, end: End) -> Self {
        Self::new(headers, &body.as_bytes().chunks(size).collect::<Vec<_>>(), end)
    }

    /// A message of headers only.
    pub fn bare(headers: &[(&str, &str)]) -> Self {
        Self::new(headers, &[], End::WithLast)
    }

    /// Tells whether the message has only headers.
    pub fn ends_with_headers(&self) -> bool {
        self.chunks.is_empty() && self.end == End::WithLast
    }
}

/// A message as it arrives on the other side of the proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrived {
    pub headers: Headers,
    pub body: Vec<u8>,
    /// Whether it has ended.
    pub whole: bool,
    /// The total number of bytes after each arrival.
    pub progress: Vec<usize>,
}

impl Arrived {
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Returns a header's value; `None` unless it occurs exactly once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let (_, value) = values.next().filter(|_| values.next().is_none())?;
        std::str::from_utf8(value).ok()
    }
}

fn pairs(headers: &[(&str, &str)]) -> Headers {
    headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

/// The form in which Envoy sends a filter's own answer.
pub fn local(reply: &Reply) -> Sent {
    let mut headers =
        pairs(&[(":status", &reply.status.to_string()), ("content-length", &reply.body.len().to_string())]);
    for (name, value) in &reply.headers {
        stream::set(&mut headers, name, Some(value));
    }
    Sent { headers, chunks: vec![reply.body.clone().into_bytes()], end: End::WithLast }
}
