//! What changes: counted, printed, and as JSON.

mod json;

use std::collections::BTreeMap;

use json::{Counted, One, Reason, Summary};
use serde::Serialize;

use super::judged::{Change, Judged};
use crate::outcome::Failure;
use crate::records::{InOrder, Record, shown, thousands};
use crate::terminal::{ERROR, FAINT, GOOD, PLAIN, Terminal, WARNING, line};

/// How many different changes are counted apart, and how many different reasons.
const MOST: usize = 10_000;
/// What the rest is counted as.
const OTHERS: &str = "(others)";

/// The changes by what they are about.
pub struct Changes {
    /// How many records were judged
    pub records: u64,
    /// How many of them have another verdict
    pub changed: u64,
    undecided: u64,
    by_call: BTreeMap<Kind, u64>,
    by_reason: BTreeMap<String, u64>,
    each: bool,
    json: bool,
    told: u64,
}

/// Changes that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Kind {
    method: Option<String>,
    target: Option<String>,
    grant: Option<String>,
    from: String,
    to: String,
}

/// What a change means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    /// A request that passed is refused
    Refused,
    /// A request that was refused passes
    Allowed,
    /// A request is refused, or passes, otherwise than before
    Other,
}

impl Effect {
    const ALL: [Self; 3] = [Self::Refused, Self::Allowed, Self::Other];

    fn said(self) -> &'static str {
        match self {
            Self::Refused => "now refused",
            Self::Allowed => "now allowed",
            Self::Other => "for another reason",
        }
    }
}

impl Kind {
    fn effect(&self) -> Effect {
        match (passes(&self.from), passes(&self.to)) {
            (true, false) => Effect::Refused,
            (false, true) => Effect::Allowed,
            _ => Effect::Other,
        }
    }
}

/// Returns whether a request with this outcome reaches the server.
fn passes(outcome: &str) -> bool {
    outcome == "allow" || outcome.starts_with("would_deny")
}

impl Changes {
    /// Starts to count. With `each` every change is told.
    pub fn new(each: bool, json: bool) -> Self {
        let (by_call, by_reason) = (BTreeMap::new(), BTreeMap::new());
        Self { records: 0, changed: 0, undecided: 0, by_call, by_reason, each, json, told: 0 }
    }

    /// Counts a record.
    pub fn add(&mut self, record: &Record<'_>, judged: Judged) {
        self.records = self.records.saturating_add(1);
        match judged {
            Judged::Same | Judged::Later(_) => {}
            Judged::Changed(Change { to, .. }) => {
                self.changed = self.changed.saturating_add(1);
                let text =
                    |text: &Option<crate::records::Text<'_>>| text.as_ref().map(|text| text.to_string());
                let kind = Kind {
                    method: text(&record.method),
                    target: text(&record.target),
                    grant: text(&record.grant),
                    from: record.outcome().into_owned(),
                    to,
                };
                let full = self.by_call.len() >= MOST && !self.by_call.contains_key(&kind);
                let kind = if full { Kind { target: Some(OTHERS.to_owned()), ..kind } } else { kind };
                let count = self.by_call.entry(kind).or_default();
                *count = count.saturating_add(1);
            }
            Judged::Undecided(reasons) => {
                self.undecided = self.undecided.saturating_add(1);
                for reason in reasons {
                    let full = self.by_reason.len() >= MOST && !self.by_reason.contains_key(&reason);
                    let reason = if full { OTHERS.to_owned() } else { reason };
                    let count = self.by_reason.entry(reason).or_default();
                    *count = count.saturating_add(1);
                }
            }
        }
    }

    /// Tells one change.
    pub fn tell(&mut self, record: &Record<'_>, change: &Change, terminal: &mut Terminal) {
        let (time, from) = (record.time.as_deref().unwrap_or_default(), record.outcome());
        if self.json {
            let one = One {
                id: &record.id,
                time: record.time.as_deref(),
                method: record.method.as_deref(),
                target: record.target.as_deref(),
                grant: record.grant.as_deref(),
                principal: record.principal.as_deref(),
                from: &from,
                to: &change.to,
                rule: change.rule.as_deref(),
                reason: change.reason.as_deref(),
            };
            let before = if self.told == 0 { r#"{"version":1,"records":["# } else { "," };
            let one = serde_json::to_string(&one).unwrap_or_default();
            terminal.print(format_args!("{before}\n{one}"));
        } else {
            let what = what(record.method.as_deref(), record.target.as_deref(), 1);
            let by = match (record.grant.as_deref(), record.principal.as_deref()) {
                (Some(grant), Some(principal)) => format!("{} ({})", shown(grant), shown(principal)),
                (Some(grant), None) => shown(grant).into_owned(),
                (None, Some(principal)) => format!("{}, without a grant", shown(principal)),
                (None, None) => "a caller without a grant".to_owned(),
            };
            let id = shown(&record.id);
            let to = styled(&change.to);
            line!(terminal, "{FAINT}{}{PLAIN} {what} by {by}: {from} → {to} {FAINT}{id}{PLAIN}", shown(time));
            if let (Some(rule), Some(reason)) = (&change.rule, &change.reason) {
                line!(terminal, "  {FAINT}{}: {}{PLAIN}", shown(rule), shown(reason));
            }
        }
        self.told = self.told.saturating_add(1);
    }

    /// Prints the result.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn finish(self, policy: &str, records: &InOrder, terminal: &mut Terminal) -> Result<(), Failure> {
        if self.json {
            return self.finish_json(policy, records, terminal);
        }
        self.finish_text(terminal);
        Ok(())
    }

