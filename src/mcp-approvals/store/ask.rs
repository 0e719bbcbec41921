//! Asking about a call.

use sqlx::Row as _;

use super::event::{self, EventFields, EventKind};
use super::quotas::note_asker;
use super::row;
use super::{Store, StoreError, WriteTransaction};
use crate::model::{Approval, Question, Status};
use crate::secret;

impl Store {
    /// Asks about a call, in one transaction, on behalf of the caller named `by`. Equal calls under the same
    /// rules share one approval while it is valid:
    ///
    /// - If it is pending, returns it, still `Pending`.
    /// - If it is approved, consumes it, and returns it as `Consumed`. Nothing else returns `Consumed`.
    /// - If it is denied, returns it as `Denied`.
    /// - If there is no valid approval, creates one, `Pending` with `times` 1, and a message in the outbox for
    ///   each webhook. The call's pending and approved approvals under other rules are superseded by it.
    ///
    /// # Errors
    /// [`StoreError::TooManyPending`] if a new approval would exceed the limit of the principal and the
    /// grant; [`StoreError::OverQuota`] if it would exceed a quota of the caller. After any error nothing is
    /// consumed.
    pub async fn ask(
        &self,
        question: &Question,
        by: &str,
        clock: impl Fn() -> i64,
    ) -> Result<Approval, StoreError> {
        let mut writing = self.write().await?;
        lock(&mut writing, &question.call).await?;
        // Getting the lock may have taken a while.
        let now_ms = clock();
        let mut replaced = Vec::new();
        let approval = match valid_approval(&mut writing, &question.fingerprint, now_ms).await? {
            Some(approval) => ask_again(&mut writing, approval, now_ms).await?,
            None => {
                let id = secret::id()?;
                replaced = supersede(&mut writing, question, &id, now_ms).await?;
                self.check_pending_limit(&mut writing, question, now_ms).await?;
                let approval = create(&mut writing, id, question, &self.hooks, now_ms).await?;
                note_asker(&mut writing, &approval, by).await?;
                // Late, because it locks the caller's other new questions.
                self.charge(&mut writing, question, by, now_ms).await?;
                approval
            }
        };
        let fields = EventFields {
            who: by,
            approval: &approval.id,
            fingerprint: &question.fingerprint,
            decision_id: &question.decision_id,
            request_id: question.request_id.as_deref().unwrap_or_default(),
            ..EventFields::default()
        };
        for (id, fingerprint) in &replaced {
            let (reason, approval) = (&*approval.id, &**id);
            let fields = EventFields { who: by, reason, approval, fingerprint, ..EventFields::default() };
            event::write(&mut writing, EventKind::Superseded, fields, now_ms).await?;
        }
        // Agents repeat questions in loops: repetitions are counted in `times`, not written as events.
        if approval.times == 1 {
            event::write(&mut writing, EventKind::Asked, fields, now_ms).await?;
        }
        if approval.status == Status::Consumed {
            event::write(&mut writing, EventKind::Consumed, fields, now_ms).await?;
        }
        writing.commit().await?;
        Ok(approval)
    }

    /// Fails if the principal already has too many pending questions under this grant.
    async fn check_pending_limit(
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
            .fetch_one(writing.connection())
            .await?
            .try_get(0)?;
        if count >= self.max_pending { Err(StoreError::TooManyPending(self.max_pending)) } else { Ok(()) }
    }
}

/// Locks all approvals of a call, under whatever rules, until the transaction ends.
pub(super) async fn lock(writing: &mut WriteTransaction, call: &str) -> Result<(), StoreError> {
    let lock = "INSERT INTO fingerprints (fingerprint, times) VALUES ($1, 1)
        ON CONFLICT (fingerprint) DO UPDATE SET times = fingerprints.times + 1";
    sqlx::query(lock).bind(call.to_owned()).execute(writing.connection()).await?;
    Ok(())
}

