//! Error pages: what happened, and what to do next.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::text::name;
use crate::model::Verdict;

/// The errors that have a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageError {
    /// The viewer's role does not cover this
    ViewOnly,
    /// The viewer cannot approve their own call
    OwnCall,
    /// The page does not exist, or the viewer may not see it
    NotFound,
    /// The invitation was used or has expired
    InvalidInvitation,
    /// Someone else has already decided
    AlreadyDecided {
        /// Their name
        by: String,
        /// Their verdict
        verdict: Verdict,
        /// The approval's id
        id: String,
    },
    /// The approval has expired
    Expired {
        /// The approval's id
        id: String,
    },
    /// The rules have changed, and another approval replaces this one
    Superseded {
        /// The other approval's id
        id: String,
    },
    /// The form has no valid CSRF token, or comes from another site
    ForgedForm,
    /// The form is incomplete or too large
    UnreadableForm,
    /// Too many attempts to sign in
    TooManyAttempts {
        /// How many seconds to wait
        seconds: i64,
    },
    /// The proxy has not identified the viewer, and there is no other way to sign in
    NotIdentified,
    /// Internal error
    Internal,
}

impl PageError {
    /// Returns the HTTP status.
    pub fn code(&self) -> StatusCode {
        match self {
            Self::ViewOnly | Self::OwnCall | Self::ForgedForm => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::AlreadyDecided { .. } | Self::Superseded { .. } => StatusCode::CONFLICT,
            Self::Expired { .. } | Self::InvalidInvitation => StatusCode::GONE,
            Self::UnreadableForm => StatusCode::BAD_REQUEST,
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::NotIdentified => StatusCode::UNAUTHORIZED,
            Self::Internal => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the title of the page.
    pub fn title(&self) -> &'static str {
        match self {
            Self::ViewOnly => "You cannot decide this",
            Self::OwnCall => "You asked for this yourself",
            Self::NotFound => "Page not found",
            Self::InvalidInvitation => "This invitation is not valid",
            Self::AlreadyDecided { .. } => "Already decided",
            Self::Expired { .. } => "This approval has expired",
            Self::Superseded { .. } => "Another approval replaces this one",
            Self::ForgedForm => "This form is not valid",
            Self::UnreadableForm => "This form cannot be read",
            Self::TooManyAttempts { .. } => "Too many attempts",
            Self::NotIdentified => "You are not signed in",
            Self::Internal => "Temporarily unavailable",
        }
    }

    fn message(&self) -> Markup {
        html! {
            @match self {
                Self::ViewOnly => "Your role does not include calls of this kind. Nothing was changed.",
                Self::OwnCall => "Someone else has to approve your own calls. Nothing was changed.",
                Self::NotFound => "The address is wrong, or your role does not cover this page.",
                Self::InvalidInvitation => "It was used or has expired. Ask for a new one.",
                Self::AlreadyDecided { by, verdict, .. } => {
                    (name(by))
                    @match verdict { Verdict::Approve => " approved", Verdict::Deny => " refused" }
                    " this call while you were reading. Your decision was not recorded."
                }
                Self::Expired { .. } => "It was not decided in time. If the agent repeats the call, you are asked again.",
                Self::Superseded { .. } => {
                    "The rules that decide on this call have changed since, so the call was asked about again. "
                    "Your decision was not recorded."
                }
                Self::ForgedForm => {
                    "It belongs to another session, or came from another site. Nothing was changed. "
                    "Go back, reload the page and submit it again."
                }
                Self::UnreadableForm => "It is incomplete or too large. Nothing was changed.",
                Self::TooManyAttempts { seconds } => {
                    "Wait " (seconds) @if *seconds == 1 { " second" } @else { " seconds" } " before you try again."
                }
                Self::NotIdentified => {
                    "The proxy in front of this service identifies people, but it did not identify you. "
                    "Open the service at its public address."
                }
                Self::Internal => {
                    "The service cannot do this at the moment. Nothing was changed. Calls that need an approval are "
                    "refused until it recovers."
                }
            }
        }
    }
}

/// Returns the content of the page.
pub fn content(error: &PageError) -> Markup {
    html! {
        section.panel.narrow.trouble aria-labelledby="trouble" {
            p.code { (error.code().as_u16()) }
            h1 id="trouble" { (error.title()) }
            p { (error.message()) }
            p {
                @match error {
                    PageError::AlreadyDecided { id, .. } | PageError::Expired { id } | PageError::Superseded { id } => {
                        a href={ "/approvals/" (id) } { "Show the approval" }
                    }
                    _ => a href="/" { "Show waiting calls" },
                }
            }
        }
    }
}
