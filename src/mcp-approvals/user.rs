//! Authenticates people: by a session's cookie, a proxy's header or a shell token.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

use crate::access::Access;
use crate::app::{App, AppState};
use crate::model::Approver;
use crate::store::StoreError;
use crate::{clock, logging, secret};

/// The other end of a connection. The listener puts it into each request's extensions.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The peer's address
    pub address: SocketAddr,
    /// The URIs and DNS names of its verified certificate
    pub names: Arc<[String]>,
}

/// An authenticated person, and what they may do.
#[derive(Debug, Clone)]
pub struct User {
    /// Who they are
    pub approver: Approver,
    /// What they may do
    pub access: Access,
    /// How the request authenticates them
    credential: Credential,
}

/// How a request authenticates a person.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Credential {
    /// By the cookie of the session with this secret
    Session(String),
    /// By a header from a trusted proxy
    Proxy,
    /// By a shell token, which no browser sends on its own
    Token,
}

/// An extractor for the user of a request, or `None` if the request is anonymous.
pub struct MaybeUser(pub Option<User>);

/// Why a POST was rejected as forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsrfError {
    /// Another site sent it
    OtherSite,
    /// Its CSRF token does not belong to this session
    Token,
}

impl User {
    /// Authenticates a request. A valid shell token takes precedence over a proxy's header, and that over a
    /// session.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of(app: &App, parts: &Parts, now_ms: i64) -> Result<Option<Self>, StoreError> {
        if let Some(token) = bearer(&parts.headers)
            && let Some(name) = app.store.token_owner(token).await?
        {
            return Ok(Some(Self::with_access(app, name, Vec::new(), Credential::Token).await?));
        }
        let address = parts.extensions.get::<Peer>().map(|peer| peer.address.ip());
        if let Some((name, groups)) = from_proxy(app, &parts.headers, address, now_ms) {
            return Ok(Some(Self::with_access(app, name, groups, Credential::Proxy).await?));
        }
        // An invalid token must not fall back to the session. A proxy may send a token of its own, so this
        // comes after the proxy's header.
        if !app.settings.sign_in.accounts || parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(None);
        }
        let Some(session) = cookie(app, &parts.headers) else { return Ok(None) };
        let Some(name) = app.store.session_owner(session, now_ms).await? else { return Ok(None) };
        let credential = Credential::Session(session.to_owned());
        Ok(Some(Self::with_access(app, name, Vec::new(), credential).await?))
    }

    /// Returns a person with their current permissions.
    async fn with_access(
        app: &App,
        name: String,
        groups: Vec<String>,
        credential: Credential,
    ) -> Result<Self, StoreError> {
        let account = app.store.account(&name).await?;
        let approver = Approver { name, groups };
        let access = Access::of(&approver, account.as_ref().map(|account| &account.may), &app.settings);
        Ok(Self { approver, access, credential })
    }

    /// Returns the session's secret if the user signed in here.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        match &self.credential {
            Credential::Session(session) => Some(session),
            Credential::Proxy | Credential::Token => None,
        }
    }

    /// Returns the CSRF token for the forms of this user's pages.
    #[must_use]
    pub fn csrf(&self, app: &App) -> String {
        match &self.credential {
            Credential::Session(session) => secret::mac(&app.secret, &format!("session {session}")),
            Credential::Proxy => secret::mac(&app.secret, &format!("proxy {}", self.approver.name)),
            Credential::Token => String::new(),
        }
    }

    /// Checks that a page of this service sent a POST: same origin, and with the token from
    /// [`csrf`](Self::csrf). Requests with a shell token always pass, since a browser does not send one on
    /// its own.
    ///
    /// # Errors
    /// [`CsrfError`]
    pub fn check(&self, app: &App, headers: &HeaderMap, csrf: &str) -> Result<(), CsrfError> {
        if self.credential == Credential::Token {
            return Ok(());
        }
        same_origin(app, headers)?;
        if secret::same(&self.csrf(app), csrf) { Ok(()) } else { Err(CsrfError::Token) }
    }
}

