//! Grants.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::challenge::is_scope_word;
use super::grants::Grants;
use super::keys;
use super::path::{Resolved, ValuePath};
use super::pattern::Pattern;
use super::rule::Reading;
use super::rules::Rules;
use super::source::Source;
use crate::document::{Faults, Fields, Found, InIdentity, InRule, Part, Wrong};
use crate::json::{Kind, Value};
use crate::work::Work;

/// What a set of callers may do. It can only narrow what the document allows.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Its name
    pub name: String,
    /// Its path in the document
    pub path: String,
    /// When it begins, and the text of that time in the document
    pub not_before: Option<(i128, String)>,
    /// When it expires, in nanoseconds since the Unix epoch
    pub expires_ns: Option<i128>,
    /// The rules that its callers must pass in addition to the document's
    pub rules: Rules,
}

impl Grant {
    /// Tells whether the grant applies only at some times, so that the time has to be known.
    #[must_use]
    pub fn has_term(&self) -> bool {
        self.not_before.is_some() || self.expires_ns.is_some()
    }
}

/// Who a grant is for, as the document says it.
#[derive(Debug)]
pub(super) enum Matching {
    /// All callers
    Any,
    /// The callers that one of these describes
    One(Vec<Match>),
}

/// A description of callers. All parts of it must match.
#[derive(Debug)]
pub(super) struct Match {
    /// The number of the source that must have named the principal
    pub source: Option<usize>,
    /// The name of a principal from a token
    pub jwt: Option<Pattern>,
    /// Claims that the token must have
    pub claims: Vec<(ClaimPath, Expected)>,
    /// Scopes that the token must have
    pub scope: Vec<String>,
    /// The name of a principal from a certificate
    pub mtls: Option<Pattern>,
    /// The SHA-256 of an API key, in lower-case hex
    pub api_key_sha256: Option<String>,
    /// The name of a principal from a header
    pub header: Option<Pattern>,
    /// The name of a principal from an attribute
    pub attribute: Option<Pattern>,
}

/// Where a claim stands in a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimPath {
    /// Under this key of the token itself
    Key(String),
    /// At this path
    Path(ValuePath),
}

impl ClaimPath {
    /// Parses a key of `claim`. A key without `.`, brackets, `*` and quotes is the name of a claim; any other
    /// is a path as in conditions, without `claims`.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence whose subject is the key.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.contains(['.', '[', ']', '*', '"']) {
            return Ok(Self::Key(text.to_owned()));
        }
        let dot = if text.starts_with('[') { "" } else { "." };
        let path = ValuePath::parse(&["claims", dot, text].concat())?;
        // A claim named by a URL, such as `https://corp.example/team`, has always been one name.
        let plain = |char: char| char.is_alphanumeric() || "_-.[]*".contains(char);
        let mut outside = text.split('"').step_by(2);
        match outside.all(|part| part.chars().all(plain)) {
            true => Ok(Self::Path(path)),
            false => Err("has a dot and is not one: write it in brackets and quotes"),
        }
    }

    /// Tells whether a value of the claim is accepted; `claims` is the token. Spends `work`; the result is of no use if
    /// it is exhausted.
    #[must_use]
    pub fn any(&self, claims: Value<'_>, work: &Work, accepts: impl Fn(Value<'_>) -> bool) -> bool {
        match self {
            Self::Key(key) => {
                let mut keyed =
                    claims.keyed().take_while(|(other, _)| work.spend(other.string_work().saturating_add(1)));
                let found = keyed.find(|(other, _)| other.string().is_some_and(|other| other == *key));
                found.is_some_and(|(_, value)| accepts(value))
            }
            Self::Path(path) => {
                let found = path.find(Some(claims), work);
                !work.is_exhausted()
                    && found
                        .into_iter()
                        .any(|found| matches!(found, Resolved::Value(value) if accepts(value)))
            }
        }
    }
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

/// Reads the grants.
///
/// `sources` are those that a description can name; `None` if they have faults of their own.
pub(super) fn grants(
    list: Vec<Part<'_>>,
    sources: Option<&[Source]>,
    reading: &mut Reading,
    faults: &mut Faults,
) -> Grants {
    let mut grants: Vec<(Grant, Matching)> = Vec::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for part in list {
        let Some((grant, matching)) = grant(&part, sources, reading, faults) else { continue };
        let number = *numbers.entry(grant.name.clone()).or_insert(grants.len());
        if let (Some((earlier, _)), Some(name)) = (grants.get(number), part.member("name")) {
            faults.add(&name, InRule::NameTaken { by: earlier.path.clone() });
        }
        grants.push((grant, matching));
    }
    Grants::new(grants)
}

fn grant(
    part: &Part<'_>,
    sources: Option<&[Source]>,
    reading: &mut Reading,
    faults: &mut Faults,
) -> Option<(Grant, Matching)> {
    let mut fields = Fields::<keys::Grant>::open(part, faults)?;
    let name = fields.name(keys::Grant::Name, faults);
    let matching = fields.need(keys::Grant::Match, faults);
    let matching = matching.and_then(|part| matching_of(&part, sources, faults));
    let begins = |part: &Part<'_>| Some((time_ns(part)?, part.value.string()?.into_owned()));
    let not_before = fields.read(keys::Grant::NotBefore, begins, faults);
    let expires_ns = fields.read(keys::Grant::Expires, time_ns, faults);
    if let (Some((begins_ns, _)), Some(expires_ns)) = (&not_before, expires_ns)
        && *begins_ns >= expires_ns
        && let Some(part) = part.member("not_before")
    {
        faults.add(&part, InIdentity::NeverInForce);
    }
    let rules = Rules::read(&mut fields, true, reading, faults);
    fields.close(faults);
    Some((Grant { name: name?, path: part.path.to_string(), not_before, expires_ns, rules }, matching?))
}

