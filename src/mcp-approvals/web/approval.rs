//! One approval in full: everything that a person needs to decide, in the order in which they need it.

use maud::{Markup, html};

use super::arguments::Arguments;
use super::badge;
use super::clock;
use super::decision::{self, Decide};
use super::odd;
use super::text::{Form, grouped, name, sentence, show};
use crate::model::{Approval, Status, Verdict};

/// What the page shows beside the approval.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The approval
    pub approval: &'a Approval,
    /// What kind of harm the call can do
    pub class: &'a str,
    /// Whether the viewer may decide
    pub decide: Decide<'a>,
}

/// How many kinds of odd characters a warning names.
const NAMED: usize = 8;

/// The page's content.
pub fn content(seen: &Seen<'_>, now_ms: i64) -> Markup {
    let approval = seen.approval;
    let arguments = Arguments::of(&approval.asked.arguments);
    html! {
        div.approval data-status=(approval.status.as_str()) data-id=(approval.id) {
            (head(seen, now_ms))
            div.columns {
                // Whoever decides reads first; whoever looks wants to know what became of it.
                @if approval.decided.is_some() { div.act { (outcome(approval, now_ms)) } }
                div.read {
                    (why(approval))
                    (laid_out(approval, &arguments))
                }
                @if approval.decided.is_none() {
                    div.act { (decision::forms(approval, seen.decide, arguments.shortened)) }
                }
            }
            (record(approval, now_ms))
        }
    }
}

fn head(seen: &Seen<'_>, now_ms: i64) -> Markup {
    let approval = seen.approval;
    let asked = &approval.asked;
    html! {
        p.back { a href="/" { span aria-hidden="true" { "← " } "What waits" } }
        div.title {
            h1.tool { span.visually-hidden { "Call of " } (name(&asked.tool)) }
            (badge::risk(seen.class))
            (badge::status(approval))
        }
        p.lead {
            @if let Some(principal) = &asked.principal { strong { (name(principal)) } }
            @else { em { "An unnamed caller" } }
            ", under grant " span.code { (name(&asked.grant)) }
            @if approval.status == Status::Pending { ", wants to call " } @else { ", asked to call " }
            span.code { (name(&asked.tool)) }
            " on server " span.code { (name(&asked.server)) } "."
        }
        p.when {
            span { "asked " (clock::since(approval.created_ms, now_ms)) }
            @if approval.status == Status::Pending {
                span { "expires " (clock::until(approval.expires_ms, now_ms)) }
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
            h2 id="why" { "Why you are asked" }
            p.reason {
                @match &approval.asked.reason {
                    Some(reason) => (sentence(reason)),
                    None => "The rule gives no reason.",
                }
            }
            p.note { "Rule " span.code { (name(&approval.asked.rule)) } }
        }
    }
}

fn laid_out(approval: &Approval, arguments: &Arguments) -> Markup {
    let size = approval.asked.arguments.len();
    html! {
        section.arguments aria-labelledby="arguments" {
            div.heading {
                h2 id="arguments" { "Arguments" }
                a href={ "/approvals/" (approval.id) "/arguments" } download {
                    "Download" span.visually-hidden { " the arguments" } " (" (grouped(size)) " bytes)"
                }
            }
            (warnings(approval, arguments))
            (arguments.markup)
        }
    }
}

fn warnings(approval: &Approval, arguments: &Arguments) -> Markup {
    let asked = &approval.asked;
    let mut odd = arguments.odd.clone();
    for name in [&asked.tool, &asked.server, &asked.grant, &asked.rule] {
        odd.look(name, false);
    }
    for text in asked.principal.iter().chain(&asked.reason) {
        odd.look(text, false);
    }
    let odd = &odd.times;
    html! {
        @if arguments.shortened {
            div.callout.danger {
                strong { "Not all of it is shown. " }
                "The arguments are longer or deeper than this page can show. The download has all of them."
            }
        }
        @if !odd.is_empty() {
            div.callout.danger {
                strong { "There are characters in this call that cannot be seen or that mislead. " }
                "Each is marked with its number where it stands: "
                @for (index, (char, times)) in odd.iter().take(NAMED).enumerate() {
                    @if index > 0 { ", " }
                    (grouped(*times)) " × " (odd::name(*char).unwrap_or_default())
                    " " span.mark dir="ltr" { "⟨U+" (format!("{:04X}", u32::from(*char))) "⟩" }
                }
                @if odd.len() > NAMED { " and " (odd.len().saturating_sub(NAMED)) " other kinds" }
                "."
            }
        }
        @if arguments.alike {
            div.callout.danger {
                strong { "Two keys of one object look alike. " }
                "A server may take either of them for the other."
            }
        }
    }
}

fn outcome(approval: &Approval, now_ms: i64) -> Markup {
    let Some(decided) = &approval.decided else { return html! {} };
    let (tone, word) = match decided.verdict {
        Verdict::Approve => ("approved", "Approved"),
        Verdict::Deny => ("denied", "Refused"),
    };
    html! {
        section.panel.outcome.(tone) aria-labelledby="outcome" {
            h2 id="outcome" { (word) " by " (name(&decided.by)) }
            p.note { (clock::moment(decided.at_ms)) ", " (clock::since(decided.at_ms, now_ms)) }
            @if let Some(reason) = &decided.reason {
                blockquote { (show(reason, Form::PROSE).markup) }
            }
            p {
                @match (decided.verdict, approval.consumed_ms, approval.status) {
                    (Verdict::Approve, Some(at), _) => {
                        "The call came back " (clock::since(at, now_ms)) " and went on. It cannot go on again."
                    }
                    (Verdict::Approve, None, Status::Expired) => "The call never came back, and can no longer.",
                    (Verdict::Approve, None, _) => {
                        "The call has not come back yet. It may, once, until "
                        (clock::moment(approval.expires_ms)) "."
                    }
                    (Verdict::Deny, ..) => {
                        "The agent was told, or is when it asks again. Until "
                        (clock::moment(approval.expires_ms)) " the same call is refused unasked."
                    }
                }
            }
        }
    }
}

fn record(approval: &Approval, now_ms: i64) -> Markup {
    let asked = &approval.asked;
    let row = |label: &str, value: Markup| html! { div { dt { (label) } dd { (value) } } };
    let code = |text: &str| html! { span.code { (name(text)) } };
    html! {
        section.record aria-labelledby="record" {
            h2 id="record" { "For the record" }
            dl.facts {
                (row("First asked", html! { (clock::moment(approval.created_ms)) }))
                @if approval.expires_ms <= now_ms {
                    (row("Expired", html! { (clock::moment(approval.expires_ms)) ", " (clock::since(approval.expires_ms, now_ms)) }))
                } @else {
                    (row("Expires", html! { (clock::moment(approval.expires_ms)) ", " (clock::until(approval.expires_ms, now_ms)) }))
                }
                (row("Asked", html! { (approval.times) @if approval.times == 1 { " time" } @else { " times" } }))
                (row("Rule", code(&asked.rule)))
                (row("Policy", html! { (code(&asked.policy)) " " span.note { "start of its SHA-256" } }))
                (row("Fingerprint", html! { (code(&asked.fingerprint)) " " span.note { "of this very call" } }))
                (row("Decision id", code(&asked.decision_id)))
                @if let Some(request) = &asked.request_id { (row("Request id", code(request))) }
                (row("Approval id", code(&approval.id)))
            }
        }
    }
}
