//! Finds the source that names a caller, or why none does.

use sha2::{Digest as _, Sha256};

use super::{Caller, Credentials, Principal};
use crate::json::{self, Value};
use crate::mcp::headers::{Field, Headers};
use crate::policy::{Policy, SourceKind};
use crate::text::hex;
use crate::work::{self, Work};

/// Why nobody is named, as one word: there is no credential that a source reads.
pub(crate) const NO_CREDENTIAL: &str = "no_credential";
/// … a token was presented, and nothing has verified it or stored its payload where the source looks.
const PAYLOAD_MISSING: &str = "payload_missing";
/// … the token has no such claim, or it is not a name.
const CLAIM_MISSING: &str = "claim_missing";
/// … the certificate has no such name.
const NAME_MISSING: &str = "name_missing";
/// … the credential exists and cannot be read.
pub(super) const UNREADABLE: &str = "credential_unreadable";
/// … the header occurs twice, or may have been joined from several.
const AMBIGUOUS: &str = "credential_ambiguous";
/// … the header has another authentication scheme.
const OTHER_SCHEME: &str = "scheme_differs";

/// Tries the sources in order until one names a principal. Each source reads its own token, because the same
/// claim can mean different things to different issuers. Nothing is read after that, so no other credential
/// can change anything.
///
/// # Errors
/// Why nobody is named: what is wrong with the first credential that was presented.
pub(super) fn caller(
    policy: &Policy,
    headers: &Headers,
    credentials: &impl Credentials,
    work: &Work,
) -> Result<Caller, &'static str> {
    let mut cause = NO_CREDENTIAL;
    for (number, source) in policy.identity.iter().enumerate() {
        match principal(&source.kind, headers, credentials, work) {
            Ok((principal, claims)) => {
                return Ok(Caller { grant: None, source: Some(number), principal: Some(principal), claims });
            }
            // Weaker sources are not tried.
            Err(work::CAUSE) => return Err(work::CAUSE),
            Err(found) if rank(found) > rank(cause) => cause = found,
            Err(_) => {}
        }
    }
    // Without sources no caller has a name. A grant for everybody applies all the same.
    Err(cause)
}

/// Returns how much a cause says. With several issuers, the payload of one is missing whenever another's is
/// there.
fn rank(cause: &str) -> u8 {
    match cause {
        NO_CREDENTIAL => 0,
        PAYLOAD_MISSING => 1,
        _ => 2,
    }
}

/// Returns the principal that a source names, and the claims of the token that it reads.
///
/// # Errors
/// Why it names nobody, as one word for records.
pub fn principal(
    source: &SourceKind,
    headers: &Headers,
    credentials: &impl Credentials,
    work: &Work,
) -> Result<(Principal, Option<String>), &'static str> {
    let principal = match source {
        SourceKind::Jwt { metadata, payload, claim } => {
            let Some(token) = credentials.verified_token(metadata, payload) else {
                let presented = headers.authorization || credentials.has_tokens(metadata);
                return Err(if presented { PAYLOAD_MISSING } else { NO_CREDENTIAL });
            };
            if !work.spend(work::of_reading(token.len())) {
                return Err(work::CAUSE);
            }
            let document = json::read(token.as_bytes()).map_err(|_| UNREADABLE)?;
            let name = document.root().get(claim).and_then(Value::string).filter(|name| !name.is_empty());
            let principal = Principal::Jwt(name.ok_or(CLAIM_MISSING)?.into_owned());
            drop(document);
            return Ok((principal, Some(token)));
        }
        SourceKind::Mtls(name) => match credentials.certificate(*name).filter(|name| !name.is_empty()) {
            Some(name) => Principal::Mtls(name),
            None => return Err(if credentials.has_certificate() { NAME_MISSING } else { NO_CREDENTIAL }),
        },
        SourceKind::ApiKey { header, scheme } => {
            let value = single(headers.credential(header))?;
            let key = match scheme {
                None => value,
                Some(scheme) => without_scheme(value, scheme).ok_or(OTHER_SCHEME)?,
            };
            if key.is_empty() {
                return Err(NO_CREDENTIAL);
            }
            if !work.spend(key.len()) {
                return Err(work::CAUSE);
            }
            Principal::ApiKey(digest(key))
        }
        SourceKind::Header(name) => {
            let name = std::str::from_utf8(single(headers.credential(name))?).map_err(|_| UNREADABLE)?;
            Principal::Header(name.to_owned())
        }
        SourceKind::Attribute(path) => {
            Principal::Attribute(credentials.attribute(path).ok_or(NO_CREDENTIAL)?)
        }
    };
    let (Principal::Jwt(name)
    | Principal::Mtls(name)
    | Principal::ApiKey(name)
    | Principal::Header(name)
    | Principal::Attribute(name)) = &principal;
    if name.is_empty() { Err(NO_CREDENTIAL) } else { Ok((principal, None)) }
}

/// Returns the value of a header that occurs once. Envoy, like any proxy, may join repeated headers with a
/// comma (RFC 9110, section 5.3), so a value with a comma is not accepted.
fn single(field: &Field) -> Result<&[u8], &'static str> {
    match field {
        Field::Absent => Err(NO_CREDENTIAL),
        Field::Once(value) if !value.contains(&b',') => Ok(value),
        Field::Once(_) | Field::Repeated => Err(AMBIGUOUS),
    }
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
