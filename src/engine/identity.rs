//! Identifies the caller and finds its grant. Pure: what the proxy knows about the caller is an argument.

use std::cell::LazyCell;

use sha2::{Digest as _, Sha256};

use crate::denial::{Code, Denial};
use crate::json::{self, Kind, Value, decimal};
use crate::mcp::headers::{Field, Headers};
use crate::policy::{Certificate, Expected, Grant, Policy, Source};
use crate::text::hex;

/// The name of the grant of all callers if the policy has no grants.
pub const DEFAULT_GRANT: &str = "default";

/// What the proxy has verified about a caller. Each method may cost a host call, so it is called only if the
/// policy needs the value.
pub trait Credentials {
    /// Returns the token payload that another filter verified and stored under the key `payload` in its
    /// metadata namespace `metadata`, as JSON. `None` if there is none or it cannot be read.
    fn verified_token(&self, metadata: &str, payload: &str) -> Option<String>;

    /// Returns a name from the peer's verified certificate.
    fn certificate(&self, name: Certificate) -> Option<String>;

    /// Returns whether a requested value exists, or may exist, but could not be read. The caller is then
    /// refused; weaker sources are not tried.
    fn unreadable(&self) -> bool {
        false
    }
}

/// Who sends a request.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The index of the grant in the policy; `None` if the policy has no grants or none matches
    pub grant: Option<usize>,
    /// The principal that the first successful source named
    pub principal: Option<Principal>,
    /// The claims of a verified token, as JSON: the token that named the principal, otherwise the first token
    /// found
    pub claims: Option<String>,
}

/// A caller's verified name, with the kind of its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A claim of a verified token
    Jwt(String),
    /// A name in a verified certificate
    Mtls(String),
    /// The SHA-256 of a key, in hex
    ApiKey(String),
    /// The value of a trusted header
    Header(String),
}

impl Principal {
    /// Returns the name of the source: its kind.
    #[must_use]
    pub fn source(&self) -> &'static str {
        match self {
            Self::Jwt(_) => "jwt",
            Self::Mtls(_) => "mtls",
            Self::ApiKey(_) => "api_key",
            Self::Header(_) => "header",
        }
    }

    /// Returns the name for records, conditions and counters. For an API key it is the start of its digest.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Jwt(name) | Self::Mtls(name) | Self::Header(name) => name.clone(),
            Self::ApiKey(digest) => format!("sha256:{}", digest.get(..16).unwrap_or_default()),
        }
    }
}

impl Caller {
    /// Returns the caller's grant. `policy` must be the policy that identified the caller.
    #[must_use]
    pub fn grant<'p>(&self, policy: &'p Policy) -> Option<&'p Grant> {
        policy.grants.get(self.grant?)
    }

    /// Returns a key that is unique per grant and principal; `None` for a caller without a principal.
    #[must_use]
    pub fn key(&self, policy: &Policy) -> Option<String> {
        let name = self.principal.as_ref().map(Principal::name)?;
        Some(format!("{}\0{name}", self.grant_name(policy)))
    }

    /// Returns the grant's name for records, conditions and counters.
    #[must_use]
    pub fn grant_name<'p>(&self, policy: &'p Policy) -> &'p str {
        self.grant(policy).map_or(DEFAULT_GRANT, |grant| grant.name.as_str())
    }
}

/// Identifies the caller and finds its grant at the time `now_ns`.
///
/// `now_ns` is in nanoseconds since the Unix epoch. `None` means that the host has no clock; every grant with
/// an expiry then counts as expired. The second value is the [`Denial`] if the credential cannot be read, or
/// if the policy has grants and the caller has no identity, no grant matches, or the matching grant has
/// expired.
pub fn identify(
    policy: &Policy,
    headers: &Headers,
    credentials: &impl Credentials,
    now_ns: Option<u64>,
) -> (Caller, Option<Denial>) {
    let mut caller = caller(policy, headers, credentials);
    if credentials.unreadable() {
        let reason = "the credential of this caller cannot be read";
        return (Caller::default(), Some(Denial::by("identity", Code::Unauthenticated, reason)));
    }
    if policy.grants.is_empty() {
        return (caller, None);
    }
    caller.grant = granted(policy, &caller);
    let Some(grant) = caller.grant(policy) else {
        let denial = if caller.principal.is_none() {
            let reason = "this server needs to know who calls: send a credential that it accepts";
            Denial::by("identity", Code::Unauthenticated, reason)
        } else {
            Denial::by("grants", Code::NoGrant, "nothing is granted to this caller")
        };
        return (caller, Some(denial));
    };
    let expired = expired(grant, now_ns);
    (caller, expired)
}

