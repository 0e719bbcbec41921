//! Badges: the risk class of a call, and the status of an approval.

use maud::{Markup, html};

use super::text::name;
use crate::model::{Approval, Status, Verdict};

/// Shows a risk class, if the configuration names one.
pub fn risk(class: Option<&str>) -> Markup {
    let Some(class) = class else { return html! {} };
    let tone = match class {
        "read" | "write" => "low",
        "destructive" | "financial" | "credential" => "high",
        _ => "middle",
    };
    html! { span.risk.(tone) { (name(class)) } }
}

/// Shows the status of an approval, with the decision if it has expired.
pub fn status(approval: &Approval) -> Markup {
    let verdict = approval.decision.as_ref().map(|decided| decided.verdict);
    let (class, sign, word) = match (approval.status, verdict) {
        (Status::Pending, _) => ("pending", "○", "Waiting"),
        (Status::Approved, _) => ("approved", "✓", "Approved"),
        (Status::Consumed, _) => ("approved", "✓", "Approved and used"),
        (Status::Denied, _) => ("denied", "✕", "Refused"),
        (Status::Expired, Some(Verdict::Approve)) => ("over", "–", "Approved, never used"),
        (Status::Expired, Some(Verdict::Deny)) => ("denied", "✕", "Refused, now expired"),
        (Status::Expired, None) => ("over", "–", "Expired without a decision"),
        (Status::Superseded, _) => ("over", "–", "Replaced"),
    };
    html! { span.status.(class) { span aria-hidden="true" { (sign) } " " (word) } }
}

/// Returns the label of a status in the history's filter.
pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Pending => "Waiting",
        Status::Approved => "Approved, not yet used",
        Status::Denied => "Refused",
        Status::Consumed => "Approved and used",
        Status::Expired => "Expired",
        Status::Superseded => "Replaced",
    }
}
