//! Reads approvals: one, the pending ones, and the history.

use sqlx::Row as _;

use super::row;
use super::{Store, StoreError};
use crate::model::{Approval, Status};

/// The columns of a list. Lists leave out arguments of more than 16 KiB, because a page of large ones could
/// exhaust the memory.
macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "SELECT id, fingerprint, server, rules, policy, grant_name, principal, source, tool, host, path,
                CASE WHEN length(arguments) <= 16384 THEN arguments ELSE '' END AS arguments,
                CASE WHEN length(params) <= 16384 THEN params ELSE '' END AS params,
                call_hash, superseded_by, rule, ask_reason, decision_id, request_id, expires_seconds, created_ms, expires_ms, status,
                times, verdict, decided_by, decided_reason, decided_ms, consumed_ms
            FROM approvals WHERE ",
            $rest
        )
    };
}

pub(super) use listed;

/// The most approvals that one statement returns.
pub const MAX_LISTED: i64 = 200;

/// The most statements for one page: each reads [`MAX_LISTED`] approvals.
const MAX_STATEMENTS: usize = 50;

/// A position in the history, after which the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// When the last approval of the previous page was created
    pub created_ms: i64,
    /// Its id
    pub id: String,
}

/// A search of the history.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Text to find in the tool, server, grant, principal, approver or a reason, ignoring case; or in the
    /// id
    pub text: String,
    /// Only approvals in this state
    pub status: Option<Status>,
    /// Start after this position
    pub after: Option<Cursor>,
}

impl Cursor {
    /// Parses a cursor from the form in which [`Display`](std::fmt::Display) writes it; `None` if it is
    /// malformed.
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
    /// Returns the approval `id` with its complete arguments.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn get(&self, id: &str, now_ms: i64) -> Result<Option<Approval>, StoreError> {
        let one = "SELECT * FROM approvals WHERE id = $1";
        let row = sqlx::query(one).bind(id.to_owned()).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row::approval(&row, now_ms)).transpose()?)
    }

    /// Returns the status of an approval without reading the rest of it.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn status(&self, id: &str, now_ms: i64) -> Result<Option<Status>, StoreError> {
        let one = "SELECT status, superseded_by, expires_ms FROM approvals WHERE id = $1";
        let row = sqlx::query(one).bind(id.to_owned()).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let (status, by): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Some(row::status(&status, !by.is_empty(), row.try_get(2)?, now_ms)))
    }

    /// Returns the ids that start with `prefix`, at most two.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn ids(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        // `g` sorts after every hex digit.
        let ids = "SELECT id FROM approvals WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 2";
        let query = sqlx::query(ids).bind(prefix.to_owned()).bind(format!("{prefix}g"));
        let rows = query.fetch_all(&self.pool).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }

    /// Returns the pending approvals that `visible` accepts, oldest first, at most [`MAX_LISTED`]; and
    /// whether there may be more.
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
        for _ in 0..MAX_STATEMENTS {
            let query = sqlx::query(pending).bind(now_ms).bind(after.created_ms).bind(after.id.clone());
            let rows = query.bind(MAX_LISTED).fetch_all(&self.pool).await?;
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

    /// Returns the number of pending approvals, and when the oldest of them was created.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn pending_count(&self, now_ms: i64) -> Result<(i64, Option<i64>), StoreError> {
        let pending = "SELECT COUNT(*), COALESCE(MIN(created_ms), 0) FROM approvals
            WHERE status = 'pending' AND expires_ms > $1";
        let row = sqlx::query(pending).bind(now_ms).fetch_one(&self.pool).await?;
        let count: i64 = row.try_get(0)?;
        let oldest: i64 = row.try_get(1)?;
        Ok((count, Some(oldest).filter(|_| count > 0)))
    }

    /// Returns up to `limit` approvals that match `search` and that `visible` accepts, newest first; and
    /// where the next page begins, if there may be one. It examines at most 10,000 approvals, so a page can
    /// be empty without being the last.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn history(
        &self,
        search: &Search,
        limit: usize,
        visible: impl Fn(&Approval) -> bool,
        now_ms: i64,
    ) -> Result<(Vec<Approval>, Option<Cursor>), StoreError> {
        let mut found = Vec::new();
        let mut after = search.after.clone();
        for _ in 0..MAX_STATEMENTS {
            let rows = self.page(search, after.as_ref(), now_ms).await?;
            let last = !is_full(rows.len());
            for approval in rows {
                if found.len() >= limit {
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

    /// Returns the next [`MAX_LISTED`] approvals after `after` that match `search`.
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
            AND ($5 = '' OR ($5 = 'superseded') = (superseded_by <> ''))
            AND ($5 IN ('', 'superseded') OR status = $5
                OR ($5 = 'expired' AND status IN ('pending', 'approved', 'denied')))
            AND ($5 IN ('', 'superseded', 'consumed')
                OR ($5 = 'expired') = (expires_ms <= $6 OR status = 'expired'))
            ORDER BY created_ms DESC, id DESC LIMIT $7"
        );
        let status = search.status.map(Status::as_str).unwrap_or_default();
        let rows = sqlx::query(page)
            .bind(after.map_or(i64::MAX, |cursor| cursor.created_ms))
            .bind(after.map(|cursor| cursor.id.clone()).unwrap_or_default())
            .bind(search.text.clone())
            .bind(format!("%{}%", escape_like(&search.text.to_lowercase())))
            .bind(status)
            .bind(now_ms)
            .bind(MAX_LISTED)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.iter().map(|row| row::approval(row, now_ms)).collect::<Result<_, _>>()?)
    }
}

/// Returns whether a list has reached [`MAX_LISTED`].
fn is_full(length: usize) -> bool {
    i64::try_from(length).is_ok_and(|length| length >= MAX_LISTED)
}

/// Escapes the wildcards of a LIKE pattern.
fn escape_like(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars() {
        if matches!(char, '%' | '_' | '!') {
            out.push('!');
        }
        out.push(char);
    }
    out
}
