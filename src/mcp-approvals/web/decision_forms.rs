//! The forms that approve and refuse a call. They look different, so that nobody confuses them. On a phone
//! they are a bar at the bottom of the screen, with both buttons next to each other.

use maud::{Markup, html};

use super::layout::token;
use super::text::{name, plain};
use super::times;
use crate::decision::MAX_REASON;
use crate::model::{Approval, Status, Verdict};

/// The value of the choice of own words.
pub const OWN_WORDS: &str = "own";

/// Whether the viewer may decide.
#[derive(Debug, Clone, Copy)]
pub enum Decide<'a> {
    /// They may, with these forms
    May(Draft<'a>),
    /// Their role only allows viewing
    MayNot,
}

/// The contents of the forms.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// The CSRF token
    pub token: &'a str,
    /// The principal as which the viewer made the call, if it is their own; they may then only refuse it
    pub own: Option<&'a str>,
    /// The reasons for a refusal that are offered
    pub refusals: &'a [&'a str],
    /// The rejected input, if a form was submitted and is shown again
    pub rejected: Option<Rejected<'a>>,
}

/// The input of a form that was rejected.
#[derive(Debug, Clone, Copy)]
pub struct Rejected<'a> {
    /// The form
    pub verdict: Verdict,
    /// The offered reason that was chosen
    pub preset: &'a str,
    /// The reason that was typed
    pub reason: &'a str,
    /// What is wrong with it
    pub fault: Fault,
}

/// What can be wrong with a submitted form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A refusal has no reason
    NoReason,
    /// The reason is too long
    LongReason,
    /// No call is selected
    NothingSelected,
    /// The arguments were not shown completely, and the approver has not confirmed having read them
    Unread,
}

impl Fault {
    fn message(self) -> &'static str {
        match self {
            Self::NoReason => "Choose or write a reason. The agent is told, and can act on it.",
            Self::LongReason => "The reason is too long: about 2,000 characters at most.",
            Self::NothingSelected => "Select at least one call in the list.",
            Self::Unread => "Not all arguments are shown above. Read the download, then tick the box.",
        }
    }
}

/// Returns the forms, or an explanation why there are none.
pub fn forms(approval: &Approval, decide: Decide<'_>, shortened: bool) -> Markup {
    let over = approval.status != Status::Pending;
    html! {
        @match (decide, &approval.superseded_by) {
            (_, Some(by)) => div.act { (superseded(by)) },
            _ if over => div.act { section.panel aria-labelledby="decide" {
                h2 id="decide" { "Nobody decided" }
                p { "The question expired on " (times::moment(approval.expires_ms)) ". If the agent repeats the call, you are asked again." }
            } },
            (Decide::MayNot, None) => div.act { section.panel aria-labelledby="decide" {
                h2 id="decide" { "You cannot decide this" }
                p { "Your role allows viewing calls of this kind, but not deciding them." }
            } },
            (Decide::May(draft), None) => div.act.deciding {
                @match draft.own {
                    Some(principal) => section.panel.told aria-labelledby="own" {
                        h2 id="own" { "You asked for this yourself" }
                        p { "You made this call as " (name(principal)) ". Someone else has to approve it. You can withdraw it by refusing it." }
                    },
                    None => (approve(approval, draft, shortened)),
                }
                (refuse(approval, draft))
            },
        }
    }
}

/// Says that a newer question has replaced this one, which can therefore never be used.
fn superseded(by: &str) -> Markup {
    html! {
        section.panel aria-labelledby="superseded" {
            h2 id="superseded" { "A newer question has replaced this one" }
            p {
                "The rules that decide on this call changed, and the agent asked again. An approval of this question could "
                "never be used, so it cannot be given. "
                a href={ "/approvals/" (by) } { "Show the newer question" }
            }
        }
    }
}

