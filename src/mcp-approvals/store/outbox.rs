//! Messages about new questions, from the moment they were asked until they are delivered or given up.

use sqlx::Row as _;

use super::row;
use super::{Store, StoreError};
use crate::model::Approval;

/// For how long a message belongs to the instance that took it, in milliseconds.
const LEASE_MS: i64 = 20 * 1000;

/// A message that this instance, and no other, is to deliver now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its own id
    pub id: String,
    /// To whom it goes
    pub hook: String,
    /// How often its delivery was tried before
    pub attempts: i64,
    /// When it was written
    pub created_ms: i64,
    /// EventKind it is about
    pub approval: Approval,
}

impl Store {
    /// Takes a message that is due. Whoever takes it delivers it within 20 seconds, or it is taken anew.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn take_message(&self, now_ms: i64) -> Result<Option<Message>, StoreError> {
        let due = "SELECT id, next_ms FROM outbox WHERE next_ms <= $1 ORDER BY next_ms LIMIT 1";
        loop {
            let row = sqlx::query(due).bind(now_ms).fetch_optional(&self.pool).await?;
            let Some(row) = row else { return Ok(None) };
            let (id, next_ms): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
            // The time it was due at is what it is taken by: of two instances one finds it changed.
            let mut writing = self.write().await?;
            let take = "UPDATE outbox SET next_ms = $3, attempts = attempts + 1
                WHERE id = $1 AND next_ms = $2";
            let take = sqlx::query(take).bind(id.clone()).bind(next_ms);
            let take = take.bind(now_ms.saturating_add(LEASE_MS)).execute(writing.on()).await?;
            writing.commit().await?;
            if take.rows_affected() == 1 {
                return self.message(&id, now_ms).await;
            }
        }
    }

    /// Reads a message that this instance took.
    async fn message(&self, id: &str, now_ms: i64) -> Result<Option<Message>, StoreError> {
        let one = "SELECT a.*, o.id AS message, o.hook, o.attempts, o.created_ms AS written_ms
            FROM outbox o JOIN approvals a ON a.id = o.approval_id WHERE o.id = $1";
        let row = sqlx::query(one).bind(id.to_owned()).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let attempts: i64 = row.try_get("attempts")?;
        Ok(Some(Message {
            id: row.try_get("message")?,
            hook: row.try_get("hook")?,
            attempts: attempts.saturating_sub(1),
            created_ms: row.try_get("written_ms")?,
            approval: row::approval(&row, now_ms)?,
        }))
    }

    /// Puts a message off, after a delivery that failed.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn retry_message(&self, id: &str, next_ms: i64) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let later = "UPDATE outbox SET next_ms = $2 WHERE id = $1";
        sqlx::query(later).bind(id.to_owned()).bind(next_ms).execute(writing.on()).await?;
        writing.commit().await
    }

    /// Removes a message that was delivered, or given up.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn drop_message(&self, id: &str) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let done = "DELETE FROM outbox WHERE id = $1";
        sqlx::query(done).bind(id.to_owned()).execute(writing.on()).await?;
        writing.commit().await
    }
}