/// Checks that a POST comes from a page of this service, as far as the browser says. This is the only check
/// of forms that are sent without a session, such as the sign-in form.
///
/// # Errors
/// [`CsrfError::OtherSite`]
pub fn same_origin(app: &App, headers: &HeaderMap) -> Result<(), CsrfError> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let same = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.to_lowercase() == app.origin(),
        // Every browser sends one of the two with a form.
        (None, None) => true,
    };
    if same { Ok(()) } else { Err(CsrfError::OtherSite) }
}

/// Returns the client's address: the peer's, or the one that a trusted proxy reports.
#[must_use]
pub fn address(app: &App, parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.address.ip());
    let proxies = app.settings.proxies.iter();
    if !is_trusted(app, peer) && !proxies.into_iter().any(|network| network.contains(peer)) {
        return peer;
    }
    let forwarded = parts.headers.get_all("x-forwarded-for").iter().next_back();
    // The last address is the one that the proxy itself has seen.
    let last = forwarded.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    last.unwrap_or(peer)
}

/// Returns the name of the session cookie.
#[must_use]
pub fn cookie_name(app: &App) -> &'static str {
    // Browsers accept this prefix only over https and only from this host.
    if app.is_https() { "__Host-mcp-approvals" } else { "mcp-approvals" }
}

/// Returns the bearer token of a request.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = single_value(headers, "authorization")?.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

/// Returns the session in a request's cookie. Returns `None` for two cookies of this name, because one may
/// be planted.
fn cookie<'h>(app: &App, headers: &'h HeaderMap) -> Option<&'h str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = values
        .flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(name, _)| *name == cookie_name(app));
    let first = cookies.next().map(|(_, value)| value);
    first.filter(|_| cookies.next().is_none())
}

/// Returns the person's name and groups as a trusted proxy reports them.
fn from_proxy(
    app: &App,
    headers: &HeaderMap,
    address: Option<IpAddr>,
    now_ms: i64,
) -> Option<(String, Vec<String>)> {
    let proxy = app.settings.sign_in.proxy.as_ref()?;
    if !headers.contains_key(proxy.header.as_str()) {
        return None;
    }
    if !address.is_some_and(|address| is_trusted(app, address)) {
        // Log at most once a second, because anyone can send these headers.
        static LOGGED_MS: AtomicI64 = AtomicI64::new(0);
        if now_ms.saturating_sub(LOGGED_MS.swap(now_ms, Ordering::Relaxed)) > 1000 {
            let from = address.map(|address| address.to_string()).unwrap_or_default();
            logging::line(format_args!("ignored `{}` from {from}, which is not trusted", proxy.header));
        }
        return None;
    }
    let name = single_value(headers, &proxy.header)?.trim();
    let groups =
        proxy.groups_header.as_ref().and_then(|header| single_value(headers, header)).unwrap_or_default();
    let groups = groups.split(',').map(|group| group.trim().to_owned()).filter(|group| !group.is_empty());
    (!name.is_empty()).then(|| (name.to_owned(), groups.collect()))
}

/// Returns whether this is an address of the trusted proxy.
fn is_trusted(app: &App, address: IpAddr) -> bool {
    let proxy = app.settings.sign_in.proxy.as_ref();
    proxy.is_some_and(|proxy| proxy.trusted.iter().any(|network| network.contains(address)))
}

/// Returns the value of a header that occurs exactly once and is UTF-8.
fn single_value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { None } else { std::str::from_utf8(first.as_bytes()).ok() }
}

impl FromRequestParts<AppState> for MaybeUser {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, StatusCode> {
        match User::of(app, parts, clock::now_ms()).await {
            Ok(user) => Ok(Self(user)),
            Err(error) => {
                logging::line(error);
                Err(StatusCode::SERVICE_UNAVAILABLE)
            }
        }
    }
}
