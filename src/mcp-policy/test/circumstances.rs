//! Who sends a request, and how: what a step says, or its case for all steps.

use mcp_policy_engine::approval::Status;
use mcp_policy_engine::policy::{Certificate, Policy, SourceKind};

use super::fields::{Faults, Members, Part, unknown};
use crate::judge::{Described, KEY_DIGEST, Known, Sender, Sent, Words, key_digest};

/// The metadata namespace of tokens whose key does not say another.
const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

/// What describes a caller in a test file.
const KEYS: Words = Words {
    principal: "`principal`",
    claims: "`claims`",
    api_key: "`api_key` or `api_key_sha256`",
    source: "`source`",
};

/// The circumstances of a request, as far as they are given.
#[derive(Debug, Clone, Default)]
pub struct Circumstances {
    caller: Option<Described>,
    known: Option<Known>,
    session: Option<String>,
    headers: Vec<(String, Vec<String>)>,
    /// What the approval service answers
    pub approval: Option<Approval>,
}

/// What the approval service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// This status
    Status(Status),
    /// Nothing
    Unavailable,
}

impl Circumstances {
    /// Reads the keys of a step or a case that speak of circumstances.
    pub fn read(members: &mut Members<'_>, policy: &Policy, faults: &mut Faults) -> Self {
        let described = members.take("as").and_then(|part| described(part, faults));
        let api_key = members.text("api_key", faults);
        let api_key_sha256 = members.take("api_key_sha256").and_then(|part| {
            let digest = key_digest(part.text(faults)?);
            if digest.is_none() {
                // The value may be the key itself, so the message leaves it out.
                part.fault(KEY_DIGEST, faults);
            }
            digest
        });
        let caller = match (described, api_key.is_some() || api_key_sha256.is_some()) {
            (described, true) => Some(Described { api_key, api_key_sha256, ..described.unwrap_or_default() }),
            (described, false) => described,
        };
        Self {
            caller,
            known: known(members, policy, faults),
            session: members.text("session", faults),
            headers: members.take("headers").map(|part| headers(&part, faults)).unwrap_or_default(),
            approval: members.take("approve").and_then(|part| approval(&part, faults)),
        }
    }

    /// Adds what another says and this does not.
    pub fn or(self, other: &Self) -> Self {
        let mut headers = self.headers;
        let own = headers.len();
        for (name, values) in &other.headers {
            if !headers.iter().take(own).any(|(known, _)| known == name) {
                headers.push((name.clone(), values.clone()));
            }
        }
        Self {
            caller: self.caller.or_else(|| other.caller.clone()),
            known: self.known.or_else(|| other.known.clone()),
            session: self.session.or_else(|| other.session.clone()),
            headers,
            approval: self.approval.or(other.approval),
        }
    }

    /// Gives a request its headers and its sender. `part` is the step.
    pub fn apply(&self, policy: &Policy, sent: &mut Sent, part: &Part<'_>, faults: &mut Faults) -> Sender {
        for (name, values) in &self.headers {
            sent.headers.retain(|(known, _)| known != name);
            sent.headers.extend(values.iter().map(|value| (name.clone(), value.clone())));
        }
        sent.headers.extend(self.session.iter().map(|id| ("mcp-session-id".to_owned(), id.clone())));
        let known = self.known.clone().unwrap_or_default();
        let Some(caller) = &self.caller else { return Sender::Verified(known) };
        caller.apply(policy, known, sent, &KEYS).unwrap_or_else(|impossible| {
            part.fault(format!("no such caller: {impossible}"), faults);
            Sender::default()
        })
    }
}

fn described(part: Part<'_>, faults: &mut Faults) -> Option<Described> {
    let expected = "an object such as `{principal: ci@corp.example, claims: {team: sre}}`";
    let mut members = Members::open(part, expected, faults)?;
    let described = Described {
        principal: members.text("principal", faults),
        claims: members.take("claims").map(|part| object(&part, faults)),
        source: members.text("source", faults),
        grant: members.text("grant", faults),
        ..Described::default()
    };
    if described.principal.is_none() && described.claims.is_none() && described.grant.is_none() {
        members.part.fault("must have `principal`, `claims` or `grant`", faults);
    }
    members.close(faults);
    Some(described)
}

