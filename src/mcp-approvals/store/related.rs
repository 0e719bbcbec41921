//! Reads the last decisions on calls of one caller.

use super::quotas::maker;
use super::read::listed;
use super::row;
use super::{Store, StoreError};
use crate::model::Approval;

/// The most approvals that are examined for the last decisions.
const EXAMINED: i64 = 100;

impl Store {
    /// Returns the last decisions on other calls of the same caller that `visible` accepts, newest first, at
    /// most `limit`. A caller is a principal under a grant of a server.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn last_decisions(
        &self,
        approval: &Approval,
        limit: usize,
        visible: impl Fn(&Approval) -> bool,
        now_ms: i64,
    ) -> Result<Vec<Approval>, StoreError> {
        let decided =
            listed!("made_by = $1 AND decided_ms > 0 AND id <> $2 ORDER BY decided_ms DESC, id LIMIT $3");
        let rows = sqlx::query(decided)
            .bind(maker(&approval.question))
            .bind(approval.id.clone())
            .bind(EXAMINED)
            .fetch_all(&self.pool)
            .await?;
        let mut last = Vec::new();
        for row in &rows {
            let approval = row::approval(row, now_ms)?;
            if last.len() < limit && visible(&approval) {
                last.push(approval);
            }
        }
        Ok(last)
    }
}
