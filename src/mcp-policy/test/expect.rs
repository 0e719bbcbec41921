//! What a step expects, and how that differs from what is found.

mod record;
mod retry;

use std::fmt;
use std::ops::Range;

use mcp_policy_engine::denial::Code;

use super::fields::{Faults, Members, Part, unknown};
use super::found::Found;
use crate::input::Value;
use retry::Retry;

/// What a step expects.
#[derive(Debug, Clone)]
pub struct Expect {
    /// Where `expect` stands in the file
    pub place: Range<usize>,
    verdict: Option<Wanted>,
    rule: Option<String>,
    reason: Vec<String>,
    retry_after: Option<Retry>,
    status: Option<u16>,
    /// `None` in it stands for no error
    rpc_code: Option<Option<i64>>,
    challenge: Option<String>,
    record: Option<serde_json::Value>,
    /// Names that a list shows
    pub shows: Vec<String>,
    /// Names that a list hides
    pub hides: Vec<String>,
}

/// The verdict that a step expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Allow,
    Deny(&'static str),
    WouldDeny(&'static str),
    Exempt,
}

impl fmt::Display for Wanted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => out.write_str("allow"),
            Self::Deny(code) => out.write_str(code),
            Self::WouldDeny(code) => write!(out, "would_deny {code}"),
            Self::Exempt => out.write_str("exempt"),
        }
    }
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs: the key of the test file
    pub what: String,
    /// What the step expects
    pub expected: String,
    /// What is found
    pub found: String,
}

impl Expect {
    /// Reads what a step expects. `is_list` says whether it asks for a list.
    pub fn read(members: &mut Members<'_>, is_list: bool, faults: &mut Faults) -> Option<Self> {
        let rule = members.text("rule", faults);
        let reason = members.take("reason").map(|part| part.texts(faults)).unwrap_or_default();
        let retry_after = members.take("retry_after").and_then(|part| Retry::read(&part, faults));
        let status = members.take("status").and_then(|part| part.number(100, faults));
        let rpc_code = members.take("rpc_code").and_then(|part| rpc_code(&part, faults));
        let challenge = members.text("challenge", faults);
        let record = members.take("record").and_then(|part| record::read(&part, faults));
        let expected = "`allow` or a code such as `denied`";
        let part = members.need("expect", expected, faults)?;
        let mut expect = Self {
            place: part.node.span.clone(),
            verdict: None,
            rule,
            reason,
            retry_after,
            status,
            rpc_code,
            challenge,
            record,
            shows: Vec::new(),
            hides: Vec::new(),
        };
        match &part.node.value {
            Value::Object(_) if is_list => expect.read_list(part, faults),
            _ => expect.verdict = verdict(&part, is_list, faults),
        }
        Some(expect)
    }

    fn read_list(&mut self, part: Part<'_>, faults: &mut Faults) {
        let Some(mut members) = Members::open(part, "an object", faults) else { return };
        self.shows = members.take("shows").map(|part| part.texts(faults)).unwrap_or_default();
        self.hides = members.take("hides").map(|part| part.texts(faults)).unwrap_or_default();
        if self.shows.is_empty() && self.hides.is_empty() {
            members.part.fault("must name something in `shows` or `hides`", faults);
        }
        members.close(faults);
    }

