//! Deciding as a person: whoever may, on what they may, once.

use std::fmt;

use crate::access::AccessDenied;
use crate::app::App;
use crate::clock;
use crate::model::{Approval, Verdict};
use crate::store::Undecidable;
use crate::user::User;

/// The most bytes of a reason.
pub const LONGEST_REASON: usize = 2000;

/// Why a person's decision does not count.
#[derive(Debug)]
pub enum DecisionError {
    /// They may not
    Forbidden(AccessDenied),
    /// It cannot be decided, whoever tries
    Undecidable(Undecidable),
    /// The reason is too long, or has a NUL
    InvalidReason,
}

/// Decides an approval. On return the decision is durable, and all who wait for it hear of it.
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
    if reason.is_some_and(|reason| reason.len() > LONGEST_REASON || reason.contains('\0')) {
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
            Self::Forbidden(refusal) => refusal.fmt(out),
            Self::Undecidable(Undecidable::Failed(_)) => {
                out.write_str("something failed inside, nothing was decided")
            }
            Self::Undecidable(why) => why.fmt(out),
            Self::InvalidReason => write!(out, "a reason must have {LONGEST_REASON} bytes or fewer"),
        }
    }
}
