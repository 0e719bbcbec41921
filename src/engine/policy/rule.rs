//! Rules and their limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::clause::clauses;
use super::condition::reason;
use super::keys;
use super::words::{ACTIONS, KINDS, MODES, SCOPES, WINDOWS};
use super::{Action, Adds, Limit, Mode, Rule, Scope, ValuePath};
use crate::document::{Fault, Faults, Fields, InRule, Keys, Part, Path, Takes, Wrong, meaning};
use crate::json::Value;
use crate::limit::{Amount, Kind, Window};
use crate::schema::Schema;

/// What is known across the rules of one document while they are read.
#[derive(Default)]
pub(super) struct Reading {
    pub counters: Counters,
    /// The named rules. `None` stands for one that has a fault.
    pub named: BTreeMap<String, Option<Arc<Rule>>>,
    /// A fault for each rule that needs an approval. They count only if the document has no `approvals`.
    pub unasked: Vec<Fault>,
}

/// How every counter was defined first, and where.
#[derive(Default)]
pub struct Counters(BTreeMap<String, (Window, Scope, Path, usize)>);

impl Counters {
    /// Returns how many counters there are.
    pub fn count(&self) -> usize {
        let Self(known) = self;
        known.len()
    }

    /// Returns the number of the counter of this name, and notes a fault where it was defined in another way.
    fn define(
        &mut self,
        counter: &str,
        window: Window,
        scope: Scope,
        part: &Part<'_>,
        faults: &mut Faults,
    ) -> usize {
        let Self(known) = self;
        let next = known.len();
        let entry = known.entry(counter.to_owned());
        let (others, other, first, number) =
            entry.or_insert_with(|| (window, scope, part.path.clone(), next));
        let differs = [
            ("window", others.seconds() != window.seconds()),
            ("scope", *other != scope),
            ("type", others.kind() != window.kind()),
        ];
        for (on, _) in differs.iter().filter(|(_, differs)| *differs) {
            faults.add(part, InRule::Disagrees { counter: counter.to_owned(), on, first: first.clone() });
        }
        *number
    }
}

/// Reads the mode of a document or of a rule.
pub(super) fn mode<K: Keys>(fields: &mut Fields<'_, K>, key: K, faults: &mut Faults) -> Mode {
    fields.word(key, &MODES, Mode::default(), faults).unwrap_or_default()
}

/// Reads a rule. `name` is that of its entry, or its own.
pub(super) fn rule(part: &Part<'_>, name: &str, reading: &mut Reading, faults: &mut Faults) -> Option<Rule> {
    let path = &part.path;
    let mut fields = Fields::<keys::Rule>::open(part, faults)?;
    let action = fields.word(keys::Rule::Action, &ACTIONS, Action::default(), faults).unwrap_or_default();
    if let (Action::RequireApproval, Some(part)) = (action, fields.take(keys::Rule::Action)) {
        let wrong = Wrong::Rule(InRule::NobodyToAsk);
        reading.unasked.push(Fault { place: part.place(), path: part.path, wrong });
    }
    let reason = reason(&mut fields, keys::Rule::Reason, keys::Rule::OnDeny, faults);
    let mode = mode(&mut fields, keys::Rule::Mode, faults);
    let when = clauses(fields.list(keys::Rule::When, faults), faults);
    let arguments = fields.take(keys::Rule::Arguments).and_then(|part| Schema::load(&part, faults));
    let require = clauses(fields.list(keys::Rule::Require, faults), faults);
    let deny_if = clauses(fields.list(keys::Rule::DenyIf, faults), faults);
    let mut limits: Vec<Limit> = Vec::new();
    for part in fields.list(keys::Rule::Limits, faults) {
        limits.extend(limit(&part, &mut reading.counters, faults));
    }
    if let Some(part) = fields.take(keys::Rule::RateLimit) {
        limits.extend(rate_limit(&part, name, &mut reading.counters, faults));
    }
    fields.close(faults);
    let limits =
        limits.into_iter().map(|limit| Arc::new(Limit { reason: reason.clone(), ..limit })).collect();
    let rule = Rule {
        path: path.to_string().into(),
        action,
        reason,
        mode,
        when,
        arguments,
        require,
        deny_if,
        limits,
    };
    if !rule.when.is_empty() && !restricts(part) {
        faults.add(part, InRule::RestrictsNothing);
    }
    Some(rule)
}

