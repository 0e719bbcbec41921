//! The command line: the service, who may use it, and its record.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::clock::{from_rfc3339, now_ms};
use crate::config::{self, Settings};
use crate::serve::{self, say};
use crate::shell;
use crate::sign_in::check_name;
use crate::store::{Permissions, Store};
use crate::{api, tls, webhooks};

/// Holds calls of MCP tools that somebody has to approve, and what was decided of them
#[derive(Debug, Parser)]
#[command(name = "mcp-approvals", version)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve: take questions of Envoy, and show them to people
    Serve {
        #[command(flatten)]
        options: DatabaseOptions,
        /// Listen here; port 0 is any that is free [default: 127.0.0.1:8090]
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<String>,
    },
    /// Print a link with which somebody makes their account, or chooses a new password and role
    Invite {
        /// Their name
        name: String,
        /// What they may do
        #[arg(long, value_enum, default_value_t = Role::Approve)]
        may: Role,
        /// With approvals of which servers, a pattern; repeat it for more
        #[arg(long, value_name = "PATTERN", default_value = "*")]
        servers: Vec<String>,
        /// And of which tools
        #[arg(long, value_name = "PATTERN", default_value = "*")]
        tools: Vec<String>,
        #[command(flatten)]
        options: DatabaseOptions,
    },
    /// End somebody's account, sessions, tokens and invitations
    Remove {
        /// Their name
        name: String,
        #[command(flatten)]
        options: DatabaseOptions,
    },
    /// Print a token with which an Envoy asks
    Caller {
        /// What it is called in the record
        name: String,
        /// End all tokens of this name instead
        #[arg(long)]
        revoke: bool,
        #[command(flatten)]
        options: DatabaseOptions,
    },
    /// Print a token with which somebody decides from the shell
    Token {
        /// Their name
        name: String,
        #[command(flatten)]
        options: DatabaseOptions,
    },
    /// Write all events as JSON lines
    Export {
        /// From this time on, such as 2027-01-01T00:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        #[command(flatten)]
        options: DatabaseOptions,
    },
    #[command(flatten)]
    Shell(shell::Command),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Look, and decide
    Approve,
    /// Look alone
    View,
}

/// Where the record is.
#[derive(Debug, Args)]
struct DatabaseOptions {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// `sqlite:FILE` or `postgres://…` [default: sqlite:mcp-approvals.db]
    #[arg(long, value_name = "URL", env = "MCP_APPROVALS_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Under which URL people reach the service [default: where it listens]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Why a command ends early: what to tell, and whether the configuration is at fault.
struct Failure {
    message: String,
    code: u8,
}

impl CommandLine {
    /// Does what the command line says. The code is 0, 1 where something failed, or 2 where the
    /// configuration is at fault.
    pub async fn run(self) -> ExitCode {
        match self.command.run().await {
            Ok(code) => code,
            Err(Failure { message, code }) => {
                // Lines of its own: the faults of a file.
                for line in message.lines() {
                    crate::logging::plain(line);
                }
                ExitCode::from(code)
            }
        }
    }
}

impl Command {
    async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Serve { options, listen } => {
                let mut settings = options.settings()?;
                settings.listen = listen.or(settings.listen);
                let tls = settings.tls.as_ref().map(tls::Current::new).transpose();
                let tls = tls.map_err(|message| Failure { message, code: 2 })?;
                serve::run(settings, tls).await?;
            }
            Self::Invite { name, may, servers, tools, options } => {
                check_name(&name).map_err(str::to_owned)?;
                let (store, settings) = options.store().await?;
                if !settings.sign_in.accounts {
                    return Err("`sign_in.accounts` is `false`: nobody signs in with a password"
                        .to_owned()
                        .into());
                }
                let may = Permissions { approve: may == Role::Approve, servers, tools };
                let secret = store.invite(&name, &may, now_ms()).await?;
                let url = settings.base_url(settings.listen.as_deref().unwrap_or(config::LISTEN));
                say(&format!("{url}/invitations/{secret}"));
                store.close().await;
            }
            Self::Remove { name, options } => {
                let (store, _) = options.store().await?;
                let removed = store.remove_account(&name, now_ms()).await?;
                store.close().await;
                if !removed {
                    return Err(format!("there is nothing of `{name}`").into());
                }
            }
            Self::Caller { name, revoke, options } => {
                let (store, _) = options.store().await?;
                if revoke && !store.remove_caller(&name, now_ms()).await? {
                    return Err(format!("no token here is of `{name}`").into());
                }
                if !revoke {
                    say(&store.make_caller(&name, now_ms()).await?);
                }
                store.close().await;
            }
            Self::Token { name, options } => {
                let (store, settings) = options.store().await?;
                let known = settings.roles.iter().any(|role| role.who.contains(&name));
                if !known && store.account(&name).await?.is_none() {
                    return Err(format!(
                        "`{name}` has no account and no role by name, so a token would be of no use"
                    )
                    .into());
                }
                say(&store.make_token(&name, now_ms()).await?);
                store.close().await;
            }
            Self::Export { since, options } => {
                let since_ms = since.map_or(Some(0), |text| from_rfc3339(&text));
                let since_ms =
                    since_ms.ok_or("--since must be a time such as 2027-01-01T00:00:00Z".to_owned())?;
                let (store, _) = options.store().await?;
                let mut after = 0;
                while let Some((lines, last)) = api::lines(&store, after, since_ms).await? {
                    use std::io::Write as _;
                    std::io::stdout().write_all(lines.as_bytes()).map_err(|why| why.to_string())?;
                    after = last;
                }
                store.close().await;
            }
            Self::Shell(order) => shell::run(order).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl DatabaseOptions {
    /// Reads the configuration; what the command line says comes first.
    fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = Settings::default();
        if let Some(path) = &self.config {
            let file = |path: &str| std::fs::read_to_string(path);
            let text = std::fs::read_to_string(path);
            let text =
                text.map_err(|why| Failure { message: format!("{}: {why}", path.display()), code: 2 })?;
            let read = config::settings(&text, file);
            settings = read.map_err(|faults| Failure { message: faults.to_string(), code: 2 })?;
        }
        if let Some(url) = &self.url {
            let web_url = config::web_url(url);
            let message = "--url: must be a URL such as `https://approvals.example.com`".to_owned();
            settings.url = Some(web_url.ok_or(Failure { message, code: 2 })?.to_owned());
        }
        settings.database = self.database.clone().or(settings.database);
        Ok(settings)
    }

    /// Opens the record.
    async fn store(&self) -> Result<(Store, Settings), Failure> {
        let settings = self.settings()?;
        let database = settings.database.as_deref().unwrap_or(serve::DATABASE);
        if !crate::store::is_there(database) {
            crate::logging::plain(&format!(
                "{database} was not there and is new: for the service's own, run this where `serve` runs, or name \
                 its --config or --database"
            ));
        }
        Ok((Store::open(database, &webhooks::names(&settings.webhooks)).await?, settings))
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self { message, code: 1 }
    }
}

impl From<crate::store::StoreError> for Failure {
    fn from(why: crate::store::StoreError) -> Self {
        Self { message: why.to_string(), code: 1 }
    }
}
