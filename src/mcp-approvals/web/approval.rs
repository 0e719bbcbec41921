//! The page of one approval, in the order in which an approver needs the information.

use maud::{Markup, html};

use super::arguments::{Arguments, fold};
use super::badge;
use super::decision_forms::{self, Decide};
use super::text::{Form, grouped, name, sentence, show};
use super::{earlier, times, warnings};
use crate::model::{Approval, Question, Status, Verdict};

/// What the page shows.
#[derive(Debug, Clone, Copy)]
pub struct ApprovalView<'a> {
    /// The approval
    pub approval: &'a Approval,
    /// The risk class of the call, if the configuration names one
    pub class: Option<&'a str>,
    /// The description of the tool, where it is known
    pub description: Option<&'a str>,
    /// The last decisions on other calls of this caller, newest first
    pub earlier: &'a [Approval],
    /// Whether the viewer may decide
    pub decide: Decide<'a>,
}

/// What a call hands to its server, rendered.
#[derive(Debug)]
pub struct Shown {
    /// The arguments
    pub arguments: Arguments,
    /// The other params, if there are any
    pub params: Option<Arguments>,
}

impl Shown {
    /// Renders the arguments and the other params of a question.
    pub fn of(question: &Question) -> Self {
        let params = Some(&question.params).filter(|params| params.as_str() != "{}");
        let params = params.map(|params| Arguments::of(params));
        Self { arguments: Arguments::of(&question.arguments), params }
    }

    /// Returns whether the page leaves anything out.
    pub fn is_shortened(&self) -> bool {
        self.arguments.shortened || self.params.as_ref().is_some_and(|params| params.shortened)
    }
}

/// Returns the content of the page.
pub fn content(view: &ApprovalView<'_>, now_ms: i64) -> Markup {
    let approval = view.approval;
    let shown = Shown::of(&approval.question);
    let pending = approval.status == Status::Pending;
    let act = match approval.decision {
        Some(_) => html! { div.act { (decision_panel(approval, now_ms)) } },
        None => decision_forms::forms(approval, view.decide, shown.is_shortened()),
    };
    html! {
        div.approval data-status=(approval.status.as_str()) data-id=(approval.id) {
            (head(view, now_ms))
            div.columns {
                // While it is pending, show the arguments before the forms; after that, show first what
                // became of it.
                @if !pending { (act) }
                div.read {
                    (why(approval))
                    (arguments_section(approval, &shown))
                    (params_section(approval, &shown))
                    (described(view))
                    (earlier::section(view.earlier, now_ms))
                }
                @if pending { (act) }
            }
            (details(approval, now_ms))
        }
    }
}

fn head(view: &ApprovalView<'_>, now_ms: i64) -> Markup {
    let approval = view.approval;
    let question = &approval.question;
    html! {
        p.back { a href="/" { span aria-hidden="true" { "← " } "All waiting calls" } }
        div.title {
            h1.tool { span.visually-hidden { "Call of " } (name(&question.tool)) }
            (badge::risk(view.class))
            (badge::status(approval))
        }
        p.lead {
            @if let Some(principal) = &question.principal { strong { (name(principal)) } }
            @else { em { "An unnamed caller" } }
            ", under grant " span.code { (name(&question.grant)) }
            @if approval.status == Status::Pending { ", wants to call " } @else { ", asked to call " }
            span.code { (name(&question.tool)) }
            " on server " span.code { (name(&question.server)) }
            @if question.host.is_some() || question.path.is_some() {
                ", at " span.code {
                    @if let Some(host) = &question.host { (name(host)) }
                    @if let Some(path) = &question.path { (name(path)) }
                }
            }
            "."
        }
        p.when {
            span { "asked " (times::since(approval.created_ms, now_ms)) ", " (times::clock(approval.created_ms, now_ms)) }
            @if approval.status == Status::Pending {
                span { "expires " (times::until(approval.expires_ms, now_ms)) ", " (times::clock(approval.expires_ms, now_ms)) }
            }
            @if approval.times > 1 { span { "asked " (approval.times) " times" } }
        }
        div.callout.changed id="changed" role="status" hidden {
            "This approval has changed since you opened the page. "
            a href={ "/approvals/" (approval.id) } { "Show it as it is now" }
        }
    }
}

fn why(approval: &Approval) -> Markup {
    html! {
        section.why aria-labelledby="why" {
            h2 id="why" { "Why this needs approval" }
            p.reason {
                @match &approval.question.reason {
                    Some(reason) => (sentence(reason)),
                    None => "The rule gives no reason.",
                }
            }
            p.note { "Rule " span.code { (name(&approval.question.rule)) } }
        }
    }
}

