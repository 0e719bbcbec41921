//! Pages for what did not go well: what happened, and what to do now.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::text::name;
use crate::model::Verdict;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageError {
    /// The viewer's role does not reach this
    NotYourRole,
    /// Whoever asked may not answer
    OwnCall,
    /// There is nothing here
    NotFound,
    /// An invitation that was used, or whose time is over
    InvalidInvitation,
    /// Somebody else was faster
    AlreadyDecided {
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
    ForgedForm,
    /// A form that is too large or cannot be read
    UnreadableForm,
    /// Too many attempts
    TooManyAttempts {
        /// When the next one can succeed
        seconds: i64,
    },
    /// Nothing says who the viewer is, and they cannot say it here
    NotIdentified,
    /// Something is broken
    Internal,
}

impl PageError {
    /// Returns the HTTP status.
    pub fn code(&self) -> StatusCode {
        match self {
            Self::NotYourRole | Self::OwnCall | Self::ForgedForm => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::AlreadyDecided { .. } => StatusCode::CONFLICT,
            Self::Expired { .. } | Self::InvalidInvitation => StatusCode::GONE,
            Self::UnreadableForm => StatusCode::BAD_REQUEST,
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::NotIdentified => StatusCode::UNAUTHORIZED,
            Self::Internal => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the page's title.
    pub fn title(&self) -> &'static str {
        match self {
            Self::NotYourRole => "Not yours to decide",
            Self::OwnCall => "You asked for this yourself",
            Self::NotFound => "Nothing here",
            Self::InvalidInvitation => "This invitation is over",
            Self::AlreadyDecided { .. } => "Already decided",
            Self::Expired { .. } => "Too late",
            Self::ForgedForm => "This form is not valid",
            Self::UnreadableForm => "This form cannot be read",
            Self::TooManyAttempts { .. } => "Too many attempts",
            Self::NotIdentified => "Who are you?",
            Self::Internal => "Not now",
        }
    }

    fn message(&self) -> Markup {
        html! {
            @match self {
                Self::NotYourRole => "Your role does not include calls of this kind. Nothing was changed.",
                Self::OwnCall => "Somebody else has to decide on what you ask for. Nothing was changed.",
                Self::NotFound => "The address is wrong, or your roles do not reach what is here.",
                Self::InvalidInvitation => "It was used before, or its time has passed. Ask for another one.",
                Self::AlreadyDecided { by, verdict, .. } => {
                    (name(by))
                    @match verdict { Verdict::Approve => " approved", Verdict::Deny => " refused" }
                    " this call while you were reading. What you sent has changed nothing."
                }
                Self::Expired { .. } => "The question has expired. If the agent still wants this, it asks anew.",
                Self::ForgedForm => {
                    "It was made for another session, or did not come from this site. Nothing was changed. "
                    "Go back, load the page again, and send it once more."
                }
                Self::UnreadableForm => "Something is missing in it, or it is too large. Nothing was changed.",
                Self::TooManyAttempts { seconds } => {
                    "Wait " (seconds) @if *seconds == 1 { " second" } @else { " seconds" } " before you try again."
                }
                Self::NotIdentified => {
                    "People are known here by the proxy in front of the service, and it has not said who you are. "
                    "Open the service under its own address."
                }
                Self::Internal => {
                    "The service cannot do this at the moment. Nothing was changed. Calls that need an approval are "
                    "refused for as long."
                }
            }
        }
    }
}

/// The page's content.
pub fn content(error: &PageError) -> Markup {
    html! {
        section.panel.narrow.trouble aria-labelledby="trouble" {
            p.code { (error.code().as_u16()) }
            h1 id="trouble" { (error.title()) }
            p { (error.message()) }
            p {
                @match error {
                    PageError::AlreadyDecided { id, .. } | PageError::Expired { id } => {
                        a href={ "/approvals/" (id) } { "Show the approval" }
                    }
                    _ => a href="/" { "See what waits" },
                }
            }
        }
    }
}
