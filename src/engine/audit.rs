//! The record of one decision, as compact JSON.
//!
//! It holds what tells decisions apart and nothing that lets anybody in: a session id is hashed, a
//! key is known by its digest alone, and arguments go in only where the policy says so.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::approval;
use crate::denial::Denial;
use crate::identity::{Caller, Principal};
use crate::json::{self, Value};
use crate::limit::{Amount, Usage};
use crate::mcp::headers::{Field, Headers};
use crate::mcp::message::Target;
use crate::mcp::summary::{Arguments, CallSummary, Summary};
use crate::policy::{self, Limit, Policy};
use crate::text::{hex, push_decimal};

/// How much of a text a record holds, in characters; `…` stands for the rest.
const LONGEST: usize = 512;

/// How many bytes most records have at most.
const CAPACITY: usize = 1024;

/// A limit that a call was held against.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The limit, which names the counter
    pub limit: Arc<Limit>,
    /// What is used of it
    pub usage: Usage,
}

/// Everything that a record tells.
#[derive(Debug, Clone, Copy)]
pub struct Record<'r> {
    /// What becomes of the request: `allow`, `deny` or `would_deny`
    pub verdict: &'static str,
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
    /// The message, as far as it could be read
    pub summary: &'r Summary<'r>,
    /// The counters, in the order of the limits
    pub counters: &'r [Counted],
    /// What asking for an approval came to, where it was asked
    pub approval: Option<&'r approval::Told>,
}

