//! The document's own keys.

use sha2::{Digest as _, Sha256};

use super::keys::{self, EXEMPT_PATH};
use super::limit::Counters;
use super::rule::{self, Reading};
use super::words::{ARGUMENTS, CLAIMS, DIGESTS, FORMS, VERSIONS, WAYS};
use super::{
    Approvals, Arguments, Claims, Pins, Policy, RequestHeaders, Rules, TimeZone, approvals, challenge,
    claims, entry, grant, origins, shared, source,
};
use crate::document::{
    Faults, Fields, InIdentity, InRule, Part, Path, Source, Wrong, meaning, refuse_ambiguity,
};
use crate::json;
use crate::mcp::answer::Form;

/// Envoy's own default for what it buffers of a body.
const MAX_BODY_BYTES: u32 = 1_048_576;
const COUNTER_CAPACITY: u32 = 16_384;

/// Turns the bytes of a plugin configuration into a policy.
pub(super) fn policy(bytes: &[u8]) -> Result<Policy, Faults> {
    let mut faults = Faults::default();
    let Some(source) = Source::new(bytes, &mut faults) else { return Err(faults) };
    let Ok(document) = json::read(&source.text) else {
        faults.note(&Path::default(), Wrong::NoTextOfStruct);
        return Err(faults);
    };
    let root = Part::root(document.root(), source.notation);
    let policy = read(&root, digest(&source.text), &mut faults);
    refuse_ambiguity(&document, &root, &mut faults);
    match policy {
        Some(policy) if faults.is_empty() => Ok(policy),
        _ => Err(faults),
    }
}

fn read(root: &Part<'_>, digest: String, faults: &mut Faults) -> Option<Policy> {
    use keys::Document as Key;

    let mut document = Fields::open(root, faults)?;
    document.read(Key::Version, |part| meaning(part, &VERSIONS), faults);
    let server = document.name(Key::Server, faults).unwrap_or_else(|| "default".to_owned());
    document.text(Key::Description, faults);
    let mode = rule::mode(&mut document, Key::Mode, faults);
    let listed = document.list(Key::Identity, faults);
    let identity = source::sources(&listed, faults);
    let mut reading = reading(root, identity.as_deref());
    entry::named(document.named(Key::Rules, faults), &mut reading, faults);
    let rules = Rules::read(&mut document, false, &mut reading, faults);
    let time_zone = document.take(Key::TimeZone).and_then(|part| time_zone(&part, faults));
    refuse_no_grants(root, faults);
    let listed = document.list(Key::Grants, faults);
    let grants = grant::grants(listed, identity.as_deref(), &mut reading, faults);
    let identity = identity.unwrap_or_default();
    let told = document.take(Key::Unauthenticated).and_then(|part| challenge::parameters(&part, faults));
    let checked = document.has_any(&[Key::Origins]);
    let origins = origins::origins(document.list(Key::Origins, faults), faults);
    let denials = document.word(Key::Denials, &FORMS, Form::default(), faults);
    let exempt_paths = exempt_paths(document.list(Key::ExemptPaths, faults), faults);
    let max_body_bytes = document.count(Key::MaxBodyBytes, faults).unwrap_or(MAX_BODY_BYTES);
    let request_headers = document.word(Key::RequestHeaders, &WAYS, RequestHeaders::default(), faults);
    let approvals = approvals(document.take(Key::Approvals), &mut reading, faults);
    let shared_limits =
        document.take(Key::SharedLimits).and_then(|part| shared::shared_limits(&part, faults));
    let audited = document.take(Key::Audit).and_then(|part| audit(&part, faults)).unwrap_or_default();
    let capacity = document.take(Key::Counters).and_then(|part| capacity(&part, faults));
    document.close(faults);
    let all = rules.iter().chain(grants.iter().flat_map(|grant| grant.rules.iter()));
    let claims = claims::read(all.map(|rule| &**rule), &grants);
    let pins = Pins::of(&server, std::iter::once(&rules).chain(grants.iter().map(|grant| &grant.rules)));
    Some(Policy {
        digest,
        server,
        mode,
        rules,
        challenge: challenge::challenge(&identity, told.as_deref()),
        pins,
        named_rules: reading.named.into_values().flatten().collect(),
        time_zone: time_zone.unwrap_or_default(),
        identity,
        grants,
        origins: checked.then_some(origins),
        denials: denials.unwrap_or_default(),
        exempt_paths,
        max_body_bytes: usize::try_from(max_body_bytes).unwrap_or_default(),
        request_headers: request_headers.unwrap_or_default(),
        approvals,
        shared_limits,
        audit: audited.0,
        audit_claims: audited.1,
        claims,
        counters: reading.counters.count(),
        scales: reading.counters.scales(faults),
        counter_capacity: capacity.unwrap_or(COUNTER_CAPACITY),
    })
}

