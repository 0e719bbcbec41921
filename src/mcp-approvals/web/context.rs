//! Who looks at a page. Whoever is nobody yet signs in first, and comes back to where they wanted to go.

use axum::extract::{FromRequestParts, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::Markup;

use super::error_page::{self, PageError};
use super::layout::{Layout, Section, Viewer, page};
use super::path;
use crate::app::AppState;
use crate::user::User;
use crate::{clock, logging};

/// A context, as a request of theirs shows them, at its time.
pub struct PageContext {
    /// Who they are, and what they may do
    pub user: User,
    /// What their forms carry
    pub token: String,
    /// The present
    pub now_ms: i64,
}

impl PageContext {
    /// Makes a page for this context.
    pub fn page(&self, title: &str, section: Section, content: &Markup) -> Markup {
        let viewer = Viewer {
            name: &self.user.approver.name,
            token: &self.token,
            signed_in: self.user.session().is_some(),
        };
        page(&Layout { title, section, viewer: Some(viewer), now_ms: self.now_ms }, content)
    }

    /// Makes the answer to what did not go well.
    pub fn error_page(&self, error: &PageError) -> Response {
        let page = self.page(error.title(), Section::Elsewhere, &error_page::content(error));
        (error.code(), page).into_response()
    }
}

impl FromRequestParts<AppState> for PageContext {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Response> {
        let now_ms = clock::now_ms();
        match User::of(app, parts, now_ms).await {
            Ok(Some(user)) => Ok(Self { token: user.csrf(app), user, now_ms }),
            Ok(None) if app.settings.sign_in.accounts => Err(to_sign_in(parts)),
            Ok(None) => Err(anonymous_error(&PageError::NotIdentified)),
            Err(error) => {
                logging::line(error);
                Err(anonymous_error(&PageError::Internal))
            }
        }
    }
}

/// Makes the answer to what did not go well for somebody who is not known.
pub fn anonymous_error(error: &PageError) -> Response {
    (error.code(), anonymous_page(error.title(), &error_page::content(error))).into_response()
}

/// Makes a page for somebody who is not known.
pub fn anonymous_page(title: &str, content: &Markup) -> Markup {
    page(&Layout { title, section: Section::Elsewhere, viewer: None, now_ms: clock::now_ms() }, content)
}

/// Finds out who looks where nobody has to be known: at a page that is not there.
pub async fn not_found(State(app): State<AppState>, parts: Parts) -> Response {
    let now_ms = clock::now_ms();
    match User::of(&app, &parts, now_ms).await {
        Ok(Some(user)) => {
            PageContext { token: user.csrf(&app), user, now_ms }.error_page(&PageError::NotFound)
        }
        _ => anonymous_error(&PageError::NotFound),
    }
}

/// Leads to signing in, and from there to what was asked for. What a form wanted to do is not done
/// afterwards: its page is shown again.
fn to_sign_in(parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().map_or(path::HOME, axum::http::uri::PathAndQuery::as_str);
    let wanted = match parts.method {
        Method::GET | Method::HEAD => wanted,
        _ => parts.uri.path().rsplit_once('/').map_or(path::HOME, |(page, _)| page),
    };
    match path::local(wanted) {
        path::HOME => Redirect::to("/sign-in").into_response(),
        wanted => Redirect::to(&format!("/sign-in?next={}", path::encode(wanted))).into_response(),
    }
}
