//! Connects to servers.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderName;
use rmcp::RoleClient;
use rmcp::model::{ClientConfig, Implementation, ProtocolVersion};
use rmcp::service::{ClientInitializeError, ClientLifecycleMode, ClientServiceExt as _, RunningService};
use rmcp::transport::streamable_http_client::{
    StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
};
use tokio::io::AsyncReadExt as _;

use super::heard::{Heard, Tee};
use super::listening::Listening;
use super::pages::{self, Broken, Progress};
use super::{Asking, failure, headers};
use crate::outcome::Failure;
use crate::scan::findings::escape;
use crate::scan::offer::Offer;
use crate::terminal::Terminal;

/// The most bytes of one answer.
pub const MOST_BYTES: usize = 16 * 1024 * 1024;

/// How much of what a command writes to stderr is kept, in bytes.
const KEPT: usize = 64 * 1024;

/// How long a command may take to end, once its answers are read.
const LAST_WORK: Duration = Duration::from_secs(2);

type Session = RunningService<RoleClient, ClientConfig>;

/// Why a conversation ended without an offer.
enum Ended {
    Start(Box<ClientInitializeError>),
    List(Broken),
}

/// Asks a server at a URL.
///
/// # Errors
/// Why it could not be asked.
pub fn http(url: &str, asking: &Asking<'_>, terminal: &Terminal) -> Result<Offer, Failure> {
    let shown = without_secrets(url)?;
    let headers = headers::read(asking.headers)?;
    let sent: Vec<HeaderName> = headers.keys().cloned().collect();
    let secrets = headers.clone();
    // A second call finds the provider in its place, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        // Headers with secrets must not follow to another place.
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| Failure::new(format!("cannot open connections: {error}")))?;
    let config = StreamableHttpClientTransportConfig::with_uri(url)
        .custom_headers(headers)
        .max_json_response_size(MOST_BYTES)
        .max_sse_event_size(MOST_BYTES);
    let heard = Heard::default();
    let client = Listening::new(client, heard.clone());
    let progress = Progress::new(terminal.progress);
    progress.show(&format!("connecting to {shown}"));
    let result = runtime()?.block_on(async {
        let conversation = async {
            let transport = StreamableHttpClientTransport::with_client(client, config);
            let started = self_described().serve_with_lifecycle(transport, lifecycle()).await;
            converse(started, &heard, &progress).await
        };
        match tokio::time::timeout(asking.timeout, conversation).await {
            Ok(Ok(offer)) => Ok(offer),
            Ok(Err(Ended::Start(error))) => Err(failure::of_start(&shown, &error, &sent)),
            Ok(Err(Ended::List(broken))) => Err(failure::of_list(&shown, &broken, &sent)),
            Err(_) => Err(too_late(&shown, asking)),
        }
    });
    result.map_err(|failed| failure::without_values(failed, &secrets))
}

