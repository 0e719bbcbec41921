//! Evaluates conditions strictly.
//!
//! Servers convert values, for example `"5"` to 5. If a value does not have the type that a condition expects,
//! the condition therefore cannot be evaluated, and the call is denied.

mod attributes;
mod claims;
mod clause;
mod reason;
mod scopes;
mod with;

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::json::{self, Doubt, Kind, Known, KnownSet, Sent, Value};
use crate::policy::{Condition, Order, Origin, Resolved, Scalar, Scalars, Test, ValuePath};
use crate::work::{self, Work};

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

/// The value that a condition is evaluated for.
#[derive(Debug)]
enum Operand<'d> {
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
    fn new(found: Resolved<'d>) -> Self {
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

    /// Reads a value like [`Operand::new`]. If the budget of work does not suffice, the value is unusable.
    fn of(found: Resolved<'d>, work: &Work) -> Self {
        Self::read(found, work).unwrap_or_else(Self::Unusable)
    }

    /// Reads a value like [`Operand::new`].
    ///
    /// # Errors
    /// [`Obstacle::Work`] if the budget does not suffice.
    fn read(found: Resolved<'d>, work: &Work) -> Result<Self, Obstacle> {
        let units = match found {
            Resolved::Value(value) => value.string_work(),
            _ => 0,
        };
        spend(work, units.saturating_add(2))?;
        Ok(Self::new(found))
    }

    fn evaluate(&self, test: &Test, work: &Work) -> Truth {
        // An exhausted budget may have cut the path short.
        if work.is_exhausted() {
            return Truth::Indeterminate(Obstacle::Work);
        }
        let text = match self {
            Self::Unusable(obstacle) => return Truth::Indeterminate(*obstacle),
            Self::Missing => {
                return if let Test::Exists(false) = test { Truth::Holds } else { Truth::Missing };
            }
            Self::Text(text) => Some(text.as_ref()),
            _ => None,
        };
        let holds = match test {
            Test::Exists(wanted) => Ok(*wanted),
            Test::OneOf(scalars) => self.is_among(scalars, work),
            Test::NoneOf(scalars) => self.is_among(scalars, work).map(|among| !among),
            Test::Order(order, bound) => self.compare(bound, work).map(|ordering| lies(ordering, *order)),
            Test::Contains(scalar) => self.contains(scalar, work),
            Test::NotContains(scalar) => self.contains(scalar, work).map(|contains| !contains),
            Test::StartsWith(start) => text.map(|text| text.starts_with(start)).ok_or(Obstacle::Type),
            Test::EndsWith(end) => text.map(|text| text.ends_with(end)).ok_or(Obstacle::Type),
            Test::Glob(pattern) => text.ok_or(Obstacle::Type).and_then(|text| {
                spend(work, pattern.work(text.len()))?;
                Ok(pattern.matches(text))
            }),
            Test::Regex(regex) => {
                text.ok_or(Obstacle::Type).and_then(|text| regex.finds(text, work).ok_or(Obstacle::Work))
            }
            Test::TextOrder(order, bound) => {
                text.map(|text| lies(text.cmp(bound.as_str()), *order)).ok_or(Obstacle::Type)
            }
            // The value is compared with another one, not with the policy's.
            Test::With(..) => Err(Obstacle::Type),
        };
        Truth::from(holds)
    }

    fn compare(&self, bound: &Known, work: &Work) -> Result<Ordering, Obstacle> {
        let Self::Number(text) = self else { return Err(Obstacle::Type) };
        let sent = Sent::new(text);
        spend(work, sent.work().saturating_add(bound.work(sent)))?;
        bound.order(sent).ok_or(Obstacle::Digits)
    }

    /// Returns whether one of `scalars` equals this value. It is compared with those of its own type.
    ///
    /// # Errors
    /// [`Obstacle::Type`] if none has its type; another one if the comparison depends on the server or cannot be made.
    fn is_among(&self, scalars: &Scalars, work: &Work) -> Result<bool, Obstacle> {
        match self {
            Self::Text(text) => {
                let texts = scalars.texts.as_ref().ok_or(Obstacle::Type)?;
                spend(work, texts.work(text))?;
                Ok(texts.get(text).is_some())
            }
            Self::Bool(flag) => {
                let [off, on] = scalars.bools.ok_or(Obstacle::Type)?;
                Ok(if *flag { on } else { off })
            }
            Self::Number(text) => is_in(scalars.numbers.as_ref().ok_or(Obstacle::Type)?, text, work),
            _ => Err(Obstacle::Type),
        }
    }

    fn contains(&self, scalar: &Scalar, work: &Work) -> Result<bool, Obstacle> {
        match (self, scalar) {
            (Self::Text(text), Scalar::Text(part)) => {
                spend(work, work_of_search(text, part))?;
                // Some servers parse a string that contains a JSON list. Its elements can be written differently
                // in the string, for example with escapes, so a substring search is not reliable.
                if holds_list(text, work)? { Err(Obstacle::Type) } else { Ok(text.contains(part.as_str())) }
            }
            (Self::List(list), scalar) => {
                let numbers = match scalar {
                    Scalar::Number(number) => KnownSet::new(std::iter::once(number)),
                    _ => KnownSet::default(),
                };
                let mut contains = Ok(false);
                for element in list.elements() {
                    let equal = Self::read(Resolved::Value(element), work)?.equals(scalar, &numbers, work);
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
            (Self::Text(text), Scalar::Text(other)) => Ok(text == other),
            (Self::Bool(flag), Scalar::Bool(other)) => Ok(flag == other),
            (Self::Number(text), Scalar::Number(_)) => is_in(numbers, text, work),
            _ => Err(Obstacle::Type),
        }
    }
}

/// Returns whether a set of numbers contains `number`.
fn is_in(numbers: &KnownSet, number: &str, work: &Work) -> Result<bool, Obstacle> {
    let sent = Sent::new(number);
    spend(work, sent.work().saturating_add(numbers.work(sent)))?;
    Ok(numbers.holds(sent)?)
}

/// Returns how many units of work it takes at most to look for a part of a text.
fn work_of_search(text: &str, part: &str) -> usize {
    let read = (text.len() >> 2).saturating_add(text.len() >> 3);
    read.saturating_add(part.len().saturating_mul(2)).saturating_add(12)
}

/// Returns whether a string is a JSON list.
fn holds_list(text: &str, work: &Work) -> Result<bool, Obstacle> {
    let text = text.trim();
    if !(text.starts_with('[') && text.ends_with(']')) {
        return Ok(false);
    }
    spend(work, work::of_reading(text.len()))?;
    Ok(json::read(text.as_bytes()).is_ok())
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
