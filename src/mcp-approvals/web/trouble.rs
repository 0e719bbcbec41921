//! Pages for what did not go well: what happened, and what to do now.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::text::name;
use crate::model::Verdict;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The viewer's role does not reach this
    NotYourRole,
    /// Whoever asked may not answer
    YourOwn,
    /// There is nothing here
    Absent,
    /// An invitation that was used, or whose time is over
    DeadInvitation,
    /// Somebody else was faster
    Decided {
        /// Who
        by: String,
        /// How
        verdict: Verdict,
        /// The approval, to be looked at
        id: String,
    },
    /// The question's time is over
    Expired {
        /// The approval, to be looked at
        id: String,
    },
    /// A form that is none of ours, or no longer
    ForeignForm,
    /// A form that is too large or cannot be read
    UnreadableForm,
    /// Too many attempts
    TooMany {
        /// When the next one can succeed
        seconds: i64,
    },
    /// Nothing says who the viewer is, and they cannot say it here
    Nobody,
    /// Something is broken
    Broken,
}

impl Trouble {
    /// Returns the HTTP status.
    pub fn code(&self) -> StatusCode {
        match self {
            Self::NotYourRole | Self::YourOwn | Self::ForeignForm => StatusCode::FORBIDDEN,
            Self::Absent => StatusCode::NOT_FOUND,
            Self::Decided { .. } => StatusCode::CONFLICT,
            Self::Expired { .. } | Self::DeadInvitation => StatusCode::GONE,
            Self::UnreadableForm => StatusCode::BAD_REQUEST,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Nobody => StatusCode::UNAUTHORIZED,
            Self::Broken => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the page's title.
    pub fn title(&self) -> &'static str {
        match self {
            Self::NotYourRole => "Not yours to decide",
            Self::YourOwn => "You asked for this yourself",
            Self::Absent => "Nothing here",
            Self::DeadInvitation => "This invitation is over",
            Self::Decided { .. } => "Already decided",
            Self::Expired { .. } => "Too late",
            Self::ForeignForm => "This form is not valid",
            Self::UnreadableForm => "This form cannot be read",
            Self::TooMany { .. } => "Too many attempts",
            Self::Nobody => "Who are you?",
            Self::Broken => "Not now",
        }
    }

    fn message(&self) -> Markup {
        html! {
            @match self {
                Self::NotYourRole => "Your role does not include calls of this kind. Nothing was changed.",
                Self::YourOwn => "Somebody else has to decide on what you ask for. Nothing was changed.",
                Self::Absent => "The address is wrong, or your roles do not reach what is here.",
                Self::DeadInvitation => "It was used before, or its time has passed. Ask for another one.",
                Self::Decided { by, verdict, .. } => {
                    (name(by))
                    @match verdict { Verdict::Approve => " approved", Verdict::Deny => " refused" }
                    " this call while you were reading. What you sent has changed nothing."
                }
                Self::Expired { .. } => "The question has expired. If the agent still wants this, it asks anew.",
                Self::ForeignForm => {
                    "It was made for another session, or did not come from this site. Nothing was changed. "
                    "Go back, load the page again, and send it once more."
                }
                Self::UnreadableForm => "Something is missing in it, or it is too large. Nothing was changed.",
                Self::TooMany { seconds } => {
                    "Wait " (seconds) @if *seconds == 1 { " second" } @else { " seconds" } " before you try again."
                }
                Self::Nobody => {
                    "People are known here by the proxy in front of the service, and it has not said who you are. "
                    "Open the service under its own address."
                }
                Self::Broken => {
                    "The service cannot do this at the moment. Nothing was changed. Calls that need an approval are "
                    "refused for as long."
                }
            }
        }
    }
}

/// The page's content.
pub fn content(trouble: &Trouble) -> Markup {
    html! {
        section.panel.narrow.trouble aria-labelledby="trouble" {
            p.code { (trouble.code().as_u16()) }
            h1 id="trouble" { (trouble.title()) }
            p { (trouble.message()) }
            p {
                @match trouble {
                    Trouble::Decided { id, .. } | Trouble::Expired { id } => {
                        a href={ "/approvals/" (id) } { "Show the approval" }
                    }
                    _ => a href="/" { "See what waits" },
                }
            }
        }
    }
}