/// Asks a server that a command starts.
///
/// # Errors
/// Why it could not be asked.
pub fn stdio(command: &str, asking: &Asking<'_>, terminal: &Terminal) -> Result<Offer, Failure> {
    let words = shlex::split(command)
        .ok_or_else(|| Failure::new("`stdio:`: a quote of the command is not closed"))?;
    let Some((program, arguments)) = words.split_first() else {
        return Err(Failure::new(
            "`stdio:`: needs a command, such as 'stdio:npx -y @modelcontextprotocol/server-memory'",
        ));
    };
    // Arguments can be secrets, so only the program is named.
    let shown = format!("stdio:{}", escape(program));
    let progress = Progress::new(terminal.progress);
    progress.show(&format!("starting {shown}"));
    runtime()?.block_on(async {
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let not_started =
            |why: &dyn std::fmt::Display| Failure::new(format!("`{shown}`: cannot start it: {why}"));
        let mut child = command.spawn().map_err(|error| not_started(&error))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(not_started(&"it has no stdin or stdout"));
        };
        let (heard, stderr) = (Heard::default(), child.stderr.take());
        let transport = (Tee::new(stdout, heard.clone()), stdin);
        let told = Arc::new(std::sync::Mutex::new(Vec::new()));
        if let Some(stderr) = stderr {
            tokio::spawn(keep(stderr, Arc::clone(&told)));
        }
        let conversation = async {
            let started = self_described().serve_with_lifecycle(transport, lifecycle()).await;
            converse(started, &heard, &progress).await
        };
        let result = tokio::time::timeout(asking.timeout, conversation).await;
        let failed = match result {
            Ok(Ok(offer)) => {
                // Its stdin is closed. A server that does not end by itself is stopped.
                let _ = tokio::time::timeout(LAST_WORK, child.wait()).await;
                return Ok(offer);
            }
            Ok(Err(Ended::Start(error))) => failure::of_start(&shown, &error, &[]),
            Ok(Err(Ended::List(broken))) => failure::of_list(&shown, &broken, &[]),
            Err(_) => too_late(&shown, asking),
        };
        // The end of stderr arrives once its tasks have run.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let told = told.lock().map(|told| last_lines(&told)).unwrap_or_default();
        Err(if told.is_empty() {
            failed
        } else {
            Failure::new(format!("{failed}\nthe end of its output on stderr:\n{told}"))
        })
    })
}

/// Reads everything that the server offers, and ends the session.
async fn converse(
    started: Result<Session, ClientInitializeError>,
    heard: &Heard,
    progress: &Progress,
) -> Result<Offer, Ended> {
    let session = started.map_err(|error| Ended::Start(Box::new(error)))?;
    let offer = match session.peer_info() {
        Some(info) => pages::all(session.peer(), &info, heard, progress).await.map_err(Ended::List),
        None => Err(Ended::Start(Box::new(ClientInitializeError::ConnectionClosed(String::new())))),
    };
    // What was read stays read if the server does not end the session in order.
    let _ = session.cancel().await;
    offer
}

fn self_described() -> ClientConfig {
    ClientConfig::new(Default::default(), Implementation::new("mcp-policy", env!("CARGO_PKG_VERSION")))
}

/// Asks in the way of 2026-07-28, and in the older one if the server does not know it.
fn lifecycle() -> ClientLifecycleMode {
    ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        legacy_version: Some(ProtocolVersion::V_2025_11_25),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Failure::new(format!("cannot open connections: {error}")))
}

/// Returns a URL without what may be secret: user and password, and the query.
fn without_secrets(url: &str) -> Result<String, Failure> {
    let mut parsed = reqwest::Url::parse(url)
        .map_err(|error| Failure::new(format!("the source is not a URL: {error}")))?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(Failure::new("the URL has a user or a password; pass credentials with `--header`"));
    }
    if parsed.query().is_some() {
        parsed.set_query(Some("…"));
    }
    Ok(parsed.to_string().replace("%E2%80%A6", "…"))
}

fn too_late(shown: &str, asking: &Asking<'_>) -> Failure {
    let seconds = asking.timeout.as_secs_f64();
    Failure::new(format!("`{shown}`: no answer within {seconds} s; `--timeout` allows more time"))
}

/// Keeps the end of what a command writes to stderr.
async fn keep(stderr: tokio::process::ChildStderr, told: Arc<std::sync::Mutex<Vec<u8>>>) {
    let mut stderr = stderr;
    let mut piece = [0; 4096];
    while let Ok(read) = stderr.read(&mut piece).await {
        if read == 0 {
            break;
        }
        if let (Ok(mut told), Some(new)) = (told.lock(), piece.get(..read)) {
            told.extend_from_slice(new);
            let over = told.len().saturating_sub(KEPT);
            told.drain(..over);
        }
    }
}

/// Returns the last lines of a text, escaped and indented.
fn last_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(5);
    let last = lines.get(from..).unwrap_or_default();
    last.iter().map(|line| format!("  {}", escape(line))).collect::<Vec<_>>().join("\n")
}
