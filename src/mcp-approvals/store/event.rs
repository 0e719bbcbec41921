//! Events: an append-only log of everything that happens, numbered without gaps. Only the deletion of old
//! approvals, which is itself an event, removes any.
//!
//! A transaction takes the next number by updating the head row, which stays locked until it commits. So
//! the numbers follow the order in which changes took effect, on both engines and across instances.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::row::non_empty;
use super::{Store, StoreError, WriteTransaction};

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A caller asked about a call for the first time
    Asked,
    /// A person approved it
    Approved,
    /// A person denied it
    Denied,
    /// The approved call went on
    Consumed,
    /// The approval expired
    Expired,
    /// Another approval replaces it, because the rules that decide on the call have changed
    Superseded,
    /// Old approvals were deleted with their events
    Deleted,
    /// A person was invited to create an account
    Invited,
    /// A person created or reset an account
    AccountMade,
    /// An account was deleted
    AccountRemoved,
    /// A person signed in
    SignedIn,
    /// A sign-in to an existing account failed
    SignInFailed,
    /// A person signed out
    SignedOut,
    /// A person got a shell token
    TokenMade,
    /// A caller got a token
    CallerMade,
    /// A caller's tokens were revoked
    CallerRemoved,
}

impl EventKind {
    /// Returns the name of the kind in the database and the export.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Consumed => "consumed",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Deleted => "deleted",
            Self::Invited => "invited",
            Self::AccountMade => "account_made",
            Self::AccountRemoved => "account_removed",
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::SignedOut => "signed_out",
            Self::TokenMade => "token_made",
            Self::CallerMade => "caller_made",
            Self::CallerRemoved => "caller_removed",
        }
    }
}

/// An event, and the call it concerns, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number: 1, 2, 3 and so on
    pub seq: i64,
    /// When it happened
    pub at_ms: i64,
    /// Its kind, as [`EventKind::as_str`] writes it
    pub what: String,
    /// Who caused it: a person, a caller by name, or `service`
    pub who: String,
    /// The person's reason, the address of a failed sign-in, or the id of the approval that replaces this one
    pub reason: Option<String>,
    /// The approval's id
    pub approval: Option<String>,
    /// The call's fingerprint
    pub fingerprint: Option<String>,
    /// The id of the filter's decision that asked this time
    pub decision_id: Option<String>,
    /// Envoy's id of the request that asked this time
    pub request_id: Option<String>,
    /// The call
    pub call: Option<Call>,
}

/// What an event says about its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The protected MCP server
    pub server: String,
    /// The tool or method
    pub tool: String,
    /// The grant
    pub grant: String,
    /// The caller's verified name
    pub principal: Option<String>,
    /// The identity source that named the caller, if it has a name
    pub source: Option<String>,
    /// The host that the call is for
    pub host: Option<String>,
    /// The path that the call is for, with its query
    pub path: Option<String>,
    /// Digest of the rules that decide on the call
    pub rules: String,
    /// First 16 hex digits of the policy's SHA-256
    pub policy: String,
    /// The rule that requires the approval
    pub rule: String,
    /// The arguments, only on the first event of an approval
    pub arguments: Option<String>,
    /// The other params, only on the first event of an approval
    pub params: Option<String>,
}

/// A change of an approval, with what decides who may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The approval's id; empty for an event about an account
    pub approval: String,
    /// The protected MCP server
    pub server: String,
    /// The tool or method
    pub tool: String,
}

/// The fields of a new event. The rest comes from its approval.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct EventFields<'t> {
    pub who: &'t str,
    pub reason: &'t str,
    pub approval: &'t str,
    pub fingerprint: &'t str,
    pub decision_id: &'t str,
    pub request_id: &'t str,
}

