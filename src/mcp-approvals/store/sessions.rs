//! Sessions of people who signed in with a password.

use sqlx::Row as _;

use super::event::{self, EventFields, EventKind};
use super::{Store, StoreError};
use crate::secret;

/// How long a session lasts without being used, in milliseconds: one hour.
pub const MAX_IDLE_MS: i64 = 60 * 60 * 1000;

/// How long any session lasts, in milliseconds: twelve hours.
pub const MAX_SESSION_MS: i64 = 12 * MAX_IDLE_MS;

/// How precisely the last use is stored, in milliseconds. One write a minute is enough.
const PRECISION_MS: i64 = 60 * 1000;

impl Store {
    /// Starts a session of `name` and returns its secret, of which only the hash is stored.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn sign_in(&self, name: &str, now_ms: i64) -> Result<String, StoreError> {
        let session = secret::fresh()?;
        let mut writing = self.write().await?;
        let past = "DELETE FROM sessions WHERE used_ms <= $1 OR created_ms <= $2";
        let past = sqlx::query(past).bind(now_ms.saturating_sub(MAX_IDLE_MS));
        past.bind(now_ms.saturating_sub(MAX_SESSION_MS)).execute(writing.connection()).await?;
        let insert = "INSERT INTO sessions (hash, name, created_ms, used_ms) VALUES ($1, $2, $3, $3)";
        let insert = sqlx::query(insert).bind(secret::hash(&session)).bind(name.to_owned()).bind(now_ms);
        insert.execute(writing.connection()).await?;
        let fields = EventFields { who: name, ..EventFields::default() };
        event::write(&mut writing, EventKind::SignedIn, fields, now_ms).await?;
        writing.commit().await?;
        Ok(session)
    }

    /// Records a failed sign-in to the account `name` from `address`.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn sign_in_failed(&self, name: &str, address: &str, now_ms: i64) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let fields = EventFields { who: name, reason: address, ..EventFields::default() };
        event::write(&mut writing, EventKind::SignInFailed, fields, now_ms).await?;
        writing.commit().await
    }

    /// Returns the name of the session's owner if the session is valid, and records its use.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn session_owner(&self, session: &str, now_ms: i64) -> Result<Option<String>, StoreError> {
        let one = "SELECT name, used_ms FROM sessions WHERE hash = $1 AND used_ms > $2 AND created_ms > $3";
        let row = sqlx::query(one)
            .bind(secret::hash(session))
            .bind(now_ms.saturating_sub(MAX_IDLE_MS))
            .bind(now_ms.saturating_sub(MAX_SESSION_MS))
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let used_ms: i64 = row.try_get(1)?;
        if now_ms.saturating_sub(used_ms) > PRECISION_MS {
            let mut writing = self.write().await?;
            let used = "UPDATE sessions SET used_ms = $2 WHERE hash = $1";
            let used = sqlx::query(used).bind(secret::hash(session)).bind(now_ms);
            used.execute(writing.connection()).await?;
            writing.commit().await?;
        }
        Ok(Some(row.try_get(0)?))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn sign_out(&self, session: &str, now_ms: i64) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let end = "DELETE FROM sessions WHERE hash = $1 RETURNING name";
        let row = sqlx::query(end).bind(secret::hash(session)).fetch_optional(writing.connection()).await?;
        if let Some(row) = row {
            let name: String = row.try_get(0)?;
            let fields = EventFields { who: &name, ..EventFields::default() };
            event::write(&mut writing, EventKind::SignedOut, fields, now_ms).await?;
        }
        writing.commit().await
    }
}
