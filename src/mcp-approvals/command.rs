//! The command line.

mod usage;

use std::io::Write as _;
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

/// Holds calls of MCP tools until a person approves or denies them
#[derive(Debug, Parser)]
#[command(name = "mcp-approvals", version)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: answer Envoy's questions, and show them to people
    Serve {
        #[command(flatten)]
        options: DatabaseOptions,
        /// Listen on this address; port 0 picks a free port [default: 127.0.0.1:8090]
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<String>,
    },
    /// Print a link with which a person creates an account, or gets a new password and role
    Invite {
        /// The person's name
        name: String,
        /// What they may do
        #[arg(long, value_enum, default_value_t = Role::Approve)]
        may: Role,
        /// Servers whose calls they may see, as a pattern; can be repeated
        #[arg(long, value_name = "PATTERN", default_value = "*")]
        servers: Vec<String>,
        /// Tools whose calls they may see, as a pattern; can be repeated
        #[arg(long, value_name = "PATTERN", default_value = "*")]
        tools: Vec<String>,
        #[command(flatten)]
        options: DatabaseOptions,
    },
    /// Delete a person's account, sessions, tokens and invitations
    Remove {
        /// The person's name
        name: String,
        #[command(flatten)]
        options: DatabaseOptions,
    },
    /// Print a token with which an Envoy asks
    Caller {
        /// The caller's name in the record
        name: String,
        /// Revoke all tokens of this caller instead
        #[arg(long)]
        revoke: bool,
        /// Revoke all tokens of this caller but the newest instead, after its Envoys have the newest
        #[arg(long, conflicts_with = "revoke")]
        revoke_older: bool,
        #[command(flatten)]
        options: DatabaseOptions,
    },
    /// Print a token with which a person decides from the shell
    Token {
        /// The person's name
        name: String,
        #[command(flatten)]
        options: DatabaseOptions,
    },
    /// Print all events as JSON lines
    Export {
        /// Only events from this time on, such as 2027-01-01T00:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        #[command(flatten)]
        options: DatabaseOptions,
    },
    /// Print what the database holds, how long it is kept, and how much of their quotas callers use
    Usage {
        #[command(flatten)]
        options: DatabaseOptions,
    },
    #[command(flatten)]
    Shell(shell::Command),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// View and decide
    Approve,
    /// View only
    View,
}

/// Options that locate the database.
#[derive(Debug, Args)]
struct DatabaseOptions {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// `sqlite:FILE` or `postgres://…` [default: sqlite:mcp-approvals.db]
    #[arg(long, value_name = "URL", env = "MCP_APPROVALS_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// The URL at which people reach the service [default: the listening address]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Why a command failed: the message, and the exit code.
struct Failure {
    message: String,
    code: u8,
}

impl CommandLine {
    /// Runs the command. The exit code is 0, 1 after a failure, or 2 if the configuration has faults.
    pub async fn run(self) -> ExitCode {
        match self.command.run().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure { message, code }) => {
                // Print one line for each fault of a configuration file.
                for line in message.lines() {
                    crate::logging::plain(line);
                }
                ExitCode::from(code)
            }
        }
    }
}

impl Command {
    async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Serve { options, listen } => run_service(&options, listen).await,
            Self::Invite { name, may, servers, tools, options } => {
                let permissions = Permissions { approve: may == Role::Approve, servers, tools };
                invite(&options, &name, &permissions).await
            }
            Self::Remove { name, options } => remove(&options, &name).await,
            Self::Caller { name, revoke: true, options, .. } => revoke_caller(&options, &name).await,
            Self::Caller { name, revoke_older: true, options, .. } => revoke_older(&options, &name).await,
            Self::Caller { name, options, .. } => make_caller(&options, &name).await,
            Self::Token { name, options } => make_token(&options, &name).await,
            Self::Export { since, options } => export(&options, since.as_deref()).await,
            Self::Usage { options } => usage::usage(&options).await,
            Self::Shell(command) => Ok(shell::run(command).await?),
        }
    }
}

