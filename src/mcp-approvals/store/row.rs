//! Reads approvals from their rows.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::model::{Approval, Decision, Question, Status, Verdict};

/// Reads an approval from a row with all columns of `approvals`. An approval past its time at `now_ms` is
/// expired, even if it has not been marked yet.
pub(super) fn approval(row: &AnyRow, now_ms: i64) -> Result<Approval, sqlx::Error> {
    let text = |name: &str| row.try_get::<String, _>(name);
    let number = |name: &str| row.try_get::<i64, _>(name);
    let expires_ms = number("expires_ms")?;
    let superseded_by = non_empty(text("superseded_by")?);
    let status = status(&text("status")?, superseded_by.is_some(), expires_ms, now_ms);
    let verdict = match text("verdict")?.as_str() {
        "approve" => Some(Verdict::Approve),
        "deny" => Some(Verdict::Deny),
        _ => None,
    };
    let decision = match verdict {
        Some(verdict) => Some(Decision {
            verdict,
            by: text("decided_by")?,
            reason: non_empty(text("decided_reason")?),
            at_ms: number("decided_ms")?,
        }),
        None => None,
    };
    Ok(Approval {
        id: text("id")?,
        question: Question {
            fingerprint: text("fingerprint")?,
            server: text("server")?,
            rules: text("rules")?,
            policy: text("policy")?,
            grant: text("grant_name")?,
            principal: non_empty(text("principal")?),
            source: non_empty(text("source")?),
            tool: text("tool")?,
            arguments: text("arguments")?,
            params: text("params")?,
            host: non_empty(text("host")?),
            path: non_empty(text("path")?),
            call: text("call_hash")?,
            rule: text("rule")?,
            reason: non_empty(text("ask_reason")?),
            decision_id: text("decision_id")?,
            request_id: non_empty(text("request_id")?),
            expires_seconds: u32::try_from(number("expires_seconds")?).unwrap_or(u32::MAX),
        },
        status,
        created_ms: number("created_ms")?,
        expires_ms,
        times: number("times")?,
        decision,
        consumed_ms: Some(number("consumed_ms")?).filter(|ms| *ms > 0),
        superseded_by,
    })
}

/// Reads a status as of `now_ms`. An unknown word counts as expired; the table's constraint excludes it.
/// In the table a superseded approval is expired and names the one that replaces it.
pub(super) fn status(word: &str, superseded: bool, expires_ms: i64, now_ms: i64) -> Status {
    let status = Status::from_text(word);
    match status.unwrap_or(Status::Expired) {
        Status::Expired if superseded => Status::Superseded,
        Status::Pending | Status::Approved | Status::Denied if expires_ms <= now_ms => Status::Expired,
        status => status,
    }
}

/// Returns `None` for an empty string, which stands for an absent text.
pub(super) fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Returns the word for a verdict in the database.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "approve",
        Verdict::Deny => "deny",
    }
}
