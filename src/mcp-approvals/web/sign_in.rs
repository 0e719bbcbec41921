//! Handlers of signing in and out, and of accepting an invitation.

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

/// The query of the sign-in page.
#[derive(Debug, Default, Deserialize)]
pub struct SignInQuery {
    #[serde(default)]
    next: String,
}

/// `GET /sign-in`: the sign-in form. Redirects if the viewer is already signed in.
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

/// The fields of the sign-in form.
#[derive(Deserialize)]
pub struct SignInForm {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// `POST /sign-in`. Without a session there is no CSRF token, so this relies on the browser's origin
/// headers.
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
        Err(SignInError::WrongCredentials) => {
            let form = account_forms::sign_in(next, &name, Some("The name or the password is wrong."));
            (StatusCode::UNPROCESSABLE_ENTITY, anonymous_page("Sign in", &form)).into_response()
        }
        Err(error) => sign_in_error(error),
    }
}

/// The field of the sign-out form.
#[derive(Debug, Deserialize)]
pub struct SignOutForm {
    #[serde(default)]
    token: String,
}

/// `POST /sign-out`.
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

/// `GET /invitations/{secret}`: the form that accepts an invitation.
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

/// The fields of that form. `name` is used only if the invitation leaves it open.
#[derive(Deserialize)]
pub struct InvitationForm {
    #[serde(default)]
    name: String,
    password: String,
    again: String,
}

/// `POST /invitations/{secret}`: creates the account and signs in.
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
    let reject = |fault| {
        let form = account_forms::invitation(&invitation_path(&secret), &name, named, Some(fault));
        (StatusCode::UNPROCESSABLE_ENTITY, anonymous_page("Welcome", &form)).into_response()
    };
    if let Err(message) = sign_in::check_name(&name) {
        return reject(Fault { field: Field::Name, message });
    }
    if let Err(message) = password::check(&chosen.password) {
        return reject(Fault { field: Field::Password, message });
    }
    if chosen.password != chosen.again {
        return reject(Fault { field: Field::Again, message: "the two passwords differ" });
    }
    match sign_in::redeem(&app, &secret, &name, &chosen.password, clock::now_ms()).await {
        Ok(session) => {
            (set_cookie(sign_in::cookie(&app, &session)), Redirect::to(path::HOME)).into_response()
        }
        // The invitation was valid a moment ago, so the name must be taken.
        Err(SignInError::InvalidInvitation) if named == Named::Chosen => {
            reject(Fault { field: Field::Name, message: "this name is taken: choose another one" })
        }
        Err(error) => sign_in_error(error),
    }
}

/// Returns the name that a valid invitation is for; empty if the person may choose it.
async fn invited(app: &AppState, secret: &str) -> Result<String, Response> {
    if !app.settings.sign_in.accounts {
        return Err(anonymous_error(&PageError::NotFound));
    }
    match app.store.invitation(secret, clock::now_ms()).await {
        Ok(Some(invitation)) => Ok(invitation.name),
        Ok(None) => Err(anonymous_error(&PageError::InvalidInvitation)),
        Err(error) => Err(sign_in_error(SignInError::Internal(Some(error)))),
    }
}

fn invitation_path(secret: &str) -> String {
    format!("/invitations/{}", path::encode(secret))
}

fn sign_in_error(error: SignInError) -> Response {
    match error {
        SignInError::TooManyAttempts(seconds) => {
            let seconds = seconds.max(1);
            (
                [(header::RETRY_AFTER, seconds.to_string())],
                anonymous_error(&PageError::TooManyAttempts { seconds }),
            )
                .into_response()
        }
        SignInError::InvalidInvitation => anonymous_error(&PageError::InvalidInvitation),
        SignInError::Disabled => anonymous_error(&PageError::NotIdentified),
        SignInError::WrongCredentials | SignInError::InvalidChoice(_) => {
            anonymous_error(&PageError::UnreadableForm)
        }
        SignInError::Internal(error) => {
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
