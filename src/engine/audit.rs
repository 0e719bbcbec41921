//! The audit record of one verdict, as one line of compact JSON.
//!
//! A record contains no credentials. Session ids are hashed, API keys appear only as a digest, and arguments
//! are included in full only if the policy says so.

mod claims;
mod line;
mod time;
mod told;

use std::borrow::Cow;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::approval;
use crate::denial::Denial;
use crate::identity::Caller;
use crate::json::{self, Value};
use crate::limit::Usage;
use crate::mcp::headers::{Field, Headers};
use crate::mcp::message::Target;
use crate::mcp::summary::{Arguments, CallSummary, Summary};
use crate::policy::{self, Limit, Policy, Scope};
use crate::text::hex;

use line::Line;

pub use claims::{CUT_CLAIMS, HASHED, hashed_claim};
pub use time::add_time;
pub use told::Told;

/// The initial size of the output buffer, in bytes. Most records fit.
const CAPACITY: usize = 1024;

/// A limit that was checked for a call, and how much of it is used.
#[derive(Debug, Clone)]
pub struct CounterUsage {
    /// The limit
    pub limit: Arc<Limit>,
    /// The use of its counter
    pub usage: Usage,
    /// Who shares the tally: the limit's scope, or a wider one if the caller has no session or no principal
    pub scope: Scope,
    /// Who has counted it
    pub counted: Counted,
}

/// Who has counted a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// This proxy
    Here,
    /// The rate limit service, for all proxies
    Shared,
    /// This proxy, because the rate limit service gave no valid answer
    Alone,
}

/// What stands before the id of the decision, behind the verdict.
const ID: &str = r#","id":""#;

/// The content of a record.
#[derive(Debug, Clone, Copy)]
pub struct Record<'r> {
    /// The verdict: `allow`, `deny` or `would_deny`
    pub verdict: &'static str,
    /// Why the request was refused, or would have been in enforce mode
    pub denial: Option<&'r Denial>,
    /// The rule that allowed it, as a path in the document
    pub rule: Option<&'r str>,
    /// The id of the decision
    pub id: &'r str,
    /// The policy that decided
    pub policy: &'r Policy,
    /// The caller
    pub caller: &'r Caller,
    /// The session id as a digest, see [`session`]
    pub session: Option<&'r str>,
    /// The request's headers
    pub headers: &'r Headers,
    /// The message, as far as it could be read
    pub summary: &'r Summary<'r>,
    /// The counters, in the order of the limits
    pub counters: &'r [CounterUsage],
    /// The result of asking for an approval, if one was asked for
    pub approval: Option<&'r approval::Recorded>,
    /// What [`Record::tell`] has written already
    pub told: Option<&'r Told>,
}

impl Record<'_> {
    /// Writes the record as one line of JSON without control characters.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = Line(String::with_capacity(CAPACITY));
        out.verdict(self.verdict, self.denial, self.rule);
        match self.told {
            Some(told) => out.words(&told.before, ""),
            None => self.write_before(&mut out),
        }
        out.counters(self.counters);
        if let Some(recorded) = self.approval {
            out.approval(recorded);
        }
        match self.told {
            Some(told) => out.words(&told.after, ""),
            None => self.write_after(&mut out),
        }
        let Line(line) = out;
        line
    }
}

/// Returns the arguments of a call in the form that the record contains: a digest, the full text, or nothing.
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

/// Returns the name or URIs that a call acts on.
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

/// Returns a record with a denial in place of its verdict: the call was allowed, but could not be forwarded. Returns `None`
/// if the text is not a record.
#[must_use]
pub fn denied_after_all(record: &str, denial: &Denial) -> Option<String> {
    // A text in a record has no unescaped quotes, so this is the key.
    let (_, rest) = record.split_once(ID)?;
    let mut out = Line(String::with_capacity(record.len()));
    out.verdict("deny", Some(denial), None);
    out.words(ID, rest);
    let Line(line) = out;
    Some(line)
}

/// Adds to a record that the charges of its call were given back.
pub fn add_given_back(record: &mut String) {
    if record.ends_with('}') {
        record.pop();
        record.push_str(r#","given_back":true}"#);
    }
}

/// Returns what a record contains of a session id: the first 16 hex digits of its SHA-256. They distinguish
/// sessions and cannot be used to join one.
#[must_use]
pub fn session(id: &[u8]) -> String {
    let digest = Sha256::digest(id);
    hex(digest.get(..8).unwrap_or(&digest))
}

fn once(field: &Field) -> Option<Cow<'_, str>> {
    // Nearly all values are UTF-8, which the lossy reading finds out character by character.
    let value = field.once()?;
    Some(std::str::from_utf8(value).map_or_else(|_| String::from_utf8_lossy(value), Cow::Borrowed))
}
