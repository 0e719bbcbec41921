//! What a server writes, byte for byte.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, ReadBuf};

use super::connect::MOST_BYTES;

/// An answer to `tools/list`, in which no key of these stands twice.
#[derive(Debug, Deserialize)]
struct Answer<'l> {
    #[serde(borrow)]
    result: Tools<'l>,
}

#[derive(Debug, Deserialize)]
struct Tools<'l> {
    #[serde(borrow)]
    tools: &'l RawValue,
}

/// Keeps what a server writes. The client drops members that it does not know, but digests of definitions need all.
#[derive(Debug, Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    /// Forgets what was heard so far.
    pub fn clear(&self) {
        if let Ok(mut bytes) = self.0.lock() {
            bytes.clear();
        }
    }

    /// Returns the list in the last line that answers `tools/list`, as JSON text. `None` if there is none, or if the server
    /// wrote more than is kept.
    pub fn tools(&self) -> Option<String> {
        let bytes = self.0.lock().ok()?;
        bytes.rsplit(|byte| *byte == b'\n').find_map(|line| {
            let answer: Answer<'_> = serde_json::from_slice(line).ok()?;
            let tools = answer.result.tools.get();
            tools.starts_with('[').then(|| tools.to_owned())
        })
    }

    /// Keeps some bytes, unless that is too much.
    pub fn add(&self, new: &[u8]) {
        if let Ok(mut bytes) = self.0.lock()
            && bytes.len().saturating_add(new.len()) <= MOST_BYTES
        {
            bytes.extend_from_slice(new);
        }
    }
}

/// A stream whose bytes are also kept.
#[derive(Debug)]
pub struct Tee<R> {
    stream: R,
    heard: Heard,
}

impl<R> Tee<R> {
    /// Makes a stream that keeps what is read from this one.
    pub fn new(stream: R, heard: Heard) -> Self {
        Self { stream, heard }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Tee<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.heard.add(buffer.filled().get(before..).unwrap_or_default());
        polled
    }
}