/// Returns whether a rule has a key that restricts, valid or not.
fn restricts(part: &Part<'_>) -> bool {
    let nothing = |value: Value<'_>| {
        value.string().as_deref() == Some("allow") || value.is_array() && value.elements().next().is_none()
    };
    ["action", "arguments", "require", "deny_if", "limits", "rate_limit"]
        .iter()
        .filter_map(|key| part.value.get(key))
        .any(|value| !nothing(value))
}

fn limit(part: &Part<'_>, counters: &mut Counters, faults: &mut Faults) -> Option<Limit> {
    let path = &part.path;
    let mut fields = Fields::<keys::Limit>::open(part, faults)?;
    let counter = fields.name(keys::Limit::Counter, faults);
    let seconds = fields.need(keys::Limit::Window, faults).and_then(|part| window(&part, faults));
    let max = fields.need(keys::Limit::Max, faults).and_then(|part| positive(&part, faults));
    let scope = fields.word(keys::Limit::Scope, &SCOPES, Scope::default(), faults);
    let amount = match fields.take(keys::Limit::Amount) {
        None => Some(Adds::Fixed(Amount::ONE)),
        Some(part) => amount(&part, faults),
    };
    let kind = fields.word(keys::Limit::Type, &KINDS, Kind::Sliding, faults);
    fields.close(faults);
    let (counter, window, scope) = (counter?, Window::new(seconds?, kind?)?, scope?);
    let number = counters.define(&counter, window, scope, part, faults);
    let path = path.to_string().into();
    Some(Limit { path, reason: None, counter, number, window, max: max?, scope, amount: amount? })
}

/// Reads `{"max", "window"}`: a limit of each session, whose counter has the entry's name.
fn rate_limit(part: &Part<'_>, name: &str, counters: &mut Counters, faults: &mut Faults) -> Option<Limit> {
    let path = &part.path;
    let mut fields = Fields::<keys::RateLimit>::open(part, faults)?;
    let max = fields.need(keys::RateLimit::Max, faults).and_then(|part| positive(&part, faults));
    let seconds = fields.need(keys::RateLimit::Window, faults).and_then(|part| window(&part, faults));
    fields.close(faults);
    let window = Window::new(seconds?, Kind::Sliding)?;
    let scope = Scope::Session;
    let number = counters.define(name, window, scope, part, faults);
    let (path, counter) = (path.to_string().into(), name.to_owned());
    Some(Limit {
        path,
        reason: None,
        counter,
        number,
        window,
        max: max?,
        scope,
        amount: Adds::Fixed(Amount::ONE),
    })
}

/// Reads a window: a word, or a whole number of seconds.
fn window(part: &Part<'_>, faults: &mut Faults) -> Option<u64> {
    if let Some(word) = part.value.string().filter(|_| part.number().is_none()) {
        let seconds = meaning(part, &WINDOWS);
        if seconds.is_none() && word.parse::<u64>().is_ok() {
            faults.unfit(part, &keys::WINDOW);
        } else if seconds.is_none() {
            faults.add(part, InRule::UnknownWindow { word: word.into_owned(), expected: &keys::WINDOW });
        }
        return seconds;
    }
    let seconds = part.whole().filter(|seconds| (1..=u64::from(keys::LONGEST_WINDOW)).contains(seconds));
    faults.fit(part, seconds, &keys::WINDOW_IN_FULL)
}

/// Reads a positive number with up to six decimals.
fn positive(part: &Part<'_>, faults: &mut Faults) -> Option<Amount> {
    const IN_FULL: Takes =
        Takes::Said("a positive number with up to 6 decimals, below 1.8e13", &Takes::Positive);
    let number = part.number().filter(|text| !text.starts_with('-'));
    let (amount, expected) = match number.map(|text| Amount::from_decimal(&text)) {
        Some(Ok(amount)) => (Some(amount).filter(|amount| *amount != Amount::ZERO), &Takes::Positive),
        Some(Err(_)) => (None, &IN_FULL),
        None => (None, &Takes::Positive),
    };
    faults.fit(part, amount, expected)
}

/// Reads what one call adds: a positive number, or the path of one argument.
fn amount(part: &Part<'_>, faults: &mut Faults) -> Option<Adds> {
    if part.number().is_some() {
        return positive(part, faults).map(Adds::Fixed);
    }
    let text = part.value.string();
    let parsed = text.and_then(|text| ValuePath::parse(&text).ok()).filter(ValuePath::is_one_argument);
    faults.fit(part, parsed, &keys::AMOUNT).map(Adds::Argument)
}
