//! The history: all approvals, newest first.

use maud::{Markup, html};

use super::badge;
use super::text::name;
use super::times;
use crate::model::{Approval, Status};

/// One page of the history.
#[derive(Debug, Clone, Copy)]
pub struct HistoryView<'a> {
    /// The text that was searched for
    pub text: &'a str,
    /// The status that was searched for
    pub status: Option<Status>,
    /// The approvals that were found
    pub approvals: &'a [Approval],
    /// The address of the first page; `None` on that page
    pub first: Option<&'a str>,
    /// The address of the next page, if there may be one
    pub older: Option<&'a str>,
}

/// Returns the content of the page.
pub fn content(view: &HistoryView<'_>, now_ms: i64) -> Markup {
    html! {
        div.title { h1 { "History" } }
        (search(view))
        @if view.approvals.is_empty() {
            div.empty {
                p.large { "Nothing found." }
                @if !view.text.is_empty() || view.status.is_some() {
                    p { a href="/history" { "Show everything" } }
                }
            }
        } @else {
            (table(view.approvals, now_ms))
        }
        @if view.first.is_some() || view.older.is_some() {
            nav.pages aria-label="Pages" {
                @if let Some(first) = view.first { a rel="first" href=(first) { "Newest" } }
                @if let Some(older) = view.older {
                    a rel="next" href=(older) { "Older" span aria-hidden="true" { " →" } }
                }
            }
        }
    }
}

fn search(view: &HistoryView<'_>) -> Markup {
    html! {
        form.search role="search" method="get" action="/history" {
            div.field {
                label for="text" { "Search" }
                input type="search" id="text" name="text" value=(view.text) maxlength="200"
                    placeholder="Tool, server, grant, person or id";
            }
            div.field {
                label for="status" { "Status" }
                select id="status" name="status" {
                    option value="" { "Any" }
                    @for status in Status::ALL {
                        option value=(status.as_str()) selected[view.status == Some(status)] {
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
        // Explicit roles keep the table accessible on a narrow screen, where CSS shows its cells as blocks.
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
            td role="cell" data-label="Asked" {
                (times::clock(approval.created_ms, now_ms)) " "
                span.note { (times::since(approval.created_ms, now_ms)) }
            }
        }
    }
}
