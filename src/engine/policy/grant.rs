//! Who may call: sources of identity, and grants.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Rules;
use super::fault::{Faults, Path};
use super::fields::Fields;
use super::pattern::Pattern;
use super::rule::Counters;
use crate::json::{Kind, Value};

/// Where a caller's identity comes from. The first source that yields a value names the principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A claim of the token that Envoy's `jwt_authn` has verified
    Jwt {
        /// The filter's namespace in dynamic metadata
        metadata: String,
        /// The key under it that holds the payload (`payload_in_metadata`)
        payload: String,
        /// The claim
        claim: String,
    },
    /// The certificate that the peer has presented and Envoy has verified
    Mtls(Certificate),
    /// A key in a header, known by its SHA-256 alone
    ApiKey {
        /// The header's name, in lower case
        header: String,
        /// The authentication scheme in front of the key
        scheme: Option<String>,
    },
    /// A header that a trusted hop sets and strips, in lower case
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

/// Which name in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// The first URI among the subject's alternative names
    UriSan,
    /// The first DNS name among them
    DnsSan,
    /// The subject
    Subject,
}

/// A named identity's permission, which narrows the document's.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Its name
    pub name: String,
    /// Its place in the document
    pub path: String,
    /// Who it is for
    pub matching: Matching,
    /// Until when, in nanoseconds since the Unix epoch
    pub expires_ns: Option<i128>,
    /// What its callers have to pass beside the document's rules
    pub rules: Rules,
}

/// Who a grant is for.
#[derive(Debug, Clone)]
pub enum Matching {
    /// Everybody
    Any,
    /// Whoever fits one of these
    One(Vec<Match>),
}

/// A caller's description. All of it must fit.
#[derive(Debug, Clone, Default)]
pub struct Match {
    /// A principal named by a token
    pub jwt: Option<Pattern>,
    /// Claims of the token
    pub claims: Vec<(String, Expected)>,
    /// A principal named by a certificate
    pub mtls: Option<Pattern>,
    /// The SHA-256 of a key, in lower-case hex
    pub api_key_sha256: Option<String>,
    /// A principal named by a header
    pub header: Option<Pattern>,
}

/// What a claim must be: of a list, some element.
#[derive(Debug, Clone)]
pub enum Expected {
    /// A string that fits
    Text(Pattern),
    /// This number, in whatever notation
    Number(String),
    /// This very boolean
    Bool(bool),
}

/// Reads the key `identity`.
pub(super) fn sources(document: &mut Fields<'_>, faults: &mut Faults) -> Vec<Source> {
    let mut sources = Vec::new();
    for (value, path) in document.list("identity", faults) {
        sources.extend(source(value, &path, faults));
    }
    sources
}

fn source(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Source> {
    const EXPECTED: &str = "an object with one of `jwt`, `mtls`, `api_key` and `header`";
    let mut fields = Fields::open(value, path, EXPECTED, faults)?;
    let jwt = fields.take("jwt").map(|(value, path)| {
        let mut fields = Fields::open(value, &path, "an object", faults)?;
        let metadata = name(&mut fields, "metadata", Some("envoy.filters.http.jwt_authn"), faults);
        let payload = name(&mut fields, "payload", None, faults);
        let claim = name(&mut fields, "claim", Some("sub"), faults);
        fields.close(faults);
        Some(Source::Jwt { metadata: metadata?, payload: payload?, claim: claim? })
    });
    let names = [
        ("uri_san", Certificate::UriSan),
        ("dns_san", Certificate::DnsSan),
        ("subject", Certificate::Subject),
    ];
    let mtls = fields
        .has_any(&["mtls"])
        .then(|| fields.word("mtls", &names, Certificate::UriSan, faults).map(Source::Mtls));
    fields.take("mtls");
    let api_key = fields.take("api_key").map(|(value, path)| {
        let mut fields = Fields::open(value, &path, "an object with `header`", faults)?;
        let header = name(&mut fields, "header", None, faults);
        let scheme = fields.text("scheme", faults).map(|text| text.into_owned());
        fields.close(faults);
        Some(Source::ApiKey { header: header?.to_ascii_lowercase(), scheme })
    });
    let header = fields.take("header").map(|(value, path)| {
        let mut fields = Fields::open(value, &path, "an object with `name`", faults)?;
        let header = name(&mut fields, "name", None, faults);
        fields.close(faults);
        Some(Source::Header(header?.to_ascii_lowercase()))
    });
    fields.close(faults);
    let mut found: Vec<Option<Source>> = [jwt, mtls, api_key, header].into_iter().flatten().collect();
    if found.len() != 1 {
        faults.add(path, format_args!("must be {EXPECTED}"));
        return None;
    }
    found.pop().flatten()
}

/// Reads the key `grants`.
pub(super) fn grants(document: &mut Fields<'_>, counters: &mut Counters, faults: &mut Faults) -> Vec<Grant> {
    let mut grants: Vec<Grant> = Vec::new();
    for (value, path) in document.list("grants", faults) {
        let Some(grant) = grant(value, &path, counters, faults) else { continue };
        if let Some(earlier) = grants.iter().find(|earlier| earlier.name == grant.name) {
            faults.add(
                &path.key("name"),
                format_args!("is the name of `{}` already, each grant needs its own", earlier.path),
            );
        }
        grants.push(grant);
    }
    grants
}

fn grant(value: Value<'_>, path: &Path, counters: &mut Counters, faults: &mut Faults) -> Option<Grant> {
    let mut fields = Fields::open(value, path, "an object with `name` and `match`", faults)?;
    let name = name(&mut fields, "name", None, faults);
    let matching = matching(&mut fields, path, faults);
    let expires_ns = fields.take("expires").and_then(|(value, path)| {
        let text = value.string();
        let time = text.and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok());
        if time.is_none() {
            faults.unfit(&path, "a time as in RFC 3339, such as `2027-01-01T00:00:00Z`", value);
        }
        time.map(OffsetDateTime::unix_timestamp_nanos)
    });
    let rules = Rules::read(&mut fields, path, true, counters, faults);
    fields.close(faults);
    Some(Grant { name: name?, path: path.to_string(), matching: matching?, expires_ns, rules })
}