/// Reads a time in the format of RFC 3339. Returns nanoseconds since the Unix epoch.
fn time_ns(part: &Part<'_>) -> Option<i128> {
    let time = OffsetDateTime::parse(&part.value.string()?, &Rfc3339).ok()?;
    Some(time.unix_timestamp_nanos())
}

fn matching_of(part: &Part<'_>, sources: Option<&[Source]>, faults: &mut Faults) -> Option<Matching> {
    if part.value.string().as_deref() == Some("any") {
        return Some(Matching::Any);
    }
    if part.value.elements().next().is_none() {
        faults.unfit(part, &keys::MATCHING);
        return None;
    }
    let described = part.elements().filter_map(|part| description(&part, sources, faults));
    Some(Matching::One(described.collect()))
}

fn description(part: &Part<'_>, sources: Option<&[Source]>, faults: &mut Faults) -> Option<Match> {
    let mut fields = Fields::<keys::Match>::open(part, faults)?;
    if part.value.entries().next().is_none() {
        faults.add(part, InRule::FitsAll(&keys::MATCH));
    }
    let name = fields.name(keys::Match::Source, faults);
    let found = Match {
        source: sources.and_then(|sources| source(part, sources, name.as_deref(), faults)),
        jwt: pattern(&mut fields, keys::Match::Jwt, faults),
        mtls: pattern(&mut fields, keys::Match::Mtls, faults),
        header: pattern(&mut fields, keys::Match::Header, faults),
        attribute: pattern(&mut fields, keys::Match::Attribute, faults),
        api_key_sha256: fields.take(keys::Match::ApiKeySha256).and_then(|part| digest(&part, faults)),
        claims: fields.take(keys::Match::Claim).map(|part| claims(&part, faults)).unwrap_or_default(),
        scope: fields.take(keys::Match::Scope).map(|part| scope(&part, faults)).unwrap_or_default(),
    };
    fields.close(faults);
    Some(found)
}

/// The keys of a description and the kinds of source that they describe callers of.
const KINDS: [(&str, &str); 7] = [
    ("jwt", "jwt"),
    ("claim", "jwt"),
    ("scope", "jwt"),
    ("mtls", "mtls"),
    ("header", "header"),
    ("attribute", "attribute"),
    ("api_key_sha256", "api_key"),
];

/// Returns the number of the source that a description names. Notes a fault if there is no such source, if it
/// is of another kind than the rest of the description, or if the description has to name one and does not:
/// two issuers may give the same name to different people.
fn source(part: &Part<'_>, sources: &[Source], name: Option<&str>, faults: &mut Faults) -> Option<usize> {
    // Of two sources of one kind, one has another name than its kind.
    if name.is_none() && sources.iter().all(|source| source.name == source.kind.word()) {
        return None;
    }
    let described = KINDS.iter().filter_map(|(key, kind)| Some((part.member(key)?, *kind)));
    let Some(name) = name else {
        for (described, kind) in described {
            let several = sources.iter().filter(|source| source.kind.word() == kind).count() > 1;
            // A key is the same in whichever header it arrives. A name that is no name is a fault already.
            if several && kind != "api_key" && part.value.get("source").is_none() {
                faults.add_key(&described, InIdentity::WhichSource { kind });
            }
        }
        return None;
    };
    let number = sources.iter().position(|source| source.name == name);
    let Some((number, source)) = number.and_then(|number| Some((number, sources.get(number)?))) else {
        let place = part.member("source");
        faults.add(place.as_ref().unwrap_or(part), no_source(name, sources));
        return None;
    };
    for (described, kind) in described {
        if kind != source.kind.word() {
            let (source, kind) = (source.name.clone(), source.kind.word());
            faults.add_key(&described, InIdentity::OtherKind { source, kind });
        }
    }
    Some(number)
}

fn no_source(name: &str, sources: &[Source]) -> InIdentity {
    let known = sources.iter().map(|source| source.name.clone()).collect();
    InIdentity::NoSource { name: name.to_owned(), known }
}

fn scope(part: &Part<'_>, faults: &mut Faults) -> Vec<String> {
    if part.value.elements().next().is_none() {
        faults.unfit(part, &keys::SCOPE_WORDS);
    }
    let mut words = Vec::new();
    for part in part.elements() {
        match part.value.string().filter(|word| is_scope_word(word)) {
            Some(word) => words.push(word.into_owned()),
            None => faults.unfit(&part, &keys::SCOPE_WORD),
        }
    }
    words
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

fn claims(part: &Part<'_>, faults: &mut Faults) -> Vec<(ClaimPath, Expected)> {
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
        match ClaimPath::parse(&claim) {
            Ok(path) => claims.push((path, expected)),
            Err(why) => faults.add_key(&part, InIdentity::NoClaimPath { key: claim.into_owned(), why }),
        }
    }
    claims
}