/// Collects what the rules need to know of the rest of the document.
fn reading(root: &Part<'_>, identity: Option<&[super::Source]>) -> Reading {
    let digests = root.member("approvals").is_some();
    let zone = root.value.get("time_zone").and_then(json::Value::string).unwrap_or_default().into_owned();
    let names = |sources: &[super::Source]| sources.iter().map(|source| source.name.clone()).collect();
    let counters = Counters::new(root.member("shared_limits").is_some());
    Reading { digests, zone, sources: identity.map(names), counters, ..Reading::default() }
}

/// Reads the approval service. Without one, each rule that needs it has a fault.
fn approvals(part: Option<Part<'_>>, reading: &mut Reading, faults: &mut Faults) -> Option<Approvals> {
    if part.is_none() {
        reading.unasked.drain(..).for_each(|fault| faults.push(fault));
    }
    approvals::approvals(&part?, faults)
}

/// Notes a fault if the list of grants is empty: its author expects that nobody passes, but without grants
/// everybody does.
fn refuse_no_grants(root: &Part<'_>, faults: &mut Faults) {
    let is_empty = |part: &Part<'_>| part.value.is_array() && part.elements().next().is_none();
    if let Some(part) = root.member("grants").filter(is_empty) {
        faults.add(&part, InIdentity::NoGrants);
    }
}

fn exempt_paths(list: Vec<Part<'_>>, faults: &mut Faults) -> Vec<String> {
    let mut paths = Vec::new();
    for part in list {
        match part.value.string() {
            Some(text) if text.starts_with('/') && !text.contains(['?', '#']) => {
                paths.push(text.into_owned());
            }
            _ => faults.unfit(&part, &EXEMPT_PATH),
        }
    }
    paths
}

fn time_zone(part: &Part<'_>, faults: &mut Faults) -> Option<TimeZone> {
    let Some(text) = part.value.string() else {
        faults.unfit(part, &keys::TIME_ZONE);
        return None;
    };
    match TimeZone::parse(&text) {
        Ok(zone) => Some(zone),
        Err(why) => {
            let (text, expected) = (text.into_owned(), &keys::TIME_ZONE);
            faults.add(part, InRule::NoTimeZone { text, expected, why });
            None
        }
    }
}

fn audit(part: &Part<'_>, faults: &mut Faults) -> Option<(Arguments, Claims)> {
    let mut fields = Fields::<keys::Audit>::open(part, faults)?;
    let mut arguments = fields.word(keys::Audit::Arguments, &ARGUMENTS, Arguments::default(), faults);
    if arguments == Some(Arguments::Sha256) {
        arguments = fields.word(keys::Audit::Digest, &DIGESTS, Arguments::Sha256, faults);
    } else if let Some(part) = fields.take(keys::Audit::Digest) {
        faults.add_key(&part, InRule::NoDigest);
    }
    let claims = fields.word(keys::Audit::Claims, &CLAIMS, Claims::default(), faults);
    fields.close(faults);
    Some((arguments?, claims?))
}

fn capacity(part: &Part<'_>, faults: &mut Faults) -> Option<u32> {
    let mut fields = Fields::<keys::Counters>::open(part, faults)?;
    let capacity = fields.count(keys::Counters::Capacity, faults);
    fields.close(faults);
    capacity
}

/// Returns the first 16 hex digits of the SHA-256 of a document.
fn digest(text: &[u8]) -> String {
    let hash = Sha256::digest(text);
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
