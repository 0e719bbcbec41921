//! What the database holds, and how much of their quotas callers use.

use sqlx::Row as _;

use super::{Store, StoreError};

/// What the database holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// How many approvals
    pub approvals: i64,
    /// When the first of them was created, if there are any
    pub oldest_ms: Option<i64>,
    /// How many events
    pub events: i64,
    /// How many times old approvals were deleted
    pub deletions: i64,
    /// When that was last, if it ever was
    pub deleted_ms: Option<i64>,
    /// The callers that have asked in the last hour or have open questions
    pub callers: Vec<CallerUse>,
}

/// How much of its quotas a caller uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerUse {
    /// Its name
    pub name: String,
    /// Its open questions
    pub open: i64,
    /// Its new questions in this minute
    pub new: i64,
    /// The bytes of its new questions in the last hour
    pub bytes: i64,
}

impl Store {
    /// Returns what the database holds.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn usage(&self, now_ms: i64) -> Result<Usage, StoreError> {
        let kept = "SELECT COUNT(*), COALESCE(MIN(created_ms), 0) FROM approvals";
        let kept = sqlx::query(kept).fetch_one(&self.pool).await?;
        let events = "SELECT COUNT(*) FROM events";
        let events = sqlx::query(events).fetch_one(&self.pool).await?;
        let deleted = "SELECT COUNT(*), COALESCE(MAX(at_ms), 0) FROM events WHERE what = 'deleted'";
        let deleted = sqlx::query(deleted).fetch_one(&self.pool).await?;
        let callers = "SELECT caller, CAST(SUM(open) AS BIGINT), CAST(SUM(new) AS BIGINT),
                CAST(SUM(bytes) AS BIGINT)
            FROM (
                SELECT asked_by AS caller, COUNT(*) AS open, 0 AS new, 0 AS bytes FROM approvals
                WHERE status = 'pending' AND expires_ms > $1 GROUP BY asked_by
                UNION ALL
                SELECT caller, 0, CASE WHEN minute = $2 THEN questions ELSE 0 END, bytes FROM caller_use
                WHERE minute > $3
            ) AS used GROUP BY caller ORDER BY caller";
        let minute = now_ms.div_euclid(60_000);
        let callers = sqlx::query(callers).bind(now_ms).bind(minute).bind(minute.saturating_sub(60));
        let callers = callers.fetch_all(&self.pool).await?;
        let read = |row: &sqlx::any::AnyRow| {
            let name = row.try_get(0)?;
            Ok(CallerUse { name, open: row.try_get(1)?, new: row.try_get(2)?, bytes: row.try_get(3)? })
        };
        let some = |ms: i64| Some(ms).filter(|ms| *ms > 0);
        Ok(Usage {
            approvals: kept.try_get(0)?,
            oldest_ms: some(kept.try_get(1)?),
            events: events.try_get(0)?,
            deletions: deleted.try_get(0)?,
            deleted_ms: some(deleted.try_get(1)?),
            callers: callers.iter().map(read).collect::<Result<_, sqlx::Error>>()?,
        })
    }
}
