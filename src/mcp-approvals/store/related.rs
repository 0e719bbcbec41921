//! Reads the last decisions on calls of one caller.

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
        let question = &approval.question;
        let decided = listed!(
            "server = $1 AND grant_name = $2 AND principal = $3 AND decided_ms > 0 AND id <> $4
            ORDER BY decided_ms DESC, id LIMIT $5"
        );
        let rows = sqlx::query(decided)
            .bind(question.server.clone())
            .bind(question.grant.clone())
            .bind(question.principal.clone().unwrap_or_default())
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
