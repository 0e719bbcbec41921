//! The denial of a call that is over a limit: what is left, and when to retry.

use super::facts::Facts;
use crate::decide::{self, Due};
use crate::denial::{Code, Denial};
use crate::limit::{Amount, Charge, Usage};
use crate::policy::{Adds, Limit};

/// What a budget has left for a call that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    /// How much of the budget is left
    left: Amount,
    /// The whole budget
    max: Amount,
    /// The largest amount with which the call passes at once; `None` if there is none
    at_most: Option<Amount>,
}

impl Left {
    /// Returns what is left of the limit at `index`, whose usage has no room for its charge; `None` if it is no
    /// budget, that is, if its calls do not say how much they add.
    pub fn of(index: usize, dues: &[Due], charges: &[Charge<'_>], usages: &[Usage]) -> Option<Self> {
        let paths = |due: &Due| match &due.limit.amount {
            Adds::Arguments(paths) => Some(paths.clone()),
            Adds::Fixed(_) => None,
        };
        let (due, usage) = dues.get(index).zip(usages.get(index))?;
        let (of, max) = (paths(due)?, usage.max);
        let left = |usage: &Usage| usage.max.saturating_sub(usage.used);
        // A smaller amount helps only if all limits without room are budgets of the same arguments.
        let mut at_most = Some(left(usage));
        for ((due, charge), usage) in dues.iter().zip(charges).zip(usages) {
            if charge.amount > left(usage) {
                let fits = (paths(due).as_ref() == Some(&of)).then(|| left(usage));
                at_most = at_most.zip(fits).map(|(one, other)| one.min(other));
            }
        }
        let at_most = at_most.filter(|amount| *amount > Amount::ZERO);
        Some(Self { left: left(usage), max, at_most })
    }
}

/// Makes the denial of a call that is over `limit`; `left` is known for a budget.
pub(super) fn used_up(
    limit: &Limit,
    left: Option<Left>,
    facts: &Facts<'_>,
    retry_after_seconds: Option<u64>,
) -> Denial {
    let because = limit.reason.as_deref().map_or(String::new(), |reason| format!(" ({reason})"));
    let called =
        facts.summary.call.as_ref().map(|call| decide::describe_target(call.method.as_str(), &call.target));
    let called = called.unwrap_or_default();
    let counter = &limit.counter;
    let wait = retry_after_seconds.map(wait);
    let over = match &wait {
        Some(_) => format!("{called} is over its limit `{counter}`{because}"),
        None => format!("this call alone is more than the limit `{counter}` allows{because}"),
    };
    let left_over = left.map_or(String::new(), |Left { left, max, .. }| match left {
        Amount::ZERO => format!("nothing of {max} is left; "),
        _ => format!("{left} of {max} are left; "),
    });
    let advice = match (left.and_then(|left| left.at_most), wait) {
        (Some(at_most), Some(wait)) => format!("retry with at most {at_most}, or in {wait}"),
        (Some(at_most), None) => format!("ask for less, at most {at_most}: waiting does not help"),
        (None, Some(wait)) => format!("retry in {wait}"),
        (None, None) => match left {
            Some(Left { max, .. }) => format!("ask for less, at most {max}, and later"),
            None => "ask for less, waiting does not help".to_owned(),
        },
    };
    let reason = format!("{over}: {left_over}{advice}");
    Denial { retry_after_seconds, ..Denial::by(limit.path.to_string(), Code::RateLimited, reason) }
}

/// Writes a wait in words, rounded up: in seconds up to two minutes, in minutes up to two hours, then in hours.
fn wait(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 3600;
    match seconds {
        1 => "1 second".to_owned(),
        0..=120 => format!("{seconds} seconds"),
        121..=7200 => format!("{} minutes", seconds.div_ceil(MINUTE)),
        _ => format!("{} hours", seconds.div_ceil(HOUR)),
    }
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
            assert_eq!(wait(seconds), told, "{seconds}");
        }
    }
}
