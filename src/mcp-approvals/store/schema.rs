//! The tables.

use std::num::ParseIntError;

use sqlx::Row as _;

use super::event::{self, EventFields, EventKind};
use super::{Engine, Store, StoreError, WriteTransaction};
use crate::{clock, secret};

mod bounds;

/// The version of the tables. Version 1 is below, [`UPGRADE`] and [`bounds`] make version 2 of it.
const VERSION: i64 = 2;

/// The tables of version 1, of both engines.
const TABLES: &[&str] = &[
    // A row here is the lock for all questions about one call. Since version 2 its key is the call's hash;
    // the row of a fingerprint is only what approvals refer to.
    "CREATE TABLE fingerprints (fingerprint TEXT PRIMARY KEY, times BIGINT NOT NULL)",
    "CREATE TABLE approvals (
        id TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL REFERENCES fingerprints (fingerprint),
        server TEXT NOT NULL, policy TEXT NOT NULL, grant_name TEXT NOT NULL, principal TEXT NOT NULL,
        tool TEXT NOT NULL, arguments TEXT NOT NULL, rule TEXT NOT NULL, ask_reason TEXT NOT NULL,
        decision_id TEXT NOT NULL, request_id TEXT NOT NULL, expires_seconds BIGINT NOT NULL,
        created_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'denied', 'consumed', 'expired')),
        times BIGINT NOT NULL DEFAULT 1,
        verdict TEXT NOT NULL DEFAULT '', decided_by TEXT NOT NULL DEFAULT '',
        decided_reason TEXT NOT NULL DEFAULT '', decided_ms BIGINT NOT NULL DEFAULT 0,
        consumed_ms BIGINT NOT NULL DEFAULT 0)",
    "CREATE INDEX approvals_live ON approvals (fingerprint, status)",
    "CREATE INDEX approvals_due ON approvals (status, expires_ms)",
    "CREATE INDEX approvals_by_time ON approvals (created_ms, id)",
    // The number of the last event. The row is the lock for writing the next one.
    "CREATE TABLE event_head (one BIGINT PRIMARY KEY CHECK (one = 1), last BIGINT NOT NULL)",
    "INSERT INTO event_head (one, last) VALUES (1, 0)",
    "CREATE TABLE events (
        seq BIGINT PRIMARY KEY, at_ms BIGINT NOT NULL, what TEXT NOT NULL, who TEXT NOT NULL,
        reason TEXT NOT NULL, approval_id TEXT NOT NULL, fingerprint TEXT NOT NULL,
        decision_id TEXT NOT NULL, request_id TEXT NOT NULL)",
    "CREATE INDEX events_by_approval ON events (approval_id, seq)",
    "CREATE TABLE accounts (
        name TEXT PRIMARY KEY, password TEXT NOT NULL, may TEXT NOT NULL, servers TEXT NOT NULL,
        tools TEXT NOT NULL, created_ms BIGINT NOT NULL)",
    "CREATE TABLE invitations (
        hash TEXT PRIMARY KEY, name TEXT NOT NULL, may TEXT NOT NULL, servers TEXT NOT NULL,
        tools TEXT NOT NULL, expires_ms BIGINT NOT NULL)",
    "CREATE TABLE sessions (
        hash TEXT PRIMARY KEY, name TEXT NOT NULL, created_ms BIGINT NOT NULL, used_ms BIGINT NOT NULL)",
    "CREATE TABLE tokens (hash TEXT PRIMARY KEY, name TEXT NOT NULL, created_ms BIGINT NOT NULL)",
    "CREATE TABLE callers (hash TEXT PRIMARY KEY, name TEXT NOT NULL, created_ms BIGINT NOT NULL)",
    "CREATE TABLE outbox (
        id TEXT PRIMARY KEY, approval_id TEXT NOT NULL REFERENCES approvals (id), hook TEXT NOT NULL,
        created_ms BIGINT NOT NULL, next_ms BIGINT NOT NULL, attempts BIGINT NOT NULL DEFAULT 0)",
    "CREATE INDEX outbox_due ON outbox (next_ms)",
];

