//! The values under the keys of a limit: windows, amounts and paths.

use crate::document::{Faults, InRule, Part, Takes, meaning};
use crate::limit::Amount;
use crate::policy::words::WINDOWS;
use crate::policy::{Adds, Origin, ValuePath, keys};

/// Reads a window: a word, or a whole number of seconds.
pub(super) fn window(part: &Part<'_>, faults: &mut Faults) -> Option<u64> {
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
pub(super) fn positive(part: &Part<'_>, faults: &mut Faults) -> Option<Amount> {
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

/// Reads what one call adds: a positive number, the path of one argument, or a list of such paths.
pub(super) fn amount(part: &Part<'_>, faults: &mut Faults) -> Option<Adds> {
    if part.number().is_some() {
        return positive(part, faults).map(Adds::Fixed);
    }
    if !part.value.is_array() {
        return argument(part, &keys::AMOUNT, faults).map(|path| Adds::Arguments([path].into()));
    }
    let parts: Vec<_> = part.elements().collect();
    if parts.is_empty() {
        faults.unfit(part, &keys::AMOUNT);
        return None;
    }
    let mut paths: Vec<ValuePath> = Vec::new();
    let mut all = true;
    for part in &parts {
        match argument(part, &keys::ARGUMENT, faults) {
            Some(path) if paths.contains(&path) => faults.add(part, InRule::AddedTwice),
            Some(path) => paths.push(path),
            None => all = false,
        }
    }
    all.then(|| Adds::Arguments(paths.into()))
}

fn argument(part: &Part<'_>, expected: &'static Takes, faults: &mut Faults) -> Option<ValuePath> {
    let path = part.value.string().and_then(|text| ValuePath::parse(&text).ok());
    faults.fit(part, path.filter(ValuePath::is_one_argument), expected)
}

/// Reads the path of the values that have a tally each: one argument or one claim.
pub(super) fn by(part: &Part<'_>, faults: &mut Faults) -> Option<ValuePath> {
    let fits =
        |path: &ValuePath| matches!(path.origin(), Origin::Arguments | Origin::Claims) && path.is_one_value();
    let path = part.value.string().and_then(|text| ValuePath::parse(&text).ok());
    faults.fit(part, path.filter(fits), &keys::BY)
}
