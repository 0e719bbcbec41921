//! Where an offer comes from: a server, or a file.

mod connect;
mod failure;
mod file;
mod headers;
mod heard;
mod listening;
mod pages;

use std::time::Duration;

use super::offer::Offer;
use crate::outcome::Failure;
use crate::terminal::Terminal;

/// How to ask a server.
#[derive(Debug, Clone)]
pub struct Asking<'o> {
    /// Headers as `Name: value`
    pub headers: &'o [String],
    /// How long everything together may take
    pub timeout: Duration,
}

/// Reads what a source offers.
///
/// # Errors
/// Why it could not be read, in words that say what to do.
pub fn read(source: &str, asking: &Asking<'_>, terminal: &Terminal) -> Result<Offer, Failure> {
    let lower = source.to_ascii_lowercase();
    let is_url = lower.starts_with("http://") || lower.starts_with("https://");
    if !is_url && !asking.headers.is_empty() {
        return Err(Failure::new("`--header` needs a URL: other sources have no headers"));
    }
    if is_url {
        connect::http(source, asking, terminal)
    } else if let Some(command) = source.strip_prefix("stdio:") {
        connect::stdio(command, asking, terminal)
    } else {
        file::read(source)
    }
}
