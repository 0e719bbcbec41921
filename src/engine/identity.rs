//! Who calls, and under which grant. Pure: what the proxy knows of the caller is an argument.

use std::cell::LazyCell;

use sha2::{Digest as _, Sha256};

use crate::denial::{Code, Denial};
use crate::json::{self, Kind, Value, decimal};
use crate::mcp::headers::{Field, Headers};
use crate::policy::{Certificate, Expected, Grant, Policy, Source};
use crate::text::hex;

/// The grant of everybody, where a policy has none.
pub const EVERYBODY: &str = "default";

/// What the proxy has verified of a caller. Each may cost a call of the host, so it is asked for only where the
/// policy needs it.
pub trait Credentials {
    /// Returns the payload that a filter has verified and put under `payload` into its namespace
    /// `metadata`, as JSON; `None` where there is none, or none that can be read.
    fn verified_token(&self, metadata: &str, payload: &str) -> Option<String>;

    /// Returns a name in the peer's verified certificate.
    fn certificate(&self, name: Certificate) -> Option<String>;

    /// Tells whether something that was asked for is there, or may be, and could not be read. Whoever
    /// sends it is nobody, not whom a weaker source names.
    fn unreadable(&self) -> bool {
        false
    }
}

/// Who calls.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The number of the grant that applies; `None` where the policy has none
    pub grant: Option<usize>,
    /// Who it is, by the first source that tells
    pub principal: Option<Principal>,
    /// The claims of the verified token, as JSON: of the one that names the principal, else of the
    /// first that there is
    pub claims: Option<String>,
}

/// A caller's name, and what tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A claim of a verified token
    Jwt(String),
    /// A name in a verified certificate
    Mtls(String),
    /// The SHA-256 of a key, in hex
    ApiKey(String),
    /// A header
    Header(String),
}

impl Principal {
    /// Names the principal for records and counters; of a key, the beginning of its digest.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Jwt(name) | Self::Mtls(name) | Self::Header(name) => name.clone(),
            Self::ApiKey(digest) => format!("sha256:{}", digest.get(..16).unwrap_or_default()),
        }
    }
}

impl Caller {
    /// Returns the grant that applies, of the policy that named it.
    #[must_use]
    pub fn grant<'p>(&self, policy: &'p Policy) -> Option<&'p Grant> {
        policy.grants.get(self.grant?)
    }

    /// Tells callers apart, by grant and principal; `None` where nobody knows who it is.
    #[must_use]
    pub fn key(&self, policy: &Policy) -> Option<String> {
        let name = self.principal.as_ref().map(Principal::name)?;
        Some(format!("{}\0{name}", self.grant_name(policy)))
    }

    /// Names the grant, for records, conditions and counters.
    #[must_use]
    pub fn grant_name<'p>(&self, policy: &'p Policy) -> &'p str {
        self.grant(policy).map_or(EVERYBODY, |grant| grant.name.as_str())
    }
}

/// Finds out who calls, and under which grant, at `now_ns`: nanoseconds since the Unix epoch, or `None` where the
/// host has no clock; then every grant that can expire counts as expired. Returns a [`Denial`] as well where the
/// policy has grants and the caller has no identity, no grant matches the caller, or the one that matches has
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

/// Refuses what a grant allows from its expiry on; `now_ns` as for [`identify`].
pub fn expired(grant: &Grant, now_ns: Option<u64>) -> Option<Denial> {
    let expires_ns = grant.expires_ns?;
    if now_ns.is_some_and(|now_ns| i128::from(now_ns) < expires_ns) {
        return None;
    }
    let rule = format!("{}.expires", grant.path);
    Some(Denial::by(rule, Code::GrantExpired, "what was granted to this caller has expired"))
}

/// Asks the sources in their order for a principal. Each reads its own token: what one issuer says
/// in a claim is not what another means by it.
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

/// Returns the value of a header that stands once. Envoy joins some headers that stand twice with a
/// comma, as any proxy may (RFC 9110, section 5.3), so a value with a comma may be two.
fn single(field: &Field) -> Option<&[u8]> {
    field.once().filter(|value| !value.contains(&b','))
}

/// Takes an authentication scheme, in any case, and one space off a header's value (RFC 9110,
/// section 11.4).
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

/// Returns the number of the first grant that matches a caller. Only what has named the principal counts: a header
/// next to a token says nothing.
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
