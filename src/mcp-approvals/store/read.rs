//! Reading approvals: one, those that wait, and all that ever were.

use sqlx::Row as _;

use super::row;
use super::{Store, StoreError};
use crate::model::{Approval, Status};

/// All columns for a list. Arguments beyond 16 KiB are left out of lists: a page of them could be
/// more than a machine holds.
macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "SELECT id, fingerprint, server, policy, grant_name, principal, tool,
                CASE WHEN length(arguments) <= 16384 THEN arguments ELSE '' END AS arguments,
                rule, ask_reason, decision_id, request_id, expires_seconds, created_ms, expires_ms, status,
                times, verdict, decided_by, decided_reason, decided_ms, consumed_ms
            FROM approvals WHERE ",
            $rest
        )
    };
}

/// How many approvals a list returns at most.
pub const MOST: i64 = 200;

/// How many times [`MOST`] approvals are looked at for one page.
const LOOKS: usize = 50;

/// A place in the history, behind which the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// When the last one of the page before was asked
    pub created_ms: i64,
    /// Its id
    pub id: String,
}

/// EventKind is looked for in the history.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// A part of the tool, server, grant, principal, the name of who decided, or a reason, in any case
    pub text: String,
    /// Only where it is on its way
    pub status: Option<Status>,
    /// From where on
    pub after: Option<Cursor>,
}

impl Cursor {
    /// Reads a cursor as [`Display`](std::fmt::Display) writes it; `None` where the text is none.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (created_ms, id) = text.split_once('-')?;
        Some(Self { created_ms: created_ms.parse().ok()?, id: id.to_owned() })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}-{}", self.created_ms, self.id)
    }
}

