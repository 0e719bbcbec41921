//! The denial of a call that is over a limit: what is left, and when to retry.

use std::fmt::Write as _;

use super::facts::Facts;
use crate::decide::{self, Due};
use crate::denial::{Code, Denial};
use crate::limit::{Amount, Usage};
use crate::policy::{Adds, Limit, ValuePath};
use crate::text::push_decimal;

/// The initial size of a reason, in bytes. Most reasons fit.
const LENGTH: usize = 128;

/// What a budget has left for a call that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    /// How much of the budget is left; `None` if nobody was asked
    left: Option<Amount>,
    /// The whole budget
    max: Amount,
    /// The largest amount with which the call passes at once; `None` if there is none
    at_most: Option<Amount>,
}

impl Left {
    /// Returns what is left of the limit at `index`, whose usage has no room for its charge; `None` if it is no
    /// budget, that is, if its calls do not say how much they add.
    pub fn of(index: usize, dues: &[Due], usages: &[Usage]) -> Option<Self> {
        let (due, usage) = dues.get(index).zip(usages.get(index))?;
        let (of, max) = (paths(&due.limit)?, usage.max);
        let left = |usage: &Usage| usage.max.saturating_sub(usage.used);
        // A smaller amount helps only if all limits without room are budgets of the same arguments.
        let mut at_most = Some(left(usage));
        for (due, usage) in dues.iter().zip(usages) {
            if due.amount > left(usage) {
                let fits = (paths(&due.limit) == Some(of)).then(|| left(usage));
                at_most = at_most.zip(fits).map(|(one, other)| one.min(other));
            }
        }
        let at_most = at_most.filter(|amount| *amount > Amount::ZERO);
        Some(Self { left: Some(left(usage)), max, at_most })
    }

    /// Returns what is known of a limit that a call alone exceeds, without asking what is left.
    pub fn of_call(limit: &Limit) -> Option<Self> {
        paths(limit).map(|_| Self { left: None, max: limit.max, at_most: Some(limit.max) })
    }
}

/// Returns the arguments that a budget adds up; `None` if the limit is no budget.
fn paths(limit: &Limit) -> Option<&[ValuePath]> {
    match &limit.amount {
        Adds::Arguments(paths) => Some(paths),
        Adds::Fixed(_) => None,
    }
}

/// Makes the denial of a call that is over `limit`; `left` is known for a budget.
pub(super) fn used_up(
    limit: &Limit,
    left: Option<Left>,
    facts: &Facts<'_>,
    retry_after_seconds: Option<u64>,
) -> Denial {
    let mut reason = String::with_capacity(LENGTH);
    let call = facts.summary.call.as_ref();
    let (over, after) = match retry_after_seconds {
        Some(_) => (" is over its limit `", "`"),
        None => ("this call alone is more than the limit `", "` allows"),
    };
    if let Some(call) = call.filter(|_| retry_after_seconds.is_some()) {
        reason.push_str(&decide::describe_target(call.method.as_str(), &call.target));
    }
    for text in [over, &limit.counter, after] {
        reason.push_str(text);
    }
    if let Some(because) = &limit.reason {
        for text in [" (", because, ")"] {
            reason.push_str(text);
        }
    }
    reason.push_str(": ");
    advise(&mut reason, left, retry_after_seconds);
    Denial { retry_after_seconds, ..Denial::by(limit.path.to_string(), Code::RateLimited, reason) }
}

/// Writes what is left of a budget, and what the caller can do.
fn advise(out: &mut String, left: Option<Left>, retry_after_seconds: Option<u64>) {
    // Writing to a string cannot fail.
    if let Some(Left { left: Some(left), max, .. }) = left {
        let _ = match left {
            Amount::ZERO => write!(out, "nothing of {max} is left; "),
            _ => write!(out, "{left} of {max} are left; "),
        };
    }
    let at_most = left.and_then(|left| left.at_most);
    match (at_most, retry_after_seconds) {
        (Some(at_most), Some(seconds)) => {
            let _ = write!(out, "retry with at most {at_most}, or in ");
            push_wait(out, seconds);
        }
        (None, Some(seconds)) => {
            out.push_str("retry in ");
            push_wait(out, seconds);
        }
        (Some(at_most), None) => {
            let _ = write!(out, "ask for less, at most {at_most}: waiting does not help");
        }
        (None, None) => match left {
            Some(Left { max, .. }) => {
                let _ = write!(out, "ask for less, at most {max}, and later");
            }
            None => out.push_str("ask for less, waiting does not help"),
        },
    }
}

/// Writes a wait, rounded up: in seconds up to two minutes, in minutes up to two hours, then in hours.
fn push_wait(out: &mut String, seconds: u64) {
    let (number, unit) = match seconds {
        1 => (1, " second"),
        0..=120 => (seconds, " seconds"),
        121..=7200 => (seconds.div_ceil(60), " minutes"),
        _ => (seconds.div_ceil(3600), " hours"),
    };
    push_decimal(out, number);
    out.push_str(unit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up_and_told_in_a_unit_that_fits() {
        for (seconds, told) in [
            (1, "1 second"),
            (2, "2 seconds"),
            (63, "63 seconds"),
            (120, "120 seconds"),
            (121, "3 minutes"),
            (180, "3 minutes"),
            (181, "4 minutes"),
            (3744, "63 minutes"),
            (7200, "120 minutes"),
            (7201, "3 hours"),
            (89_805, "25 hours"),
            (u64::MAX, "5124095576030432 hours"),
        ] {
            let mut text = String::new();
            push_wait(&mut text, seconds);
            assert_eq!(text, told, "{seconds}");
        }
    }
}
