//! Coming in with a password or an invitation, and going out.

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::account_forms::{self, Fault, Field, Named};
use super::context::{PageContext, anonymous_error, anonymous_page};
use super::error_page::PageError;
use super::path;
use crate::app::AppState;
use crate::sign_in::{self, SignInError};
use crate::user::{self, User};
use crate::{clock, logging, password};

/// Where to go once signed in.
#[derive(Debug, Default, Deserialize)]
pub struct SignInQuery {
    #[serde(default)]
    next: String,
}

/// CallerCredential the form to sign in, or goes on where somebody is signed in already.
pub async fn form(
    State(app): State<AppState>,
    parts: Parts,
    next: Result<Query<SignInQuery>, QueryRejection>,
) -> Response {
    let Query(SignInQuery { next }) = next.unwrap_or_default();
    let next = path::local(&next);
    if let Ok(Some(_)) = User::of(&app, &parts, clock::now_ms()).await {
        return Redirect::to(next).into_response();
    }
    if !app.settings.sign_in.accounts {
        return anonymous_error(&PageError::NotIdentified);
    }
    anonymous_page("Sign in", &account_forms::sign_in(next, "", None)).into_response()
}

/// A name and a password.
#[derive(Deserialize)]
pub struct SignInForm {
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
    form: Result<Form<SignInForm>, FormRejection>,
) -> Response {
    if user::same_origin(&app, &parts.headers).is_err() {
        return anonymous_error(&PageError::ForgedForm);
    }
    let Ok(Form(SignInForm { name, password, next })) = form else {
        return anonymous_error(&PageError::UnreadableForm);
    };
    let (next, name) = (path::local(&next), name.trim().replace('\0', ""));
    let address = user::address(&app, &parts);
    match sign_in::sign_in(&app, &name, &password, address, clock::now_ms()).await {
        Ok(session) => (set_cookie(sign_in::cookie(&app, &session)), Redirect::to(next)).into_response(),
        Err(SignInError::Wrong) => {
            let form = account_forms::sign_in(next, &name, Some("The name or the password is wrong."));
            (StatusCode::UNPROCESSABLE_ENTITY, anonymous_page("Sign in", &form)).into_response()
        }
        Err(error) => sign_in_error(error),
    }
}

/// What the form to sign out holds.
#[derive(Debug, Deserialize)]
pub struct SignOutForm {
    #[serde(default)]
    token: String,
}

/// Signs somebody out.
pub async fn sign_out(
    State(app): State<AppState>,
    context: PageContext,
    headers: HeaderMap,
    form: Result<Form<SignOutForm>, FormRejection>,
) -> Response {
    let Ok(Form(SignOutForm { token })) = form else { return context.error_page(&PageError::UnreadableForm) };
    if context.user.check(&app, &headers, &token).is_err() {
        return context.error_page(&PageError::ForgedForm);
    }
    if let Some(session) = context.user.session()
        && let Err(error) = app.store.sign_out(session, context.now_ms).await
    {
        logging::line(error);
        return context.error_page(&PageError::Internal);
    }
    (set_cookie(sign_in::no_cookie(&app)), Redirect::to("/sign-in")).into_response()
}

/// CallerCredential the form to take up an invitation.
pub async fn invitation(State(app): State<AppState>, Path(secret): Path<String>) -> Response {
    match invited(&app, &secret).await {
        Ok(name) => {
            let named = if name.is_empty() { Named::Chosen } else { Named::Given };
            let form = account_forms::invitation(&invitation_path(&secret), &name, named, None);
            anonymous_page("Welcome", &form).into_response()
        }
        Err(response) => response,
    }
}

/// A password, twice, and a name where the invitation has none.
#[derive(Deserialize)]
pub struct InvitationForm {
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
    form: Result<Form<InvitationForm>, FormRejection>,
) -> Response {
    if user::same_origin(&app, &headers).is_err() {
        return anonymous_error(&PageError::ForgedForm);
    }
    let Ok(Form(chosen)) = form else { return anonymous_error(&PageError::UnreadableForm) };
    let given = match invited(&app, &secret).await {
        Ok(given) => given,
        Err(response) => return response,
    };
    let named = if given.is_empty() { Named::Chosen } else { Named::Given };
    let name = if given.is_empty() { chosen.name.trim().to_owned() } else { given };
    let again = |fault| {
        let form = account_forms::invitation(&invitation_path(&secret), &name, named, Some(fault));
        (StatusCode::UNPROCESSABLE_ENTITY, anonymous_page("Welcome", &form)).into_response()
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
        Err(SignInError::Invitation) if named == Named::Chosen => {
            again(Fault { field: Field::Name, message: "somebody has this name: choose another one" })
        }
        Err(error) => sign_in_error(error),
    }
}

/// Returns for whom an invitation is, which may be anybody.
async fn invited(app: &AppState, secret: &str) -> Result<String, Response> {
    if !app.settings.sign_in.accounts {
        return Err(anonymous_error(&PageError::NotFound));
    }
    match app.store.invitation(secret, clock::now_ms()).await {
        Ok(Some(invitation)) => Ok(invitation.name),
        Ok(None) => Err(anonymous_error(&PageError::InvalidInvitation)),
        Err(error) => Err(sign_in_error(SignInError::Failed(Some(error)))),
    }
}

fn invitation_path(secret: &str) -> String {
    format!("/invitations/{}", path::encode(secret))
}

fn sign_in_error(error: SignInError) -> Response {
    match error {
        SignInError::Wait(seconds) => {
            let seconds = seconds.max(1);
            (
                [(header::RETRY_AFTER, seconds.to_string())],
                anonymous_error(&PageError::TooManyAttempts { seconds }),
            )
                .into_response()
        }
        SignInError::Invitation => anonymous_error(&PageError::InvalidInvitation),
        SignInError::Off => anonymous_error(&PageError::NotIdentified),
        SignInError::Wrong | SignInError::Choice(_) => anonymous_error(&PageError::UnreadableForm),
        SignInError::Failed(error) => {
            if let Some(error) = error {
                logging::line(error);
            }
            anonymous_error(&PageError::Internal)
        }
    }
}

fn set_cookie(cookie: String) -> [(header::HeaderName, String); 1] {
    [(header::SET_COOKIE, cookie)]
}
