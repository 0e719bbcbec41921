//! The list of calls that wait for a decision.

use maud::{Markup, html};

use super::badge;
use super::text::{name, sentence};
use super::times;
use crate::model::Approval;

/// One entry of the list.
#[derive(Debug, Clone, Copy)]
pub struct PendingCall<'a> {
    /// The approval
    pub approval: &'a Approval,
    /// The risk class of the call
    pub class: &'a str,
}

/// Returns the content of the page. `more` says that the list is incomplete, `role` that the viewer has a
/// role.
pub fn content(waiting: &[PendingCall<'_>], more: bool, role: bool, now_ms: i64) -> Markup {
    html! {
        div.title {
            h1 { "Waiting for a decision" }
            p.live { span.dot aria-hidden="true" {} span id="live" { a href="/" { "Refresh" } } }
        }
        @if !role {
            p.callout { "You have no role yet, so you cannot see any calls. Ask the operator of this service for one." }
        }
        (list(waiting, more, now_ms))
    }
}

/// Returns only the list, which the script fetches again after a change.
pub fn list(waiting: &[PendingCall<'_>], more: bool, now_ms: i64) -> Markup {
    html! {
        section id="waiting" data-count=(waiting.len()) data-now=(now_ms) aria-label="Waiting calls" {
            @if waiting.is_empty() {
                div.empty {
                    p.large { "No calls are waiting." }
                    p { "A call that needs your decision appears here as soon as an agent makes it." }
                }
            } @else {
                ol.calls {
                    @for waiting in waiting { li { (card(waiting, now_ms)) } }
                }
            }
            @if more { p.note { "More calls are waiting than are listed here. These are the oldest." } }
        }
    }
}

fn card(waiting: &PendingCall<'_>, now_ms: i64) -> Markup {
    let approval = waiting.approval;
    let question = &approval.question;
    html! {
        article.call data-id=(approval.id) data-times=(approval.times) {
            div.what {
                h2 { a.tool href={ "/approvals/" (approval.id) } { (name(&question.tool)) } }
                (badge::risk(waiting.class))
            }
            p.when {
                span { "asked " (times::since(approval.created_ms, now_ms)) }
                span { "expires " (times::until(approval.expires_ms, now_ms)) }
            }
            p.from {
                @if let Some(principal) = &question.principal { strong { (name(principal)) } }
                @else { em { "an unnamed caller" } }
                " under grant " span.code { (name(&question.grant)) }
                " on server " span.code { (name(&question.server)) }
                @if approval.times > 1 { ", asked " (approval.times) " times" }
            }
            @if let Some(reason) = &question.reason { p.reason { (sentence(reason)) } }
        }
    }
}
