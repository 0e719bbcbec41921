//! The values that conditions are evaluated for.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::embedded::refuse_other;
use super::texts::{holds_part, json_in, reads_null, same_text};
use super::{Obstacle, Truth, lies, spend};
use crate::json::{Kind, Known, KnownSet, Sent, Value};
use crate::policy::{Resolved, Scalar, Test};
use crate::text::before_nul;
use crate::work::Work;

/// Tells whether a value is what a condition looks for.
pub(super) type Judge<'j> = &'j dyn Fn(&Operand<'_>) -> Result<bool, Obstacle>;

/// What a condition looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// A value as a whole: `eq`, `in` and their opposites, and an element of a list
    Whole,
    /// Letters of a text
    Letters,
    /// A part of a text, or an element of a list
    Part,
}

/// The value that a condition is evaluated for.
#[derive(Debug)]
pub(super) enum Operand<'d> {
    Missing,
    Unusable(Obstacle),
    Text(Cow<'d, str>),
    Number(&'d str),
    Bool(bool),
    List(Value<'d>),
    Words(Vec<Cow<'d, str>>),
    Object,
}

impl<'d> Operand<'d> {
    pub(super) fn new(found: Resolved<'d>) -> Self {
        let value = match found {
            Resolved::Value(value) => value,
            Resolved::Missing => return Self::Missing,
            Resolved::Blocked => return Self::Unusable(Obstacle::Blocked),
            Resolved::Respelled => return Self::Unusable(Obstacle::Respelled),
        };
        match value.kind() {
            Kind::Null => Self::Missing,
            Kind::Bool(flag) => Self::Bool(flag),
            Kind::Number => Self::Number(value.raw()),
            Kind::String { .. } => Self::Text(value.string().unwrap_or_default()),
            Kind::Array => Self::List(value),
            Kind::Object => Self::Object,
        }
    }

    /// Returns the text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Reads a value like [`Operand::new`]. If the budget of work does not suffice, the value is unusable.
    pub(super) fn of(found: Resolved<'d>, work: &Work) -> Self {
        Self::read(found, work).unwrap_or_else(Self::Unusable)
    }

    /// Reads a value like [`Operand::new`].
    ///
    /// # Errors
    /// [`Obstacle::Work`] if the budget does not suffice.
    pub(super) fn read(found: Resolved<'d>, work: &Work) -> Result<Self, Obstacle> {
        let units = match found {
            Resolved::Value(value) => value.string_work(),
            _ => 0,
        };
        spend(work, units.saturating_add(3))?;
        Ok(Self::new(found))
    }

    pub(super) fn evaluate(&self, test: &Test, work: &Work) -> Truth {
        // An exhausted budget may have cut the path short.
        if work.is_exhausted() {
            return Truth::Indeterminate(Obstacle::Work);
        }
        let text = match self {
            Self::Unusable(obstacle) => return Truth::Indeterminate(*obstacle),
            Self::Missing => {
                return if let Test::Exists(false) = test { Truth::Holds } else { Truth::Missing };
            }
            other => other.text(),
        };
        let holds = match test {
            Test::Exists(wanted) => Ok(*wanted),
            Test::OneOf(scalars) => {
                self.in_all_readings(Sought::Whole, &|one| one.is_among(scalars, work), work)
            }
            Test::NoneOf(scalars) => self
                .in_all_readings(Sought::Whole, &|one| one.is_among(scalars, work), work)
                .map(|among| !among),
            Test::Order(order, bound) => self.compare(bound, work).map(|ordering| lies(ordering, *order)),
            Test::Contains(scalar) => self.contains(scalar, work),
            Test::NotContains(scalar) => self.contains(scalar, work).map(|contains| !contains),
            Test::StartsWith(_) | Test::EndsWith(_) | Test::Glob(_) | Test::Regex(_) => {
                self.in_all_readings(Sought::Letters, &|one| one.fits(test, work), work)
            }
            Test::TextOrder(order, bound) => {
                text.map(|text| lies(text.cmp(bound.as_str()), *order)).ok_or(Obstacle::Type)
            }
            // The value is compared with another one, not with the policy's.
            Test::With(..) => Err(Obstacle::Type),
        };
        let may_be_missing = match test {
            Test::Exists(_) => true,
            // A string that is named as a whole is meant as it is.
            Test::OneOf(_) => false,
            _ => holds == Ok(true),
        };
        Truth::from(holds.and_then(|holds| match may_be_missing && self.may_be_null(work)? {
            true => Err(Obstacle::Json),
            false => Ok(holds),
        }))
    }

    /// Returns whether some servers take the value for missing, because it is a text that reads as null.
    pub(super) fn may_be_null(&self, work: &Work) -> Result<bool, Obstacle> {
        self.text().map_or(Ok(false), |text| reads_null(text, work))
    }

    /// Returns whether the letters of a text fit.
    fn fits(&self, test: &Test, work: &Work) -> Result<bool, Obstacle> {
        let text = self.text().ok_or(Obstacle::Type)?;
        match test {
            Test::StartsWith(start) => Ok(text.starts_with(start)),
            Test::EndsWith(end) => Ok(text.ends_with(end)),
            Test::Glob(pattern) => {
                spend(work, pattern.work(text.len()))?;
                Ok(pattern.matches(text))
            }
            Test::Regex(regex) => regex.finds(text, work).ok_or(Obstacle::Work),
            _ => Err(Obstacle::Type),
        }
    }

    /// Returns whether `judge` finds what it looks for in this value.
    ///
    /// # Errors
    /// [`Obstacle::Cut`] if the result is another one for the string up to its first NUL; [`Obstacle::Json`] if the string holds
    /// a list or an object, which some servers read, and the result is another one for a part of it, or cannot be judged there;
    /// and the errors of `judge`.
    pub(super) fn in_all_readings(
        &self,
        sought: Sought,
        judge: Judge<'_>,
        work: &Work,
    ) -> Result<bool, Obstacle> {
        let found = self.is_found(judge, work)?;
        // A string that is named as a whole is meant as it is, with the JSON in it.
        let is_named = found && sought == Sought::Whole;
        if let Some(text) = self.text().filter(|_| !is_named)
            && let Some(json) = json_in(text, work)?
        {
            match sought {
                // In a list that a server reads, an element must be equal, and not only contain it.
                Sought::Part if found => return Err(Obstacle::Json),
                _ => refuse_other(json.root(), found, judge, work)?,
            }
        }
        Ok(found)
    }

    /// Returns whether `judge` finds what it looks for in this value as it is.
    ///
    /// # Errors
    /// [`Obstacle::Cut`] if the result is another one for the string up to its first NUL; and the errors of `judge`.
    pub(super) fn is_found(&self, judge: Judge<'_>, work: &Work) -> Result<bool, Obstacle> {
        let found = judge(self)?;
        // JSON has a NUL only as an escape, and a text with escapes is a copy.
        let Self::Text(Cow::Owned(text)) = self else { return Ok(found) };
        spend(work, text.len() >> 4)?;
        match before_nul(text) {
            Some(before) if judge(&Operand::Text(before.into()))? != found => Err(Obstacle::Cut),
            _ => Ok(found),
        }
    }

    fn compare(&self, bound: &Known, work: &Work) -> Result<Ordering, Obstacle> {
        let Self::Number(text) = self else { return Err(Obstacle::Type) };
        let sent = Sent::new(text);
        spend(work, sent.work().saturating_add(bound.work(sent)))?;
        bound.order(sent).ok_or(Obstacle::Digits)
    }

    fn contains(&self, scalar: &Scalar, work: &Work) -> Result<bool, Obstacle> {
        match (self, scalar) {
            (Self::Text(_), Scalar::Text(part)) => {
                let holds = |one: &Operand<'_>| holds_part(one.text().ok_or(Obstacle::Type)?, part, work);
                self.in_all_readings(Sought::Part, &holds, work)
            }
            (Self::List(list), scalar) => {
                let numbers = match scalar {
                    Scalar::Number(number) => KnownSet::new(std::iter::once(number)),
                    _ => KnownSet::default(),
                };
                let mut contains = Ok(false);
                for element in list.elements() {
                    let element = Self::read(Resolved::Value(element), work)?;
                    let equal = element.in_all_readings(
                        Sought::Whole,
                        &|one| one.equals(scalar, &numbers, work),
                        work,
                    );
                    if equal == Err(Obstacle::Work) {
                        return equal;
                    }
                    contains = contains.and_then(|one| Ok(one | equal?));
                }
                contains
            }
            (Self::Words(words), Scalar::Text(part)) => Ok(words.iter().any(|word| word == part)),
            _ => Err(Obstacle::Type),
        }
    }

    /// Returns whether an element of a list equals `scalar`; `numbers` is the set of it if it is a number.
    fn equals(&self, scalar: &Scalar, numbers: &KnownSet, work: &Work) -> Result<bool, Obstacle> {
        match (self, scalar) {
            (Self::Text(text), Scalar::Text(other)) => same_text(text, other),
            (Self::Bool(flag), Scalar::Bool(other)) => Ok(flag == other),
            (Self::Number(text), Scalar::Number(_)) => is_in(numbers, text, work),
            _ => Err(Obstacle::Type),
        }
    }
}

/// Returns whether a set of numbers contains `number`.
pub(super) fn is_in(numbers: &KnownSet, number: &str, work: &Work) -> Result<bool, Obstacle> {
    let sent = Sent::new(number);
    spend(work, sent.work().saturating_add(numbers.work(sent)))?;
    Ok(numbers.holds(sent)?)
}
