//! The two forms: one that lets a call go on, and one that refuses it. They look nothing alike.

use maud::{Markup, html};

use super::layout::token;
use super::text::name;
use super::times;
use crate::decision::LONGEST_REASON;
use crate::model::{Approval, Status, Verdict};

/// Whether the viewer may decide.
#[derive(Debug, Clone, Copy)]
pub enum Decide<'a> {
    /// They may, with these forms
    May(Draft<'a>),
    /// Their role lets them look alone
    MayNot,
}

/// What the forms hold.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// What shows that the forms are ours
    pub token: &'a str,
    /// As whom the viewer asked for this, if they did: they may take it back, and not approve it
    pub own: Option<&'a str>,
    /// What was typed before, and what is wrong with it
    pub rejected: Option<Rejected<'a>>,
}

/// A form that came back.
#[derive(Debug, Clone, Copy)]
pub struct Rejected<'a> {
    /// Which of the two
    pub verdict: Verdict,
    /// What was typed as its reason
    pub reason: &'a str,
    /// What is wrong
    pub fault: Fault,
}

/// What can be wrong with a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A refusal without a reason
    NoReason,
    /// A reason that nobody would read
    LongReason,
    /// An approval of what was not shown whole, without a word that it was read
    Unread,
}

impl Fault {
    fn message(self) -> &'static str {
        match self {
            Self::NoReason => "Write why. The agent is told, and does better for it.",
            Self::LongReason => "Write less: about 2,000 letters at most.",
            Self::Unread => "Not all arguments are shown above. Read the download, then tick the box.",
        }
    }
}

/// The forms, or why there are none.
pub fn forms(approval: &Approval, decide: Decide<'_>, shortened: bool) -> Markup {
    let over = approval.status != Status::Pending;
    html! {
        @match decide {
            _ if over => section.panel aria-labelledby="decide" {
                h2 id="decide" { "Nobody decided" }
                p { "The question expired on " (times::moment(approval.expires_ms)) ". If the agent still wants this, it asks anew." }
            },
            Decide::MayNot => section.panel aria-labelledby="decide" {
                h2 id="decide" { "Not yours to decide" }
                p { "Your role lets you look at calls of this kind, and not decide on them." }
            },
            Decide::May(draft) => {
                @match draft.own {
                    Some(principal) => section.panel aria-labelledby="own" {
                        h2 id="own" { "You asked for this yourself" }
                        p { "As " (name(principal)) ". Somebody else has to approve it. You can take it back." }
                    },
                    None => (approve(approval, draft, shortened)),
                }
                (refuse(approval, draft))
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
            h2 id="approve" { "Let it go on" }
            p.note { "This very call, once, until " (times::moment(approval.expires_ms)) "." }
            form method="post" action={ "/approvals/" (approval.id) "/approve" } {
                (token(draft.token))
                @if shortened {
                    div.field {
                        label.tick for="whole" {
                            input type="checkbox" id="whole" name="whole" value="read" required
                                aria-invalid=[unread.then_some("true")]
                                aria-describedby=[unread.then_some("whole-fault")];
                            span { "I have read the whole arguments in the download" }
                        }
                        (message(fault.filter(|_| unread), "whole-fault"))
                    }
                }
                div.field {
                    label for="note" { "Note for the record " span.note { "optional" } }
                    textarea id="note" name="reason" rows="2" maxlength=(LONGEST_REASON)
                        aria-invalid=[in_reason.then_some("true")]
                        aria-describedby=[in_reason.then_some("note-fault")] {
                        (rejected.map_or("", |rejected| rejected.reason))
                    }
                    (message(fault.filter(|_| in_reason), "note-fault"))
                }
                button.go type="submit" { span aria-hidden="true" { "✓ " } "Approve once" }
            }
        }
    }
}

fn refuse(approval: &Approval, draft: Draft<'_>) -> Markup {
    let rejected = draft.rejected.filter(|rejected| rejected.verdict == Verdict::Deny);
    let fault = rejected.map(|rejected| rejected.fault);
    let described = if fault.is_some() { "why-not-hint why-not-fault" } else { "why-not-hint" };
    html! {
        section.panel.refuse aria-labelledby="refuse" {
            h2 id="refuse" { "Refuse it" }
            form method="post" action={ "/approvals/" (approval.id) "/refuse" } {
                (token(draft.token))
                div.field {
                    label for="why-not" { "Why not? " span.note { "required" } }
                    textarea id="why-not" name="reason" rows="3" required maxlength=(LONGEST_REASON)
                        aria-invalid=[fault.map(|_| "true")] aria-describedby=(described) {
                        (rejected.map_or("", |rejected| rejected.reason))
                    }
                    p.note id="why-not-hint" { "The agent reads this. Say what it should do instead." }
                    (message(fault, "why-not-fault"))
                }
                button.stop type="submit" { span aria-hidden="true" { "✕ " } "Refuse" }
            }
        }
    }
}

fn message(fault: Option<Fault>, id: &str) -> Markup {
    html! { @if let Some(fault) = fault { p.fault id=(id) role="alert" { (fault.message()) } } }
}
