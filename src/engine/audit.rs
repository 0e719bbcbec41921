//! The record of one decision, as compact JSON.
//!
//! It holds what tells decisions apart and nothing that lets anybody in: a session id is hashed, a
//! key is known by its digest alone, and arguments go in only where the policy says so.

use std::borrow::Cow;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::approval;
use crate::denial::Denial;
use crate::identity::{Caller, Principal};
use crate::json;
use crate::limit::Usage;
use crate::mcp::headers::{Field, Headers};
use crate::mcp::message::{Body, Call, Target};
use crate::policy::{Arguments, Policy};

/// How much of a text a record holds, in characters; `…` stands for the rest.
const LONGEST: usize = 512;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It went through
    Allow,
    /// It was refused
    Deny,
    /// It went through, and would have been refused but for shadow mode
    WouldDeny,
}

impl Outcome {
    /// Returns the word for records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::WouldDeny => "would_deny",
        }
    }
}

/// A counter that a call was held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The counter's name
    pub counter: String,
    /// What is used of it
    pub usage: Usage,
}

/// Everything that a record tells.
#[derive(Debug, Clone, Copy)]
pub struct Record<'r> {
    /// What became of the request
    pub outcome: Outcome,
    /// Why it was refused, or would have been
    pub denial: Option<&'r Denial>,
    /// What let it through, as a path into the document
    pub rule: Option<&'r str>,
    /// The decision's own id
    pub id: &'r str,
    /// The policy that decided
    pub policy: &'r Policy,
    /// Who called
    pub caller: &'r Caller,
    /// With which headers
    pub headers: &'r Headers,
    /// The message, where it could be read
    pub message: Option<&'r Body<'r>>,
    /// The id of the request, as JSON text
    pub request: Option<&'r str>,
    /// The counters, in the order of the limits
    pub counters: &'r [Counted],
    /// What asking for an approval came to, where it was asked
    pub approval: Option<approval::Told<'r>>,
}

impl Record<'_> {
    /// Writes the record as one line of JSON, without any control character.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = Members(String::with_capacity(512));
        let call = self.message.and_then(|body| match body {
            Body::Call(call) => Some(call),
            Body::Response => None,
        });
        out.text("decision", Some(self.outcome.as_str()));
        out.text("code", self.denial.map(|denial| denial.code.as_str()));
        out.text("rule", self.denial.map(|denial| denial.rule.as_ref()).or(self.rule));
        out.text("id", Some(self.id));
        out.text("server", Some(&self.policy.server));
        out.text("method", call.map(|call| call.method.as_ref()));
        out.text("target", call.and_then(target).as_deref());
        // Whom the policy grants nothing is not everybody.
        let granted = self.caller.grant.is_some() || self.policy.grants.is_empty();
        out.text("grant", granted.then(|| self.caller.grant_name(self.policy)));
        out.text("principal", self.caller.principal.as_ref().map(Principal::name).as_deref());
        out.text("session", self.headers.session_id.once().map(|id| digest(id, 8)).as_deref());
        out.id("request", self.request);
        out.text("protocol", once(&self.headers.protocol_version).as_deref());
        self.arguments(call, &mut out);
        counters(self.counters, out.key("counters"));
        if let Some(approval::Told { outcome, id, cause }) = self.approval {
            let approval = out.key("approval");
            approval.push_str("{\"id\":");
            match id {
                Some(id) => json::quote(approval, id),
                None => approval.push_str("null"),
            }
            // Writing to a String cannot fail.
            let _ = write!(approval, r#","outcome":"{}""#, outcome.as_str());
            if let Some(cause) = cause {
                approval.push_str(",\"cause\":");
                json::quote(approval, cause);
            }
            approval.push('}');
        }
        out.text("policy", Some(&self.policy.digest));
        out.text("request_id", once(&self.headers.request_id).as_deref());
        let Members(members) = out;
        members + "}"
    }

    fn arguments(&self, call: Option<&Call<'_>>, out: &mut Members) {
        let Some(arguments) = call.and_then(Call::arguments) else { return };
        match self.policy.audit {
            Arguments::None => {}
            Arguments::Sha256 => out.text("arguments_sha256", Some(&digest(arguments.raw().as_bytes(), 32))),
            Arguments::Blake3 => {
                out.text("arguments_blake3", Some(&blake3::hash(arguments.raw().as_bytes()).to_hex()));
            }
            Arguments::Full => {
                let mut text = String::new();
                json::compact(&mut text, arguments);
                out.raw("arguments", Some(&text));
            }
        }
    }
}

/// The members of an object that is being written.
struct Members(String);

impl Members {
    fn key(&mut self, key: &str) -> &mut String {
        let Self(out) = self;
        out.push(if out.is_empty() { '{' } else { ',' });
        out.push('"');
        out.push_str(key);
        out.push_str("\":");
        out
    }

    fn raw(&mut self, key: &str, json: Option<&str>) {
        self.key(key).push_str(json.unwrap_or("null"));
    }

    fn text(&mut self, key: &str, text: Option<&str>) {
        let out = self.key(key);
        match text {
            Some(text) => json::quote(out, &shortened(text)),
            None => out.push_str("null"),
        }
    }

    /// Writes the id of a request, which is JSON text of the caller's.
    fn id(&mut self, key: &str, id: Option<&str>) {
        let plain = |id: &&str| id.len() <= LONGEST && id.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if let Some(id) = id.filter(plain) {
            return self.raw(key, Some(id));
        }
        match id.and_then(|id| json::read(id.as_bytes()).ok()) {
            Some(id) => match id.root().string() {
                Some(text) => self.text(key, Some(&text)),
                None => self.raw(key, id.root().number()),
            },
            None => self.raw(key, None),
        }
    }
}

/// Names what a call acts on.
fn target<'c>(call: &'c Call<'_>) -> Option<Cow<'c, str>> {
    match &call.target {
        Target::Tool(name) | Target::Prompt(name) => Some(name.as_ref().into()),
        Target::Resources(uris) => match uris.as_slice() {
            [] => None,
            [one] => Some(one.as_ref().into()),
            several => Some(several.join(" ").into()),
        },
        Target::Session | Target::Unknown => None,
    }
}

fn counters(counters: &[Counted], out: &mut String) {
    out.push('[');
    for (index, Counted { counter, usage }) in counters.iter().enumerate() {
        out.push_str(if index > 0 { ",{\"counter\":" } else { "{\"counter\":" });
        json::quote(out, counter);
        // Writing to a String cannot fail.
        let Usage { used, max, resets_in_seconds } = usage;
        let _ = write!(out, r#","used":{used},"max":{max},"resets_in":{resets_in_seconds}}}"#);
    }
    out.push(']');
}

/// Returns the first `length` bytes of the SHA-256 of something, in hex.
fn digest(bytes: &[u8], length: usize) -> String {
    let mut text = String::with_capacity(length.saturating_mul(2));
    for byte in Sha256::digest(bytes).iter().take(length) {
        for nibble in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(nibble.into(), 16).unwrap_or_default());
        }
    }
    text
}

fn once(field: &Field) -> Option<Cow<'_, str>> {
    field.once().map(String::from_utf8_lossy)
}

fn shortened(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return text.into();
    }
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()).into(),
        None => text.into(),
    }
}
