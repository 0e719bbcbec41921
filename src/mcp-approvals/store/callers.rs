//! Callers whose tokens the service has created.

use sqlx::Row as _;

use super::event::{self, EventFields, EventKind};
use super::{Store, StoreError};
use crate::secret;

/// A caller with a token in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCaller {
    /// Its name in events
    pub name: String,
    /// The SHA-256 of its token
    pub hash: String,
}

impl Store {
    /// Creates a token for the caller `name` and returns it. Only its hash is stored.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn make_caller(&self, name: &str, now_ms: i64) -> Result<String, StoreError> {
        let token = secret::fresh()?;
        let mut writing = self.write().await?;
        let insert = "INSERT INTO callers (hash, name, created_ms) VALUES ($1, $2, $3)";
        let insert = sqlx::query(insert).bind(secret::hash(&token)).bind(name.to_owned()).bind(now_ms);
        insert.execute(writing.connection()).await?;
        let fields = EventFields { who: name, ..EventFields::default() };
        event::write(&mut writing, EventKind::CallerMade, fields, now_ms).await?;
        writing.commit().await?;
        Ok(token)
    }

    /// Revokes all tokens of the caller `name`. Returns `false` if there were none.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn remove_caller(&self, name: &str, now_ms: i64) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        let remove = "DELETE FROM callers WHERE name = $1";
        let removed = sqlx::query(remove).bind(name.to_owned()).execute(writing.connection()).await?;
        if removed.rows_affected() == 0 {
            return Ok(false);
        }
        let fields = EventFields { who: name, ..EventFields::default() };
        event::write(&mut writing, EventKind::CallerRemoved, fields, now_ms).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Revokes all tokens of the caller `name` but the newest. Returns `false` if there were none.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn remove_older_tokens(&self, name: &str, now_ms: i64) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        let remove = "DELETE FROM callers WHERE name = $1
            AND created_ms < (SELECT MAX(created_ms) FROM callers WHERE name = $1)";
        let removed = sqlx::query(remove).bind(name.to_owned()).execute(writing.connection()).await?;
        if removed.rows_affected() == 0 {
            return Ok(false);
        }
        let reason = "all but the newest token";
        let fields = EventFields { who: name, reason, ..EventFields::default() };
        event::write(&mut writing, EventKind::CallerRemoved, fields, now_ms).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Returns the caller whose token has this SHA-256.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn caller(&self, hash: &str) -> Result<Option<StoredCaller>, StoreError> {
        let one = "SELECT name, hash FROM callers WHERE hash = $1";
        let row = sqlx::query(one).bind(hash.to_owned()).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(StoredCaller { name: row.try_get(0)?, hash: row.try_get(1)? }))
    }

    /// Returns whether the database has any caller's token.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn has_callers(&self) -> Result<bool, StoreError> {
        let count = "SELECT COUNT(*) FROM callers";
        let count: i64 = sqlx::query(count).fetch_one(&self.pool).await?.try_get(0)?;
        Ok(count > 0)
    }
}