/// Triggers that keep events and questions from being changed: SQLite.
const GUARDS_SQLITE: &[&str] = &[
    "CREATE TRIGGER events_stay BEFORE UPDATE ON events
     BEGIN SELECT RAISE(ABORT, 'events are append-only'); END",
    "CREATE TRIGGER events_remain BEFORE DELETE ON events
     BEGIN SELECT RAISE(ABORT, 'events are append-only'); END",
    "CREATE TRIGGER approvals_stay BEFORE UPDATE OF id, fingerprint, server, policy, grant_name, principal,
        tool, arguments, rule, ask_reason, decision_id, request_id, created_ms, expires_ms ON approvals
     BEGIN SELECT RAISE(ABORT, 'what was asked stands'); END",
    "CREATE TRIGGER approvals_remain BEFORE DELETE ON approvals
     BEGIN SELECT RAISE(ABORT, 'what was asked stands'); END",
];

/// Triggers that keep events and questions from being changed: PostgreSQL.
const GUARDS_POSTGRES: &[&str] = &[
    "CREATE FUNCTION approvals_refuse() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$",
    "CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON events
     FOR EACH STATEMENT EXECUTE FUNCTION approvals_refuse()",
    "CREATE TRIGGER approvals_stay BEFORE UPDATE OF id, fingerprint, server, policy, grant_name, principal,
        tool, arguments, rule, ask_reason, decision_id, request_id, created_ms, expires_ms ON approvals
     FOR EACH STATEMENT EXECUTE FUNCTION approvals_refuse()",
    "CREATE TRIGGER approvals_remain BEFORE DELETE OR TRUNCATE ON approvals
     FOR EACH STATEMENT EXECUTE FUNCTION approvals_refuse()",
];

/// What version 2 adds, in both engines. `superseded_by` is the approval that replaces an expired one.
const UPGRADE: &[&str] = &[
    "ALTER TABLE approvals ADD COLUMN rules TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE approvals ADD COLUMN source TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE approvals ADD COLUMN params TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE approvals ADD COLUMN host TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE approvals ADD COLUMN path TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE approvals ADD COLUMN call_hash TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE approvals ADD COLUMN superseded_by TEXT NOT NULL DEFAULT ''",
    "UPDATE approvals SET call_hash = fingerprint",
    "CREATE INDEX approvals_by_call ON approvals (call_hash, status)",
];

/// The triggers of version 2: SQLite.
const UPGRADE_SQLITE: &[&str] = &[
    "DROP TRIGGER approvals_stay",
    "CREATE TRIGGER approvals_stay BEFORE UPDATE OF id, fingerprint, server, policy, grant_name, principal,
        tool, arguments, rule, ask_reason, decision_id, request_id, created_ms, expires_ms, rules, source, params,
        host, path, call_hash ON approvals
     BEGIN SELECT RAISE(ABORT, 'what was asked stands'); END",
];

/// The triggers of version 2: PostgreSQL.
const UPGRADE_POSTGRES: &[&str] = &[
    "DROP TRIGGER approvals_stay ON approvals",
    "CREATE TRIGGER approvals_stay BEFORE UPDATE OF id, fingerprint, server, policy, grant_name, principal,
        tool, arguments, rule, ask_reason, decision_id, request_id, created_ms, expires_ms, rules, source, params,
        host, path, call_hash ON approvals
     FOR EACH STATEMENT EXECUTE FUNCTION approvals_refuse()",
];

