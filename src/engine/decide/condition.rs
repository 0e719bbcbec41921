//! Evaluates conditions strictly.
//!
//! Servers convert values, for example `"5"` to 5. If a value does not have the type that a condition expects,
//! the condition therefore cannot be evaluated, and the call is denied.

mod among;
mod attributes;
mod claims;
mod clause;
mod embedded;
mod operand;
mod reason;
mod scopes;
mod texts;
mod with;

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::json::Doubt;
use crate::policy::{Condition, Order, Origin, Test, ValuePath};
use crate::work::Work;
use operand::Operand;

pub use attributes::{Attributes, Now};
pub use claims::{Claims, ClaimsText};
pub use clause::{Applies, Place, applies, hides, outcome, refusal};

/// The units of work of one condition, whatever its values are.
const CONDITION: usize = 6;

/// The result of a condition for one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds
    Holds,
    /// It does not
    Fails,
    /// There is no value: the path leads nowhere, to null, or through `[*]` into an empty array
    Missing,
    /// It cannot be evaluated
    Indeterminate(Obstacle),
}

impl From<Result<bool, Obstacle>> for Truth {
    fn from(holds: Result<bool, Obstacle>) -> Self {
        match holds {
            Ok(true) => Self::Holds,
            Ok(false) => Self::Fails,
            Err(obstacle) => Self::Indeterminate(obstacle),
        }
    }
}

/// Why a condition cannot be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The value does not have the type that the condition expects
    Type,
    /// The value is a string that holds a JSON list, object or null, and the result would change if a server read it
    Json,
    /// The value is a string with a NUL, and the result would change if a server ended the string there
    Cut,
    /// The path leads through a value that is not the array or object it expects
    Blocked,
    /// An object on the path has a key that is another spelling of the path's key, which some servers accept
    Respelled,
    /// The result of the comparison would change if a server read the number as a double
    Digits,
    /// The number has a fraction, without which it could equal an integer of the policy
    Fraction,
    /// The budget of work does not suffice
    Work,
    /// The host has no clock
    Clock,
}

impl From<Doubt> for Obstacle {
    fn from(doubt: Doubt) -> Self {
        match doubt {
            Doubt::Digits => Self::Digits,
            Doubt::Fraction => Self::Fraction,
        }
    }
}

/// Evaluates a condition of `require`: it must hold for every value of its path, and for at least one.
/// Returns the first result that is not [`Truth::Holds`].
#[must_use]
pub fn require(condition: &Condition, attributes: &Attributes<'_>) -> Option<Truth> {
    evaluate(condition, attributes).into_iter().find(|truth| *truth != Truth::Holds)
}

/// Evaluates a condition of `deny_if`: it must hold for no value of its path. Returns the first result that
/// is [`Truth::Holds`] or [`Truth::Indeterminate`].
#[must_use]
pub fn deny_if(condition: &Condition, attributes: &Attributes<'_>) -> Option<Truth> {
    evaluate(condition, attributes).into_iter().find(|truth| !matches!(truth, Truth::Fails | Truth::Missing))
}

/// Evaluates a condition for each value of its path. Returns at least one result.
#[must_use]
pub fn evaluate(condition: &Condition, attributes: &Attributes<'_>) -> Vec<Truth> {
    let work = attributes.work;
    if !work.spend(CONDITION) {
        return vec![Truth::Indeterminate(Obstacle::Work)];
    }
    let Condition { attribute, test, .. } = condition;
    if attribute.origin() == Origin::Arguments && condition.operand().is_none() {
        let found = attribute.find(attributes.arguments, work).into_iter();
        return found.map(|found| Operand::of(found, work).evaluate(test, work)).collect();
    }
    let operands = operands(attribute, attributes).into_iter();
    match test {
        Test::With(comparison, path) => {
            // The path has no `[*]`, so it leads to one value.
            let other = self::operands(path, attributes).pop().unwrap_or(Operand::Missing);
            let form = with::Form::of(attribute, path);
            operands.map(|operand| with::evaluate(&operand, *comparison, &other, form, work)).collect()
        }
        test => operands.map(|operand| operand.evaluate(test, work)).collect(),
    }
}

/// Returns the values that a path leads to. Returns at least one.
fn operands<'d>(path: &ValuePath, attributes: &Attributes<'d>) -> Vec<Operand<'d>> {
    let name = |name: Option<Cow<'d, str>>| vec![name.map_or(Operand::Missing, Operand::Text)];
    let found = match path.origin() {
        Origin::Arguments => path.find(attributes.arguments, attributes.work),
        Origin::Claims => match attributes.claims.root(attributes.work) {
            Ok(claims) => path.find(claims, attributes.work),
            Err(obstacle) => return vec![Operand::Unusable(obstacle)],
        },
        Origin::Scopes => return scopes::operands(path, attributes),
        Origin::Grant => return name(Some(attributes.grant.into())),
        Origin::Principal => return name(attributes.principal.map(Cow::Borrowed)),
        Origin::Source => return name(attributes.source.map(Cow::Borrowed)),
        Origin::Tool => return name(attributes.tool.map(Cow::Borrowed)),
        Origin::Weekday | Origin::TimeOfDay | Origin::Date => {
            return vec![
                attributes.now.text(path.origin()).map_or(Operand::Unusable(Obstacle::Clock), Operand::Text),
            ];
        }
    };
    found.into_iter().map(|found| Operand::of(found, attributes.work)).collect()
}

fn spend(work: &Work, units: usize) -> Result<(), Obstacle> {
    if work.spend(units) { Ok(()) } else { Err(Obstacle::Work) }
}

fn lies(ordering: Ordering, order: Order) -> bool {
    match order {
        Order::Less => ordering.is_lt(),
        Order::LessOrEqual => ordering.is_le(),
        Order::Greater => ordering.is_gt(),
        Order::GreaterOrEqual => ordering.is_ge(),
    }
}
