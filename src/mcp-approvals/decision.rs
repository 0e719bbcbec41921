//! A person's decision on an approval, with all of its checks.

use std::fmt;

use crate::access::AccessDenied;
use crate::app::App;
use crate::clock;
use crate::model::{Approval, Verdict};
use crate::store::Undecidable;
use crate::user::User;

/// The longest reason, in bytes.
pub const MAX_REASON: usize = 2000;

/// Why a decision was not made.
#[derive(Debug)]
pub enum DecisionError {
    /// The person may not make it
    Forbidden(AccessDenied),
    /// The approval cannot be decided
    Undecidable(Undecidable),
    /// The reason is too long or contains U+0000
    InvalidReason,
}

/// Decides an approval. On return the decision is durable, and everyone who waits for it is notified.
///
/// # Errors
/// [`DecisionError`]; nothing has changed then.
pub async fn decide(
    app: &App,
    user: &User,
    id: &str,
    verdict: Verdict,
    reason: Option<&str>,
    now_ms: i64,
) -> Result<Approval, DecisionError> {
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_some_and(|reason| reason.len() > MAX_REASON || reason.contains('\0')) {
        return Err(DecisionError::InvalidReason);
    }
    let approval = app.store.get(id, now_ms).await.map_err(Undecidable::Failed)?;
    let approval = approval.ok_or(Undecidable::Unknown)?;
    let User { approver, access, .. } = user;
    access.may_decide(approver, &approval, verdict, &app.settings).map_err(DecisionError::Forbidden)?;
    let decided = app.store.decide(id, verdict, &approver.name, reason, clock::now_ms).await?;
    app.metrics.decided(verdict);
    app.feed.wake();
    Ok(decided)
}

impl From<Undecidable> for DecisionError {
    fn from(why: Undecidable) -> Self {
        Self::Undecidable(why)
    }
}

impl fmt::Display for DecisionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden(denied) => denied.fmt(out),
            Self::Undecidable(Undecidable::Failed(_)) => out.write_str("internal error, nothing was decided"),
            Self::Undecidable(why) => why.fmt(out),
            Self::InvalidReason => write!(out, "a reason must have {MAX_REASON} bytes or fewer"),
        }
    }
}
