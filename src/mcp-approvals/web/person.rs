//! Who looks at a page. Whoever is nobody yet signs in first, and comes back to where they wanted to go.

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::Markup;

use super::frame::{Frame, Place, Viewer, page};
use super::path;
use super::trouble::{self, Trouble};
use crate::app::{App, AppState};
use crate::visitor::Visitor;
use crate::{clock, journal};

/// A person, as a request of theirs shows them, at its time.
pub struct Person {
    /// Who they are, and what they may do
    pub visitor: Visitor,
    /// What their forms carry
    pub token: String,
    /// The present
    pub now_ms: i64,
}

impl Person {
    /// Makes a page for this person.
    pub fn page(&self, title: &str, place: Place, content: &Markup) -> Markup {
        let viewer = Viewer {
            name: &self.visitor.approver.name,
            token: &self.token,
            signed_in: self.visitor.session().is_some(),
        };
        page(&Frame { title, place, viewer: Some(viewer), now_ms: self.now_ms }, content)
    }

    /// Makes the answer to what did not go well.
    pub fn trouble(&self, trouble: &Trouble) -> Response {
        let page = self.page(trouble.title(), Place::Elsewhere, &trouble::content(trouble));
        (trouble.code(), page).into_response()
    }
}

impl FromRequestParts<AppState> for Person {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Response> {
        let now_ms = clock::now_ms();
        match Visitor::of(app, parts, now_ms).await {
            Ok(Some(visitor)) => Ok(Self { token: visitor.csrf(app), visitor, now_ms }),
            Ok(None) if app.settings.sign_in.accounts => Err(to_sign_in(parts)),
            Ok(None) => Err(nobodys(&Trouble::Nobody)),
            Err(error) => {
                journal::line(error);
                Err(nobodys(&Trouble::Broken))
            }
        }
    }
}

/// Makes the answer to what did not go well for somebody who is not known.
pub fn nobodys(trouble: &Trouble) -> Response {
    (trouble.code(), nobodys_page(trouble.title(), &trouble::content(trouble))).into_response()
}

/// Makes a page for somebody who is not known.
pub fn nobodys_page(title: &str, content: &Markup) -> Markup {
    page(&Frame { title, place: Place::Elsewhere, viewer: None, now_ms: clock::now_ms() }, content)
}

/// Finds out who looks where nobody has to be known: at a page that is not there.
pub async fn trouble_for(app: &App, parts: &Parts, trouble: &Trouble) -> Response {
    let now_ms = clock::now_ms();
    match Visitor::of(app, parts, now_ms).await {
        Ok(Some(visitor)) => Person { token: visitor.csrf(app), visitor, now_ms }.trouble(trouble),
        _ => nobodys(trouble),
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
