//! The commands with which a person lists and decides approvals from the shell. They call the service's
//! API.

pub mod print;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mcp_policy_engine::json::{self, Value};

use crate::web::path::encode;
use crate::{http_client, serve, wire};

/// A command that calls the service.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List pending approvals
    List {
        /// Approvals with this status instead: pending, approved, denied, consumed, expired, superseded or
        /// all
        #[arg(long, default_value = "pending")]
        status: String,
        /// Only those with this text in the tool, the server, the grant, the principal, a name or a reason
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        service: Service,
    },
    /// Show one approval with its complete arguments
    Show {
        /// The approval's id, or its first 6 or more digits
        id: String,
        #[command(flatten)]
        service: Service,
    },
    /// Approve a call, once
    Approve {
        /// The approval's id, or its first 6 or more digits
        id: String,
        /// A note for the record
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        service: Service,
    },
    /// Deny a call; the caller is told the reason
    Deny {
        /// The approval's id, or its first 6 or more digits
        id: String,
        /// The reason
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        service: Service,
    },
}

/// Where the service is, and the token to use.
#[derive(Debug, Args)]
pub struct Service {
    /// The service's URL
    #[arg(long, value_name = "URL", env = "MCP_APPROVALS_URL", default_value = "http://127.0.0.1:8090")]
    service: String,
    /// A file with the token [default: the environment variable MCP_APPROVALS_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

/// Runs a command.
///
/// # Errors
/// What went wrong, as one line.
pub async fn run(command: Command) -> Result<(), String> {
    // The HTTP client blocks.
    tokio::task::spawn_blocking(move || command.run()).await.map_err(|why| why.to_string())?
}

impl Command {
    fn run(self) -> Result<(), String> {
        match self {
            Self::List { status, search, service } => list(&service, &status, search.as_deref()),
            Self::Show { id, service } => {
                let text = service.call("GET", &format!("/v1/approvals/{}", encode(&id)), None)?;
                service.print(&text, print::approval)
            }
            Self::Approve { id, reason, service } => decide(&service, &id, "approve", reason.as_deref()),
            Self::Deny { id, reason, service } => decide(&service, &id, "deny", Some(&reason)),
        }
    }
}

/// Prints all pages of the list.
fn list(service: &Service, status: &str, search: Option<&str>) -> Result<(), String> {
    let status = if status == "all" { "" } else { status };
    let mut after = String::new();
    loop {
        let query =
            format!("?status={}&q={}&after={after}", encode(status), encode(search.unwrap_or_default()));
        let text = service.call("GET", &format!("/v1/approvals{query}"), None)?;
        service.print(&text, print::list)?;
        let next = json::read(text.as_bytes()).ok();
        match next.as_ref().and_then(|page| page.root().get("next")).and_then(Value::string) {
            Some(next) => after = encode(&next),
            None => return Ok(()),
        }
    }
}

fn decide(service: &Service, id: &str, verb: &str, reason: Option<&str>) -> Result<(), String> {
    let body = serde_json::json!({ "reason": reason }).to_string();
    let path = format!("/v1/approvals/{}/{verb}", encode(id));
    let text = service.call("POST", &path, Some(&body))?;
    service.print(&text, print::line)
}

impl Service {
    /// Sends a request. Returns the text of the answer, or the error message of an answer that is not 200.
    fn call(&self, method: &str, path: &str, json: Option<&str>) -> Result<String, String> {
        let token = match &self.token_file {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))?
            }
            None => std::env::var("MCP_APPROVALS_TOKEN")
                .map_err(|_| "needs --token-file, or a token in MCP_APPROVALS_TOKEN".to_owned())?,
        };
        let url = format!("{}{path}", self.service.trim_end_matches('/'));
        let (status, text) = http_client::call(method, &url, token.trim(), json)?;
        if status == 200 {
            return Ok(text);
        }
        let answer = json::read(text.as_bytes()).ok();
        let message = answer.as_ref().and_then(|answer| answer.root().get("error")).and_then(Value::string);
        Err(message
            .map_or_else(|| format!("the service answered {status}"), |message| print::escaped(&message)))
    }

    /// Prints an answer, as JSON or as text.
    fn print(&self, text: &str, print: impl Fn(Value<'_>) -> String) -> Result<(), String> {
        if self.json {
            serve::say(&wire::escaped(text.to_owned()));
            return Ok(());
        }
        let answer =
            json::read(text.as_bytes()).map_err(|_| "the service's answer is not JSON".to_owned())?;
        for line in print(answer.root()).lines() {
            serve::say(line);
        }
        Ok(())
    }
}
