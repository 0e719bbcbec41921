//! Signs people in and out with a name and a password, and creates accounts from invitations.

use std::fmt;
use std::net::IpAddr;

use crate::app::App;
use crate::store::StoreError;
use crate::user::cookie_name;
use crate::{logging, password, store};

/// The longest account name, in bytes.
const LONGEST_NAME: usize = 64;

/// Why a person was not signed in.
#[derive(Debug)]
pub enum SignInError {
    /// The name or the password is wrong; the answer does not say which
    WrongCredentials,
    /// Too many attempts; the next one is possible after this many seconds
    TooManyAttempts(i64),
    /// The configuration disables sign-in with a password
    Disabled,
    /// The invitation is not valid, or the name is taken
    InvalidInvitation,
    /// The chosen name or password is not acceptable; this says what is
    InvalidChoice(&'static str),
    /// Internal error
    Internal(Option<StoreError>),
}

/// Signs a person in. Returns the session's secret, which goes into a [`cookie`].
///
/// # Errors
/// [`SignInError`]
pub async fn sign_in(
    app: &App,
    name: &str,
    password: &str,
    address: IpAddr,
    now_ms: i64,
) -> Result<String, SignInError> {
    if !app.settings.sign_in.accounts {
        return Err(SignInError::Disabled);
    }
    // No account has a longer name, so the rest need not be remembered.
    let name = name.get(..LONGEST_NAME.min(name.len())).unwrap_or_default();
    app.throttle.take(name, address, now_ms).map_err(|seconds| {
        app.metrics.sign_in_failed();
        SignInError::TooManyAttempts(seconds)
    })?;
    let account = app.store.account(name).await?;
    let exists = account.is_some();
    let hash = account.map(|account| account.password);
    if !app.passwords.verify(password.to_owned(), hash).await {
        app.metrics.sign_in_failed();
        if exists {
            note_failure(app, name, address, now_ms);
        }
        return Err(SignInError::WrongCredentials);
    }
    app.throttle.succeeded(name, address);
    Ok(app.store.sign_in(name, now_ms).await?)
}

/// Records the failure in the background: waiting for it would reveal that the account exists.
fn note_failure(app: &App, name: &str, address: IpAddr, now_ms: i64) {
    let (store, name) = (app.store.clone(), name.to_owned());
    tokio::spawn(async move {
        if let Err(why) = store.sign_in_failed(&name, &address.to_string(), now_ms).await {
            logging::line(why);
        }
    });
}

/// Creates the account of an invitation, or resets it, and signs its owner in. Returns the session's
/// secret.
///
/// # Errors
/// [`SignInError`]
pub async fn redeem(
    app: &App,
    invitation: &str,
    name: &str,
    password: &str,
    now_ms: i64,
) -> Result<String, SignInError> {
    if !app.settings.sign_in.accounts {
        return Err(SignInError::Disabled);
    }
    check_name(name).map_err(SignInError::InvalidChoice)?;
    password::check(password).map_err(SignInError::InvalidChoice)?;
    if app.store.invitation(invitation, now_ms).await?.is_none() {
        return Err(SignInError::InvalidInvitation);
    }
    let hash = app.passwords.hash(password.to_owned()).await.ok_or(SignInError::Internal(None))?;
    if !app.store.redeem(invitation, name, &hash, now_ms).await? {
        return Err(SignInError::InvalidInvitation);
    }
    Ok(app.store.sign_in(name, now_ms).await?)
}

/// Checks the name of an account.
///
/// # Errors
/// What the name must be.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-' | '@' | '+');
    if !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(plain) {
        return Ok(());
    }
    Err("a name must have 1 to 64 letters, digits or `.`, `_`, `-`, `@`, `+`")
}

/// Returns the value of the `Set-Cookie` header that starts a session.
#[must_use]
pub fn cookie(app: &App, session: &str) -> String {
    let seconds = store::MAX_SESSION_MS.div_euclid(1000);
    let secure = if app.is_https() { "; Secure" } else { "" };
    format!("{}={session}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", cookie_name(app))
}

/// Returns the value of the `Set-Cookie` header that ends a session.
#[must_use]
pub fn no_cookie(app: &App) -> String {
    let secure = if app.is_https() { "; Secure" } else { "" };
    format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}", cookie_name(app))
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Self::Internal(Some(error))
    }
}

impl fmt::Display for SignInError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongCredentials => out.write_str("the name or the password is wrong"),
            Self::TooManyAttempts(1) => out.write_str("too many attempts: try again in 1 second"),
            Self::TooManyAttempts(seconds) => {
                write!(out, "too many attempts: try again in {seconds} seconds")
            }
            Self::Disabled => out.write_str("sign-in with a password is disabled"),
            Self::InvalidInvitation => {
                out.write_str("this invitation was used or has expired, or the name is taken")
            }
            Self::InvalidChoice(right) => out.write_str(right),
            Self::Internal(_) => out.write_str("internal error, nothing was changed"),
        }
    }
}
