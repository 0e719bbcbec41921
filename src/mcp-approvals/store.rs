//! The database: approvals, decisions, events and accounts, in SQLite or PostgreSQL.
//!
//! Both engines share one set of SQL statements. Absent texts are stored as empty strings and absent times
//! as 0, because [`sqlx::Any`] cannot bind an untyped null. Every change is written in one transaction with
//! its event: see [`event`].

mod accounts;
mod ask;
mod callers;
mod decide;
mod event;
mod outbox;
mod quotas;
mod read;
mod related;
mod retention;
mod row;
mod schema;
mod sessions;
#[cfg(test)]
mod tests;
mod usage;

use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use sqlx::any::AnyPoolOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor as _, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::config::Quotas;

pub use accounts::Permissions;
pub use decide::Undecidable;
pub use event::{Change, Event};
pub use outbox::Message;
pub use quotas::OverQuota;
pub use read::{Cursor, MAX_LISTED, Search};
pub use sessions::MAX_SESSION_MS;
pub use usage::Usage;

/// The database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file, for one instance of the service
    Sqlite,
    /// A server, for several instances
    Postgres,
}

/// A connection pool, which any number of tasks may share.
#[derive(Clone)]
pub struct Store {
    pool: AnyPool,
    engine: Engine,
    /// The names of the webhooks that are notified of each new question
    hooks: Arc<[String]>,
    /// The most pending questions of one principal under one grant
    max_pending: i64,
    /// What each caller may add
    quotas: Quotas,
    /// SQLite allows one writer at a time. Writers of one process queue here, which is fairer than SQLite's
    /// lock.
    writer: Arc<Mutex<()>>,
}

/// Why a database operation failed.
#[derive(Debug)]
pub enum StoreError {
    /// The database failed or cannot be reached
    Database(sqlx::Error),
    /// The URL is not of a supported kind
    Url,
    /// The database file cannot be created
    File(io::Error),
    /// A newer version of the service created the database, with this schema version
    Newer(i64),
    /// The principal already has this many pending questions, which is the limit
    TooManyPending(i64),
    /// The caller has used up one of its quotas
    OverQuota(OverQuota),
    /// The operating system's random number generator failed
    Randomness,
}

/// A write transaction.
struct WriteTransaction {
    transaction: Transaction<'static, Any>,
    _writer: Option<OwnedMutexGuard<()>>,
}

impl Store {
    /// Opens the database at `url` (`sqlite:FILE` or `postgres://…`), and creates or upgrades its tables.
    /// Each new question is put into the outbox once for each of `hooks`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn open(url: &str, hooks: &[String]) -> Result<Self, StoreError> {
        let store = Self::connect(url, hooks).await?;
        schema::create(&store).await?;
        Ok(store)
    }

    /// Opens the database without looking at its tables.
    async fn connect(url: &str, hooks: &[String]) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let engine = match url.split_once(':') {
            Some(("sqlite", _)) => Engine::Sqlite,
            Some(("postgres" | "postgresql", _)) => Engine::Postgres,
            _ => return Err(StoreError::Url),
        };
        let mut url = url.to_owned();
        if engine == Engine::Sqlite {
            create_file(&url)?;
            if !url.contains('?') {
                url.push_str("?mode=rwc");
            }
        }
        // Connect once without the pool, which would retry for a long time and then not report the reason.
        AnyConnection::connect(&url).await?.close().await?;
        let options = AnyPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(move |connection, _| Box::pin(prepare(connection, engine)));
        let pool = options.connect(&url).await?;
        let max_pending = MAX_LISTED;
        let (quotas, writer) = (Quotas::default(), Arc::default());
        Ok(Self { pool, engine, hooks: hooks.into(), max_pending, quotas, writer })
    }

    /// Sets the most pending questions of one principal under one grant.
    #[must_use]
    pub fn with_max_pending(self, max_pending: u32) -> Self {
        Self { max_pending: max_pending.into(), ..self }
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Closes all connections, once they are idle.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Begins a write transaction. On SQLite, waits until no other task of this process writes.
    async fn write(&self) -> Result<WriteTransaction, StoreError> {
        let (writer, begin) = match self.engine {
            Engine::Sqlite => (Some(Arc::clone(&self.writer).lock_owned().await), "BEGIN IMMEDIATE"),
            Engine::Postgres => (None, "BEGIN"),
        };
        Ok(WriteTransaction { transaction: self.pool.begin_with(begin).await?, _writer: writer })
    }
}

impl WriteTransaction {
    /// Returns the connection to run statements on.
    fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    /// Commits the transaction. On return the change is durable.
    async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}

/// Configures a new connection.
async fn prepare(connection: &mut AnyConnection, engine: Engine) -> Result<(), sqlx::Error> {
    if engine == Engine::Sqlite {
        for pragma in [
            "PRAGMA busy_timeout = 10000",
            "PRAGMA journal_mode = WAL",
            // A decision that was answered must survive a power failure.
            "PRAGMA synchronous = FULL",
            "PRAGMA foreign_keys = ON",
        ] {
            connection.execute(pragma).await?;
        }
    }
    Ok(())
}

/// Returns whether the file of an SQLite database exists. For PostgreSQL this is unknown, and returns
/// `true`.
#[must_use]
pub fn exists(url: &str) -> bool {
    !url.starts_with("sqlite:") || file_path(url).is_ok_and(|path| path.exists())
}

/// Returns the path of an SQLite database. Uses sqlx's own parser, since the URL may contain escapes.
fn file_path(url: &str) -> Result<PathBuf, StoreError> {
    let options = SqliteConnectOptions::from_str(url).map_err(|_| StoreError::Url)?;
    let path = options.get_filename().to_owned();
    let unusable = |path: &str| path.is_empty() || path.starts_with("file:") || path.contains(":memory:");
    if path.to_str().is_none_or(unusable) { Err(StoreError::Url) } else { Ok(path) }
}

/// Creates the file of an SQLite database if it does not exist. Only its owner may read it, because it
/// contains the arguments of calls.
fn create_file(url: &str) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file_path(url)?).map(drop).map_err(StoreError::File)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<getrandom::Error> for StoreError {
    fn from(_: getrandom::Error) -> Self {
        Self::Randomness
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => write!(out, "the database failed: {error}"),
            Self::Url => out.write_str("the database must be `sqlite:FILE` or `postgres://…`"),
            Self::File(error) => write!(out, "cannot create the database file: {error}"),
            Self::Newer(version) => {
                write!(out, "a newer version of the service created this database (schema {version})")
            }
            Self::TooManyPending(most) => {
                write!(out, "{most} questions of this principal are already pending")
            }
            Self::OverQuota(over) => over.fmt(out),
            Self::Randomness => out.write_str("the operating system's random number generator failed"),
        }
    }
}

impl std::error::Error for StoreError {}
