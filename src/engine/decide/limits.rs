//! What a call adds to its limits.

mod by;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::condition::Attributes;
use crate::denial::{Code, Denial};
use crate::limit::Amount;
use crate::mcp::message::Call;
use crate::policy::{Adds, Limit, Origin, Policy, ValuePath};
use crate::work::{self, Work};

/// What to charge to one limit.
#[derive(Debug, Clone)]
pub struct Due {
    /// The limit
    pub limit: Arc<Limit>,
    /// How much the call adds
    pub amount: Amount,
    /// The value whose tally is charged, in one form for all that servers could read as the same
    pub of: Option<Box<str>>,
    /// For which of the call's targets the limit is charged, counted from 0
    pub target: usize,
}

impl Due {
    /// Returns roughly how many bytes of memory it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>().saturating_add(self.of.as_ref().map_or(0, |of| of.len()))
    }
}

/// Returns what a call adds to a limit.
///
/// # Errors
/// The denial if that cannot be judged.
pub(super) fn due(limit: &Arc<Limit>, call: &Call<'_>, attributes: &Attributes<'_>) -> Result<Due, Denial> {
    let unread = |denial: Denial| match attributes.work.is_exhausted() {
        true => Denial { code: Code::ArgumentsInvalid, cause: Some(work::CAUSE), ..denial },
        false => denial,
    };
    let amount = amount(limit, call, attributes.work).map_err(unread)?;
    let of = match &limit.by {
        None => None,
        Some(path) => Some(value(limit, path, attributes).map_err(unread)?),
    };
    Ok(Due { limit: Arc::clone(limit), amount, of, target: 0 })
}

/// Returns how much a call adds to a limit's tally.
fn amount(limit: &Limit, call: &Call<'_>, work: &Work) -> Result<Amount, Denial> {
    let paths = match &limit.amount {
        Adds::Fixed(amount) => return Ok(*amount),
        Adds::Arguments(paths) => paths,
    };
    let invalid = |reason| Denial::by(limit.path.to_string(), Code::ArgumentsInvalid, reason);
    let counter = &limit.counter;
    paths.iter().try_fold(Amount::ZERO, |sum, path| {
        let number = path.find_one(call.arguments(), work).and_then(|value| value.number());
        let amount = number.and_then(|text| Amount::from_decimal(text).ok()).ok_or_else(|| {
            invalid(format!(
                "the limit `{counter}` counts `{path}`, which must be a number, not negative, with up to 6 decimals"
            ))
        })?;
        let too_large = || invalid(format!("the limit `{counter}` cannot count so much: ask for less"));
        sum.checked_add(amount).ok_or_else(too_large)
    })
}

/// Returns the value that has a tally of its own.
fn value(limit: &Limit, path: &ValuePath, attributes: &Attributes<'_>) -> Result<Box<str>, Denial> {
    let work = attributes.work;
    let (code, root) = match path.origin() {
        Origin::Claims => (Code::ConditionFailed, attributes.claims.root(work).ok().flatten()),
        _ => (Code::ArgumentsInvalid, attributes.arguments),
    };
    let found = root.and_then(|root| path.find_one(Some(root), work)).and_then(by::name);
    found.ok_or_else(|| {
        let reason = format!(
            "the limit `{}` counts by `{path}`, which must be a string, a whole number below 2^53 or a boolean",
            limit.counter
        );
        Denial::by(limit.path.to_string(), code, reason)
    })
}

/// Returns a denial if an amount is no whole number of the hits that the rate limit service counts, or does not fit its
/// 32 bits. Nothing is rounded: an amount that was rounded down could pass any number of times.
pub(super) fn uncountable(policy: &Policy, charges: &[Due]) -> Option<Denial> {
    let fits = |due: &&Due| policy.scale(&due.limit).hits(due.amount).is_some();
    let Due { limit, amount, .. } = charges.iter().filter(|due| due.limit.shared).find(|due| !fits(due))?;
    let (scale, counter) = (policy.scale(limit), &limit.counter);
    let reason = match *amount > scale.most() {
        true => format!("the limit `{counter}` cannot count so much: ask for less, at most {}", limit.max),
        false => match scale.decimals() {
            0 => format!("the limit `{counter}` counts whole numbers: ask for one"),
            decimals => {
                format!("the limit `{counter}` counts no more than {decimals} decimals: ask for fewer")
            }
        },
    };
    Some(Denial::by(limit.path.to_string(), Code::ArgumentsInvalid, reason))
}

/// Combines the charges of a call with several targets: each target is charged like a call of its own. Leaves
/// one charge for each limit.
pub(super) fn combine(dues: &mut Vec<Due>) {
    // For one target a counter is charged once, with the largest amount.
    let mut counters: BTreeMap<usize, BTreeMap<usize, Amount>> = BTreeMap::new();
    for Due { limit, amount, target, .. } in dues.iter() {
        let largest = counters.entry(limit.number).or_default().entry(*target).or_default();
        *largest = (*largest).max(*amount);
    }
    let sums: BTreeMap<usize, Amount> = counters
        .into_iter()
        .map(|(number, amounts)| {
            let sum = amounts.into_values().try_fold(Amount::ZERO, Amount::checked_add);
            (number, sum.unwrap_or(Amount::MAX))
        })
        .collect();
    let mut paths = BTreeSet::new();
    dues.retain_mut(|due| {
        due.amount = sums.get(&due.limit.number).copied().unwrap_or(due.amount);
        paths.insert(Arc::clone(&due.limit.path))
    });
}
