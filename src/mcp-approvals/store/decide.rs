//! Deciding, once, and what time decides.

use std::fmt;

use sqlx::Row as _;

use super::event::{self, EventFields, EventKind};
use super::row::{self, word};
use super::{Store, StoreError, ask};
use crate::model::{Approval, Decision, Status, Verdict};

/// Why an approval cannot be decided.
#[derive(Debug)]
pub enum Undecidable {
    /// There is none with this id
    Unknown,
    /// Its time is over
    Expired,
    /// It was decided before; this is how
    AlreadyDecided(Decision),
    /// The database failed
    Failed(StoreError),
}

impl Store {
    /// Decides the approval `id`, which is pending and in its time; on return the decision is durable.
    ///
    /// # Errors
    /// [`Undecidable`]; nothing is changed then.
    pub async fn decide(
        &self,
        id: &str,
        verdict: Verdict,
        by: &str,
        reason: Option<&str>,
        clock: impl Fn() -> i64,
    ) -> Result<Approval, Undecidable> {
        let mut writing = self.write().await?;
        let fingerprint = "SELECT fingerprint FROM approvals WHERE id = $1";
        let row = sqlx::query(fingerprint).bind(id.to_owned()).fetch_optional(writing.on()).await?;
        let fingerprint: String = row.ok_or(Undecidable::Unknown)?.try_get(0)?;
        ask::lock(&mut writing, &fingerprint).await?;
        // Whoever held the lock may have held it for long.
        let now_ms = clock();
        let approval = "SELECT * FROM approvals WHERE id = $1";
        let row = sqlx::query(approval).bind(id.to_owned()).fetch_one(writing.on()).await?;
        let mut approval = row::approval(&row, now_ms)?;
        match (approval.status, approval.decision.take()) {
            (Status::Pending, None) => {}
            (_, Some(decided)) => return Err(Undecidable::AlreadyDecided(decided)),
            _ => return Err(Undecidable::Expired),
        }
        let what = match verdict {
            Verdict::Approve => (Status::Approved, EventKind::Approved),
            Verdict::Deny => (Status::Denied, EventKind::Denied),
        };
        let (status, what) = what;
        let update = "UPDATE approvals SET status = $2, verdict = $3, decided_by = $4, decided_reason = $5,
            decided_ms = $6 WHERE id = $1";
        sqlx::query(update)
            .bind(id.to_owned())
            .bind(status.as_str())
            .bind(word(verdict))
            .bind(by.to_owned())
            .bind(reason.unwrap_or_default().to_owned())
            .bind(now_ms)
            .execute(writing.on())
            .await?;
        let reason = reason.filter(|reason| !reason.is_empty());
        let said = EventFields {
            who: by,
            reason: reason.unwrap_or_default(),
            approval: id,
            fingerprint: &fingerprint,
            ..EventFields::default()
        };
        event::write(&mut writing, what, said, now_ms).await?;
        writing.commit().await?;
        approval.status = status;
        approval.decision =
            Some(Decision { verdict, by: by.to_owned(), reason: reason.map(str::to_owned), at_ms: now_ms });
        Ok(approval)
    }

    /// Ends approvals whose time is over, up to 100 of them, and returns how many it ended. Nothing
    /// waits for it: what is past its time counts as expired anyway.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn sweep(&self, now_ms: i64) -> Result<usize, StoreError> {
        let due = "SELECT id, fingerprint FROM approvals
            WHERE status IN ('pending', 'approved', 'denied') AND expires_ms <= $1
            ORDER BY expires_ms LIMIT 100";
        let rows = sqlx::query(due).bind(now_ms).fetch_all(&self.pool).await?;
        let mut ended = 0_usize;
        for row in rows {
            let (id, fingerprint): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let mut writing = self.write().await?;
            ask::lock(&mut writing, &fingerprint).await?;
            let end = "UPDATE approvals SET status = 'expired'
                WHERE id = $1 AND status IN ('pending', 'approved', 'denied') AND expires_ms <= $2";
            let end = sqlx::query(end).bind(id.clone()).bind(now_ms).execute(writing.on()).await?;
            // Another instance may have been here.
            if end.rows_affected() == 1 {
                let said = EventFields {
                    who: "service",
                    approval: &id,
                    fingerprint: &fingerprint,
                    ..EventFields::default()
                };
                event::write(&mut writing, EventKind::Expired, said, now_ms).await?;
                ended = ended.saturating_add(1);
            }
            writing.commit().await?;
        }
        Ok(ended)
    }
}

impl From<StoreError> for Undecidable {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<sqlx::Error> for Undecidable {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl fmt::Display for Undecidable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => out.write_str("there is no such approval"),
            Self::Expired => out.write_str("its time is over"),
            Self::AlreadyDecided(Decision { verdict, by, .. }) => {
                write!(out, "{by} has {} it already", verdict.done())
            }
            Self::Failed(error) => error.fmt(out),
        }
    }
}