impl Record<'_> {
    /// Writes the record as one line of JSON, without any control character.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = Line(String::with_capacity(CAPACITY));
        let call = self.summary.call.as_ref();
        // Words of the filter's own need no escape.
        out.words(r#"{"decision":""#, self.verdict);
        match self.denial {
            Some(denial) => {
                out.words(r#"","code":""#, denial.code.as_str());
                out.text(r#"","rule":"#, Some(denial.rule.as_ref()));
            }
            None => out.text(r#"","code":null,"rule":"#, self.rule),
        }
        out.words(r#","id":""#, self.id);
        out.text(r#"","server":"#, Some(&self.policy.server));
        out.text(r#","method":"#, call.map(|call| call.method.as_str()));
        out.text(r#","target":"#, call.and_then(target).as_deref());
        // Callers without a grant are not everybody.
        let granted = self.caller.grant.is_some() || self.policy.grants.is_empty();
        out.text(r#","grant":"#, granted.then(|| self.caller.grant_name(self.policy)));
        out.text(r#","principal":"#, self.caller.principal.as_ref().map(Principal::name).as_deref());
        out.text(r#","session":"#, self.headers.session_id.once().map(|id| digest(id, 8)).as_deref());
        out.id(r#","request":"#, self.summary.id.as_deref());
        out.text(r#","protocol":"#, once(&self.headers.protocol_version).as_deref());
        self.arguments(call, &mut out);
        out.counters(self.counters);
        if let Some(told) = self.approval {
            out.approval(told);
        }
        out.words(r#","policy":""#, &self.policy.digest);
        out.text(r#"","request_id":"#, once(&self.headers.request_id).as_deref());
        let Line(mut line) = out;
        line.push('}');
        line
    }

    fn arguments(&self, call: Option<&CallSummary<'_>>, out: &mut Line) {
        match call.map(|call| &call.arguments) {
            Some(Arguments::Sent(value)) => out.arguments(&arguments(self.policy.audit, *value)),
            Some(written) => out.arguments(written),
            None => {}
        }
    }
}

/// Writes the arguments of a call as a record has them, and no more of them.
#[must_use]
pub fn arguments(audited: policy::Arguments, value: Value<'_>) -> Arguments<'static> {
    match audited {
        policy::Arguments::None => Arguments::None,
        policy::Arguments::Sha256 => {
            hashed(r#","arguments_sha256":"#, &Sha256::digest(value.raw().as_bytes()))
        }
        policy::Arguments::Blake3 => {
            hashed(r#","arguments_blake3":"#, blake3::hash(value.raw().as_bytes()).as_bytes())
        }
        policy::Arguments::Full => {
            let mut text = String::new();
            json::compact(&mut text, value);
            Arguments::Written(r#","arguments":"#, text)
        }
    }
}

fn hashed(key: &'static str, digest: &[u8]) -> Arguments<'static> {
    Arguments::Written(key, ["\"", &hex(digest), "\""].concat())
}

/// The line that is being written. Each method takes what stands before the value as a literal: the end of the value
/// before it, the comma and the key.
struct Line(String);

impl Line {
    /// Writes text that needs no escape; its closing quote begins the next literal.
    fn words(&mut self, before: &str, words: &str) {
        let Self(out) = self;
        out.push_str(before);
        out.push_str(words);
    }

    fn raw(&mut self, before: &str, json: Option<&str>) {
        self.words(before, json.unwrap_or("null"));
    }

    /// Writes text of a caller or of the policy: escaped, and not too much of it.
    fn text(&mut self, before: &str, text: Option<&str>) {
        let Self(out) = self;
        out.push_str(before);
        match text {
            Some(text) => json::quote(out, &shortened(text)),
            None => out.push_str("null"),
        }
    }

    /// Writes the id of a request, which is JSON text of the caller's.
    fn id(&mut self, before: &str, id: Option<&str>) {
        let plain = |id: &&str| id.len() <= LONGEST && id.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if let Some(id) = id.filter(plain) {
            return self.raw(before, Some(id));
        }
        match id.and_then(|id| json::read(id.as_bytes()).ok()) {
            Some(id) => match id.root().string() {
                Some(text) => self.text(before, Some(&text)),
                None => self.raw(before, id.root().number()),
            },
            None => self.raw(before, None),
        }
    }

    fn arguments(&mut self, arguments: &Arguments<'_>) {
        if let Arguments::Written(before, json) = arguments {
            self.raw(before, Some(json));
        }
    }

    fn counters(&mut self, counters: &[Counted]) {
        let Self(out) = self;
        out.push_str(r#","counters":["#);
        for (index, Counted { limit, usage }) in counters.iter().enumerate() {
            out.push_str(if index > 0 { r#",{"counter":"# } else { r#"{"counter":"# });
            json::quote(out, &limit.counter);
            let Usage { used, max, resets_in_seconds } = usage;
            out.push_str(r#","used":"#);
            amount(out, *used);
            out.push_str(r#","max":"#);
            amount(out, *max);
            out.push_str(r#","resets_in":"#);
            push_decimal(out, *resets_in_seconds);
            out.push('}');
        }
        out.push(']');
    }

    fn approval(&mut self, told: &approval::Told) {
        let Self(out) = self;
        out.push_str(r#","approval":{"id":"#);
        match &told.id {
            Some(id) => json::quote(out, id),
            None => out.push_str("null"),
        }
        self.words(r#","outcome":""#, told.outcome.as_str());
        let Self(out) = self;
        out.push('"');
        if let Some(cause) = &told.cause {
            out.push_str(r#","cause":"#);
            json::quote(out, cause);
        }
        out.push('}');
    }
}

/// Names what a call acts on.
fn target<'c>(call: &'c CallSummary<'_>) -> Option<Cow<'c, str>> {
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

/// Writes an amount in its shortest decimal form. Nearly all are whole, and need none of the formatting machinery.
fn amount(out: &mut String, amount: Amount) {
    let (micros, one) = (amount.micros(), Amount::ONE.micros());
    match (micros.checked_rem(one), micros.checked_div(one)) {
        (Some(0), Some(whole)) => push_decimal(out, whole),
        // Writing to a String cannot fail.
        _ => drop(write!(out, "{amount}")),
    }
}

/// Returns the first `length` bytes of the SHA-256 of something, in hex.
fn digest(bytes: &[u8], length: usize) -> String {
    let digest = Sha256::digest(bytes);
    hex(digest.get(..length).unwrap_or(&digest))
}

fn once(field: &Field) -> Option<Cow<'_, str>> {
    // Nearly all values are UTF-8, which the lossy reading finds out character by character.
    let value = field.once()?;
    Some(std::str::from_utf8(value).map_or_else(|_| String::from_utf8_lossy(value), Cow::Borrowed))
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
