//! Where an offer comes from: a server, or a file.

mod connect;
mod failure;
mod file;
mod headers;
mod heard;
mod listening;
mod pages;

use std::path::Path;
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
    } else if source != "-" && !Path::new(source).exists() {
        Err(missing(source))
    } else {
        file::read(source)
    }
}

/// Makes the failure of a source that is no file: it may be another kind of source without its beginning.
fn missing(source: &str) -> Failure {
    let (first, path) = source.split_once('/').unwrap_or((source, ""));
    let has_port =
        first.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    let is_host = first.contains('.') && !first.starts_with('.') && !path.is_empty() && !path.contains('.');
    let meant = if has_port || is_host || first == "localhost" {
        format!("; write `http://{source}` or `https://{source}` if it is a server")
    } else if source.contains(' ') {
        format!("; write 'stdio:{source}' if it is a command that starts a server")
    } else {
        String::new()
    };
    Failure::new(format!("cannot read `{source}`: there is no such file{meant}"))
}
