//! Coming in with a password or an invitation, and going out.

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::account::{self, Fault, Field, Named};
use super::path;
use super::person::{self, Person, nobodys, nobodys_page};
use super::trouble::Trouble;
use crate::app::AppState;
use crate::sign_in::{self, NotIn};
use crate::visitor::{self, Visitor};
use crate::{clock, journal, password};

/// Where to go once signed in.
#[derive(Debug, Default, Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

/// Shows the form to sign in, or goes on where somebody is signed in already.
pub async fn door(
    State(app): State<AppState>,
    parts: Parts,
    next: Result<Query<Next>, QueryRejection>,
) -> Response {
    let Query(Next { next }) = next.unwrap_or_default();
    let next = path::local(&next);
    if let Ok(Some(_)) = Visitor::of(&app, &parts, clock::now_ms()).await {
        return Redirect::to(next).into_response();
    }
    if !app.settings.sign_in.accounts {
        return nobodys(&Trouble::Nobody);
    }
    nobodys_page("Sign in", &account::sign_in(next, "", None)).into_response()
}

/// A name and a password.
#[derive(Deserialize)]
pub struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// Signs somebody in. They have no session whose token the form could carry, so it is the browser
/// that has to say where the form comes from.
pub async fn sign_in(
    State(app): State<AppState>,
    parts: Parts,
    form: Result<Form<Credentials>, FormRejection>,
) -> Response {
    if visitor::same_origin(&app, &parts.headers).is_err() {
        return nobodys(&Trouble::ForeignForm);
    }
    let Ok(Form(Credentials { name, password, next })) = form else {
        return nobodys(&Trouble::UnreadableForm);
    };
    let (next, name) = (path::local(&next), name.trim().replace('\0', ""));
    let address = visitor::address(&app, &parts);
    match sign_in::sign_in(&app, &name, &password, address, clock::now_ms()).await {
        Ok(session) => (set_cookie(sign_in::cookie(&app, &session)), Redirect::to(next)).into_response(),
        Err(NotIn::Wrong) => {
            let form = account::sign_in(next, &name, Some("The name or the password is wrong."));
            (StatusCode::UNPROCESSABLE_ENTITY, nobodys_page("Sign in", &form)).into_response()
        }
        Err(not_in) => not_let_in(not_in),
    }
}

/// What the form to sign out holds.
#[derive(Debug, Deserialize)]
pub struct Out {
    #[serde(default)]
    token: String,
}

/// Signs somebody out.
pub async fn sign_out(
    State(app): State<AppState>,
    person: Person,
    headers: HeaderMap,
    form: Result<Form<Out>, FormRejection>,
) -> Response {
    let Ok(Form(Out { token })) = form else { return person.trouble(&Trouble::UnreadableForm) };
    if person.visitor.check(&app, &headers, &token).is_err() {
        return person.trouble(&Trouble::ForeignForm);
    }
    if let Some(session) = person.visitor.session()
        && let Err(error) = app.store.sign_out(session, person.now_ms).await
    {
        journal::line(error);
        return person.trouble(&Trouble::Broken);
    }
    (set_cookie(sign_in::no_cookie(&app)), Redirect::to("/sign-in")).into_response()
}

/// Shows the form to take up an invitation.
pub async fn invitation(State(app): State<AppState>, Path(secret): Path<String>) -> Response {
    match invited(&app, &secret).await {
        Ok(name) => {
            let named = if name.is_empty() { Named::Chosen } else { Named::Given };
            let form = account::invitation(&invitation_path(&secret), &name, named, None);
            nobodys_page("Welcome", &form).into_response()
        }
        Err(response) => response,
    }
}

/// A password, twice, and a name where the invitation has none.
#[derive(Deserialize)]
pub struct Chosen {
    #[serde(default)]
    name: String,
    password: String,
    again: String,
}

/// Takes up an invitation, which signs in.
pub async fn redeem(
    State(app): State<AppState>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Chosen>, FormRejection>,
) -> Response {
    if visitor::same_origin(&app, &headers).is_err() {
        return nobodys(&Trouble::ForeignForm);
    }
    let Ok(Form(chosen)) = form else { return nobodys(&Trouble::UnreadableForm) };
    let given = match invited(&app, &secret).await {
        Ok(given) => given,
        Err(response) => return response,
    };
    let named = if given.is_empty() { Named::Chosen } else { Named::Given };
    let name = if given.is_empty() { chosen.name.trim().to_owned() } else { given };
    let again = |fault| {
        let form = account::invitation(&invitation_path(&secret), &name, named, Some(fault));
        (StatusCode::UNPROCESSABLE_ENTITY, nobodys_page("Welcome", &form)).into_response()
    };
    if let Err(message) = sign_in::check_name(&name) {
        return again(Fault { field: Field::Name, message });
    }
    if let Err(message) = password::check(&chosen.password) {
        return again(Fault { field: Field::Password, message });
    }
    if chosen.password != chosen.again {
        return again(Fault { field: Field::Again, message: "the two passwords are not the same" });
    }
    match sign_in::redeem(&app, &secret, &name, &chosen.password, clock::now_ms()).await {
        Ok(session) => {
            (set_cookie(sign_in::cookie(&app, &session)), Redirect::to(path::HOME)).into_response()
        }
        // The invitation stood a moment ago.
        Err(NotIn::Invitation) if named == Named::Chosen => {
            again(Fault { field: Field::Name, message: "somebody has this name: choose another one" })
        }
        Err(not_in) => not_let_in(not_in),
    }
}

/// Answers for an address where nothing is.
pub async fn nowhere(State(app): State<AppState>, parts: Parts) -> Response {
    person::trouble_for(&app, &parts, &Trouble::Absent).await
}

/// Returns for whom an invitation is, which may be anybody.
async fn invited(app: &AppState, secret: &str) -> Result<String, Response> {
    if !app.settings.sign_in.accounts {
        return Err(nobodys(&Trouble::Absent));
    }
    match app.store.invitation(secret, clock::now_ms()).await {
        Ok(Some(invitation)) => Ok(invitation.name),
        Ok(None) => Err(nobodys(&Trouble::DeadInvitation)),
        Err(error) => Err(not_let_in(NotIn::Failed(Some(error)))),
    }
}

fn invitation_path(secret: &str) -> String {
    format!("/invitations/{}", path::encode(secret))
}

fn not_let_in(not_in: NotIn) -> Response {
    match not_in {
        NotIn::Wait(seconds) => {
            let seconds = seconds.max(1);
            ([(header::RETRY_AFTER, seconds.to_string())], nobodys(&Trouble::TooMany { seconds }))
                .into_response()
        }
        NotIn::Invitation => nobodys(&Trouble::DeadInvitation),
        NotIn::Off => nobodys(&Trouble::Nobody),
        NotIn::Wrong | NotIn::Choice(_) => nobodys(&Trouble::UnreadableForm),
        NotIn::Failed(error) => {
            if let Some(error) = error {
                journal::line(error);
            }
            nobodys(&Trouble::Broken)
        }
    }
}

fn set_cookie(cookie: String) -> [(header::HeaderName, String); 1] {
    [(header::SET_COOKIE, cookie)]
}
