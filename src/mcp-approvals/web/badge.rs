//! How much harm a call can do, and where an approval is on its way, in a word each.

use maud::{Markup, html};

use super::text::name;
use crate::model::{Approval, Status, Verdict};

/// CallerCredential the class of a tool.
pub fn risk(class: &str) -> Markup {
    let tone = match class {
        "read" | "write" => "low",
        "destructive" | "financial" | "credential" => "high",
        _ => "middle",
    };
    html! { span.risk.(tone) { (name(class)) } }
}

/// CallerCredential the status, and what led to it.
pub fn status(approval: &Approval) -> Markup {
    let verdict = approval.decision.as_ref().map(|decided| decided.verdict);
    let (class, sign, word) = match (approval.status, verdict) {
        (Status::Pending, _) => ("pending", "○", "Waiting"),
        (Status::Approved, _) => ("approved", "✓", "Approved"),
        (Status::Consumed, _) => ("approved", "✓", "Approved and used"),
        (Status::Denied, _) => ("denied", "✕", "Refused"),
        (Status::Expired, Some(Verdict::Approve)) => ("over", "–", "Approved, never used"),
        (Status::Expired, Some(Verdict::Deny)) => ("denied", "✕", "Refused, since expired"),
        (Status::Expired, None) => ("over", "–", "Expired undecided"),
    };
    html! { span.status.(class) { span aria-hidden="true" { (sign) } " " (word) } }
}

/// Names a status for a choice among all.
pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Pending => "Waiting",
        Status::Approved => "Approved, not yet used",
        Status::Denied => "Refused",
        Status::Consumed => "Approved and used",
        Status::Expired => "Expired",
    }
}
