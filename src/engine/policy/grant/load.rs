//! Reads grants.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{ClaimPath, DESCRIBED, Expected, Grant, Match, Matching};
use crate::document::{Faults, Fields, Found, InIdentity, InRule, Part, Wrong};
use crate::json::Kind;
use crate::policy::challenge::is_scope_word;
use crate::policy::grants::Grants;
use crate::policy::keys;
use crate::policy::pattern::Pattern;
use crate::policy::rule::Reading;
use crate::policy::rules::Rules;
use crate::policy::source::Source;

/// Reads the grants.
///
/// `sources` are those that a description can name; `None` if they have faults of their own.
pub(in crate::policy) fn grants(
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
    refuse_two_kinds(part, faults);
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

/// Notes a fault for each key that describes callers of another kind of source than the first one: one source alone names
/// a caller, so nobody fits such a description. If it names its source, [`source`] tells which keys do not fit.
fn refuse_two_kinds(part: &Part<'_>, faults: &mut Faults) {
    let is_one = part.value.entries().nth(1).is_none();
    if is_one || part.value.get("source").is_some() {
        return;
    }
    let mut described = DESCRIBED.iter().filter(|(key, _)| part.value.get(key).is_some());
    let Some((first, of_first)) = described.next() else { return };
    for (key, _) in described.filter(|(_, kind)| kind != of_first) {
        if let Some(part) = part.member(key) {
            faults.add_key(&part, InIdentity::TwoKinds { first });
        }
    }
}

/// Returns the number of the source that a description names. Notes a fault if there is no such source, if it
/// is of another kind than the rest of the description, or if the description has to name one and does not:
/// two issuers may give the same name to different people.
fn source(part: &Part<'_>, sources: &[Source], name: Option<&str>, faults: &mut Faults) -> Option<usize> {
    // Of two sources of one kind, one has another name than its kind.
    if name.is_none() && sources.iter().all(|source| source.name == source.kind.word()) {
        return None;
    }
    let described = DESCRIBED.iter().filter_map(|(key, kind)| Some((part.member(key)?, *kind)));
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