async fn run_service(options: &DatabaseOptions, listen: Option<String>) -> Result<(), Failure> {
    let mut settings = options.settings()?;
    settings.listen = listen.or(settings.listen);
    let tls = settings.tls.as_ref().map(tls::Current::new).transpose();
    let tls = tls.map_err(|message| Failure { message, code: 2 })?;
    Ok(serve::run(settings, tls).await?)
}

async fn invite(options: &DatabaseOptions, name: &str, permissions: &Permissions) -> Result<(), Failure> {
    check_name(name).map_err(str::to_owned)?;
    let (store, settings) = options.store().await?;
    if !settings.sign_in.accounts {
        let message = "`sign_in.accounts` is `false`, so there are no password accounts";
        return Err(message.to_owned().into());
    }
    let secret = store.invite(name, permissions, now_ms()).await?;
    let url = settings.base_url(settings.listen.as_deref().unwrap_or(config::LISTEN));
    say(&format!("{url}/invitations/{secret}"));
    store.close().await;
    Ok(())
}

async fn remove(options: &DatabaseOptions, name: &str) -> Result<(), Failure> {
    let (store, _) = options.store().await?;
    let removed = store.remove_account(name, now_ms()).await?;
    store.close().await;
    if removed {
        return Ok(());
    }
    Err(format!("`{name}` has no account, session, token or invitation").into())
}

async fn make_caller(options: &DatabaseOptions, name: &str) -> Result<(), Failure> {
    let (store, _) = options.store().await?;
    say(&store.make_caller(name, now_ms()).await?);
    store.close().await;
    Ok(())
}

async fn revoke_caller(options: &DatabaseOptions, name: &str) -> Result<(), Failure> {
    let (store, _) = options.store().await?;
    if !store.remove_caller(name, now_ms()).await? {
        return Err(format!("the caller `{name}` has no token in the database").into());
    }
    store.close().await;
    Ok(())
}

async fn revoke_older(options: &DatabaseOptions, name: &str) -> Result<(), Failure> {
    let (store, _) = options.store().await?;
    if !store.remove_older_tokens(name, now_ms()).await? {
        return Err(format!("the caller `{name}` has no older token in the database").into());
    }
    store.close().await;
    Ok(())
}

async fn make_token(options: &DatabaseOptions, name: &str) -> Result<(), Failure> {
    let (store, settings) = options.store().await?;
    let has_role = settings.roles.iter().any(|role| role.who.iter().any(|who| who == name));
    if !has_role && store.account(name).await?.is_none() {
        let message = "has no account and no role by name, so a token would not allow anything: `invite` prints a link to create an account";
        return Err(format!("`{name}` {message}").into());
    }
    say(&store.make_token(name, now_ms()).await?);
    store.close().await;
    Ok(())
}

async fn export(options: &DatabaseOptions, since: Option<&str>) -> Result<(), Failure> {
    let since_ms = since.map_or(Some(0), from_rfc3339);
    let since_ms = since_ms.ok_or("--since must be a time such as 2027-01-01T00:00:00Z".to_owned())?;
    let (store, _) = options.store().await?;
    let mut after = 0;
    while let Some((lines, last)) = api::lines(&store, after, since_ms).await? {
        std::io::stdout().write_all(lines.as_bytes()).map_err(|why| why.to_string())?;
        after = last;
    }
    store.close().await;
    Ok(())
}

impl DatabaseOptions {
    /// Reads the configuration. Options on the command line override the file.
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

    /// Opens the database.
    async fn store(&self) -> Result<(Store, Settings), Failure> {
        let settings = self.settings()?;
        let database = settings.database.as_deref().unwrap_or(serve::DATABASE);
        if !crate::store::exists(database) {
            crate::logging::plain(&format!(
                "{database} did not exist and was created. To use the service's database, run this command where `serve` \
                 runs, or pass the same --config or --database"
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
