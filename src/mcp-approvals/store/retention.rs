//! The deletion of old questions, with their events. This is the only deletion that the tables' triggers
//! allow.

use sqlx::Row as _;

use super::event::{self, EventFields, EventKind};
use super::{Store, StoreError, WriteTransaction, ask};
use crate::clock::rfc3339;

/// The most approvals that one transaction deletes.
const BATCH: i64 = 100;

/// What one transaction deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deleted {
    /// How many approvals
    pub approvals: u64,
    /// How many events of them
    pub events: u64,
    /// When the first of these approvals was created
    pub first_ms: i64,
    /// When the last of them was created
    pub last_ms: i64,
}

/// An approval that may be deleted.
struct Old {
    id: String,
    fingerprint: String,
    /// The hash of the call, whose row in `fingerprints` is the lock
    call: String,
    created_ms: i64,
}

impl Store {
    /// Deletes approvals that are used or expired and whose time ended at `before_ms` or earlier, with their
    /// events: the oldest 100 of them, in one transaction. Records the deletion as an event, with the number
    /// of approvals and events and the time from which they are. Returns `None` if there are none.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing has changed then.
    pub async fn delete_old(&self, before_ms: i64, now_ms: i64) -> Result<Option<Deleted>, StoreError> {
        let mut writing = self.write().await?;
        let old = old(&mut writing, before_ms).await?;
        // Every transaction takes these locks in the same order, so two instances do not wait for each other.
        for one in &old {
            ask::lock(&mut writing, &one.call).await?;
        }
        permit(&mut writing, before_ms).await?;
        let mut deleted = Deleted { first_ms: i64::MAX, ..Deleted::default() };
        for one in &old {
            delete(&mut writing, one, before_ms, &mut deleted).await?;
        }
        permit(&mut writing, 0).await?;
        if deleted.approvals == 0 {
            return Ok(None);
        }
        let (from, to) = (rfc3339(deleted.first_ms), rfc3339(deleted.last_ms));
        let reason = format!(
            "approvals: {}, events: {}; asked for from {from} to {to}",
            deleted.approvals, deleted.events
        );
        let fields = EventFields { who: "service", reason: &reason, ..EventFields::default() };
        event::write(&mut writing, EventKind::Deleted, fields, now_ms).await?;
        writing.commit().await?;
        Ok(Some(deleted))
    }
}

/// Returns the oldest approvals that may be deleted, in the order of their locks.
async fn old(writing: &mut WriteTransaction, before_ms: i64) -> Result<Vec<Old>, StoreError> {
    let old = "SELECT id, fingerprint, call_hash, created_ms FROM approvals
        WHERE status IN ('consumed', 'expired') AND expires_ms <= $1 ORDER BY expires_ms LIMIT $2";
    let rows = sqlx::query(old).bind(before_ms).bind(BATCH).fetch_all(writing.connection()).await?;
    let read = |row: &sqlx::any::AnyRow| {
        let (id, fingerprint, call) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok(Old { id, fingerprint, call, created_ms: row.try_get(3)? })
    };
    let mut old: Vec<Old> = rows.iter().map(read).collect::<Result<_, sqlx::Error>>()?;
    old.sort_by(|one, other| one.call.cmp(&other.call));
    Ok(old)
}

/// Permits the deletion of what expired at `before_ms` or earlier until the transaction ends; 0 forbids it.
async fn permit(writing: &mut WriteTransaction, before_ms: i64) -> Result<(), StoreError> {
    let permit = "UPDATE deletion SET before_ms = $1 WHERE one = 1";
    sqlx::query(permit).bind(before_ms).execute(writing.connection()).await?;
    Ok(())
}

/// Deletes one approval with its events and messages, and the rows of `fingerprints` that nothing
/// uses any more.
async fn delete(
    writing: &mut WriteTransaction,
    old: &Old,
    before_ms: i64,
    deleted: &mut Deleted,
) -> Result<(), StoreError> {
    let messages = "DELETE FROM outbox WHERE approval_id = $1";
    sqlx::query(messages).bind(old.id.clone()).execute(writing.connection()).await?;
    let approval = "DELETE FROM approvals
        WHERE id = $1 AND status IN ('consumed', 'expired') AND expires_ms <= $2";
    let approval = sqlx::query(approval).bind(old.id.clone()).bind(before_ms);
    let approval = approval.execute(writing.connection()).await?;
    // Another instance may have deleted it.
    if approval.rows_affected() == 1 {
        let events = "DELETE FROM events WHERE approval_id = $1";
        let events = sqlx::query(events).bind(old.id.clone()).execute(writing.connection()).await?;
        deleted.approvals = deleted.approvals.saturating_add(1);
        deleted.events = deleted.events.saturating_add(events.rows_affected());
        deleted.first_ms = deleted.first_ms.min(old.created_ms);
        deleted.last_ms = deleted.last_ms.max(old.created_ms);
    }
    let unused = "DELETE FROM fingerprints WHERE fingerprint = $1
        AND NOT EXISTS (SELECT 1 FROM approvals WHERE fingerprint = $1 OR call_hash = $1)";
    for row in [&old.fingerprint, &old.call] {
        sqlx::query(unused).bind(row.clone()).execute(writing.connection()).await?;
    }
    Ok(())
}