/// Writes an event. Call it last in a transaction: it locks the head row, so a lock taken after it could
/// deadlock.
pub(super) async fn write(
    writing: &mut WriteTransaction,
    kind: EventKind,
    fields: EventFields<'_>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let head = "UPDATE event_head SET last = last + 1 WHERE one = 1 RETURNING last";
    let seq: i64 = sqlx::query(head).fetch_one(writing.connection()).await?.try_get(0)?;
    let event = "INSERT INTO events
        (seq, at_ms, what, who, reason, approval_id, fingerprint, decision_id, request_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    sqlx::query(event)
        .bind(seq)
        .bind(now_ms)
        .bind(kind.as_str())
        .bind(fields.who.to_owned())
        .bind(fields.reason.to_owned())
        .bind(fields.approval.to_owned())
        .bind(fields.fingerprint.to_owned())
        .bind(fields.decision_id.to_owned())
        .bind(fields.request_id.to_owned())
        .execute(writing.connection())
        .await?;
    Ok(())
}

impl Store {
    /// Returns the number of the last event. Reads a single row.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn last_event(&self) -> Result<i64, StoreError> {
        let last = "SELECT last FROM event_head WHERE one = 1";
        Ok(sqlx::query(last).fetch_one(&self.pool).await?.try_get(0)?)
    }

    /// Returns up to `limit` changes after event number `after`, in order, each with its event's number.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn changes(&self, after: i64, limit: i64) -> Result<Vec<(i64, Change)>, StoreError> {
        let changes = "SELECT e.seq, e.approval_id, COALESCE(a.server, '') AS server,
                COALESCE(a.tool, '') AS tool
            FROM events e LEFT JOIN approvals a ON a.id = e.approval_id
            WHERE e.seq > $1 ORDER BY e.seq LIMIT $2";
        let rows = sqlx::query(changes).bind(after).bind(limit).fetch_all(&self.pool).await?;
        let change = |row: &AnyRow| {
            let approval = row.try_get("approval_id")?;
            let change = Change { approval, server: row.try_get("server")?, tool: row.try_get("tool")? };
            Ok((row.try_get("seq")?, change))
        };
        Ok(rows.iter().map(change).collect::<Result<_, sqlx::Error>>()?)
    }

    /// Returns up to `limit` events after number `after` and not before `since_ms`, in order. Only the
    /// first event of an approval has the call's arguments.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn events(&self, after: i64, since_ms: i64, limit: i64) -> Result<Vec<Event>, StoreError> {
        let events = "SELECT e.seq, e.at_ms, e.what, e.who, e.reason, e.approval_id, e.fingerprint,
                e.decision_id, e.request_id,
                COALESCE(a.server, '') AS server, COALESCE(a.tool, '') AS tool,
                COALESCE(a.grant_name, '') AS grant_name, COALESCE(a.principal, '') AS principal,
                COALESCE(a.source, '') AS source, COALESCE(a.host, '') AS host, COALESCE(a.path, '') AS path,
                COALESCE(a.policy, '') AS policy, COALESCE(a.rules, '') AS rules, COALESCE(a.rule, '') AS rule,
                CASE WHEN e.what = 'asked' AND a.decision_id = e.decision_id AND a.created_ms = e.at_ms
                    THEN a.arguments ELSE '' END AS arguments,
                CASE WHEN e.what = 'asked' AND a.decision_id = e.decision_id AND a.created_ms = e.at_ms
                    THEN a.params ELSE '' END AS params
            FROM events e LEFT JOIN approvals a ON a.id = e.approval_id
            WHERE e.seq > $1 AND e.at_ms >= $2 ORDER BY e.seq LIMIT $3";
        let rows = sqlx::query(events).bind(after).bind(since_ms).bind(limit).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(event).collect::<Result<_, _>>()?)
    }

    /// Returns the events of one approval, in order, without the call.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    #[cfg(test)]
    pub async fn events_of(&self, approval: &str) -> Result<Vec<Event>, StoreError> {
        let events = "SELECT seq, at_ms, what, who, reason, '' AS approval_id, fingerprint, decision_id,
                request_id FROM events WHERE approval_id = $1 ORDER BY seq LIMIT 1000";
        let rows = sqlx::query(events).bind(approval.to_owned()).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(event).collect::<Result<_, _>>()?)
    }
}

/// Reads an event from its row.
fn event(row: &AnyRow) -> Result<Event, sqlx::Error> {
    let text = |name: &str| row.try_get::<String, _>(name);
    let approval = non_empty(text("approval_id")?);
    let call = match approval {
        Some(_) => Some(Call {
            server: text("server")?,
            tool: text("tool")?,
            grant: text("grant_name")?,
            principal: non_empty(text("principal")?),
            source: non_empty(text("source")?),
            host: non_empty(text("host")?),
            path: non_empty(text("path")?),
            rules: text("rules")?,
            policy: text("policy")?,
            rule: text("rule")?,
            arguments: non_empty(text("arguments")?),
            params: non_empty(text("params")?),
        }),
        None => None,
    };
    Ok(Event {
        seq: row.try_get("seq")?,
        at_ms: row.try_get("at_ms")?,
        what: text("what")?,
        who: text("who")?,
        reason: non_empty(text("reason")?),
        approval,
        fingerprint: non_empty(text("fingerprint")?),
        decision_id: non_empty(text("decision_id")?),
        request_id: non_empty(text("request_id")?),
        call,
    })
}
