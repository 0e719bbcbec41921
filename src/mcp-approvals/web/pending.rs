//! The list of calls that wait for a decision, with a form that refuses several of them.

use maud::{Markup, html};

use super::arguments::brief;
use super::badge;
use super::decision_forms::{Rejected, reasons};
use super::layout::token;
use super::text::{grouped, name, sentence};
use super::times;
use crate::model::Approval;

/// The `id` of the form that refuses several calls.
const FORM: &str = "refuse-several";

/// One entry of the list.
#[derive(Debug, Clone, Copy)]
pub struct PendingCall<'a> {
    /// The approval
    pub approval: &'a Approval,
    /// The risk class of the call, if the configuration names one
    pub class: Option<&'a str>,
    /// Whether the viewer may refuse it
    pub may_refuse: bool,
    /// Whether it is selected
    pub selected: bool,
}

/// What the page shows besides the list.
#[derive(Debug, Clone, Copy)]
pub struct PendingView<'a> {
    /// The calls
    pub waiting: &'a [PendingCall<'a>],
    /// Whether more calls wait than are listed
    pub more: bool,
    /// Whether the viewer has a role
    pub role: bool,
    /// Whether one of their roles may decide
    pub decides: bool,
    /// The CSRF token
    pub token: &'a str,
    /// The reasons for a refusal that are offered
    pub refusals: &'a [&'a str],
    /// The rejected input, if the form was submitted and is shown again
    pub rejected: Option<Rejected<'a>>,
    /// What the form did, if the viewer comes from it
    pub done: Option<Done>,
}

/// How many calls the form refused, and how many it could not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// How many calls were refused
    pub refused: usize,
    /// How many could not be refused: they were decided or had expired
    pub late: usize,
}

/// Returns the content of the page.
pub fn content(view: &PendingView<'_>, now_ms: i64) -> Markup {
    html! {
        div.title {
            h1 { "Waiting for a decision" }
            p.live { span.dot aria-hidden="true" {} span id="live" { a href="/" { "Refresh" } } }
        }
        @if !view.role {
            p.callout { "You have no role yet, so you cannot see any calls. Ask the operator of this service for one." }
        }
        @if let Some(done) = view.done { (told(done)) }
        div.several {
            (list(view.waiting, view.more, now_ms))
            @if view.decides { (refuse_several(view)) }
        }
    }
}

fn told(done: Done) -> Markup {
    let calls = |count: usize| if count == 1 { "call was" } else { "calls were" };
    html! {
        p.callout role="status" {
            (grouped(done.refused)) " " (calls(done.refused)) " refused."
            @if done.late > 0 {
                " " (grouped(done.late)) " " (calls(done.late)) " not: decided by someone else, expired, or out of your role."
            }
        }
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
                @if waiting.may_refuse {
                    label.select {
                        input type="checkbox" name="id" value=(approval.id) form=(FORM) checked[waiting.selected];
                        span.visually-hidden { "Select " (name(&question.tool)) " to refuse it" }
                    }
                }
                h2 { a.tool href={ "/approvals/" (approval.id) } { (name(&question.tool)) } }
                (badge::risk(waiting.class))
            }
            p.when {
                span { "asked " (times::since(approval.created_ms, now_ms)) ", " (times::clock(approval.created_ms, now_ms)) }
                span { "expires " (times::until(approval.expires_ms, now_ms)) }
            }
            p.from {
                @if let Some(principal) = &question.principal { strong { (name(principal)) } }
                @else { em { "an unnamed caller" } }
                " under grant " span.code { (name(&question.grant)) }
                " on server " span.code { (name(&question.server)) }
                @if approval.times > 1 { ", asked " (approval.times) " times" }
            }
            (brief(&question.arguments))
            @if let Some(reason) = &question.reason { p.reason { (sentence(reason)) } }
        }
    }
}

/// Returns the form that refuses the selected calls. It is there even if the list is empty, because the
/// script adds calls to the list. There is none that approves several: each approval is
/// of one call that a person has read.
fn refuse_several(view: &PendingView<'_>) -> Markup {
    html! {
        section.panel.refuse aria-labelledby="several" {
            h2 id="several" { "Refuse the selected calls" }
            form id=(FORM) method="post" action="/refuse" {
                (token(view.token))
                (reasons(view.refusals, view.rejected))
                button.stop type="submit" { span aria-hidden="true" { "✕ " } "Refuse selected" }
            }
        }
    }
}
