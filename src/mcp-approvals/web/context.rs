//! The context of a page: who views it, and when. Anonymous viewers are sent to the sign-in page, and
//! return to the page they wanted.

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

/// The viewer of a page, and the time of the request.
pub struct PageContext {
    /// The viewer
    pub user: User,
    /// The CSRF token for the forms of the page
    pub token: String,
    /// The time of the request
    pub now_ms: i64,
}

impl PageContext {
    /// Returns a complete page for this viewer.
    pub fn page(&self, title: &str, section: Section, content: &Markup) -> Markup {
        let viewer = Viewer {
            name: &self.user.approver.name,
            token: &self.token,
            signed_in: self.user.session().is_some(),
        };
        page(&Layout { title, section, viewer: Some(viewer), now_ms: self.now_ms }, content)
    }

    /// Returns an error page for this viewer.
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

/// Returns an error page for an anonymous viewer.
pub fn anonymous_error(error: &PageError) -> Response {
    (error.code(), anonymous_page(error.title(), &error_page::content(error))).into_response()
}

/// Returns a complete page for an anonymous viewer.
pub fn anonymous_page(title: &str, content: &Markup) -> Markup {
    page(&Layout { title, section: Section::Elsewhere, viewer: None, now_ms: clock::now_ms() }, content)
}

/// Handles paths that do not exist. Does not require signing in.
pub async fn not_found(State(app): State<AppState>, parts: Parts) -> Response {
    let now_ms = clock::now_ms();
    match User::of(&app, &parts, now_ms).await {
        Ok(Some(user)) => {
            PageContext { token: user.csrf(&app), user, now_ms }.error_page(&PageError::NotFound)
        }
        _ => anonymous_error(&PageError::NotFound),
    }
}

/// Redirects to the sign-in page, which leads back to the page that was requested. A form is not submitted
/// again: the viewer returns to the page with the form.
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
