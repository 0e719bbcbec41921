//! Why a server could not be asked, in words that say what to do.

use std::collections::HashMap;
use std::error::Error;

use reqwest::header::{HeaderName, HeaderValue};
use rmcp::service::{ClientInitializeError, ServiceError};
use rmcp::transport::streamable_http_client::{AuthRequiredError, HttpStatusError, InsufficientScopeError};
use rmcp::transport::worker::WorkerQuitReason;

use super::pages::Broken;
use crate::outcome::Failure;
use crate::scan::findings::escape;

const ENDED: &str = "it ended before it answered";

const TOO_NARROW: &str = "the server refuses these credentials (403): their scope is too narrow";

type Http = rmcp::transport::streamable_http_client::StreamableHttpError<reqwest::Error>;

/// Says why there is no session. `source` is what was asked, without secrets.
pub fn of_start(source: &str, error: &ClientInitializeError, sent: &[HeaderName]) -> Failure {
    let text = match error {
        ClientInitializeError::TransportError { error, .. } => of_transport(error.error.as_ref(), sent),
        ClientInitializeError::JsonRpcError(error) => {
            Some(format!("the server refuses to start a session: {}", shown(&error.message)))
        }
        ClientInitializeError::ConnectionClosed(_) => Some(ENDED.to_owned()),
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => {
            return of_start(source, fallback, sent);
        }
        ClientInitializeError::NoCompatibleProtocolVersion { server_supported, .. } => {
            let versions: Vec<_> = server_supported.iter().map(ToString::to_string).collect();
            Some(format!("it speaks only these versions of MCP: {}", shown(&versions.join(", "))))
        }
        _ => None,
    };
    let text = text.unwrap_or_else(|| {
        format!("it does not answer as an MCP server does: {}", shown(&error.to_string()))
    });
    Failure::new(format!("`{source}`: {text}"))
}

/// Says why a list could not be read.
pub fn of_list(source: &str, broken: &Broken, sent: &[HeaderName]) -> Failure {
    let text = match broken {
        Broken::Answer(wrong) => format!("the answer is not what MCP says: {}", shown(wrong)),
        Broken::Service(kind, ServiceError::McpError(error)) => {
            format!("the server does not list its {}: {}", kind.member(), shown(&error.message))
        }
        Broken::Service(kind, ServiceError::TransportSend(error)) => of_transport(error.error.as_ref(), sent)
            .unwrap_or_else(|| format!("cannot ask for {}: {}", kind.member(), shown(&error.to_string()))),
        Broken::Service(kind, error) => {
            format!("cannot read the list of {}: {}", kind.member(), shown(&error.to_string()))
        }
    };
    Failure::new(format!("`{source}`: {text}"))
}

/// Says what went wrong on the way to the server, if that can be told.
fn of_transport(error: &(dyn Error + Send + Sync + 'static), sent: &[HeaderName]) -> Option<String> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(required) = current.downcast_ref::<AuthRequiredError>() {
            return Some(unauthorized(&required.www_authenticate_header, sent));
        }
        if current.is::<InsufficientScopeError>() {
            return Some(TOO_NARROW.to_owned());
        }
        if let Some(status) = current.downcast_ref::<HttpStatusError>() {
            return Some(of_status(status));
        }
        if let Some(WorkerQuitReason::Fatal { error, .. }) = current.downcast_ref::<WorkerQuitReason<Http>>()
        {
            return of_answer(error, sent);
        }
        if current.is::<std::io::Error>() {
            // Only a command's pipes fail like this.
            return Some(ENDED.to_owned());
        }
        if let Some(http) = current.downcast_ref::<reqwest::Error>() {
            return Some(of_http(http));
        }
        if let Some(text) = current.downcast_ref::<Http>().and_then(|error| of_answer(error, sent)) {
            return Some(text);
        }
        next = current.source();
    }
    None
}

fn of_status(status: &HttpStatusError) -> String {
    format!("the server answers with HTTP {}; is it up, and is this its MCP endpoint?", status.status)
}