    /// Returns what differs.
    pub fn differences(&self, found: &Found) -> Vec<Difference> {
        let mut all = Vec::new();
        let mut differs = |what: &str, expected: String, found: String| {
            all.push(Difference { what: what.to_owned(), expected, found });
        };
        match self.verdict {
            Some(wanted) if wanted.to_string() != found.verdict() => {
                differs("expect", wanted.to_string(), found.verdict());
            }
            // A list is shown if the request for it is forwarded, in shadow mode too.
            None if found.decision == "deny" => differs("expect", "a list".to_owned(), found.verdict()),
            _ => {}
        }
        let or_none = |text: Option<&str>| text.map_or("none".to_owned(), |text| format!("`{text}`"));
        if let Some(rule) = &self.rule
            && Some(rule) != found.rule.as_ref()
        {
            differs("rule", or_none(Some(rule)), or_none(found.rule.as_deref()));
        }
        let told = found.text.as_deref().unwrap_or_default();
        for part in self.reason.iter().filter(|part| !told.contains(part.as_str())) {
            differs("reason", format!("… {part} …"), found.text.clone().unwrap_or_else(|| "none".to_owned()));
        }
        if let Some(retry) = self.retry_after.filter(|retry| !retry.fits(found.retry_after_seconds)) {
            let seconds = found.retry_after_seconds.map_or("none".to_owned(), |seconds| seconds.to_string());
            differs("retry_after", retry.to_string(), seconds);
        }
        let number = |number: Option<i64>| number.map_or("none".to_owned(), |number| number.to_string());
        if let Some(status) = self.status.filter(|status| Some(*status) != found.status) {
            differs("status", status.to_string(), number(found.status.map(i64::from)));
        }
        if let Some(code) = self.rpc_code.filter(|code| *code != found.rpc_code) {
            differs("rpc_code", number(code), number(found.rpc_code));
        }
        if let Some(challenge) =
            self.challenge.as_deref().filter(|text| Some(*text) != found.challenge.as_deref())
        {
            differs("challenge", or_none(Some(challenge)), or_none(found.challenge.as_deref()));
        }
        for (key, expected) in
            self.record.as_ref().and_then(|record| record.as_object()).into_iter().flatten()
        {
            let found = found.record.get(key).unwrap_or(&serde_json::Value::Null);
            if !record::holds(found, expected) {
                differs(&format!("record.{key}"), expected.to_string(), found.to_string());
            }
        }
        for (names, wanted) in [(&self.shows, true), (&self.hides, false)] {
            let word = |shown| if shown { "shown" } else { "hidden" };
            for name in names.iter().filter(|name| found.shown.contains(name) != wanted) {
                differs(name, word(wanted).to_owned(), word(!wanted).to_owned());
            }
        }
        all
    }
}

fn verdict(part: &Part<'_>, is_list: bool, faults: &mut Faults) -> Option<Wanted> {
    let expected = if is_list {
        "an object with `shows` and `hides`, `allow`, or a code such as `denied`"
    } else {
        "`allow` or a code such as `denied`"
    };
    let Value::Text(text) = &part.node.value else {
        part.unfit(expected, faults);
        return None;
    };
    let (would, word) = match text.strip_prefix("would_deny ") {
        Some(code) => (true, code.trim()),
        None => (false, text.as_str()),
    };
    match (would, word) {
        (false, "allow") => return Some(Wanted::Allow),
        (false, "exempt") => return Some(Wanted::Exempt),
        _ => {}
    }
    let codes = Code::ALL.map(Code::as_str);
    match codes.into_iter().find(|code| *code == word) {
        Some(code) if would => return Some(Wanted::WouldDeny(code)),
        Some(code) => return Some(Wanted::Deny(code)),
        None => {}
    }
    if word == "would_deny" {
        part.fault("`would_deny` needs a code behind it, such as `would_deny denied`", faults);
        return None;
    }
    let others: &[&str] = if would { &[] } else { &["allow", "exempt", "would_deny CODE"] };
    let known: Vec<&str> = others.iter().copied().chain(codes).collect();
    part.fault(unknown(&format!("code `{word}`"), word, &known), faults);
    None
}

fn rpc_code(part: &Part<'_>, faults: &mut Faults) -> Option<Option<i64>> {
    match &part.node.value {
        Value::Number(text) if text.parse::<i64>().is_ok() => text.parse().ok().map(Some),
        Value::Text(text) if text == "none" => Some(None),
        _ => {
            part.unfit("a JSON-RPC error code, or `none` for a result", faults);
            None
        }
    }
}
