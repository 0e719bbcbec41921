//! Decisions and expiry.

use std::fmt;

use sqlx::Row as _;

use super::event::{self, EventFields, EventKind};
use super::row::{self, word};
use super::{Store, StoreError, ask};
use crate::model::{Approval, Decision, Status, Verdict};

/// Why an approval cannot be decided.
#[derive(Debug)]
pub enum Undecidable {
    /// No approval has this id
    Unknown,
    /// The approval has expired
    Expired,
    /// The rules that decide on the call have changed: the approval with this id replaces it
    Superseded(String),
    /// The approval already has this decision
    AlreadyDecided(Decision),
    /// The database failed
    Failed(StoreError),
}

impl Store {
    /// Decides the approval `id`, which must be pending. On return the decision is durable.
    ///
    /// # Errors
    /// [`Undecidable`]; nothing has changed then.
    pub async fn decide(
        &self,
        id: &str,
        verdict: Verdict,
        by: &str,
        reason: Option<&str>,
        clock: impl Fn() -> i64,
    ) -> Result<Approval, Undecidable> {
        let mut writing = self.write().await?;
        let call = "SELECT call_hash FROM approvals WHERE id = $1";
        let row = sqlx::query(call).bind(id.to_owned()).fetch_optional(writing.connection()).await?;
        let call: String = row.ok_or(Undecidable::Unknown)?.try_get(0)?;
        ask::lock(&mut writing, &call).await?;
        // Getting the lock may have taken a while.
        let now_ms = clock();
        let approval = "SELECT * FROM approvals WHERE id = $1";
        let row = sqlx::query(approval).bind(id.to_owned()).fetch_one(writing.connection()).await?;
        let mut approval = row::approval(&row, now_ms)?;
        if let Some(by) = approval.superseded_by {
            return Err(Undecidable::Superseded(by));
        }
        match (approval.status, approval.decision.take()) {
            (Status::Pending, None) => {}
            (_, Some(decided)) => return Err(Undecidable::AlreadyDecided(decided)),
            _ => return Err(Undecidable::Expired),
        }
        let (status, kind) = match verdict {
            Verdict::Approve => (Status::Approved, EventKind::Approved),
            Verdict::Deny => (Status::Denied, EventKind::Denied),
        };
        let update = "UPDATE approvals SET status = $2, verdict = $3, decided_by = $4, decided_reason = $5,
            decided_ms = $6 WHERE id = $1";
        sqlx::query(update)
            .bind(id.to_owned())
            .bind(status.as_str())
            .bind(word(verdict))
            .bind(by.to_owned())
            .bind(reason.unwrap_or_default().to_owned())
            .bind(now_ms)
            .execute(writing.connection())
            .await?;
        let reason = reason.filter(|reason| !reason.is_empty());
        let fields = EventFields {
            who: by,
            reason: reason.unwrap_or_default(),
            approval: id,
            fingerprint: &approval.question.fingerprint,
            ..EventFields::default()
        };
        event::write(&mut writing, kind, fields, now_ms).await?;
        writing.commit().await?;
        approval.status = status;
        approval.decision =
            Some(Decision { verdict, by: by.to_owned(), reason: reason.map(str::to_owned), at_ms: now_ms });
        Ok(approval)
    }

    /// Marks up to 100 approvals as expired that are past their time, and returns how many. Correctness
    /// does not depend on it: reads already treat them as expired.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn sweep(&self, now_ms: i64) -> Result<usize, StoreError> {
        let due = "SELECT id, fingerprint, call_hash FROM approvals
            WHERE status IN ('pending', 'approved', 'denied') AND expires_ms <= $1
            ORDER BY expires_ms LIMIT 100";
        let rows = sqlx::query(due).bind(now_ms).fetch_all(&self.pool).await?;
        let mut expired = 0_usize;
        for row in rows {
            let (id, fingerprint): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let mut writing = self.write().await?;
            ask::lock(&mut writing, &row.try_get::<String, _>(2)?).await?;
            let end = "UPDATE approvals SET status = 'expired'
                WHERE id = $1 AND status IN ('pending', 'approved', 'denied') AND expires_ms <= $2";
            let end = sqlx::query(end).bind(id.clone()).bind(now_ms).execute(writing.connection()).await?;
            // Another instance may have done it.
            if end.rows_affected() == 1 {
                let fields = EventFields {
                    who: "service",
                    approval: &id,
                    fingerprint: &fingerprint,
                    ..EventFields::default()
                };
                event::write(&mut writing, EventKind::Expired, fields, now_ms).await?;
                expired = expired.saturating_add(1);
            }
            writing.commit().await?;
        }
        Ok(expired)
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
            Self::Expired => out.write_str("it has expired"),
            Self::Superseded(by) => {
                write!(out, "the rules that decide on this call have changed, and approval {by} replaces it")
            }
            Self::AlreadyDecided(Decision { verdict, by, .. }) => {
                write!(out, "{by} has already {} it", verdict.participle())
            }
            Self::Failed(error) => error.fmt(out),
        }
    }
}
