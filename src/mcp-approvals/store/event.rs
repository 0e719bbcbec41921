//! Events: what happened, in order and without gaps, never changed and never removed.
//!
//! The head is written before the event, and with it the number of the event is taken: events are
//! numbered in the order in which their changes took effect, on both engines and from all instances.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::row::given;
use super::{Store, StoreError, WriteTransaction};

/// EventKind happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A call was asked about, for the first time
    Asked,
    /// Somebody approved it
    Approved,
    /// Somebody denied it
    Denied,
    /// The call came back, and went on
    Consumed,
    /// Its time is over
    Expired,
    /// Somebody may make an account
    Invited,
    /// Somebody made one
    AccountMade,
    /// An account is no more
    AccountRemoved,
    /// Somebody signed in
    SignedIn,
    /// Somebody did not know an account's password
    SignInFailed,
    /// Somebody signed out
    SignedOut,
    /// Somebody got a token for the shell
    TokenMade,
    /// A caller got a token
    CallerMade,
    /// A caller's tokens are no more
    CallerRemoved,
}

impl EventKind {
    /// Returns the word for the database and the export.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Consumed => "consumed",
            Self::Expired => "expired",
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

/// One event, with the call it is about, where it is about one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number: 1, 2, 3 and so on
    pub seq: i64,
    /// When it happened
    pub at_ms: i64,
    /// EventKind happened, as [`EventKind::as_str`] writes it
    pub what: String,
    /// Who did it: a person, a caller by name, or `service`
    pub who: String,
    /// Why
    pub reason: Option<String>,
    /// The approval
    pub approval: Option<String>,
    /// Its fingerprint
    pub fingerprint: Option<String>,
    /// The filter's decision that asked just now
    pub decision_id: Option<String>,
    /// Envoy's request that asked just now
    pub request_id: Option<String>,
    /// The call
    pub call: Option<Call>,
}

/// EventKind an event says of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The protected server
    pub server: String,
    /// EventKind is called
    pub tool: String,
    /// Under which grant
    pub grant: String,
    /// By whom
    pub principal: Option<String>,
    /// First digits of the policy's SHA-256
    pub policy: String,
    /// The rule that asks
    pub rule: String,
    /// With what, on the event that begins an approval
    pub arguments: Option<String>,
}

/// An approval that changed, and whose it is to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its id; empty where an account changed
    pub approval: String,
    /// The protected server
    pub server: String,
    /// EventKind is called
    pub tool: String,
}

/// EventKind is written of an event; the rest is given by its approval.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct EventFields<'t> {
    pub who: &'t str,
    pub reason: &'t str,
    pub approval: &'t str,
    pub fingerprint: &'t str,
    pub decision_id: &'t str,
    pub request_id: &'t str,
}

/// Writes an event as the last act of a transaction, or one of its last: who waits for the head must
/// hold no lock that its holder may want.
pub(super) async fn write(
    writing: &mut WriteTransaction,
    what: EventKind,
    said: EventFields<'_>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let head = "UPDATE event_head SET last = last + 1 WHERE one = 1 RETURNING last";
    let seq: i64 = sqlx::query(head).fetch_one(writing.on()).await?.try_get(0)?;
    let event = "INSERT INTO events
        (seq, at_ms, what, who, reason, approval_id, fingerprint, decision_id, request_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    sqlx::query(event)
        .bind(seq)
        .bind(now_ms)
        .bind(what.as_str())
        .bind(said.who.to_owned())
        .bind(said.reason.to_owned())
        .bind(said.approval.to_owned())
        .bind(said.fingerprint.to_owned())
        .bind(said.decision_id.to_owned())
        .bind(said.request_id.to_owned())
        .execute(writing.on())
        .await?;
    Ok(())
}

impl Store {
    /// Returns the number of the last event: whether anything happened, at the price of one row.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn last_event(&self) -> Result<i64, StoreError> {
        let last = "SELECT last FROM event_head WHERE one = 1";
        Ok(sqlx::query(last).fetch_one(&self.pool).await?.try_get(0)?)
    }

    /// Returns up to `most` changes behind event number `after`, in their order.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn changes(&self, after: i64, most: i64) -> Result<Vec<(i64, Change)>, StoreError> {
        let changes = "SELECT e.seq, e.approval_id, COALESCE(a.server, '') AS server,
                COALESCE(a.tool, '') AS tool
            FROM events e LEFT JOIN approvals a ON a.id = e.approval_id
            WHERE e.seq > $1 ORDER BY e.seq LIMIT $2";
        let rows = sqlx::query(changes).bind(after).bind(most).fetch_all(&self.pool).await?;
        let change = |row: &AnyRow| {
            let approval = row.try_get("approval_id")?;
            let change = Change { approval, server: row.try_get("server")?, tool: row.try_get("tool")? };
            Ok((row.try_get("seq")?, change))
        };
        Ok(rows.iter().map(change).collect::<Result<_, sqlx::Error>>()?)
    }

    /// Returns up to `most` events behind number `after`, from `since_ms` on, in their order.
    /// A call's arguments are on the first event of its approval alone.
    ///
    /// # Errors
    /// [`StoreError::Database`]
    pub async fn events(&self, after: i64, since_ms: i64, most: i64) -> Result<Vec<Event>, StoreError> {
        let events = "SELECT e.seq, e.at_ms, e.what, e.who, e.reason, e.approval_id, e.fingerprint,
                e.decision_id, e.request_id,
                COALESCE(a.server, '') AS server, COALESCE(a.tool, '') AS tool,
                COALESCE(a.grant_name, '') AS grant_name, COALESCE(a.principal, '') AS principal,
                COALESCE(a.policy, '') AS policy, COALESCE(a.rule, '') AS rule,
                CASE WHEN e.what = 'asked' AND a.decision_id = e.decision_id AND a.created_ms = e.at_ms
                    THEN a.arguments ELSE '' END AS arguments
            FROM events e LEFT JOIN approvals a ON a.id = e.approval_id
            WHERE e.seq > $1 AND e.at_ms >= $2 ORDER BY e.seq LIMIT $3";
        let rows = sqlx::query(events).bind(after).bind(since_ms).bind(most).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(event).collect::<Result<_, _>>()?)
    }

    /// Returns the events of one approval, in their order, without the call.
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

/// Reads a row of an event.
fn event(row: &AnyRow) -> Result<Event, sqlx::Error> {
    let text = |name: &str| row.try_get::<String, _>(name);
    let approval = given(text("approval_id")?);
    let call = match approval {
        Some(_) => Some(Call {
            server: text("server")?,
            tool: text("tool")?,
            grant: text("grant_name")?,
            principal: given(text("principal")?),
            policy: text("policy")?,
            rule: text("rule")?,
            arguments: given(text("arguments")?),
        }),
        None => None,
    };
    Ok(Event {
        seq: row.try_get("seq")?,
        at_ms: row.try_get("at_ms")?,
        what: text("what")?,
        who: text("who")?,
        reason: given(text("reason")?),
        approval,
        fingerprint: given(text("fingerprint")?),
        decision_id: given(text("decision_id")?),
        request_id: given(text("request_id")?),
        call,
    })
}