/// Creates the tables if they do not exist, and upgrades those of an earlier version. If several instances
/// start at once, one of them does it.
pub(super) async fn create(store: &Store) -> Result<(), StoreError> {
    let (mut writing, version) = begin(store).await?;
    match version {
        Some(Ok(VERSION)) => return writing.commit().await,
        Some(Ok(1)) => {}
        Some(version) => return Err(StoreError::Newer(version.unwrap_or(i64::MAX))),
        None => create_first(store.engine, &mut writing).await?,
    }
    upgrade(store.engine, &mut writing).await?;
    writing.commit().await
}

/// Creates the tables of version 1.
///
/// # Errors
/// [`StoreError`]
#[cfg(test)]
pub(super) async fn create_version_1(store: &Store) -> Result<(), StoreError> {
    let (mut writing, _) = begin(store).await?;
    create_first(store.engine, &mut writing).await?;
    writing.commit().await
}

/// Begins the transaction of one instance, and reads the version of the tables; `None` if there are none.
async fn begin(store: &Store) -> Result<(WriteTransaction, Option<Result<i64, ParseIntError>>), StoreError> {
    let mut writing = store.write().await?;
    if store.engine == Engine::Postgres {
        let lock = "DO $$ BEGIN PERFORM pg_advisory_xact_lock(7320463157); END $$";
        sqlx::query(lock).execute(writing.connection()).await?;
    }
    let meta = "CREATE TABLE IF NOT EXISTS approvals_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)";
    sqlx::query(meta).execute(writing.connection()).await?;
    let version = "SELECT value FROM approvals_meta WHERE name = 'schema'";
    let version = sqlx::query(version).fetch_optional(writing.connection()).await?;
    let version = version.map(|row| row.try_get::<String, _>(0)).transpose()?;
    Ok((writing, version.map(|text| text.parse())))
}

async fn create_first(engine: Engine, writing: &mut WriteTransaction) -> Result<(), StoreError> {
    let guards = match engine {
        Engine::Sqlite => GUARDS_SQLITE,
        Engine::Postgres => GUARDS_POSTGRES,
    };
    for statement in TABLES.iter().chain(guards) {
        sqlx::query(*statement).execute(writing.connection()).await?;
    }
    let first = "INSERT INTO approvals_meta (name, value) VALUES ('schema', $1), ('secret', $2)";
    sqlx::query(first).bind("1").bind(secret::fresh()?).execute(writing.connection()).await?;
    Ok(())
}

/// Upgrades the tables of version 1. What was asked there and is not used yet expires, because no filter asks
/// with such fingerprints any more.
async fn upgrade(engine: Engine, writing: &mut WriteTransaction) -> Result<(), StoreError> {
    let guards = match engine {
        Engine::Sqlite => [UPGRADE_SQLITE, bounds::UPGRADE_SQLITE],
        Engine::Postgres => [UPGRADE_POSTGRES, bounds::UPGRADE_POSTGRES],
    };
    for statement in [UPGRADE, bounds::UPGRADE].into_iter().chain(guards).flatten() {
        sqlx::query(*statement).execute(writing.connection()).await?;
    }
    let open = "UPDATE approvals SET status = 'expired' WHERE status IN ('pending', 'approved')
        RETURNING id, fingerprint";
    for row in sqlx::query(open).fetch_all(writing.connection()).await? {
        let (approval, fingerprint): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let fields = EventFields {
            who: "service",
            approval: &approval,
            fingerprint: &fingerprint,
            ..EventFields::default()
        };
        event::write(writing, EventKind::Expired, fields, clock::now_ms()).await?;
    }
    let version = "UPDATE approvals_meta SET value = $1 WHERE name = 'schema'";
    sqlx::query(version).bind(VERSION.to_string()).execute(writing.connection()).await?;
    Ok(())
}

impl Store {
    /// Returns the secret that all instances on this database share.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn secret(&self) -> Result<String, StoreError> {
        let secret = "SELECT value FROM approvals_meta WHERE name = 'secret'";
        Ok(sqlx::query(secret).fetch_one(&self.pool).await?.try_get(0)?)
    }
}