impl Store {
    /// Returns the approval `id`, with all of its arguments.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn get(&self, id: &str, now_ms: i64) -> Result<Option<Approval>, StoreError> {
        let one = "SELECT * FROM approvals WHERE id = $1";
        let row = sqlx::query(one).bind(id.to_owned()).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row::approval(&row, now_ms)).transpose()?)
    }

    /// Returns where an approval is on its way, without all the rest of it.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn status(&self, id: &str, now_ms: i64) -> Result<Option<Status>, StoreError> {
        let one = "SELECT status, expires_ms FROM approvals WHERE id = $1";
        let row = sqlx::query(one).bind(id.to_owned()).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let (status, expires_ms): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Some(row::status(&status, expires_ms, now_ms)))
    }

    /// Returns the ids that begin with `prefix`, two of them at most.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn ids(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        // `g` sorts behind every hex digit.
        let ids = "SELECT id FROM approvals WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 2";
        let query = sqlx::query(ids).bind(prefix.to_owned()).bind(format!("{prefix}g"));
        let rows = query.fetch_all(&self.pool).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }

    /// Returns what waits for a decision and `visible` lets pass, the oldest first, [`MOST`] at most; and
    /// whether there may be more of it.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn pending(
        &self,
        visible: impl Fn(&Approval) -> bool,
        now_ms: i64,
    ) -> Result<(Vec<Approval>, bool), StoreError> {
        let pending = listed!(
            "status = 'pending' AND expires_ms > $1 AND (created_ms > $2 OR (created_ms = $2 AND id > $3))
            ORDER BY created_ms, id LIMIT $4"
        );
        let mut found = Vec::new();
        let mut after = Cursor { created_ms: i64::MIN, id: String::new() };
        for _ in 0..LOOKS {
            let query = sqlx::query(pending).bind(now_ms).bind(after.created_ms).bind(after.id.clone());
            let rows = query.bind(MOST).fetch_all(&self.pool).await?;
            for row in &rows {
                let approval = row::approval(row, now_ms)?;
                after = Cursor { created_ms: approval.created_ms, id: approval.id.clone() };
                if !visible(&approval) {
                    continue;
                }
                if is_full(found.len()) {
                    return Ok((found, true));
                }
                found.push(approval);
            }
            if !is_full(rows.len()) {
                return Ok((found, false));
            }
        }
        Ok((found, true))
    }

    /// Counts what waits for a decision, and tells when the oldest of it was asked.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn waiting(&self, now_ms: i64) -> Result<(i64, Option<i64>), StoreError> {
        let waiting = "SELECT COUNT(*), COALESCE(MIN(created_ms), 0) FROM approvals
            WHERE status = 'pending' AND expires_ms > $1";
        let row = sqlx::query(waiting).bind(now_ms).fetch_one(&self.pool).await?;
        let count: i64 = row.try_get(0)?;
        let oldest: i64 = row.try_get(1)?;
        Ok((count, Some(oldest).filter(|_| count > 0)))
    }

    /// Returns up to `most` approvals, the newest first, of those that `search` finds and `visible`
    /// lets pass; and where the next page begins, if there may be one. It looks at 10,000 at most, so
    /// that a page may be empty and not the last.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn history(
        &self,
        search: &Search,
        most: usize,
        visible: impl Fn(&Approval) -> bool,
        now_ms: i64,
    ) -> Result<(Vec<Approval>, Option<Cursor>), StoreError> {
        let mut found = Vec::new();
        let mut after = search.after.clone();
        for _ in 0..LOOKS {
            let rows = self.page(search, after.as_ref(), now_ms).await?;
            let last = !is_full(rows.len());
            for approval in rows {
                if found.len() >= most {
                    return Ok((found, after));
                }
                after = Some(Cursor { created_ms: approval.created_ms, id: approval.id.clone() });
                if visible(&approval) {
                    found.push(approval);
                }
            }
            if last {
                return Ok((found, None));
            }
        }
        Ok((found, after))
    }

    /// Returns the next [`MOST`] that `search` finds behind `after`.
    async fn page(
        &self,
        search: &Search,
        after: Option<&Cursor>,
        now_ms: i64,
    ) -> Result<Vec<Approval>, StoreError> {
        let page = listed!(
            "(created_ms < $1 OR (created_ms = $1 AND id < $2))
            AND ($3 = '' OR lower(tool) LIKE $4 ESCAPE '!' OR lower(server) LIKE $4 ESCAPE '!'
                OR lower(grant_name) LIKE $4 ESCAPE '!' OR lower(principal) LIKE $4 ESCAPE '!'
                OR lower(decided_by) LIKE $4 ESCAPE '!' OR lower(decided_reason) LIKE $4 ESCAPE '!'
                OR lower(ask_reason) LIKE $4 ESCAPE '!' OR id LIKE $4 ESCAPE '!')
            AND ($5 = '' OR status = $5 OR ($5 = 'expired' AND status IN ('pending', 'approved', 'denied')))
            AND ($5 = '' OR $5 = 'consumed' OR ($5 = 'expired') = (expires_ms <= $6))
            ORDER BY created_ms DESC, id DESC LIMIT $7"
        );
        let status = search.status.map(Status::as_str).unwrap_or_default();
        let rows = sqlx::query(page)
            .bind(after.map_or(i64::MAX, |cursor| cursor.created_ms))
            .bind(after.map(|cursor| cursor.id.clone()).unwrap_or_default())
            .bind(search.text.clone())
            .bind(format!("%{}%", literal(&search.text.to_lowercase())))
            .bind(status)
            .bind(now_ms)
            .bind(MOST)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.iter().map(|row| row::approval(row, now_ms)).collect::<Result<_, _>>()?)
    }
}

/// Tells whether a list has as many as it may.
fn is_full(length: usize) -> bool {
    i64::try_from(length).is_ok_and(|length| length >= MOST)
}

/// Has every character of a LIKE pattern stand for itself.
fn literal(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars() {
        if matches!(char, '%' | '_' | '!') {
            out.push('!');
        }
        out.push(char);
    }
    out
}
