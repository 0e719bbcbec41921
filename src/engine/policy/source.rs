//! Sources of identity.

use super::words::CERTIFICATES;
use super::{Certificate, keys};
use crate::document::{Faults, Fields, Found, InIdentity, Keys as _, Part, Wrong, meaning};
use crate::mcp::headers;

/// Headers that Envoy removes, or turns into something else, before any filter sees a request.
const NEVER_ARRIVE: [&str; 5] = ["host", "connection", "keep-alive", "proxy-connection", "transfer-encoding"];

/// Where a caller's identity comes from. The first source that has a value names the principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, which is unique; without one in the document it is the word for its kind
    pub name: String,
    /// What it reads
    pub kind: SourceKind,
}

/// What a source reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
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
    /// An attribute of the stream that clients cannot set, as a path
    Attribute(Vec<String>),
}

impl Source {
    /// Returns the header that the source reads, in lower case.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        match &self.kind {
            SourceKind::ApiKey { header, .. } | SourceKind::Header(header) => Some(header),
            SourceKind::Jwt { .. } | SourceKind::Mtls(_) | SourceKind::Attribute(_) => None,
        }
    }
}

impl SourceKind {
    /// Returns the word for the kind, which is also its key in the document.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Jwt { .. } => "jwt",
            Self::Mtls(_) => "mtls",
            Self::ApiKey { .. } => "api_key",
            Self::Header(_) => "header",
            Self::Attribute(_) => "attribute",
        }
    }
}

/// Reads the sources of identity. `None` if one of them has a fault.
pub(super) fn sources(list: &[Part<'_>], faults: &mut Faults) -> Option<Vec<Source>> {
    let mut sources: Vec<(Source, &Part<'_>)> = Vec::new();
    let mut sound = true;
    for part in list {
        let Some(source) = source(part, faults) else {
            sound = false;
            continue;
        };
        if let Some((_, other)) = sources.iter().find(|(known, _)| known.name == source.name) {
            let place = part.member("name");
            let wrong = InIdentity::SourceNameTaken { name: source.name.clone(), by: other.path.to_string() };
            faults.add(place.as_ref().unwrap_or(part), wrong);
            sound = false;
        }
        if let Some((_, other)) = sources.iter().find(|(known, _)| known.kind == source.kind) {
            faults.add(part, InIdentity::SameSource { other: other.path.to_string() });
            sound = false;
        }
        sources.push((source, part));
    }
    sound.then(|| sources.into_iter().map(|(source, _)| source).collect())
}

fn source(part: &Part<'_>, faults: &mut Faults) -> Option<Source> {
    let mut fields = Fields::<keys::Source>::open(part, faults)?;
    let (named, name) = (fields.part().member("name"), fields.name(keys::Source::Name, faults));
    let jwt = fields.take(keys::Source::Jwt).map(|part| jwt(&part, faults));
    let mtls = fields.take(keys::Source::Mtls).map(|_| {
        let certificate = fields.read(keys::Source::Mtls, |part| meaning(part, &CERTIFICATES), faults);
        certificate.map(SourceKind::Mtls)
    });
    let api_key = fields.take(keys::Source::ApiKey).map(|part| api_key(&part, faults));
    let header = fields.take(keys::Source::Header).map(|part| header(&part, faults));
    let attribute = fields.take(keys::Source::Attribute).map(|part| attribute(&part, faults));
    fields.close(faults);
    let mut found: Vec<Option<SourceKind>> =
        [jwt, mtls, api_key, header, attribute].into_iter().flatten().collect();
    if found.len() != 1 {
        faults.add(part, Wrong::Unfit { expected: keys::Source::EXPECTED, found: Found::Untold });
        return None;
    }
    let kind = found.pop().flatten()?;
    // The name stands between other names where callers are told apart.
    if let Some(named) = named.filter(|_| name.as_ref().is_some_and(|name| name.contains(char::is_control))) {
        faults.add(&named, InIdentity::SourceName);
    }
    Some(Source { name: name.unwrap_or_else(|| kind.word().to_owned()), kind })
}

fn jwt(part: &Part<'_>, faults: &mut Faults) -> Option<SourceKind> {
    let mut fields = Fields::<keys::Jwt>::open(part, faults)?;
    let metadata = fields.name(keys::Jwt::Metadata, faults);
    let metadata = metadata.unwrap_or_else(|| "envoy.filters.http.jwt_authn".to_owned());
    let payload = fields.name(keys::Jwt::Payload, faults);
    let claim = fields.name(keys::Jwt::Claim, faults).unwrap_or_else(|| "sub".to_owned());
    fields.close(faults);
    Some(SourceKind::Jwt { metadata, payload: payload?, claim })
}

fn api_key(part: &Part<'_>, faults: &mut Faults) -> Option<SourceKind> {
    let mut fields = Fields::<keys::ApiKey>::open(part, faults)?;
    let header = fields.name(keys::ApiKey::Header, faults);
    let header = header.and_then(|name| header_name(part, "header", &name, faults));
    let scheme = fields.text(keys::ApiKey::Scheme, faults);
    if let (Some(text), Some(part)) = (&scheme, part.member("scheme"))
        && !headers::is_token(text)
    {
        faults.add(&part, InIdentity::NoScheme { text: text.clone() });
    }
    fields.close(faults);
    Some(SourceKind::ApiKey { header: header?, scheme })
}

fn header(part: &Part<'_>, faults: &mut Faults) -> Option<SourceKind> {
    let mut fields = Fields::<keys::Header>::open(part, faults)?;
    let header = fields.name(keys::Header::Name, faults);
    fields.close(faults);
    Some(SourceKind::Header(header_name(part, "name", &header?, faults)?))
}

/// Returns the name of a header in lower case. Notes a fault if no header of this name can arrive.
fn header_name(part: &Part<'_>, key: &str, name: &str, faults: &mut Faults) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let wrong = match lower.as_str() {
        _ if !headers::is_token(&lower) => InIdentity::NoHeaderName { text: name.to_owned() },
        known if NEVER_ARRIVE.contains(&known) => InIdentity::NeverArrives { header: lower },
        _ => return Some(lower),
    };
    faults.add(part.member(key).as_ref().unwrap_or(part), wrong);
    None
}

/// Reads the path of an attribute. Clients can set most attributes, by a header or by what TLS lets them
/// choose. What Envoy's filters keep in filter state is set by the configuration alone; what a wasm module
/// keeps there is left out, because this filter's own record contains text from callers.
fn attribute(part: &Part<'_>, faults: &mut Faults) -> Option<SourceKind> {
    let strings = part.value.elements().map(|value| value.string().map(std::borrow::Cow::into_owned));
    let path: Option<Vec<String>> = strings.collect();
    let is_safe = |path: &Vec<String>| match path.as_slice() {
        [root, key, ..] if root == "filter_state" => {
            !key.starts_with("wasm.")
                && path.iter().all(|step| !step.is_empty() && !step.contains(char::is_control))
        }
        _ => false,
    };
    let path = faults.fit(part, path.filter(is_safe), &keys::ATTRIBUTE)?;
    Some(SourceKind::Attribute(path))
}