/// Returns a denial if the grant has expired at `now_ns`, which is the same as for [`identify`].
pub fn expired(grant: &Grant, now_ns: Option<u64>) -> Option<Denial> {
    let expires_ns = grant.expires_ns?;
    if now_ns.is_some_and(|now_ns| i128::from(now_ns) < expires_ns) {
        return None;
    }
    let rule = format!("{}.expires", grant.path);
    Some(Denial::by(rule, Code::GrantExpired, "what was granted to this caller has expired"))
}

/// Tries the sources in order until one names a principal. Each source reads its own token, because the same
/// claim can mean different things to different issuers.
fn caller(policy: &Policy, headers: &Headers, credentials: &impl Credentials) -> Caller {
    let named = policy.identity.iter().find_map(|source| {
        let token = token(source, credentials);
        Some((principal(source, token.as_deref(), headers, credentials)?, token))
    });
    let (principal, own) = named.map_or((None, None), |(principal, token)| (Some(principal), token));
    let claims = own.or_else(|| policy.identity.iter().find_map(|source| token(source, credentials)));
    Caller { grant: None, principal, claims }
}

fn token(source: &Source, credentials: &impl Credentials) -> Option<String> {
    match source {
        Source::Jwt { metadata, payload, .. } => credentials.verified_token(metadata, payload),
        Source::Mtls(_) | Source::ApiKey { .. } | Source::Header(_) => None,
    }
}

fn principal(
    source: &Source,
    token: Option<&str>,
    headers: &Headers,
    credentials: &impl Credentials,
) -> Option<Principal> {
    match source {
        Source::Jwt { claim, .. } => {
            let document = json::read(token?.as_bytes()).ok()?;
            let name = document.root().get(claim).and_then(Value::string)?;
            (!name.is_empty()).then(|| Principal::Jwt(name.into_owned()))
        }
        Source::Mtls(name) => {
            credentials.certificate(*name).filter(|name| !name.is_empty()).map(Principal::Mtls)
        }
        Source::ApiKey { header, scheme } => {
            let value = single(headers.credential(header))?;
            let key = match scheme {
                None => value,
                Some(scheme) => without_scheme(value, scheme)?,
            };
            (!key.is_empty()).then(|| Principal::ApiKey(digest(key)))
        }
        Source::Header(name) => {
            let name = std::str::from_utf8(single(headers.credential(name))?).ok()?;
            (!name.is_empty()).then(|| Principal::Header(name.to_owned()))
        }
    }
}

/// Returns the value of a header that occurs once. Envoy, like any proxy, may join repeated headers with a
/// comma (RFC 9110, section 5.3), so a value with a comma is not accepted.
fn single(field: &Field) -> Option<&[u8]> {
    field.once().filter(|value| !value.contains(&b','))
}

/// Removes the authentication scheme, compared without case, and one space from a header's value (RFC 9110,
/// section 11.4). Returns `None` if the value starts differently.
fn without_scheme<'v>(value: &'v [u8], scheme: &str) -> Option<&'v [u8]> {
    let (front, key) = value.split_at_checked(scheme.len())?;
    if !front.eq_ignore_ascii_case(scheme.as_bytes()) {
        return None;
    }
    key.strip_prefix(b" ")
}

fn digest(key: &[u8]) -> String {
    hex(&Sha256::digest(key))
}

/// Returns the number of the first grant that matches a caller. Only the source that named the principal counts: if a
/// token named it, headers are ignored.
fn granted(policy: &Policy, caller: &Caller) -> Option<usize> {
    let grants = &policy.grants;
    match &caller.principal {
        None if policy.identity.is_empty() => grants.of_everybody(),
        None => None,
        Some(Principal::Jwt(name)) => {
            let claims = LazyCell::new(|| json::read(caller.claims.as_deref()?.as_bytes()).ok());
            let has = |expected: &[_]| claims.as_ref().is_some_and(|claims| has_all(claims, expected));
            grants.of_token(name, has)
        }
        Some(Principal::Mtls(name)) => grants.of_certificate(name),
        Some(Principal::ApiKey(digest)) => grants.of_key(digest),
        Some(Principal::Header(name)) => grants.of_header(name),
    }
}

fn has_all(claims: &json::Document<'_>, expected: &[(String, Expected)]) -> bool {
    expected.iter().all(|(claim, expected)| {
        claims
            .root()
            .get(claim)
            .is_some_and(|value| is(value, expected) || value.elements().any(|element| is(element, expected)))
    })
}

fn is(value: Value<'_>, expected: &Expected) -> bool {
    match expected {
        Expected::Text(pattern) => value.string().is_some_and(|text| pattern.matches(&text)),
        Expected::Number(number) => {
            value.number().is_some_and(|found| decimal::compare(found, number).is_eq())
        }
        Expected::Bool(flag) => value.kind() == Kind::Bool(*flag),
    }
}
