//! The only record: approvals, what became of them, and who may decide, in SQLite or PostgreSQL.
//!
//! One set of SQL serves both. Texts that are not there are stored empty and times as 0, since a
//! null has no type on its way through [`sqlx::Any`]. Whatever changes does so with its event, in one
//! transaction: see [`event`].

mod accounts;
mod ask;
mod callers;
mod decide;
mod event;
mod outbox;
mod read;
mod row;
mod schema;
mod sessions;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use sqlx::any::AnyPoolOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor as _, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

pub use accounts::Permissions;
pub use decide::Undecidable;
pub use event::{Change, Event};
pub use outbox::Message;
pub use read::{Cursor, Search};
pub use sessions::LONGEST_MS;

/// EventKind speaks SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file, for one machine
    Sqlite,
    /// A server, for several instances of the service
    Postgres,
}

/// The database, which any number of tasks may use at once.
#[derive(Clone)]
pub struct Store {
    pool: AnyPool,
    engine: Engine,
    /// The names of those who hear of each new question
    hooks: Arc<[String]>,
    /// How many questions of one principal of one grant may wait at once
    most_waiting: i64,
    /// SQLite has one writer at a time; within a process they queue here, which is fairer than its lock.
    writer: Arc<Mutex<()>>,
}

/// Why the database did not do what it should.
#[derive(Debug)]
pub enum StoreError {
    /// It failed, or cannot be reached
    Database(sqlx::Error),
    /// Its URL is of no kind that is served
    Url,
    /// Its file cannot be made
    File(io::Error),
    /// A later version of the service made it
    Newer(i64),
    /// So many questions wait for this caller already, which is as many as may
    TooMany(i64),
    /// The operating system has no randomness to give
    Randomness,
}

/// A transaction that changes something.
struct WriteTransaction {
    transaction: Transaction<'static, Any>,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Store {
    /// Opens the database at `url` (`sqlite:FILE` or `postgres://…`), and makes it where there is none.
    /// Each new question is left in the outbox once for each of `hooks`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn open(url: &str, hooks: &[String]) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let engine = match url.split_once(':') {
            Some(("sqlite", _)) => Engine::Sqlite,
            Some(("postgres" | "postgresql", _)) => Engine::Postgres,
            _ => return Err(StoreError::Url),
        };
        let mut url = url.to_owned();
        if engine == Engine::Sqlite {
            make_file(&url)?;
            if !url.contains('?') {
                url.push_str("?mode=rwc");
            }
        }
        // A pool would try for long, and then not say why.
        AnyConnection::connect(&url).await?.close().await?;
        let options = AnyPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(move |connection, _| Box::pin(prepare(connection, engine)));
        let pool = options.connect(&url).await?;
        let most_waiting = read::MOST;
        let store = Self { pool, engine, hooks: hooks.into(), most_waiting, writer: Arc::default() };
        schema::make(&store).await?;
        Ok(store)
    }

    /// Has so many questions of one principal of one grant wait at once, and no more.
    #[must_use]
    pub fn with_most_waiting(self, most_waiting: u32) -> Self {
        Self { most_waiting: most_waiting.into(), ..self }
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Closes all connections, once nobody uses them.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Begins a change. It has the only pen where there is but one.
    async fn write(&self) -> Result<WriteTransaction, StoreError> {
        let (turn, begin) = match self.engine {
            Engine::Sqlite => (Some(Arc::clone(&self.writer).lock_owned().await), "BEGIN IMMEDIATE"),
            Engine::Postgres => (None, "BEGIN"),
        };
        Ok(WriteTransaction { transaction: self.pool.begin_with(begin).await?, _turn: turn })
    }
}

impl WriteTransaction {
    /// Returns what statements run on.
    fn on(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    /// Makes the change durable.
    async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}

/// Makes one connection fit for use.
async fn prepare(connection: &mut AnyConnection, engine: Engine) -> Result<(), sqlx::Error> {
    if engine == Engine::Sqlite {
        for pragma in [
            "PRAGMA busy_timeout = 10000",
            "PRAGMA journal_mode = WAL",
            // A decision that was answered is on the disk.
            "PRAGMA synchronous = FULL",
            "PRAGMA foreign_keys = ON",
        ] {
            connection.execute(pragma).await?;
        }
    }
    Ok(())
}

/// Tells whether an SQLite database has its file; of a server that is not known before it is asked.
#[must_use]
pub fn is_there(url: &str) -> bool {
    !url.starts_with("sqlite:") || file(url).is_ok_and(|path| path.exists())
}

/// Returns the file of an SQLite database, read by what opens it: the URL has escapes.
fn file(url: &str) -> Result<PathBuf, StoreError> {
    let options = SqliteConnectOptions::from_str(url).map_err(|_| StoreError::Url)?;
    let path = options.get_filename().to_owned();
    let unusable = |path: &str| path.is_empty() || path.starts_with("file:") || path.contains(":memory:");
    if path.to_str().is_none_or(unusable) { Err(StoreError::Url) } else { Ok(path) }
}

/// Makes the file of an SQLite database where there is none, for its owner's eyes only: it holds
/// the arguments of calls.
fn make_file(url: &str) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file(url)?).map(drop).map_err(StoreError::File)
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
            Self::File(error) => write!(out, "the database's file cannot be made: {error}"),
            Self::Newer(version) => {
                write!(out, "a later version of the service made this database (schema {version})")
            }
            Self::TooMany(most) => write!(out, "{most} questions of this caller wait already"),
            Self::Randomness => out.write_str("the operating system has no randomness to give"),
        }
    }
}

impl std::error::Error for StoreError {}
