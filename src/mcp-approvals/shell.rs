//! Deciding from the shell, through the service.

mod print;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mcp_policy_engine::json::{self, Value};

use crate::web::path::encode;
use crate::{http_client, serve, wire};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what waits for a decision
    List {
        /// What has this status instead: pending, approved, denied, consumed, expired or all
        #[arg(long, default_value = "pending")]
        status: String,
        /// Only what has this text in the tool, the server, the caller, a reason …
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        service: Service,
    },
    /// Show one approval, with all of its arguments
    Show {
        /// Its id, or at least the first 6 digits of it
        id: String,
        #[command(flatten)]
        service: Service,
    },
    /// Let the call go on, once
    Approve {
        /// Its id, or at least the first 6 digits of it
        id: String,
        /// Why
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        service: Service,
    },
    /// Refuse the call; the caller is told why
    Deny {
        /// Its id, or at least the first 6 digits of it
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        service: Service,
    },
}

/// Where the service is, and who asks it.
#[derive(Debug, Args)]
pub struct Service {
    /// Where the service is
    #[arg(long, value_name = "URL", env = "MCP_APPROVALS_URL", default_value = "http://127.0.0.1:8090")]
    service: String,
    /// A file with the token; without it, the variable MCP_APPROVALS_TOKEN holds it
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

/// Does what was ordered.
///
/// # Errors
/// Why it was not done.
pub async fn run(command: Command) -> Result<(), String> {
    // The client is one that blocks.
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

/// Lists page by page, as far as there are pages.
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
    /// Sends a request, and returns the text of an answer that is none of a fault.
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
        let told = answer.as_ref().and_then(|answer| answer.root().get("error")).and_then(Value::string);
        Err(told.map_or_else(|| format!("the service answered {status}"), |told| print::plain(&told)))
    }

    /// Prints an answer, as it came or for people.
    fn print(&self, text: &str, print: impl Fn(Value<'_>) -> String) -> Result<(), String> {
        if self.json {
            serve::say(&wire::escaped(text.to_owned()));
            return Ok(());
        }
        let answer = json::read(text.as_bytes()).map_err(|_| "the service answered no JSON".to_owned())?;
        for line in print(answer.root()).lines() {
            serve::say(line);
        }
        Ok(())
    }
}
