//! The outbox: messages about new questions that wait for delivery to webhooks.

use sqlx::Row as _;

use super::row;
use super::{Store, StoreError};
use crate::model::Approval;

/// How long a message belongs to the instance that took it, in milliseconds.
const LEASE_MS: i64 = 20 * 1000;

/// A message that only this instance is to deliver now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id
    pub id: String,
    /// The name of the webhook
    pub hook: String,
    /// How many deliveries were tried before
    pub attempts: i64,
    /// When it was created
    pub created_ms: i64,
    /// The approval it is about
    pub approval: Approval,
}

impl Store {
    /// Takes a message that is due. The instance must deliver it within 20 seconds; after that another
    /// instance can take it.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn take_message(&self, now_ms: i64) -> Result<Option<Message>, StoreError> {
        let due = "SELECT id, next_ms FROM outbox WHERE next_ms <= $1 ORDER BY next_ms LIMIT 1";
        loop {
            let row = sqlx::query(due).bind(now_ms).fetch_optional(&self.pool).await?;
            let Some(row) = row else { return Ok(None) };
            let (id, next_ms): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
            // Optimistic lock: if two instances take the same message, one of them finds `next_ms` changed.
            let mut writing = self.write().await?;
            let take = "UPDATE outbox SET next_ms = $3, attempts = attempts + 1
                WHERE id = $1 AND next_ms = $2";
            let take = sqlx::query(take).bind(id.clone()).bind(next_ms);
            let take = take.bind(now_ms.saturating_add(LEASE_MS)).execute(writing.connection()).await?;
            writing.commit().await?;
            if take.rows_affected() == 1 {
                return self.message(&id, now_ms).await;
            }
        }
    }

    /// Reads a message that this instance has taken.
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

    /// Postpones a message whose delivery failed.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn retry_message(&self, id: &str, next_ms: i64) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let later = "UPDATE outbox SET next_ms = $2 WHERE id = $1";
        sqlx::query(later).bind(id.to_owned()).bind(next_ms).execute(writing.connection()).await?;
        writing.commit().await
    }

    /// Deletes a message that was delivered or given up.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn drop_message(&self, id: &str) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let done = "DELETE FROM outbox WHERE id = $1";
        sqlx::query(done).bind(id.to_owned()).execute(writing.connection()).await?;
        writing.commit().await
    }
}
