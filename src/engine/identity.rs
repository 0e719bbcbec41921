//! Identifies the caller and finds its grant. Pure: what the proxy knows about the caller is an argument.

mod named;
mod scopes;

use std::cell::LazyCell;

use crate::denial::{Code, Denial};
use crate::json::{self, Kind, Value, decimal};
use crate::mcp::headers::Headers;
use crate::policy::{Certificate, Expected, Grant, Policy, TokenMatch};

pub use scopes::{has_scopes, scopes};

/// The name of the grant of all callers if the policy has no grants.
pub const DEFAULT_GRANT: &str = "default";

/// What the proxy has verified about a caller. Each method may cost a host call, so it is called only if the
/// policy needs the value.
pub trait Credentials {
    /// Returns the token payload that another filter verified and stored under the key `payload` in its
    /// metadata namespace `metadata`, as JSON. `None` if there is none or it cannot be read.
    fn verified_token(&self, metadata: &str, payload: &str) -> Option<String>;

    /// Returns whether another filter stored anything in its metadata namespace `metadata`. It is asked only
    /// after there was no token, to say why.
    fn has_tokens(&self, _metadata: &str) -> bool {
        false
    }

    /// Returns a name from the peer's verified certificate.
    fn certificate(&self, name: Certificate) -> Option<String>;

    /// Returns whether the peer has a certificate. It is asked only after there was no such name in it, to
    /// say why.
    fn has_certificate(&self) -> bool {
        false
    }

    /// Returns an attribute of the stream that clients cannot set, as text.
    fn attribute(&self, _path: &[String]) -> Option<String> {
        None
    }

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
    /// The number of the source that named the principal, the first that could
    pub source: Option<usize>,
    /// The principal
    pub principal: Option<Principal>,
    /// The claims of the verified token that named the principal, as JSON
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
    /// The value of an attribute that clients cannot set
    Attribute(String),
}

impl Principal {
    /// Returns the name for records, conditions and counters. For an API key it is the start of its digest.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Jwt(name) | Self::Mtls(name) | Self::Header(name) | Self::Attribute(name) => name.clone(),
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

    /// Returns the name of the source that named the principal. `policy` must be the policy that identified
    /// the caller.
    #[must_use]
    pub fn source_name<'p>(&self, policy: &'p Policy) -> Option<&'p str> {
        policy.identity.get(self.source?).map(|source| source.name.as_str())
    }

    /// Returns what tells the principal apart within its grant, for tallies: its name, and the source's name
    /// if the policy has several, because each may give the same name to another caller. `None` for a caller
    /// without a principal.
    #[must_use]
    pub fn principal_key(&self, policy: &Policy) -> Option<String> {
        let name = self.principal.as_ref().map(Principal::name)?;
        // With one source the name alone identifies the tally, as it did when sources had no names.
        let source = self.source_name(policy).filter(|_| policy.identity.len() > 1);
        Some(source.map_or(name.clone(), |source| [source, "\0", &name].concat()))
    }

    /// Returns a key that is unique per grant and principal; `None` for a caller without a principal.
    #[must_use]
    pub fn key(&self, policy: &Policy) -> Option<String> {
        Some([self.grant_name(policy), "\0", &self.principal_key(policy)?].concat())
    }

    /// Returns the grant's name for records, conditions and counters.
    #[must_use]
    pub fn grant_name<'p>(&self, policy: &'p Policy) -> &'p str {
        self.grant(policy).map_or(DEFAULT_GRANT, |grant| grant.name.as_str())
    }
}

/// Identifies the caller and finds its grant at the time `now_ns`.
///
/// `now_ns` is in nanoseconds since the Unix epoch. `None` means that the host has no clock; a grant that
/// begins or expires is then not in force. The second value is the [`Denial`] if the credential cannot be
/// read, or if the policy has grants and the caller has no identity, no grant matches, or the matching grant
/// is not in force.
pub fn identify(
    policy: &Policy,
    headers: &Headers,
    credentials: &impl Credentials,
    now_ns: Option<u64>,
) -> (Caller, Option<Denial>) {
    let (caller, cause) = match named::caller(policy, headers, credentials) {
        Ok(caller) => (caller, None),
        Err(cause) => (Caller::default(), Some(cause)),
    };
    if credentials.unreadable() {
        let reason = "the credential of this caller cannot be read";
        let denial = Denial::by("identity", Code::Unauthenticated, reason).because_of(named::UNREADABLE);
        return (Caller::default(), Some(denial));
    }
    settle(policy, caller, cause, now_ns)
}

