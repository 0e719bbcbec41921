//! The text of a record while it is written.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{Counted, CounterUsage};
use crate::approval;
use crate::denial::{Code, Denial};
use crate::json;
use crate::limit::{Amount, Usage};
use crate::mcp::summary::Arguments;
use crate::text::push_decimal;

/// The longest text in a record, in characters. Longer texts are cut and end with `…`.
const LONGEST: usize = 512;

/// The line under construction. The first argument of each method is the literal text before the value: the
/// end of the previous value, a comma and the key.
pub(super) struct Line(pub String);

impl Line {
    /// Writes text that needs no escaping. The next literal starts with the closing quote.
    pub(super) fn words(&mut self, before: &str, words: &str) {
        let Self(out) = self;
        out.push_str(before);
        out.push_str(words);
    }

    pub(super) fn verdict(&mut self, verdict: &str, denial: Option<&Denial>, rule: Option<&str>) {
        // The filter's own words need no escaping.
        self.words(r#"{"decision":""#, verdict);
        match denial {
            Some(denial) => {
                self.words(r#"","code":""#, denial.code.as_str());
                self.text(r#"","rule":"#, Some(denial.rule.as_ref()));
            }
            None => self.text(r#"","code":null,"rule":"#, rule),
        }
        let told = |denial: &&Denial| {
            matches!(denial.code, Code::Unauthenticated | Code::NoGrant | Code::LimiterUnavailable)
        };
        if let Some(cause) = denial.filter(told).and_then(|denial| denial.cause) {
            self.words(r#","cause":""#, cause);
            self.words("\"", "");
        }
    }

    pub(super) fn raw(&mut self, before: &str, json: Option<&str>) {
        self.words(before, json.unwrap_or("null"));
    }

    /// Writes text from the caller or the policy, escaped and shortened.
    pub(super) fn text(&mut self, before: &str, text: Option<&str>) {
        let Self(out) = self;
        out.push_str(before);
        match text {
            Some(text) => json::quote(out, &shortened(text)),
            None => out.push_str("null"),
        }
    }

    /// Writes the request's id, which is JSON text from the caller.
    pub(super) fn id(&mut self, before: &str, id: Option<&str>) {
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

    pub(super) fn arguments(&mut self, arguments: &Arguments<'_>) {
        if let Arguments::Written(before, json) = arguments {
            self.raw(before, Some(json));
        }
    }

    pub(super) fn counters(&mut self, counters: &[CounterUsage]) {
        let Self(out) = self;
        out.push_str(r#","counters":["#);
        for (index, CounterUsage { limit, usage, scope, counted }) in counters.iter().enumerate() {
            out.push_str(if index > 0 { r#",{"counter":"# } else { r#"{"counter":"# });
            json::quote(out, &limit.counter);
            let Usage { used, max, resets_in_seconds } = usage;
            out.push_str(r#","used":"#);
            amount(out, *used);
            out.push_str(r#","max":"#);
            amount(out, *max);
            out.push_str(r#","resets_in":"#);
            push_decimal(out, *resets_in_seconds);
            if *scope != limit.scope {
                out.push_str(r#","scope":""#);
                out.push_str(scope.as_str());
                out.push('"');
            }
            out.push_str(match counted {
                Counted::Here => "}",
                Counted::Shared => r#","shared":true}"#,
                Counted::Alone => r#","shared":"local"}"#,
            });
        }
        out.push(']');
    }

    pub(super) fn approval(&mut self, recorded: &approval::Recorded) {
        let Self(out) = self;
        out.push_str(r#","approval":{"id":"#);
        match &recorded.id {
            Some(id) => json::quote(out, id),
            None => out.push_str("null"),
        }
        self.words(r#","outcome":""#, recorded.outcome.as_str());
        let Self(out) = self;
        out.push('"');
        if let Some(cause) = &recorded.cause {
            out.push_str(r#","cause":"#);
            json::quote(out, cause);
        }
        out.push('}');
    }
}

/// Writes an amount in its shortest decimal form. Almost all amounts are integers, which avoid the cost of
/// `write!`.
fn amount(out: &mut String, amount: Amount) {
    let (micros, one) = (amount.micros(), Amount::ONE.micros());
    match (micros.checked_rem(one), micros.checked_div(one)) {
        (Some(0), Some(whole)) => push_decimal(out, whole),
        // Writing to a `String` cannot fail.
        _ => drop(write!(out, "{amount}")),
    }
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
