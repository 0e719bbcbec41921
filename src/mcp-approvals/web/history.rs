//! What was asked and what became of it, newest first.

use maud::{Markup, html};

use super::badge;
use super::text::name;
use super::times;
use crate::model::{Approval, Status};

/// One page of what was found.
#[derive(Debug, Clone, Copy)]
pub struct HistoryView<'a> {
    /// What was looked for
    pub text: &'a str,
    /// In which status, where that matters
    pub status: Option<Status>,
    /// What was found
    pub approvals: &'a [Approval],
    /// Where the first page is, on any but the first
    pub first: Option<&'a str>,
    /// Where older ones are
    pub older: Option<&'a str>,
}

/// The page's content.
pub fn content(found: &HistoryView<'_>, now_ms: i64) -> Markup {
    html! {
        div.title { h1 { "History" } }
        (search(found))
        @if found.approvals.is_empty() {
            div.empty {
                p.large { "Nothing found." }
                @if !found.text.is_empty() || found.status.is_some() {
                    p { a href="/history" { "Show everything" } }
                }
            }
        } @else {
            (table(found.approvals, now_ms))
        }
        @if found.first.is_some() || found.older.is_some() {
            nav.pages aria-label="Pages" {
                @if let Some(first) = found.first { a rel="first" href=(first) { "Newest" } }
                @if let Some(older) = found.older {
                    a rel="next" href=(older) { "Older" span aria-hidden="true" { " →" } }
                }
            }
        }
    }
}

fn search(found: &HistoryView<'_>) -> Markup {
    html! {
        form.search role="search" method="get" action="/history" {
            div.field {
                label for="text" { "Search" }
                input type="search" id="text" name="text" value=(found.text) maxlength="200"
                    placeholder="Tool, server, grant, person or id";
            }
            div.field {
                label for="status" { "Status" }
                select id="status" name="status" {
                    option value="" { "Any" }
                    @for status in Status::ALL {
                        option value=(status.as_str()) selected[found.status == Some(status)] {
                            (badge::status_name(status))
                        }
                    }
                }
            }
            button type="submit" { "Search" }
        }
    }
}

fn table(approvals: &[Approval], now_ms: i64) -> Markup {
    html! {
        // The roles stay where a narrow page shows the cells as blocks.
        table.history role="table" {
            caption.visually-hidden { "Approvals, newest first" }
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" { "Tool" }
                    th scope="col" role="columnheader" { "Status" }
                    th scope="col" role="columnheader" { "Asked by" }
                    th scope="col" role="columnheader" { "Decided by" }
                    th scope="col" role="columnheader" { "Asked" }
                }
            }
            tbody role="rowgroup" { @for approval in approvals { (row(approval, now_ms)) } }
        }
    }
}

fn row(approval: &Approval, now_ms: i64) -> Markup {
    let question = &approval.question;
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                a.tool href={ "/approvals/" (approval.id) } { (name(&question.tool)) }
                span.note { (name(&question.server)) }
            }
            td role="cell" data-label="Status" { (badge::status(approval)) }
            td role="cell" data-label="Asked by" {
                @if let Some(principal) = &question.principal { span { (name(principal)) } }
                span.note { (name(&question.grant)) }
            }
            td role="cell" data-label="Decided by" {
                @match &approval.decision {
                    Some(decided) => span { (name(&decided.by)) },
                    None => span.note { "nobody" },
                }
            }
            td role="cell" data-label="Asked" { (times::since(approval.created_ms, now_ms)) }
        }
    }
}
