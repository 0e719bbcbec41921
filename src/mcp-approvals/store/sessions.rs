//! Sessions of people who signed in with a password.

use sqlx::Row as _;

use super::event::{self, EventFields, EventKind};
use super::{Store, StoreError};
use crate::secret;

/// How long a session lasts that nobody uses, in milliseconds: an hour.
pub const IDLE_MS: i64 = 60 * 60 * 1000;

/// How long any session lasts, in milliseconds: twelve hours.
pub const LONGEST_MS: i64 = 12 * IDLE_MS;

/// How exactly its last use is known, in milliseconds: a write a minute is enough.
const EXACT_MS: i64 = 60 * 1000;

impl Store {
    /// Begins a session of `name`, and returns its secret; nothing stores it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn sign_in(&self, name: &str, now_ms: i64) -> Result<String, StoreError> {
        let session = secret::fresh()?;
        let mut writing = self.write().await?;
        let past = "DELETE FROM sessions WHERE used_ms <= $1 OR created_ms <= $2";
        let past = sqlx::query(past).bind(now_ms.saturating_sub(IDLE_MS));
        past.bind(now_ms.saturating_sub(LONGEST_MS)).execute(writing.on()).await?;
        let insert = "INSERT INTO sessions (hash, name, created_ms, used_ms) VALUES ($1, $2, $3, $3)";
        let insert = sqlx::query(insert).bind(secret::hash(&session)).bind(name.to_owned()).bind(now_ms);
        insert.execute(writing.on()).await?;
        let said = EventFields { who: name, ..EventFields::default() };
        event::write(&mut writing, EventKind::SignedIn, said, now_ms).await?;
        writing.commit().await?;
        Ok(session)
    }

    /// Notes that somebody did not know the password of the account `name`.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn sign_in_failed(&self, name: &str, address: &str, now_ms: i64) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let said = EventFields { who: name, reason: address, ..EventFields::default() };
        event::write(&mut writing, EventKind::SignInFailed, said, now_ms).await?;
        writing.commit().await
    }

    /// Returns whose session this is, if it lasts, and notes its use.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn session_owner(&self, session: &str, now_ms: i64) -> Result<Option<String>, StoreError> {
        let one = "SELECT name, used_ms FROM sessions WHERE hash = $1 AND used_ms > $2 AND created_ms > $3";
        let row = sqlx::query(one)
            .bind(secret::hash(session))
            .bind(now_ms.saturating_sub(IDLE_MS))
            .bind(now_ms.saturating_sub(LONGEST_MS))
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let used_ms: i64 = row.try_get(1)?;
        if now_ms.saturating_sub(used_ms) > EXACT_MS {
            let mut writing = self.write().await?;
            let used = "UPDATE sessions SET used_ms = $2 WHERE hash = $1";
            let used = sqlx::query(used).bind(secret::hash(session)).bind(now_ms);
            used.execute(writing.on()).await?;
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
        let row = sqlx::query(end).bind(secret::hash(session)).fetch_optional(writing.on()).await?;
        if let Some(row) = row {
            let name: String = row.try_get(0)?;
            let said = EventFields { who: &name, ..EventFields::default() };
            event::write(&mut writing, EventKind::SignedOut, said, now_ms).await?;
        }
        writing.commit().await
    }
}