fn matching(fields: &mut Fields<'_>, parent: &Path, faults: &mut Faults) -> Option<Matching> {
    const EXPECTED: &str = "`any` or a list of descriptions such as `{\"jwt\": \"ci@corp.example\"}`";
    let Some((value, path)) = fields.take("match") else {
        faults.add(&parent.key("match"), format_args!("is missing, must be {EXPECTED}"));
        return None;
    };
    if value.string().as_deref() == Some("any") {
        return Some(Matching::Any);
    }
    if !value.is_array() || value.elements().next().is_none() {
        faults.unfit(&path, EXPECTED, value);
        return None;
    }
    let mut all = Vec::new();
    for (index, element) in value.elements().enumerate() {
        all.extend(description(element, &path.index(index), faults));
    }
    Some(Matching::One(all))
}

fn description(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Match> {
    const EXPECTED: &str = "an object with `jwt`, `claim`, `mtls`, `api_key_sha256` or `header`";
    let mut fields = Fields::open(value, path, EXPECTED, faults)?;
    if value.entries().next().is_none() {
        faults.add(path, format_args!("must be {EXPECTED}, an empty one would be everybody"));
    }
    let found = Match {
        jwt: pattern(&mut fields, "jwt", faults),
        mtls: pattern(&mut fields, "mtls", faults),
        header: pattern(&mut fields, "header", faults),
        api_key_sha256: fields.take("api_key_sha256").and_then(|(value, path)| digest(value, &path, faults)),
        claims: claims(&mut fields, faults),
    };
    fields.close(faults);
    Some(found)
}

fn pattern(fields: &mut Fields<'_>, key: &'static str, faults: &mut Faults) -> Option<Pattern> {
    name(fields, key, Some(""), faults).filter(|text| !text.is_empty()).map(|text| Pattern::new(&text))
}

fn digest(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<String> {
    let text = value.string().unwrap_or_default();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(text.to_ascii_lowercase());
    }
    // What stands here may be the key itself, so it is not quoted.
    faults.add(path, "must be the SHA-256 of the key, as 64 hex digits");
    None
}

fn claims(fields: &mut Fields<'_>, faults: &mut Faults) -> Vec<(String, Expected)> {
    let Some((value, path)) = fields.take("claim") else { return Vec::new() };
    if !value.is_object() || value.entries().next().is_none() {
        faults.unfit(&path, "an object of claims, such as `{\"team\": \"sre\"}`", value);
    }
    let mut claims = Vec::new();
    for (claim, value) in value.entries() {
        let expected = match (value.string(), value.kind()) {
            (Some(text), _) => Expected::Text(Pattern::new(&text)),
            (None, Kind::Number) => Expected::Number(value.raw().to_owned()),
            (None, Kind::Bool(flag)) => Expected::Bool(flag),
            (None, _) => {
                faults.unfit(&path.key(&claim), "a string, a number or a boolean", value);
                continue;
            }
        };
        claims.push((claim.into_owned(), expected));
    }
    claims
}

/// Takes a name that is not empty, or `absent` where there is none.
fn name(
    fields: &mut Fields<'_>,
    key: &'static str,
    absent: Option<&str>,
    faults: &mut Faults,
) -> Option<String> {
    match fields.take(key) {
        Some((value, path)) => match value.string() {
            Some(text) if !text.is_empty() => Some(text.into_owned()),
            _ => {
                faults.unfit(&path, "a name", value);
                None
            }
        },
        None => {
            if absent.is_none() {
                faults.add(&fields.place(key), "is missing, must be a name");
            }
            absent.map(str::to_owned)
        }
    }
}
