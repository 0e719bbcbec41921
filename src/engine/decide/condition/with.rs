//! Compares a value of the request with another one.
//!
//! The types must be the same, as they must be for a value of the policy.

use std::cmp::Ordering;

use super::operand::Operand;
use super::operand::Sought::{Letters, Part, Whole};
use super::texts::{holds_part, same_text};
use super::{Obstacle, Truth, lies, spend};
use crate::json::{KnownSet, Sent, Value, decimal};
use crate::policy::{Comparison, Origin, Resolved, ValuePath, is_date, is_time_of_day};
use crate::work::Work;

/// What strings must be if the comparison orders them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Strings have no order
    None,
    /// Times of day
    TimeOfDay,
    /// Dates
    Date,
}

impl Form {
    /// Returns what strings must be for a comparison of values at these paths.
    pub fn of(one: &ValuePath, other: &ValuePath) -> Self {
        match [one.origin(), other.origin()] {
            [Origin::TimeOfDay, _] | [_, Origin::TimeOfDay] => Self::TimeOfDay,
            [Origin::Date, _] | [_, Origin::Date] => Self::Date,
            _ => Self::None,
        }
    }

    fn fits(self, text: &str) -> bool {
        match self {
            Self::None => false,
            Self::TimeOfDay => is_time_of_day(text),
            Self::Date => is_date(text),
        }
    }
}

/// Evaluates the comparison of `operand` with `other`.
pub(super) fn evaluate(
    operand: &Operand<'_>,
    comparison: Comparison,
    other: &Operand<'_>,
    form: Form,
    work: &Work,
) -> Truth {
    if spend(work, size(operand).saturating_add(size(other))).is_err() {
        return Truth::Indeterminate(Obstacle::Work);
    }
    match (operand, other) {
        (Operand::Unusable(obstacle), _) | (_, Operand::Unusable(obstacle)) => {
            return Truth::Indeterminate(*obstacle);
        }
        (Operand::Missing, _) | (_, Operand::Missing) => return Truth::Missing,
        _ => {}
    }
    // A server may read JSON in either of them, if it is a string.
    let found = |sought, judge: Compare| {
        let found = operand.in_all_readings(sought, &|one| compare_part(judge, one, other, work), work)?;
        other.in_all_readings(sought, &|other| compare_part(judge, operand, other, work), work)?;
        Ok(found)
    };
    let has = || other.in_all_readings(Whole, &|part| compare_part(contains, operand, part, work), work);
    let holds = match comparison {
        Comparison::Equals => found(Whole, equal_to),
        Comparison::Differs => found(Whole, equal_to).map(|equal| !equal),
        Comparison::In => found(Whole, is_in),
        Comparison::NotIn => found(Whole, is_in).map(|is_in| !is_in),
        Comparison::Order(order) => compare(operand, other, form).map(|ordering| lies(ordering, order)),
        Comparison::Contains => has(),
        Comparison::NotContains => has().map(|contains| !contains),
        Comparison::StartsWith => found(Letters, starts_with),
        Comparison::EndsWith => found(Letters, ends_with),
    };
    // If one of them is missing, the comparison does not hold.
    Truth::from(holds.and_then(|holds| {
        let may_be_missing = holds && (operand.may_be_null(work)? || other.may_be_null(work)?);
        if may_be_missing { Err(Obstacle::Json) } else { Ok(holds) }
    }))
}

/// Compares one value with another one.
type Compare = fn(&Operand<'_>, &Operand<'_>, &Work) -> Result<bool, Obstacle>;

fn compare_part(
    judge: Compare,
    one: &Operand<'_>,
    other: &Operand<'_>,
    work: &Work,
) -> Result<bool, Obstacle> {
    spend(work, size(one).saturating_add(size(other)))?;
    judge(one, other, work)
}

fn equal_to(one: &Operand<'_>, other: &Operand<'_>, _: &Work) -> Result<bool, Obstacle> {
    equal(one, other)
}

fn starts_with(text: &Operand<'_>, start: &Operand<'_>, _: &Work) -> Result<bool, Obstacle> {
    texts(text, start).map(|(text, start)| text.starts_with(start))
}

fn ends_with(text: &Operand<'_>, end: &Operand<'_>, _: &Work) -> Result<bool, Obstacle> {
    texts(text, end).map(|(text, end)| text.ends_with(end))
}

fn equal(one: &Operand<'_>, other: &Operand<'_>) -> Result<bool, Obstacle> {
    match (one, other) {
        (Operand::Text(one), Operand::Text(other)) => same_text(one, other),
        (Operand::Bool(one), Operand::Bool(other)) => Ok(one == other),
        (Operand::Number(one), Operand::Number(other)) => is_same(one, other),
        _ => Err(Obstacle::Type),
    }
}