/// Reads an object, and writes it as JSON text.
fn object(part: &Part<'_>, faults: &mut Faults) -> String {
    part.entries(faults);
    part.json()
}

fn known(members: &mut Members<'_>, policy: &Policy, faults: &mut Faults) -> Option<Known> {
    let mut known = Known::default();
    let mtls = members.take("mtls");
    let tokens = members.take("tokens");
    let attributes = members.take("attributes");
    if mtls.is_none() && tokens.is_none() && attributes.is_none() {
        return None;
    }
    if let Some(part) = mtls {
        certificate(part, policy, &mut known, faults);
    }
    for (payload, part) in tokens.map(|part| part.entries(faults)).unwrap_or_default() {
        let metadata = policy.identity.iter().find_map(|source| match &source.kind {
            SourceKind::Jwt { metadata, payload: known, .. } if known == payload => Some(metadata.as_str()),
            _ => None,
        });
        let place = (metadata.unwrap_or(JWT_AUTHN).to_owned(), payload.to_owned());
        known.tokens.insert(place, part.json());
    }
    for (path, part) in attributes.map(|part| part.entries(faults)).unwrap_or_default() {
        let of_source = policy.identity.iter().find_map(|source| match &source.kind {
            SourceKind::Attribute(steps) if steps.join(".") == path => Some(steps.clone()),
            _ => None,
        });
        let steps = || path.splitn(2, '.').map(str::to_owned).collect();
        if let Some(text) = part.text(faults) {
            known.attributes.insert(of_source.unwrap_or_else(steps), text.to_owned());
        }
    }
    Some(known)
}

/// Reads the names of a client's certificate. A string is the name that the policy reads.
fn certificate(part: Part<'_>, policy: &Policy, known: &mut Known, faults: &mut Faults) {
    if let crate::input::Value::Text(name) = &part.node.value {
        let read = policy.identity.iter().find_map(|source| match source.kind {
            SourceKind::Mtls(name) => Some(name),
            _ => None,
        });
        match read {
            Some(Certificate::UriSan) => known.uri_san = Some(name.clone()),
            Some(Certificate::DnsSan) => known.dns_san = Some(name.clone()),
            Some(Certificate::Subject) => known.subject = Some(name.clone()),
            None => part.fault(
                "the policy reads no certificates: give an object with `uri_san`, `dns_san` or `subject` to send one \
                 all the same",
                faults,
            ),
        }
        return;
    }
    let expected = "a name, or an object with `uri_san`, `dns_san` or `subject`";
    let Some(mut members) = Members::open(part, expected, faults) else { return };
    known.uri_san = members.text("uri_san", faults);
    known.dns_san = members.text("dns_san", faults);
    known.subject = members.text("subject", faults);
    members.close(faults);
}

fn headers(part: &Part<'_>, faults: &mut Faults) -> Vec<(String, Vec<String>)> {
    let mut headers: Vec<(String, Vec<String>)> = Vec::new();
    for (name, part) in part.entries(faults) {
        // Null takes away what is sent without being asked for.
        let values = match part.node.value {
            crate::input::Value::Null => Vec::new(),
            _ => part.texts(faults),
        };
        let name = name.to_ascii_lowercase();
        match headers.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => known.extend(values),
            None => headers.push((name, values)),
        }
    }
    headers
}

fn approval(part: &Part<'_>, faults: &mut Faults) -> Option<Approval> {
    let word = match &part.node.value {
        crate::input::Value::Bool(true) => "yes",
        crate::input::Value::Bool(false) => "no",
        crate::input::Value::Text(text) => text.as_str(),
        _ => {
            part.unfit("`yes`, `no`, `pending` or `unavailable`", faults);
            return None;
        }
    };
    match word {
        "yes" => Some(Approval::Status(Status::Approved)),
        "no" => Some(Approval::Status(Status::Denied)),
        "pending" => Some(Approval::Status(Status::Pending)),
        "unavailable" => Some(Approval::Unavailable),
        other => {
            let known = ["yes", "no", "pending", "unavailable"];
            part.fault(unknown(&format!("answer `{other}`"), other, &known), faults);
            None
        }
    }
}
