//! What a server writes, byte for byte.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, ReadBuf};

use super::connect::MOST_BYTES;
use crate::scan::offer::with_zeros;

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
pub struct Heard {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// Whether the client has read zeros in place of some numbers
    zeros: Arc<AtomicBool>,
}

impl Heard {
    /// Forgets what was heard so far.
    pub fn clear(&self) {
        self.zeros.store(false, Ordering::Relaxed);
        if let Ok(mut bytes) = self.bytes.lock() {
            bytes.clear();
        }
    }

    /// Returns a text with zeros in place of numbers that the client cannot hold, and remembers that; `None` if there are
    /// none.
    pub fn with_zeros(&self, text: &str) -> Option<String> {
        let other = with_zeros(text)?;
        self.zeros.store(true, Ordering::Relaxed);
        Some(other)
    }

    /// Tells whether the client has read zeros in place of some numbers: its own answer is then not what the server said.
    pub fn has_zeros(&self) -> bool {
        self.zeros.load(Ordering::Relaxed)
    }

    /// Returns the list in the last line that answers `tools/list`, as JSON text. `None` if there is none, or if the server
    /// wrote more than is kept.
    pub fn tools(&self) -> Option<String> {
        let bytes = self.bytes.lock().ok()?;
        bytes.rsplit(|byte| *byte == b'\n').find_map(|line| {
            let answer: Answer<'_> = serde_json::from_slice(line).ok()?;
            let tools = answer.result.tools.get();
            tools.starts_with('[').then(|| tools.to_owned())
        })
    }

    /// Keeps some bytes, unless that is too much.
    pub fn add(&self, new: &[u8]) {
        if let Ok(mut bytes) = self.bytes.lock()
            && bytes.len().saturating_add(new.len()) <= MOST_BYTES
        {
            bytes.extend_from_slice(new);
        }
    }
}

/// A stream of lines that are also kept. The client reads zeros in place of numbers that it cannot hold. Otherwise it would
/// skip the whole line.
#[derive(Debug)]
pub struct Tee<R> {
    stream: R,
    heard: Heard,
    /// The beginning of a line
    begun: Vec<u8>,
    /// What the client has not read of complete lines
    complete: VecDeque<u8>,
}

impl<R> Tee<R> {
    /// Makes a stream that keeps what is read from this one.
    pub fn new(stream: R, heard: Heard) -> Self {
        Self { stream, heard, begun: Vec::new(), complete: VecDeque::new() }
    }

    /// Takes the next bytes of the stream; none at its end.
    fn take(&mut self, new: &[u8]) {
        self.heard.add(new);
        let before = self.begun.len();
        self.begun.extend_from_slice(new);
        let end =
            new.iter().rposition(|byte| *byte == b'\n').map(|at| before.saturating_add(at).saturating_add(1));
        let is_over = new.is_empty() || self.begun.len() > MOST_BYTES;
        let end = if is_over { self.begun.len() } else { end.unwrap_or_default() };
        let lines: Vec<u8> = self.begun.drain(..end).collect();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let readable = serde_json::from_slice::<serde_json::Value>(line).is_ok();
            let unread = if readable { None } else { std::str::from_utf8(line).ok() };
            let other = unread.and_then(|line| self.heard.with_zeros(line));
            self.complete.extend(other.as_deref().map_or(line, str::as_bytes));
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Tee<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        while self.complete.is_empty() {
            let mut piece = [0; 8192];
            let mut read = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
            let is_end = read.filled().is_empty();
            self.take(read.filled());
            if is_end {
                break;
            }
        }
        let count = self.complete.len().min(buffer.remaining());
        let next: Vec<u8> = self.complete.drain(..count).collect();
        buffer.put_slice(&next);
        Poll::Ready(Ok(()))
    }
}