/// Returns how many units of work it takes at most to compare a value with another one that is no larger. The search for
/// an element of a list and for a part of a text take more.
fn size(operand: &Operand<'_>) -> usize {
    let length = match operand {
        Operand::Text(text) => text.len() >> 1,
        Operand::Number(text) => text.len().saturating_mul(2),
        Operand::List(list) => list.raw().len().saturating_add(list.size().saturating_mul(60)),
        Operand::Words(words) => words.iter().map(|word| word.len()).sum(),
        _ => 0,
    };
    length.saturating_add(40)
}

/// Returns whether two numbers are equal. A server may read either of them as a double, or cut its fraction off.
fn is_same(one: &str, other: &str) -> Result<bool, Obstacle> {
    let holds = |known, sent| KnownSet::new(std::iter::once(known)).holds(Sent::new(sent));
    let (equal, reverse) = (holds(one, other)?, holds(other, one)?);
    if equal == reverse { Ok(equal) } else { Err(Obstacle::Digits) }
}

/// Compares two numbers. A server may read either of them as a double.
fn numbers(one: &str, other: &str) -> Result<Ordering, Obstacle> {
    let ordering = decimal::compare_as_read(one, other).ok_or(Obstacle::Digits)?;
    let reverse = decimal::compare_as_read(other, one).ok_or(Obstacle::Digits)?;
    if ordering == reverse.reverse() { Ok(ordering) } else { Err(Obstacle::Digits) }
}

fn compare(one: &Operand<'_>, other: &Operand<'_>, form: Form) -> Result<Ordering, Obstacle> {
    match (one, other) {
        (Operand::Number(one), Operand::Number(other)) => numbers(one, other),
        (Operand::Text(one), Operand::Text(other)) if form.fits(one) && form.fits(other) => {
            Ok(one.cmp(other))
        }
        _ => Err(Obstacle::Type),
    }
}

/// Returns whether a list contains an element that is equal.
///
/// # Errors
/// [`Obstacle::Type`] if there is no list, or if no element is equal and one is of another type; another obstacle if a
/// comparison depends on the server.
fn is_in(operand: &Operand<'_>, list: &Operand<'_>, work: &Work) -> Result<bool, Obstacle> {
    match (operand, list) {
        (Operand::Text(text), Operand::Words(words)) => Ok(words.contains(text)),
        (Operand::Text(_) | Operand::Number(_) | Operand::Bool(_), Operand::List(list)) => {
            spend(work, work_of_elements(*list, operand))?;
            let mut found = Ok(false);
            for element in list.elements() {
                match equal(operand, &element_of(element)) {
                    Ok(true) => return Ok(true),
                    Ok(false) => {}
                    Err(obstacle) => found = Err(obstacle),
                }
            }
            found
        }
        _ => Err(Obstacle::Type),
    }
}

fn contains(operand: &Operand<'_>, part: &Operand<'_>, work: &Work) -> Result<bool, Obstacle> {
    match (operand, part) {
        (Operand::Text(_), Operand::Text(_)) => {
            let holds = |one: &Operand<'_>| {
                let (text, part) = texts(one, part)?;
                holds_part(text, part, work)
            };
            operand.in_all_readings(Part, &holds, work)
        }
        (Operand::Words(words), Operand::Text(part)) => Ok(words.contains(part)),
        (Operand::List(list), Operand::Text(_) | Operand::Number(_) | Operand::Bool(_)) => {
            spend(work, work_of_elements(*list, part))?;
            let equal = |element| element_of(element).in_all_readings(Whole, &|one| equal(one, part), work);
            list.elements().map(equal).reduce(|one, other| Ok(one? | other?)).unwrap_or(Ok(false))
        }
        _ => Err(Obstacle::Type),
    }
}

/// Returns how many units of work it takes at most to compare each element of a list with `operand`, which is read for
/// each of them if it is a number.
fn work_of_elements(list: Value<'_>, operand: &Operand<'_>) -> usize {
    match operand {
        Operand::Number(number) => list.size().saturating_mul(number.len().saturating_mul(2)),
        _ => 0,
    }
}

fn element_of(element: Value<'_>) -> Operand<'_> {
    Operand::new(Resolved::Value(element))
}

/// Returns a text and a part to look for in it. Every text contains the empty one, so that one says nothing.
fn texts<'t>(operand: &'t Operand<'_>, part: &'t Operand<'_>) -> Result<(&'t str, &'t str), Obstacle> {
    match (operand, part) {
        (Operand::Text(text), Operand::Text(part)) if !part.is_empty() => Ok((text, part)),
        _ => Err(Obstacle::Type),
    }
}
