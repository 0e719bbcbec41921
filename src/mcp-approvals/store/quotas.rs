//! Quotas: what each caller may add to the database.

use std::fmt;

use sqlx::Row as _;

use super::{Store, StoreError, WriteTransaction};
use crate::config::Quotas;
use crate::model::{Approval, Question};
use crate::secret;

/// The minutes over which a caller's bytes are added up.
const HOUR: i64 = 60;

/// Why a new question of a caller is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverQuota {
    caller: String,
    quota: Quota,
    limit: u32,
}

/// One of the quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quota {
    Open,
    NewPerMinute,
    MegabytesPerHour,
}

impl Store {
    /// Sets the quotas of callers.
    #[must_use]
    pub fn with_quotas(self, quotas: Quotas) -> Self {
        Self { quotas, ..self }
    }

    /// Charges the caller `by` for a new question. The transaction must not commit after an error.
    ///
    /// # Errors
    /// [`StoreError::OverQuota`] if the question would exceed a quota.
    pub(super) async fn charge(
        &self,
        writing: &mut WriteTransaction,
        question: &Question,
        by: &str,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let over =
            |quota, limit| Err(StoreError::OverQuota(OverQuota { caller: by.to_owned(), quota, limit }));
        let minute = now_ms.div_euclid(60_000);
        // The row is also the lock for the caller's other new questions, so that the counts below are exact.
        let charge = "INSERT INTO caller_use (caller, minute, questions, bytes) VALUES ($1, $2, 1, $3)
            ON CONFLICT (caller, minute) DO UPDATE
            SET questions = caller_use.questions + 1, bytes = caller_use.bytes + $3
            RETURNING questions";
        let charge = sqlx::query(charge).bind(by.to_owned()).bind(minute).bind(size(question));
        let new: i64 = charge.fetch_one(writing.connection()).await?.try_get(0)?;
        if new > i64::from(self.quotas.new_per_minute) {
            return over(Quota::NewPerMinute, self.quotas.new_per_minute);
        }
        let past = "DELETE FROM caller_use WHERE caller = $1 AND minute <= $2";
        let past = sqlx::query(past).bind(by.to_owned()).bind(minute.saturating_sub(HOUR));
        past.execute(writing.connection()).await?;
        let bytes = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM caller_use WHERE caller = $1";
        let bytes: i64 =
            sqlx::query(bytes).bind(by.to_owned()).fetch_one(writing.connection()).await?.try_get(0)?;
        if bytes > i64::from(self.quotas.megabytes_per_hour).saturating_mul(1 << 20) {
            return over(Quota::MegabytesPerHour, self.quotas.megabytes_per_hour);
        }
        let open = "SELECT COUNT(*) FROM approvals
            WHERE asked_by = $1 AND status = 'pending' AND expires_ms > $2";
        let open = sqlx::query(open).bind(by.to_owned()).bind(now_ms);
        let open: i64 = open.fetch_one(writing.connection()).await?.try_get(0)?;
        match open >= i64::from(self.quotas.open) {
            true => over(Quota::Open, self.quotas.open),
            false => Ok(()),
        }
    }
}

/// Notes who asked for a new approval: the caller `by`, for a principal.
pub(super) async fn note_asker(
    writing: &mut WriteTransaction,
    approval: &Approval,
    by: &str,
) -> Result<(), StoreError> {
    let note = "UPDATE approvals SET asked_by = $2, made_by = $3 WHERE id = $1";
    let note =
        sqlx::query(note).bind(approval.id.clone()).bind(by.to_owned()).bind(maker(&approval.question));
    note.execute(writing.connection()).await?;
    Ok(())
}

/// Returns a digest that the calls of one principal under one grant of one server share.
pub(super) fn maker(question: &Question) -> String {
    let principal = question.principal.as_deref().unwrap_or_default();
    // No name contains U+0000.
    secret::hash(&format!("{}\0{}\0{principal}", question.server, question.grant))
}

/// Returns the size of a question's texts, in bytes.
fn size(question: &Question) -> i64 {
    let texts = [
        &question.fingerprint,
        &question.server,
        &question.grant,
        &question.tool,
        &question.arguments,
        &question.params,
        &question.rule,
        &question.decision_id,
    ];
    let optional =
        [&question.principal, &question.reason, &question.request_id, &question.host, &question.path];
    let texts = texts.into_iter().chain(optional.into_iter().flatten());
    let size = texts.fold(0_usize, |size, text| size.saturating_add(text.len()));
    i64::try_from(size).unwrap_or(i64::MAX)
}

impl fmt::Display for OverQuota {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caller, quota, limit } = self;
        match quota {
            Quota::Open => write!(
                out,
                "{limit} questions of the caller `{caller}` are already pending, as many as `quotas.open` allows"
            ),
            Quota::NewPerMinute => write!(
                out,
                "the caller `{caller}` has asked {limit} new questions in this minute, as many as \
                 `quotas.new_per_minute` allows"
            ),
            Quota::MegabytesPerHour => write!(
                out,
                "the new questions of the caller `{caller}` in the last hour would exceed {limit} MiB, which \
                 `quotas.megabytes_per_hour` allows"
            ),
        }
    }
}
