//! Identifies the caller and finds its grant. Pure: what the proxy knows about the caller is an argument.

mod named;
mod scopes;
mod token;

use crate::denial::{Code, Denial};
use crate::mcp::headers::Headers;
use crate::policy::{Certificate, Grant, Policy};
use crate::work::{self, Work};

use token::Token;
pub use token::fits;

pub(crate) use named::NO_CREDENTIAL;
pub use named::principal;
pub use scopes::{has_scopes, scopes, scopes_work};

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
    identify_within(policy, headers, credentials, now_ns, &Work::new(work::IDENTIFIED))
}

/// Identifies the caller like [`identify`], and spends the budget `work`. If it does not suffice, the caller is denied.
pub fn identify_within(
    policy: &Policy,
    headers: &Headers,
    credentials: &impl Credentials,
    now_ns: Option<u64>,
    work: &Work,
) -> (Caller, Option<Denial>) {
    let named = named::caller(policy, headers, credentials, work);
    if work.is_exhausted() {
        let reason = "the credential of this caller takes more work to judge than one request may cause";
        let denial = Denial::by("identity", Code::Unauthenticated, reason).because_of(work::CAUSE);
        return (Caller::default(), Some(denial));
    }
    if credentials.unreadable() {
        let reason = "the credential of this caller cannot be read";
        let denial = Denial::by("identity", Code::Unauthenticated, reason).because_of(named::UNREADABLE);
        return (Caller::default(), Some(denial));
    }
    grant(policy, named, now_ns, work)
}

/// Finds the grant of a caller whom a source has named, or of one whom none has named, and why. The rest is as for
/// [`identify_within`].
pub fn grant(
    policy: &Policy,
    named: Result<Caller, &'static str>,
    now_ns: Option<u64>,
    work: &Work,
) -> (Caller, Option<Denial>) {
    let (mut caller, cause) = match named {
        Ok(caller) => (caller, None),
        Err(cause) => (Caller::default(), Some(cause)),
    };
    if policy.grants.is_empty() {
        return (caller, None);
    }
    caller.grant = granted(policy, &caller, work);
    if work.is_exhausted() {
        let reason = "what is granted to this caller takes more work to find than one request may cause";
        let denial = Denial::by("grants", Code::NoGrant, reason).because_of(work::CAUSE);
        return (Caller { grant: None, ..caller }, Some(denial));
    }
    let Some(grant) = caller.grant(policy) else { return denied(policy, caller, cause) };
    let denial = not_in_force(grant, now_ns);
    (caller, denial)
}

/// Denies a caller to whom no grant applies; `cause` is why nobody was named.
fn denied(policy: &Policy, caller: Caller, cause: Option<&'static str>) -> (Caller, Option<Denial>) {
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
    (caller, Some(denial))
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
/// counts: if a token named it, headers are ignored. The result is of no use if `work` is exhausted.
fn granted(policy: &Policy, caller: &Caller, work: &Work) -> Option<usize> {
    let (grants, source) = (&policy.grants, caller.source);
    match &caller.principal {
        None if policy.identity.is_empty() => grants.of_everybody(),
        None => None,
        Some(Principal::Jwt(name)) => {
            let token = Token::new(caller.claims.as_deref(), work);
            grants.of_token(name, source, |expected| token.fits(expected), work)
        }
        Some(Principal::Mtls(name)) => grants.of_certificate(name, source, work),
        Some(Principal::ApiKey(digest)) => grants.of_key(digest, source),
        Some(Principal::Header(name)) => grants.of_header(name, source, work),
        Some(Principal::Attribute(name)) => grants.of_attribute(name, source, work),
    }
}
