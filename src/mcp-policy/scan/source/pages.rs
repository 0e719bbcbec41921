//! Asks a server for all pages of its lists.

use std::collections::HashSet;
use std::io::Write as _;

use rmcp::RoleClient;
use rmcp::model::{PaginatedRequestParams, ServerPeerInfo};
use rmcp::service::{Peer, ServiceError};
use serde::Serialize;
use serde_json::Value;

use super::heard::Heard;
use crate::scan::offer::{Kind, Offer, add_page};

/// The most pages of one list. No honest server has more.
const MOST_PAGES: usize = 1_000;

/// JSON-RPC's code for a method that the server does not have.
const METHOD_NOT_FOUND: i32 = -32601;

/// Why a list could not be read.
#[derive(Debug)]
pub enum Broken {
    /// The server did not answer, or with an error
    Service(Kind, ServiceError),
    /// The answer is not such a list: where, and what is wrong
    Answer(String),
}

/// A line on stderr that shows how far the scan has come, if stderr is a terminal.
pub struct Progress(bool);

impl Progress {
    /// Makes a line that is shown or not.
    pub fn new(shown: bool) -> Self {
        Self(shown)
    }

    /// Shows a text in place of the one before.
    pub fn show(&self, text: &str) {
        if self.0 {
            // A line that cannot be shown does not matter.
            let mut stderr = std::io::stderr();
            let _ = write!(stderr, "\r\x1b[2K{text}");
            let _ = stderr.flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show("");
    }
}

/// Asks for everything that the server says it has. `heard` has what the server writes.
///
/// # Errors
/// A list could not be read.
pub async fn all(
    peer: &Peer<RoleClient>,
    info: &ServerPeerInfo,
    heard: &Heard,
    progress: &Progress,
) -> Result<Offer, Broken> {
    let mut offer = Offer { instructions: info.instructions.clone(), verbatim: true, ..Offer::default() };
    if let Some(server) = &info.server_info {
        offer.server = Some(server.name.clone()).filter(|name| !name.is_empty());
        offer.version = Some(server.version.clone()).filter(|version| !version.is_empty());
    }
    for kind in Kind::ALL {
        let offered = match kind {
            Kind::Tools => info.capabilities.tools.is_some(),
            Kind::Resources | Kind::Templates => info.capabilities.resources.is_some(),
            Kind::Prompts => info.capabilities.prompts.is_some(),
        };
        match offered {
            true => list(peer, kind, &mut offer, heard, progress).await?,
            false => offer.listed.push(kind),
        }
    }
    Ok(offer)
}

async fn list(
    peer: &Peer<RoleClient>,
    kind: Kind,
    offer: &mut Offer,
    heard: &Heard,
    progress: &Progress,
) -> Result<(), Broken> {
    let mut cursor = None;
    let mut seen = HashSet::new();
    for page in 1..=MOST_PAGES {
        progress.show(&format!(
            "asking for {}, page {page}; {} tools so far",
            kind.member(),
            offer.tools.len()
        ));
        heard.clear();
        let params = Some(PaginatedRequestParams::default().with_cursor(cursor));
        let answer = match kind {
            Kind::Tools => value(peer.list_tools(params).await),
            Kind::Resources => value(peer.list_resources(params).await),
            Kind::Templates => value(peer.list_resource_templates(params).await),
            Kind::Prompts => value(peer.list_prompts(params).await),
        };
        let answer = match answer {
            Ok(answer) => answer,
            // Without its tools there is nothing to write. What else cannot be listed stays denied.
            Err(ServiceError::McpError(error)) if kind != Kind::Tools => {
                match error.code.0 {
                    METHOD_NOT_FOUND => offer.listed.push(kind),
                    _ => offer.unlisted.push((kind.member(), error.message.to_string())),
                }
                return Ok(());
            }
            Err(error) => return Err(Broken::Service(kind, error)),
        };
        let sent = (kind == Kind::Tools).then(|| heard.tools()).flatten();
        if kind == Kind::Tools && sent.is_none() && heard.has_zeros() {
            let why =
                "has numbers beyond what 64-bit integers and doubles hold, and was not kept as it was sent";
            return Err(Broken::Answer(format!("{}: {why}", kind.member())));
        }
        offer.verbatim &= kind != Kind::Tools || sent.is_some();
        let list = sent.unwrap_or_else(|| answer.get(kind.member()).unwrap_or(&Value::Null).to_string());
        add_page(offer, kind, &list, kind.member()).map_err(Broken::Answer)?;
        cursor = answer.get("nextCursor").and_then(Value::as_str).map(str::to_owned);
        match &cursor {
            None => return Ok(()),
            Some(cursor) if !seen.insert(cursor.clone()) => {
                return Err(Broken::Answer(format!("{}: the server's pages form a circle", kind.member())));
            }
            Some(_) => {}
        }
    }
    Err(Broken::Answer(format!("{}: the server has more than {MOST_PAGES} pages", kind.member())))
}

fn value<T: Serialize>(answer: Result<T, ServiceError>) -> Result<Value, ServiceError> {
    answer.and_then(|answer| serde_json::to_value(answer).map_err(|_| ServiceError::UnexpectedResponse))
}
