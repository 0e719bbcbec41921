//! Sources of identity, and grants.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Certificate;
use super::keys;
use super::pattern::Pattern;
use super::rule::Reading;
use super::rules::Rules;
use super::words::CERTIFICATES;
use crate::document::{Faults, Fields, Found, InRule, Keys as _, Part, Wrong, meaning};
use crate::json::Kind;

/// Where a caller's identity comes from. The first source that has a value names the principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A claim of a token that Envoy's `jwt_authn` filter has verified
    Jwt {
        /// The filter's namespace in dynamic metadata
        metadata: String,
        /// The key under it that holds the payload (`payload_in_metadata`)
        payload: String,
        /// The claim
        claim: String,
    },
    /// The client certificate that Envoy has verified
    Mtls(Certificate),
    /// A key in a header. Grants list its SHA-256
    ApiKey {
        /// The header's name, in lower case
        header: String,
        /// The authentication scheme before the key, such as `Bearer`
        scheme: Option<String>,
    },
    /// A header, in lower case. A trusted proxy must set it, and remove it from requests that bring one
    Header(String),
}

impl Source {
    /// Returns the header that the source reads, in lower case.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        match self {
            Self::ApiKey { header, .. } | Self::Header(header) => Some(header),
            Self::Jwt { .. } | Self::Mtls(_) => None,
        }
    }
}

/// What a set of callers may do. It can only narrow what the document allows.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Its name
    pub name: String,
    /// Its path in the document
    pub path: String,
    /// Who it is for
    pub matching: Matching,
    /// When it expires, in nanoseconds since the Unix epoch
    pub expires_ns: Option<i128>,
    /// The rules that its callers must pass in addition to the document's
    pub rules: Rules,
}

/// Who a grant is for.
#[derive(Debug, Clone)]
pub enum Matching {
    /// All callers
    Any,
    /// The callers that one of these describes
    One(Vec<Match>),
}

/// A description of callers. All parts of it must match.
#[derive(Debug, Clone, Default)]
pub struct Match {
    /// The name of a principal from a token
    pub jwt: Option<Pattern>,
    /// Claims that the token must have
    pub claims: Vec<(String, Expected)>,
    /// The name of a principal from a certificate
    pub mtls: Option<Pattern>,
    /// The SHA-256 of an API key, in lower-case hex
    pub api_key_sha256: Option<String>,
    /// The name of a principal from a header
    pub header: Option<Pattern>,
}

/// What a claim must be. If the claim is a list, one element must match.
#[derive(Debug, Clone)]
pub enum Expected {
    /// A string that matches
    Text(Pattern),
    /// This number, in any notation
    Number(String),
    /// This boolean
    Bool(bool),
}

/// Reads the sources of identity.
pub(super) fn sources(list: Vec<Part<'_>>, faults: &mut Faults) -> Vec<Source> {
    list.into_iter().filter_map(|part| source(&part, faults)).collect()
}

fn source(part: &Part<'_>, faults: &mut Faults) -> Option<Source> {
    let mut fields = Fields::<keys::Source>::open(part, faults)?;
    let jwt = fields.take(keys::Source::Jwt).map(|part| jwt(&part, faults));
    let mtls = fields.take(keys::Source::Mtls).map(|_| {
        let certificate = fields.read(keys::Source::Mtls, |part| meaning(part, &CERTIFICATES), faults);
        certificate.map(Source::Mtls)
    });
    let api_key = fields.take(keys::Source::ApiKey).map(|part| api_key(&part, faults));
    let header = fields.take(keys::Source::Header).map(|part| header(&part, faults));
    fields.close(faults);
    let mut found: Vec<Option<Source>> = [jwt, mtls, api_key, header].into_iter().flatten().collect();
    if found.len() != 1 {
        faults.add(part, Wrong::Unfit { expected: keys::Source::EXPECTED, found: Found::Untold });
        return None;
    }
    found.pop().flatten()
}

fn jwt(part: &Part<'_>, faults: &mut Faults) -> Option<Source> {
    let mut fields = Fields::<keys::Jwt>::open(part, faults)?;
    let metadata = fields.name(keys::Jwt::Metadata, faults);
    let metadata = metadata.unwrap_or_else(|| "envoy.filters.http.jwt_authn".to_owned());
    let payload = fields.name(keys::Jwt::Payload, faults);
    let claim = fields.name(keys::Jwt::Claim, faults).unwrap_or_else(|| "sub".to_owned());
    fields.close(faults);
    Some(Source::Jwt { metadata, payload: payload?, claim })
}