/// Finds the grant of a caller whose principal, source and claims are known already, at the time `now_ns`. The result
/// is that of [`identify`].
#[must_use]
pub fn grant(policy: &Policy, caller: Caller, now_ns: Option<u64>) -> (Caller, Option<Denial>) {
    let cause = caller.principal.is_none().then_some(named::NO_CREDENTIAL);
    settle(policy, caller, cause, now_ns)
}

fn settle(
    policy: &Policy,
    mut caller: Caller,
    cause: Option<&'static str>,
    now_ns: Option<u64>,
) -> (Caller, Option<Denial>) {
    if policy.grants.is_empty() {
        return (caller, None);
    }
    caller.grant = granted(policy, &caller);
    let Some(grant) = caller.grant(policy) else {
        let denial = match (cause, &caller.principal) {
            (Some(cause), _) => {
                let reason = "this server needs to know who calls: send a credential that it accepts";
                Denial::by("identity", Code::Unauthenticated, reason).because_of(cause)
            }
            (None, Some(Principal::ApiKey(digest))) if !policy.grants.list_key(digest) => {
                nothing_granted().because_of("key_unknown")
            }
            (None, _) => nothing_granted(),
        };
        return (caller, Some(denial));
    };
    let denial = not_in_force(grant, now_ns);
    (caller, denial)
}

fn nothing_granted() -> Denial {
    Denial::by("grants", Code::NoGrant, "nothing is granted to this caller")
}

/// Returns a denial if the grant has not begun or has expired at `now_ns`, which is the same as for
/// [`identify`].
pub fn not_in_force(grant: &Grant, now_ns: Option<u64>) -> Option<Denial> {
    let now_ns = now_ns.map(i128::from);
    if let Some((begins_ns, begins)) = &grant.not_before
        && now_ns.is_none_or(|now_ns| now_ns < *begins_ns)
    {
        let reason = format!("what is granted to this caller begins at {begins}");
        return Some(Denial::by(format!("{}.not_before", grant.path), Code::NoGrant, reason));
    }
    let expires_ns = grant.expires_ns?;
    if now_ns.is_some_and(|now_ns| now_ns < expires_ns) {
        return None;
    }
    let rule = format!("{}.expires", grant.path);
    Some(Denial::by(rule, Code::GrantExpired, "what was granted to this caller has expired"))
}

/// Returns the number of the first grant that matches a caller. Only the source that named the principal
/// counts: if a token named it, headers are ignored.
fn granted(policy: &Policy, caller: &Caller) -> Option<usize> {
    let (grants, source) = (&policy.grants, caller.source);
    match &caller.principal {
        None if policy.identity.is_empty() => grants.of_everybody(),
        None => None,
        Some(Principal::Jwt(name)) => {
            let claims = LazyCell::new(|| json::read(caller.claims.as_deref()?.as_bytes()).ok());
            let has =
                |expected: &TokenMatch| claims.as_ref().is_some_and(|claims| fits(claims.root(), expected));
            grants.of_token(name, source, has)
        }
        Some(Principal::Mtls(name)) => grants.of_certificate(name, source),
        Some(Principal::ApiKey(digest)) => grants.of_key(digest, source),
        Some(Principal::Header(name)) => grants.of_header(name, source),
        Some(Principal::Attribute(name)) => grants.of_attribute(name, source),
    }
}

/// Tells whether a token has what a grant expects.
fn fits(claims: Value<'_>, expected: &TokenMatch) -> bool {
    let accepts = |value: Value<'_>, expected: &Expected| {
        is(value, expected) || value.elements().any(|element| is(element, expected))
    };
    let has = |words: Vec<String>| expected.scope.iter().all(|word| words.contains(word));
    expected.claims.iter().all(|(path, expected)| path.any(claims, |value| accepts(value, expected)))
        && (expected.scope.is_empty() || scopes(claims).is_some_and(has))
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
