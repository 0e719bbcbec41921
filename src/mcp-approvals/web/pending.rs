//! The list of what waits for somebody's decision.

use maud::{Markup, html};

use super::badge;
use super::text::{name, sentence};
use super::times;
use crate::model::Approval;

/// One call that waits.
#[derive(Debug, Clone, Copy)]
pub struct PendingCall<'a> {
    /// The approval
    pub approval: &'a Approval,
    /// What kind of harm the call can do
    pub class: &'a str,
}

/// The page's content: the list, and what stands around it. `role` tells whether the viewer has any.
pub fn content(waiting: &[PendingCall<'_>], more: bool, role: bool, now_ms: i64) -> Markup {
    html! {
        div.title {
            h1 { "Waiting for a decision" }
            p.live { span.dot aria-hidden="true" {} span id="live" { a href="/" { "Look again" } } }
        }
        @if !role {
            p.callout { "You have no role here yet, so there is nothing that you see. Whoever runs this can give you one." }
        }
        (list(waiting, more, now_ms))
    }
}

/// The list by itself, which the script fetches anew when something has changed.
pub fn list(waiting: &[PendingCall<'_>], more: bool, now_ms: i64) -> Markup {
    html! {
        section id="waiting" data-count=(waiting.len()) data-now=(now_ms) aria-label="Calls that wait" {
            @if waiting.is_empty() {
                div.empty {
                    p.large { "Nothing waits." }
                    p { "A call that needs you appears here as soon as an agent makes it." }
                }
            } @else {
                ol.calls {
                    @for waiting in waiting { li { (card(waiting, now_ms)) } }
                }
            }
            @if more { p.note { "More calls wait than are listed here: these are the oldest." } }
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