    fn finish_text(self, terminal: &mut Terminal) {
        if self.told > 0 {
            line!(terminal);
        }
        let mut kinds = sorted(&self.by_call);
        kinds.sort_by_key(|(kind, _)| kind.effect());
        for (Kind { method, target, grant, from, to }, count) in kinds {
            let what = what(method.as_deref(), target.as_deref(), *count);
            let by = shown(grant.as_deref().unwrap_or("callers without a grant"));
            line!(terminal, "{} {what} by {by}: {} → {}", thousands(*count), shown(from), styled(to));
        }
        let by_effect = self.by_effect();
        for (reason, count) in sorted(&self.by_reason) {
            line!(terminal, "{} {WARNING}undecided{PLAIN}: {}", thousands(*count), shown(reason));
        }
        let same = self.records.saturating_sub(self.changed).saturating_sub(self.undecided);
        line!(
            terminal,
            "{} records: {} unchanged, {} changed{by_effect}, {} undecided",
            thousands(self.records),
            thousands(same),
            thousands(self.changed),
            thousands(self.undecided)
        );
    }

    /// Returns how many of the changed requests are refused now, allowed now, or refused for another reason.
    fn by_effect(&self) -> String {
        let told = Effect::ALL.into_iter().filter_map(|effect| match self.count(effect) {
            0 => None,
            count => Some(format!("{} {}", thousands(count), effect.said())),
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) }
    }

    fn count(&self, effect: Effect) -> u64 {
        let counted = self.by_call.iter().filter(|(kind, _)| kind.effect() == effect);
        counted.map(|(_, count)| *count).fold(0, u64::saturating_add)
    }

    fn finish_json(self, policy: &str, records: &InOrder, terminal: &mut Terminal) -> Result<(), Failure> {
        let kinds: Vec<_> =
            sorted(&self.by_call).into_iter().map(|(kind, count)| Counted { count: *count, kind }).collect();
        let reasons = sorted(&self.by_reason)
            .into_iter()
            .map(|(reason, count)| Reason { count: *count, because: reason });
        let summary = Summary {
            policy,
            judged: self.records,
            unchanged: self.records.saturating_sub(self.changed).saturating_sub(self.undecided),
            changed: self.changed,
            now_refused: self.count(Effect::Refused),
            now_allowed: self.count(Effect::Allowed),
            undecided: self.undecided,
            changes: kinds,
            undecided_by: reasons.collect(),
            other_servers: records.other_servers,
            beside: records.beside,
            late: records.late,
            read: &records.tally,
        };
        let summary = serde_json::to_string_pretty(&summary)
            .map_err(|error| Failure::new(format!("cannot write the result: {error}")))?;
        let members = summary.strip_prefix('{').unwrap_or(&summary);
        match (self.each, self.told) {
            (false, _) => terminal.print(format_args!("{{\n  \"version\": 1,{members}\n")),
            (true, 0) => terminal.print(format_args!("{{\n  \"version\": 1,\n  \"records\": [],{members}\n")),
            (true, _) => terminal.print(format_args!("\n],{members}\n")),
        }
        Ok(())
    }
}

/// Returns the entries, those with the largest counts first.
fn sorted<K: Ord>(counts: &BTreeMap<K, u64>) -> Vec<(&K, &u64)> {
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    sorted
}

/// Describes what requests act on.
fn what(method: Option<&str>, target: Option<&str>, count: u64) -> String {
    let many = if count == 1 { "" } else { "s" };
    match (method, target) {
        (Some("tools/call"), Some(tool)) => format!("call{many} of {}", shown(tool)),
        (Some(method), Some(target)) => format!("{} of {}", shown(method), shown(target)),
        (Some(method), None) => shown(method).into_owned(),
        (None, _) => format!("request{many} without a message"),
    }
}

fn styled(outcome: &str) -> String {
    let style = if outcome == "allow" { GOOD } else { ERROR };
    format!("{style}{}{PLAIN}", shown(outcome))
}
