//! Deciding from the shell, through the service.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Order {
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
pub async fn run(_order: Order) -> Result<(), String> {
    Ok(())
}
