//! The last decisions on calls of one caller.

use maud::{Markup, html};

use super::arguments::{brief, fold};
use super::text::name;
use super::{badge, times};
use crate::model::Approval;

/// The most decisions that the page of a call shows.
pub const MOST: usize = 5;

/// Returns the section, which is empty if there are none.
pub fn section(earlier: &[Approval], now_ms: i64) -> Markup {
    html! {
        @if !earlier.is_empty() {
            section.earlier aria-labelledby="earlier" {
                h2 id="earlier" { "Last decisions for this caller" }
                ol { @for approval in earlier { li { (row(approval, now_ms)) } } }
            }
        }
    }
}

fn row(approval: &Approval, now_ms: i64) -> Markup {
    let Some(decided) = &approval.decision else { return html! {} };
    html! {
        p.line {
            a.tool href={ "/approvals/" (approval.id) } { (name(&approval.question.tool)) }
            " " (badge::status(approval))
        }
        p.note {
            "by " (name(&decided.by)) " " (times::since(decided.at_ms, now_ms)) ", " (times::clock(decided.at_ms, now_ms))
            @if let Some(reason) = &decided.reason { ": " (fold::start(reason)) }
        }
        (brief(&approval.question.arguments))
    }
}
