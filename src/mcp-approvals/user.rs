//! Who a request is from: a session's cookie, a proxy's header or a token for the shell.

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

/// The other end of a connection, which the listener leaves in each request's extensions.
#[derive(Debug, Clone)]
pub struct Peer {
    /// From where it came
    pub address: SocketAddr,
    /// The URIs and DNS names of its certificate, which an authority vouches for
    pub names: Arc<[String]>,
}

/// A person whom a request shows, and what they may do.
#[derive(Debug, Clone)]
pub struct User {
    /// Who they are
    pub approver: Approver,
    /// What they may do
    pub access: Access,
    /// How the request shows it
    credential: Credential,
}

/// How a request shows who it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Credential {
    /// By a session's cookie, with this secret
    Session(String),
    /// By a header of a trusted proxy
    Proxy,
    /// By a token, which no browser sends on its own
    Token,
}

/// A request's user, if it has one: an extractor for routes that serve both.
pub struct MaybeUser(pub Option<User>);

/// Why a POST is not taken for what its user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsrfError {
    /// Another site sent it
    OtherSite,
    /// It does not come from a page of this session
    Token,
}

impl User {
    /// Finds out who a request is from. The strongest sign decides alone: a token before a proxy's
    /// header before a session.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of(app: &App, parts: &Parts, now_ms: i64) -> Result<Option<Self>, StoreError> {
        if let Some(token) = bearer(&parts.headers)
            && let Some(name) = app.store.token_owner(token).await?
        {
            return Ok(Some(Self::named(app, name, Vec::new(), Credential::Token).await?));
        }
        let address = parts.extensions.get::<Peer>().map(|peer| peer.address.ip());
        if let Some((name, groups)) = by_proxy(app, &parts.headers, address, now_ms) {
            return Ok(Some(Self::named(app, name, groups, Credential::Proxy).await?));
        }
        // Whoever shows a token that is none means to be nobody else. A proxy may show one of its own.
        if !app.settings.sign_in.accounts || parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(None);
        }
        let Some(session) = cookie(app, &parts.headers) else { return Ok(None) };
        let Some(name) = app.store.session_owner(session, now_ms).await? else { return Ok(None) };
        let credential = Credential::Session(session.to_owned());
        Ok(Some(Self::named(app, name, Vec::new(), credential).await?))
    }

    /// Returns a person and what they may do at present.
    async fn named(
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

    /// Returns the secret of the session, where they signed in here.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        match &self.credential {
            Credential::Session(session) => Some(session),
            Credential::Proxy | Credential::Token => None,
        }
    }

    /// Returns what the forms of their pages carry, to be told from forms of other sites.
    #[must_use]
    pub fn csrf(&self, app: &App) -> String {
        match &self.credential {
            Credential::Session(session) => secret::mac(&app.secret, &format!("session {session}")),
            Credential::Proxy => secret::mac(&app.secret, &format!("proxy {}", self.approver.name)),
            Credential::Token => String::new(),
        }
    }

    /// Checks that a POST is meant: sent by a page of this service, with what [`csrf`](Self::csrf)
    /// gave it. A token is sent by nobody who does not mean it.
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

/// Checks that a POST comes from a page of this service, as far as the browser says: what signs in,
/// and has no session yet, is checked by this alone.
///
/// # Errors
/// [`CsrfError::OtherSite`]
pub fn same_origin(app: &App, headers: &HeaderMap) -> Result<(), CsrfError> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let fine = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.to_lowercase() == app.origin(),
        // No browser sends a form without either.
        (None, None) => true,
    };
    if fine { Ok(()) } else { Err(CsrfError::OtherSite) }
}

/// Returns the address that a request comes from: of the peer, or of whom a trusted proxy names.
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

/// Returns the name of the session's cookie.
#[must_use]
pub fn cookie_name(app: &App) -> &'static str {
    // Browsers take this prefix from the very host alone, and by https.
    if app.is_https() { "__Host-mcp-approvals" } else { "mcp-approvals" }
}

/// Returns a request's bearer token.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = one(headers, "authorization")?.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

/// Returns the session that a request's cookie names. Two of one name are none: one may be planted.
fn cookie<'h>(app: &App, headers: &'h HeaderMap) -> Option<&'h str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = values
        .flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(name, _)| *name == cookie_name(app));
    let first = cookies.next().map(|(_, value)| value);
    first.filter(|_| cookies.next().is_none())
}

/// Returns whom a trusted proxy says the request is from, with their groups.
fn by_proxy(
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
        // Whoever sends these could fill the log.
        static LOGGED_MS: AtomicI64 = AtomicI64::new(0);
        if now_ms.saturating_sub(LOGGED_MS.swap(now_ms, Ordering::Relaxed)) > 1000 {
            let from = address.map(|address| address.to_string()).unwrap_or_default();
            logging::line(format_args!("ignored `{}` from {from}, which is not trusted", proxy.header));
        }
        return None;
    }
    let name = one(headers, &proxy.header)?.trim();
    let groups = proxy.groups_header.as_ref().and_then(|header| one(headers, header)).unwrap_or_default();
    let groups = groups.split(',').map(|group| group.trim().to_owned()).filter(|group| !group.is_empty());
    (!name.is_empty()).then(|| (name.to_owned(), groups.collect()))
}

/// Tells whether the proxy speaks from this address.
fn is_trusted(app: &App, address: IpAddr) -> bool {
    let proxy = app.settings.sign_in.proxy.as_ref();
    proxy.is_some_and(|proxy| proxy.trusted.iter().any(|network| network.contains(address)))
}

/// Returns the value of a header that occurs once, and is UTF-8.
fn one<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
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
