//! The limits of a rule, and the counters that they name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::keys;
use super::words::{KINDS, SCOPES, WINDOWS};
use super::{Adds, Limit, Scope, ValuePath};
use crate::document::{Faults, Fields, InRule, Part, Path, Takes, meaning};
use crate::limit::{Amount, Kind, Window};

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

/// Reads the limits of a rule of the entry `name`, of `limits` and `rate_limit`. The caller of a refused call is
/// told `reason`.
pub(super) fn limits(
    fields: &mut Fields<'_, keys::Rule>,
    name: &str,
    reason: Option<&str>,
    counters: &mut Counters,
    faults: &mut Faults,
) -> Vec<Arc<Limit>> {
    let mut limits: Vec<Limit> = Vec::new();
    for part in fields.list(keys::Rule::Limits, faults) {
        limits.extend(limit(&part, counters, faults));
    }
    if let Some(part) = fields.take(keys::Rule::RateLimit) {
        limits.extend(rate_limit(&part, name, counters, faults));
    }
    let with_reason = |limit| Arc::new(Limit { reason: reason.map(str::to_owned), ..limit });
    limits.into_iter().map(with_reason).collect()
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