fn approve(approval: &Approval, draft: Draft<'_>, shortened: bool) -> Markup {
    let rejected = draft.rejected.filter(|rejected| rejected.verdict == Verdict::Approve);
    let fault = rejected.map(|rejected| rejected.fault);
    let unread = fault == Some(Fault::Unread);
    let in_reason = fault.is_some() && !unread;
    html! {
        section.panel.approve aria-labelledby="approve" {
            h2 id="approve" { "Approve it" }
            p.note { "Exactly this call, once, until " (times::moment(approval.expires_ms)) "." }
            form method="post" action={ "/approvals/" (approval.id) "/approve" } {
                (token(draft.token))
                @if shortened {
                    div.field {
                        label.tick for="whole" {
                            input type="checkbox" id="whole" name="whole" value="read" required
                                aria-invalid=[unread.then_some("true")]
                                aria-describedby=[unread.then_some("whole-fault")];
                            span { "I have read the complete arguments in the download" }
                        }
                        (message(fault.filter(|_| unread), "whole-fault"))
                    }
                }
                details.add open[in_reason] {
                    summary { "Add a note" }
                    div.field {
                        label for="note" { "Note for the record " span.note { "optional" } }
                        textarea id="note" name="reason" rows="2" maxlength=(MAX_REASON)
                            aria-invalid=[in_reason.then_some("true")]
                            aria-describedby=[in_reason.then_some("note-fault")] {
                            (rejected.map_or("", |rejected| rejected.reason))
                        }
                        (message(fault.filter(|_| in_reason), "note-fault"))
                    }
                }
                button.go type="submit" { span aria-hidden="true" { "✓ " } "Approve once" }
            }
        }
    }
}

fn refuse(approval: &Approval, draft: Draft<'_>) -> Markup {
    let rejected = draft.rejected.filter(|rejected| rejected.verdict == Verdict::Deny);
    html! {
        section.panel.refuse aria-labelledby="refuse" {
            h2 id="refuse" { "Refuse it" }
            form method="post" action={ "/approvals/" (approval.id) "/refuse" } {
                (token(draft.token))
                (reasons(draft.refusals, rejected))
                button.stop type="submit" { span aria-hidden="true" { "✕ " } "Refuse" }
            }
        }
    }
}

/// Returns the fields for the reason of a refusal: one of the offered reasons, own words, or both.
pub fn reasons(refusals: &[&str], rejected: Option<Rejected<'_>>) -> Markup {
    let fault = rejected.map(|rejected| rejected.fault);
    let (preset, reason) = rejected.map_or(("", ""), |rejected| (rejected.preset, rejected.reason));
    let in_words = fault == Some(Fault::LongReason) || refusals.is_empty();
    let described = if fault.is_some() { "why-not-hint why-not-fault" } else { "why-not-hint" };
    html! {
        @if !refusals.is_empty() {
            div.field.choice {
                label for="why-not" { "Why not? " span.note { "required" } }
                select id="why-not" name="preset" required aria-describedby=(described)
                    aria-invalid=[fault.filter(|_| !in_words).map(|_| "true")] {
                    option value="" { "Choose a reason" }
                    @for refusal in refusals {
                        option value=(refusal) selected[*refusal == preset] { (plain(refusal)) }
                    }
                    option value=(OWN_WORDS) selected[preset == OWN_WORDS] { "In my own words" }
                }
                p.note id="why-not-hint" { "The agent reads this." }
                (message(fault, "why-not-fault"))
            }
        }
        div.field.own-words {
            label for="words" { "In your own words" }
            textarea id="words" name="reason" rows="2" maxlength=(MAX_REASON) required[refusals.is_empty()]
                aria-describedby=[refusals.is_empty().then_some(described)]
                aria-invalid=[fault.filter(|_| in_words).map(|_| "true")] { (reason) }
            @if refusals.is_empty() {
                p.note id="why-not-hint" { "The agent reads this. Say what it should do instead." }
                (message(fault, "why-not-fault"))
            }
        }
    }
}

fn message(fault: Option<Fault>, id: &str) -> Markup {
    html! { @if let Some(fault) = fault { p.fault id=(id) role="alert" { (fault.message()) } } }
}
