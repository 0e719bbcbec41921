//! Asking: may this very call go on?

use sqlx::Row as _;

use super::event::{self, EventFields, EventKind};
use super::row;
use super::{Store, StoreError, WriteTransaction};
use crate::model::{Approval, Question, Status};
use crate::secret;

impl Store {
    /// Asks, in one transaction, on behalf of the caller named `by`. Calls that are alike share one
    /// approval as long as it stands:
    ///
    /// - nobody has decided: it is asked once more, and `Pending`;
    /// - it was approved: this asking consumes it. `Consumed` is what is returned then and then alone;
    /// - it was denied: it is `Denied`, until it expires;
    /// - otherwise a new one begins, `Pending` with `times` 1, and the outbox hears of it, unless so many
    ///   wait for the same principal of the same grant that a person could not tell them apart.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is consumed then.
    pub async fn ask(
        &self,
        question: &Question,
        by: &str,
        clock: impl Fn() -> i64,
    ) -> Result<Approval, StoreError> {
        let mut writing = self.write().await?;
        lock(&mut writing, &question.fingerprint).await?;
        // Whoever held the lock may have held it for long.
        let now_ms = clock();
        let approval = match standing(&mut writing, &question.fingerprint, now_ms).await? {
            Some(approval) => again(&mut writing, approval, now_ms).await?,
            None => {
                self.make_room(&mut writing, question, now_ms).await?;
                begin(&mut writing, question, &self.hooks, now_ms).await?
            }
        };
        let said = EventFields {
            who: by,
            approval: &approval.id,
            fingerprint: &question.fingerprint,
            decision_id: &question.decision_id,
            request_id: question.request_id.as_deref().unwrap_or_default(),
            ..EventFields::default()
        };
        // EventKind is asked again and again is counted, and written once: agents run in loops.
        if approval.times == 1 {
            event::write(&mut writing, EventKind::Asked, said, now_ms).await?;
        }
        if approval.status == Status::Consumed {
            event::write(&mut writing, EventKind::Consumed, said, now_ms).await?;
        }
        writing.commit().await?;
        Ok(approval)
    }

    /// Refuses a question where too many of its caller's wait already.
    async fn make_room(
        &self,
        writing: &mut WriteTransaction,
        question: &Question,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let waiting = "SELECT COUNT(*) FROM approvals WHERE status = 'pending' AND expires_ms > $1
            AND server = $2 AND grant_name = $3 AND principal = $4";
        let count: i64 = sqlx::query(waiting)
            .bind(now_ms)
            .bind(question.server.clone())
            .bind(question.grant.clone())
            .bind(question.principal.clone().unwrap_or_default())
            .fetch_one(writing.on())
            .await?
            .try_get(0)?;
        if count >= self.most_waiting { Err(StoreError::TooMany(self.most_waiting)) } else { Ok(()) }
    }
}

/// Makes all others wait who change anything for this fingerprint.
pub(super) async fn lock(writing: &mut WriteTransaction, fingerprint: &str) -> Result<(), StoreError> {
    let lock = "INSERT INTO fingerprints (fingerprint, times) VALUES ($1, 1)
        ON CONFLICT (fingerprint) DO UPDATE SET times = fingerprints.times + 1";
    sqlx::query(lock).bind(fingerprint.to_owned()).execute(writing.on()).await?;
    Ok(())
}

/// Returns the approval that stands for this fingerprint, which nobody else changes from here on.
async fn standing(
    writing: &mut WriteTransaction,
    fingerprint: &str,
    now_ms: i64,
) -> Result<Option<Approval>, StoreError> {
    // PostgreSQL reads anew with each statement: what is read behind the lock is what stands.
    let standing = "SELECT * FROM approvals WHERE fingerprint = $1
        AND status IN ('pending', 'approved', 'denied') AND expires_ms > $2
        ORDER BY created_ms DESC LIMIT 1";
    let row =
        sqlx::query(standing).bind(fingerprint.to_owned()).bind(now_ms).fetch_optional(writing.on()).await?;
    Ok(row.map(|row| row::approval(&row, now_ms)).transpose()?)
}

/// Asks once more about a call whose approval stands.
async fn again(
    writing: &mut WriteTransaction,
    mut approval: Approval,
    now_ms: i64,
) -> Result<Approval, StoreError> {
    approval.times = approval.times.saturating_add(1);
    let mut consumed_ms = 0;
    if approval.status == Status::Approved {
        approval.status = Status::Consumed;
        approval.consumed_ms = Some(now_ms);
        consumed_ms = now_ms;
    }
    let update = "UPDATE approvals SET times = $2, status = $3, consumed_ms = $4 WHERE id = $1";
    sqlx::query(update)
        .bind(approval.id.clone())
        .bind(approval.times)
        .bind(approval.status.as_str())
        .bind(consumed_ms)
        .execute(writing.on())
        .await?;
    Ok(approval)
}

/// Begins an approval that nobody has decided.
async fn begin(
    writing: &mut WriteTransaction,
    question: &Question,
    hooks: &[String],
    now_ms: i64,
) -> Result<Approval, StoreError> {
    let approval = Approval {
        id: secret::id()?,
        question: question.clone(),
        status: Status::Pending,
        created_ms: now_ms,
        expires_ms: now_ms.saturating_add(i64::from(question.expires_seconds).saturating_mul(1000)),
        times: 1,
        decision: None,
        consumed_ms: None,
    };
    let insert = "INSERT INTO approvals (id, fingerprint, server, policy, grant_name, principal, tool,
            arguments, rule, ask_reason, decision_id, request_id, expires_seconds, created_ms, expires_ms,
            status)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'pending')";
    sqlx::query(insert)
        .bind(approval.id.clone())
        .bind(question.fingerprint.clone())
        .bind(question.server.clone())
        .bind(question.policy.clone())
        .bind(question.grant.clone())
        .bind(question.principal.clone().unwrap_or_default())
        .bind(question.tool.clone())
        .bind(question.arguments.clone())
        .bind(question.rule.clone())
        .bind(question.reason.clone().unwrap_or_default())
        .bind(question.decision_id.clone())
        .bind(question.request_id.clone().unwrap_or_default())
        .bind(i64::from(question.expires_seconds))
        .bind(approval.created_ms)
        .bind(approval.expires_ms)
        .execute(writing.on())
        .await?;
    for hook in hooks {
        let message = "INSERT INTO outbox (id, approval_id, hook, created_ms, next_ms)
            VALUES ($1, $2, $3, $4, $4)";
        sqlx::query(message)
            .bind(secret::id()?)
            .bind(approval.id.clone())
            .bind(hook.clone())
            .bind(now_ms)
            .execute(writing.on())
            .await?;
    }
    Ok(approval)
}