fn api_key(part: &Part<'_>, faults: &mut Faults) -> Option<Source> {
    let mut fields = Fields::<keys::ApiKey>::open(part, faults)?;
    let header = fields.name(keys::ApiKey::Header, faults);
    let scheme = fields.text(keys::ApiKey::Scheme, faults);
    fields.close(faults);
    Some(Source::ApiKey { header: header?.to_ascii_lowercase(), scheme })
}

fn header(part: &Part<'_>, faults: &mut Faults) -> Option<Source> {
    let mut fields = Fields::<keys::Header>::open(part, faults)?;
    let header = fields.name(keys::Header::Name, faults);
    fields.close(faults);
    Some(Source::Header(header?.to_ascii_lowercase()))
}

/// Reads the grants.
pub(super) fn grants(list: Vec<Part<'_>>, reading: &mut Reading, faults: &mut Faults) -> Vec<Grant> {
    let mut grants: Vec<Grant> = Vec::new();
    for part in list {
        let Some(grant) = grant(&part, reading, faults) else { continue };
        let earlier = grants.iter().find(|earlier| earlier.name == grant.name);
        if let (Some(earlier), Some(name)) = (earlier, part.member("name")) {
            faults.add(&name, InRule::NameTaken { by: earlier.path.clone() });
        }
        grants.push(grant);
    }
    grants
}

fn grant(part: &Part<'_>, reading: &mut Reading, faults: &mut Faults) -> Option<Grant> {
    let path = &part.path;
    let mut fields = Fields::<keys::Grant>::open(part, faults)?;
    let name = fields.name(keys::Grant::Name, faults);
    let matching = fields.need(keys::Grant::Match, faults).and_then(|part| matching(&part, faults));
    let expires_ns = fields.read(keys::Grant::Expires, time_ns, faults);
    let rules = Rules::read(&mut fields, true, reading, faults);
    fields.close(faults);
    Some(Grant { name: name?, path: path.to_string(), matching: matching?, expires_ns, rules })
}

/// Reads a time in the format of RFC 3339. Returns nanoseconds since the Unix epoch.
fn time_ns(part: &Part<'_>) -> Option<i128> {
    let time = OffsetDateTime::parse(&part.value.string()?, &Rfc3339).ok()?;
    Some(time.unix_timestamp_nanos())
}

fn matching(part: &Part<'_>, faults: &mut Faults) -> Option<Matching> {
    if part.value.string().as_deref() == Some("any") {
        return Some(Matching::Any);
    }
    if part.value.elements().next().is_none() {
        faults.unfit(part, &keys::MATCHING);
        return None;
    }
    Some(Matching::One(part.elements().filter_map(|part| description(&part, faults)).collect()))
}

fn description(part: &Part<'_>, faults: &mut Faults) -> Option<Match> {
    let mut fields = Fields::<keys::Match>::open(part, faults)?;
    if part.value.entries().next().is_none() {
        faults.add(part, InRule::FitsAll(&keys::MATCH));
    }
    let found = Match {
        jwt: pattern(&mut fields, keys::Match::Jwt, faults),
        mtls: pattern(&mut fields, keys::Match::Mtls, faults),
        header: pattern(&mut fields, keys::Match::Header, faults),
        api_key_sha256: fields.take(keys::Match::ApiKeySha256).and_then(|part| digest(&part, faults)),
        claims: fields.take(keys::Match::Claim).map(|part| claims(&part, faults)).unwrap_or_default(),
    };
    fields.close(faults);
    Some(found)
}

fn pattern(fields: &mut Fields<'_, keys::Match>, key: keys::Match, faults: &mut Faults) -> Option<Pattern> {
    fields.name(key, faults).map(|text| Pattern::new(&text))
}

fn digest(part: &Part<'_>, faults: &mut Faults) -> Option<String> {
    let text = part.value.string().unwrap_or_default();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(text.to_ascii_lowercase());
    }
    // The value may be the key itself, so the message leaves it out.
    faults.add(part, Wrong::Unfit { expected: &keys::DIGEST, found: Found::Untold });
    None
}

fn claims(part: &Part<'_>, faults: &mut Faults) -> Vec<(String, Expected)> {
    if part.value.entries().next().is_none() {
        faults.unfit(part, &keys::CLAIMS);
    }
    let mut claims = Vec::new();
    for (claim, part) in part.members() {
        let expected = match (part.value.string(), part.value.kind()) {
            (Some(text), _) => Expected::Text(Pattern::new(&text)),
            (None, Kind::Number) => Expected::Number(part.value.raw().to_owned()),
            (None, Kind::Bool(flag)) => Expected::Bool(flag),
            (None, _) => {
                faults.unfit(&part, &keys::SCALAR);
                continue;
            }
        };
        claims.push((claim.into_owned(), expected));
    }
    claims
}