/// Closes the call's pending and approved approvals under other rules: nobody asks about them again. The
/// approval `id` replaces them. Returns their ids and fingerprints. The transaction must hold the call's
/// [`lock`].
async fn supersede(
    writing: &mut WriteTransaction,
    question: &Question,
    id: &str,
    now_ms: i64,
) -> Result<Vec<(String, String)>, StoreError> {
    let open = "UPDATE approvals SET status = 'expired', superseded_by = $4
        WHERE call_hash = $1 AND fingerprint <> $2 AND status IN ('pending', 'approved') AND expires_ms > $3
        RETURNING id, fingerprint";
    let rows = sqlx::query(open)
        .bind(question.call.clone())
        .bind(question.fingerprint.clone())
        .bind(now_ms)
        .bind(id.to_owned())
        .fetch_all(writing.connection())
        .await?;
    let closed = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let closed: Vec<(String, String)> = closed.collect::<Result<_, sqlx::Error>>()?;
    for (id, _) in &closed {
        // People who have not been told about it yet are told about the newer one only.
        let untold = "DELETE FROM outbox WHERE approval_id = $1";
        sqlx::query(untold).bind(id.clone()).execute(writing.connection()).await?;
    }
    Ok(closed)
}

/// Returns the valid approval of this fingerprint. The transaction must hold the call's [`lock`].
async fn valid_approval(
    writing: &mut WriteTransaction,
    fingerprint: &str,
    now_ms: i64,
) -> Result<Option<Approval>, StoreError> {
    // PostgreSQL takes a new snapshot for each statement, so this reads everything that was committed
    // before the lock was acquired.
    let valid = "SELECT * FROM approvals WHERE fingerprint = $1
        AND status IN ('pending', 'approved', 'denied') AND expires_ms > $2
        ORDER BY created_ms DESC LIMIT 1";
    let row = sqlx::query(valid)
        .bind(fingerprint.to_owned())
        .bind(now_ms)
        .fetch_optional(writing.connection())
        .await?;
    Ok(row.map(|row| row::approval(&row, now_ms)).transpose()?)
}

/// Counts one more question about a call with a valid approval, and consumes the approval if it is
/// approved.
async fn ask_again(
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
        .execute(writing.connection())
        .await?;
    Ok(approval)
}

/// Creates a pending approval.
async fn create(
    writing: &mut WriteTransaction,
    id: String,
    question: &Question,
    hooks: &[String],
    now_ms: i64,
) -> Result<Approval, StoreError> {
    let approval = Approval {
        id,
        question: question.clone(),
        status: Status::Pending,
        created_ms: now_ms,
        expires_ms: now_ms.saturating_add(i64::from(question.expires_seconds).saturating_mul(1000)),
        times: 1,
        decision: None,
        consumed_ms: None,
        superseded_by: None,
    };
    let known =
        "INSERT INTO fingerprints (fingerprint, times) VALUES ($1, 1) ON CONFLICT (fingerprint) DO NOTHING";
    sqlx::query(known).bind(question.fingerprint.clone()).execute(writing.connection()).await?;
    insert(writing, &approval).await?;
    for hook in hooks {
        let message = "INSERT INTO outbox (id, approval_id, hook, created_ms, next_ms)
            VALUES ($1, $2, $3, $4, $4)";
        sqlx::query(message)
            .bind(secret::id()?)
            .bind(approval.id.clone())
            .bind(hook.clone())
            .bind(now_ms)
            .execute(writing.connection())
            .await?;
    }
    Ok(approval)
}

/// Writes a new approval.
async fn insert(writing: &mut WriteTransaction, approval: &Approval) -> Result<(), StoreError> {
    let question = &approval.question;
    let insert = "INSERT INTO approvals (id, fingerprint, server, policy, grant_name, principal, tool,
            arguments, rule, ask_reason, decision_id, request_id, expires_seconds, created_ms, expires_ms,
            rules, source, params, host, path, call_hash, status)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
            'pending')";
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
        .bind(question.rules.clone())
        .bind(question.source.clone().unwrap_or_default())
        .bind(question.params.clone())
        .bind(question.host.clone().unwrap_or_default())
        .bind(question.path.clone().unwrap_or_default())
        .bind(question.call.clone())
        .execute(writing.connection())
        .await?;
    Ok(())
}