fn of_answer(error: &Http, sent: &[HeaderName]) -> Option<String> {
    match error {
        Http::Client(error) => Some(of_http(error)),
        Http::HttpStatus(status) => Some(of_status(status)),
        Http::AuthRequired(required) => Some(unauthorized(&required.www_authenticate_header, sent)),
        Http::InsufficientScope(_) => Some(TOO_NARROW.to_owned()),
        Http::UnexpectedContentType(found) => {
            let found = found
                .as_deref()
                .map_or_else(|| "no content type".to_owned(), |found| format!("`{}`", shown(found)));
            Some(format!(
                "this is not an MCP endpoint: it answers with {found}; many servers have theirs at `/mcp`"
            ))
        }
        Http::UnexpectedServerResponse(text) if text.contains("401") => Some(unauthorized("", sent)),
        Http::UnexpectedServerResponse(text) if text.contains("403") => {
            Some("the server refuses these credentials (403)".to_owned())
        }
        Http::UnexpectedServerResponse(text) if text.starts_with("could not parse") => {
            Some("this is not an MCP endpoint: it answers with JSON that is not an MCP message".to_owned())
        }
        Http::UnexpectedServerResponse(text) => {
            // The rest is the body: a page, which may repeat what was sent.
            let status = text.split(": ").next().unwrap_or_default();
            Some(format!(
                "there is no MCP endpoint at this path (many servers have theirs at `/mcp`): {}",
                shown(status)
            ))
        }
        Http::SessionExpired => {
            Some("there is no MCP endpoint at this path (404); many servers have theirs at `/mcp`".to_owned())
        }
        Http::ReservedHeaderConflict(name) => {
            Some(format!("the protocol sets the header `{name}` itself; leave it out of `--header`"))
        }
        _ => None,
    }
}

fn of_http(error: &reqwest::Error) -> String {
    let cause = deepest(error);
    // What rustls says of an answer that does not begin as one in TLS.
    if cause.contains("InvalidContentType") {
        return "the server does not speak TLS at this port; write `http://` in place of `https://` if that is meant"
            .to_owned();
    }
    if error.is_connect() {
        return format!("no connection: {}", shown(&cause));
    }
    if error.is_timeout() {
        return "the server did not answer in time".to_owned();
    }
    if let Some(status) = error.status() {
        return format!("the server answers with HTTP {}", status.as_u16());
    }
    if error.is_builder() {
        return "this URL cannot be used".to_owned();
    }
    format!("the connection failed: {}", shown(&cause))
}

/// Says that the server wants a credential. `challenge` is its `WWW-Authenticate`; empty if that is not known.
fn unauthorized(challenge: &str, sent: &[HeaderName]) -> String {
    if sent.is_empty() {
        let header = wanted(challenge);
        format!("the server requires authentication (401); pass a credential with `--header '{header}'`")
    } else {
        let names: Vec<_> = sent.iter().map(HeaderName::as_str).collect();
        format!(
            "the server does not accept the credential (401) in `--header`; headers sent: {}",
            names.join(", ")
        )
    }
}

/// Returns the header that a challenge asks for. This filter names it as `ApiKey header="x-api-key"`.
fn wanted(challenge: &str) -> String {
    let named = challenge.split_once("header=\"").and_then(|(_, rest)| rest.split_once('"'));
    if let Some(name) = named.and_then(|(name, _)| HeaderName::from_bytes(name.as_bytes()).ok()) {
        return format!("{name}: …");
    }
    let scheme = challenge.split([' ', ',']).next().unwrap_or_default();
    let is_scheme =
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    format!("Authorization: {} …", if is_scheme { scheme } else { "Bearer" })
}

/// Returns the text of the first cause.
fn deepest(error: &dyn Error) -> String {
    let mut current = error;
    while let Some(next) = current.source() {
        current = next;
    }
    current.to_string()
}

/// Returns a server's text in one short line.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(200).collect();
    escape(&short)
}

/// Takes the values of headers out of a failure: a server may repeat what it was sent.
pub fn without_values(failure: Failure, headers: &HashMap<HeaderName, HeaderValue>) -> Failure {
    let mut text = failure.to_string();
    for value in headers.values().filter_map(|value| value.to_str().ok()) {
        // Of `Bearer abc`, `abc` alone is the secret.
        let secret = value.rsplit(' ').next().unwrap_or(value);
        for part in [value, secret].into_iter().filter(|part| part.len() >= 4) {
            text = text.replace(part, "…");
        }
    }
    Failure::new(text)
}