/// Shows the description of the tool. It may be long, and a server may have written it.
fn described(view: &ApprovalView<'_>) -> Markup {
    let Some(description) = view.description else { return html! {} };
    html! {
        section.described aria-labelledby="described" {
            h2 id="described" { "What " span.code { (name(&view.approval.question.tool)) } " does" }
            (fold::prose(description))
            p.note { "From the configuration of this service." }
        }
    }
}

fn arguments_section(approval: &Approval, shown: &Shown) -> Markup {
    let heading = heading(approval, "arguments", "Arguments", "the arguments", &approval.question.arguments);
    html! {
        section.arguments aria-labelledby="arguments" {
            (heading)
            (warnings::of(&approval.question, shown))
            (shown.arguments.markup)
        }
    }
}

/// Shows the params of the call beside its name and arguments, on which a server may act too.
fn params_section(approval: &Approval, shown: &Shown) -> Markup {
    let Some(params) = &shown.params else { return html! {} };
    html! {
        section.arguments aria-labelledby="params" {
            (heading(approval, "params", "Other params", "the other params", &approval.question.params))
            p.note { "The agent sent these beside the arguments. The server may act on them." }
            (params.markup)
        }
    }
}

/// Returns a heading with a download, whose path is the heading's `id`.
fn heading(approval: &Approval, id: &str, title: &str, what: &str, text: &str) -> Markup {
    html! {
        div.heading {
            h2 id=(id) { (title) }
            a href={ "/approvals/" (approval.id) "/" (id) } download {
                "Download" span.visually-hidden { " " (what) } " (" (grouped(text.len())) " bytes)"
            }
        }
    }
}

fn decision_panel(approval: &Approval, now_ms: i64) -> Markup {
    let Some(decided) = &approval.decision else { return html! {} };
    let (tone, word) = match decided.verdict {
        Verdict::Approve => ("approved", "Approved"),
        Verdict::Deny => ("denied", "Refused"),
    };
    html! {
        section.panel.outcome.(tone) aria-labelledby="outcome" {
            h2 id="outcome" { (word) " by " (name(&decided.by)) }
            p.note { (times::moment(decided.at_ms)) ", " (times::since(decided.at_ms, now_ms)) }
            @if let Some(reason) = &decided.reason {
                blockquote { (show(reason, Form::PROSE).markup) }
            }
            p {
                @match (decided.verdict, approval.consumed_ms, approval.status) {
                    (Verdict::Approve, Some(at), _) => {
                        "The call was repeated " (times::since(at, now_ms)) " and went on. It cannot go on again."
                    }
                    (Verdict::Approve, None, Status::Expired) => "The call was never repeated, and the approval has expired.",
                    (Verdict::Approve, None, Status::Superseded) => {
                        "The approval was never used. The rules that decide on this call changed, and the agent asked again. "
                        @if let Some(by) = &approval.superseded_by {
                            a href={ "/approvals/" (by) } { "Show the newer question" }
                        }
                    }
                    (Verdict::Approve, None, _) => {
                        "The call has not been repeated yet. It can go on once, until "
                        (times::moment(approval.expires_ms)) "."
                    }
                    (Verdict::Deny, ..) => {
                        "The agent is told this when it repeats the call, unless it already was. Until "
                        (times::moment(approval.expires_ms)) " the same call is refused automatically."
                    }
                }
            }
        }
    }
}

fn details(approval: &Approval, now_ms: i64) -> Markup {
    let question = &approval.question;
    let row = |label: &str, value: Markup| html! { div { dt { (label) } dd { (value) } } };
    let code = |text: &str| html! { span.code { (name(text)) } };
    html! {
        section.record aria-labelledby="record" {
            h2 id="record" { "For the record" }
            dl.facts {
                (row("First asked", html! { (times::moment(approval.created_ms)) }))
                @if approval.expires_ms <= now_ms {
                    (row("Expired", html! { (times::moment(approval.expires_ms)) ", " (times::since(approval.expires_ms, now_ms)) }))
                } @else {
                    (row("Expires", html! { (times::moment(approval.expires_ms)) ", " (times::until(approval.expires_ms, now_ms)) }))
                }
                (row("Asked", html! { (approval.times) @if approval.times == 1 { " time" } @else { " times" } }))
                (row("Rule", code(&question.rule)))
                @if let Some(source) = &question.source { (row("Identity source", code(source))) }
                @if let Some(host) = &question.host { (row("Host", code(host))) }
                @if let Some(path) = &question.path { (row("Path", code(path))) }
                (row("Rules", html! { (code(&question.rules)) " " span.note { "SHA-256 of the rules that decide" } }))
                (row("Policy", html! { (code(&question.policy)) " " span.note { "start of its SHA-256" } }))
                (row("Fingerprint", html! { (code(&question.fingerprint)) " " span.note { "of exactly this call" } }))
                (row("Decision id", code(&question.decision_id)))
                @if let Some(request) = &question.request_id { (row("Request id", code(request))) }
                (row("Approval id", code(&approval.id)))
            }
        }
    }
}
