//! Signing in and out with a name and a password, and making an account from an invitation.

use std::fmt;
use std::net::IpAddr;

use crate::app::App;
use crate::store::StoreError;
use crate::user::cookie_name;
use crate::{logging, password, store};

/// The most bytes of an account's name.
const LONGEST_NAME: usize = 64;

/// Why somebody is not signed in.
#[derive(Debug)]
pub enum SignInError {
    /// The name or the password is wrong; which of the two is not told
    Wrong,
    /// There were too many tries; so many seconds have to pass
    Wait(i64),
    /// Nobody signs in with a password here
    Off,
    /// The invitation does not stand, or the name is taken
    Invitation,
    /// What was chosen will not do, and this would
    Choice(&'static str),
    /// Something failed inside
    Failed(Option<StoreError>),
}

/// Signs somebody in, and returns their session's secret, which goes into a [`cookie`].
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
        return Err(SignInError::Off);
    }
    // A name that no account has is not worth remembering beyond its length.
    let name = name.get(..LONGEST_NAME.min(name.len())).unwrap_or_default();
    app.throttle.take(name, address, now_ms).map_err(|seconds| {
        app.metrics.sign_in_failed();
        SignInError::Wait(seconds)
    })?;
    let account = app.store.account(name).await?;
    let known = account.is_some();
    let hash = account.map(|account| account.password);
    if !app.passwords.verify(password.to_owned(), hash).await {
        app.metrics.sign_in_failed();
        if known {
            note_failure(app, name, address, now_ms);
        }
        return Err(SignInError::Wrong);
    }
    app.throttle.succeeded(name, address);
    Ok(app.store.sign_in(name, now_ms).await?)
}

/// Writes the event of a failure, for which the answer does not wait: it would tell that there is such
/// an account.
fn note_failure(app: &App, name: &str, address: IpAddr, now_ms: i64) {
    let (store, name) = (app.store.clone(), name.to_owned());
    tokio::spawn(async move {
        if let Err(why) = store.sign_in_failed(&name, &address.to_string(), now_ms).await {
            logging::line(why);
        }
    });
}

/// Makes the account that an invitation promises, signs its owner in, and returns their session's secret.
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
        return Err(SignInError::Off);
    }
    check_name(name).map_err(SignInError::Choice)?;
    password::check(password).map_err(SignInError::Choice)?;
    if app.store.invitation(invitation, now_ms).await?.is_none() {
        return Err(SignInError::Invitation);
    }
    let hash = app.passwords.hash(password.to_owned()).await.ok_or(SignInError::Failed(None))?;
    if !app.store.redeem(invitation, name, &hash, now_ms).await? {
        return Err(SignInError::Invitation);
    }
    Ok(app.store.sign_in(name, now_ms).await?)
}

/// Says what the name of an account lacks, if anything.
///
/// # Errors
/// What would be right.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-' | '@' | '+');
    if !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(plain) {
        return Ok(());
    }
    Err("a name must have 1 to 64 letters, digits or `.`, `_`, `-`, `@`, `+`")
}

/// Returns the value of a `Set-Cookie` header that begins a session in the browser.
#[must_use]
pub fn cookie(app: &App, session: &str) -> String {
    let seconds = store::LONGEST_MS.div_euclid(1000);
    let secure = if app.is_https() { "; Secure" } else { "" };
    format!("{}={session}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", cookie_name(app))
}

/// Returns the value of a `Set-Cookie` header that ends it.
#[must_use]
pub fn no_cookie(app: &App) -> String {
    let secure = if app.is_https() { "; Secure" } else { "" };
    format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}", cookie_name(app))
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Self::Failed(Some(error))
    }
}

impl fmt::Display for SignInError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong => out.write_str("the name or the password is wrong"),
            Self::Wait(1) => out.write_str("too many tries: the next one is possible in a second"),
            Self::Wait(seconds) => {
                write!(out, "too many tries: the next one is possible in {seconds} seconds")
            }
            Self::Off => out.write_str("nobody signs in with a password here"),
            Self::Invitation => out.write_str("this invitation was used, is too old, or the name is taken"),
            Self::Choice(right) => out.write_str(right),
            Self::Failed(_) => out.write_str("something failed inside, nothing was changed"),
        }
    }
}
