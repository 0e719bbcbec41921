//! Evaluates conditions strictly.
//!
//! Servers convert values, for example `"5"` to 5. If a value does not have the type that a condition expects,
//! the condition therefore cannot be evaluated, and the call is denied.

mod attributes;
mod clause;
mod reason;
mod scopes;
mod with;

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::json::{self, Document, Kind, Value, decimal};
use crate::policy::{Condition, Order, Origin, Resolved, Scalar, Test, ValuePath};

pub use attributes::{Attributes, Now};
pub use clause::{Applies, Place, applies, hides, refusal};

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
    /// The string is too long for a search with the regular expression
    Length,
    /// The result of the comparison would change if a server read the number as a double
    Digits,
    /// The host has no clock
    Clock,
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
fn evaluate(condition: &Condition, attributes: &Attributes<'_>) -> Vec<Truth> {
    let Condition { attribute, test, .. } = condition;
    let other = condition.operand();
    if attribute.origin() == Origin::Arguments && other.is_none() {
        let found = attribute.find(attributes.arguments).into_iter();
        return found.map(|found| Operand::new(found).evaluate(test)).collect();
    }
    // Most conditions do not read the claims. Those are parsed only for a condition that does.
    let claims =
        Claims::new(attributes.claims.filter(|_| reads_claims(attribute) || other.is_some_and(reads_claims)));
    let operands = operands(attribute, attributes, &claims).into_iter();
    match test {
        Test::With(comparison, path) => {
            // The path has no `[*]`, so it leads to one value.
            let other = self::operands(path, attributes, &claims).pop().unwrap_or(Operand::Missing);
            let form = with::Form::of(attribute, path);
            operands.map(|operand| with::evaluate(&operand, *comparison, &other, form)).collect()
        }
        test => operands.map(|operand| operand.evaluate(test)).collect(),
    }
}

fn reads_claims(path: &ValuePath) -> bool {
    matches!(path.origin(), Origin::Claims | Origin::Scopes)
}

/// The claims of the caller's token, parsed.
enum Claims<'d> {
    None,
    Some(Document<'d>),
    Unreadable,
}

impl<'d> Claims<'d> {
    fn new(text: Option<&'d str>) -> Self {
        match text.map(|text| json::read(text.as_bytes())) {
            None => Self::None,
            Some(Ok(claims)) if claims.defect().is_none() => Self::Some(claims),
            Some(_) => Self::Unreadable,
        }
    }
}

/// Returns the values that a path leads to. Returns at least one.
fn operands<'d>(path: &ValuePath, attributes: &Attributes<'d>, claims: &'d Claims<'_>) -> Vec<Operand<'d>> {
    let name = |name: Option<Cow<'d, str>>| vec![name.map_or(Operand::Missing, Operand::Text)];
    let found = match (path.origin(), claims) {
        (Origin::Arguments, _) => path.find(attributes.arguments),
        (Origin::Claims | Origin::Scopes, Claims::Unreadable) => {
            return vec![Operand::Unusable(Obstacle::Blocked)];
        }
        (Origin::Claims, Claims::Some(claims)) => path.find(Some(claims.root())),
        (Origin::Claims, Claims::None) => path.find(None),
        (Origin::Scopes, Claims::Some(claims)) => return scopes::operands(path, claims.root()),
        (Origin::Scopes, Claims::None) => return vec![Operand::Missing],
        (Origin::Grant, _) => return name(Some(attributes.grant.into())),
        (Origin::Principal, _) => return name(attributes.principal.map(Cow::Borrowed)),
        (Origin::Source, _) => return name(attributes.source.map(Cow::Borrowed)),
        (Origin::Tool, _) => return name(attributes.tool.map(Cow::Borrowed)),
        (Origin::Weekday | Origin::TimeOfDay | Origin::Date, _) => {
            return vec![
                attributes.now.text(path.origin()).map_or(Operand::Unusable(Obstacle::Clock), Operand::Text),
            ];
        }
    };
    found.into_iter().map(Operand::new).collect()
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

    fn evaluate(&self, test: &Test) -> Truth {
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
            Test::OneOf(scalars) => self.is_among(scalars),
            Test::NoneOf(scalars) => self.is_among(scalars).map(|among| !among),
            Test::Order(order, bound) => self.compare(bound).map(|ordering| lies(ordering, *order)),
            Test::Contains(scalar) => self.contains(scalar),
            Test::NotContains(scalar) => self.contains(scalar).map(|contains| !contains),
            Test::StartsWith(start) => text.map(|text| text.starts_with(start)).ok_or(Obstacle::Type),
            Test::EndsWith(end) => text.map(|text| text.ends_with(end)).ok_or(Obstacle::Type),
            Test::Glob(pattern) => text.map(|text| pattern.matches(text)).ok_or(Obstacle::Type),
            Test::Regex(regex) => {
                text.ok_or(Obstacle::Type).and_then(|text| regex.finds(text).ok_or(Obstacle::Length))
            }
            Test::TextOrder(order, bound) => {
                text.map(|text| lies(text.cmp(bound.as_str()), *order)).ok_or(Obstacle::Type)
            }
            // The value is compared with another one, not with the policy's.
            Test::With(..) => Err(Obstacle::Type),
        };
        Truth::from(holds)
    }

    fn equals(&self, scalar: &Scalar) -> Result<bool, Obstacle> {
        match (self, scalar) {
            (Self::Text(text), Scalar::Text(other)) => Ok(text == other),
            (Self::Bool(flag), Scalar::Bool(other)) => Ok(flag == other),
            (_, Scalar::Number(other)) => self.compare(other).map(Ordering::is_eq),
            _ => Err(Obstacle::Type),
        }
    }

    fn compare(&self, bound: &str) -> Result<Ordering, Obstacle> {
        let Self::Number(text) = self else { return Err(Obstacle::Type) };
        decimal::compare_as_read(text, bound).ok_or(Obstacle::Digits)
    }

    /// Returns whether one of `scalars` equals this value. It is compared with those of its own type.
    ///
    /// # Errors
    /// [`Obstacle::Type`] if none has its type; [`Obstacle::Digits`] if a comparison depends on the server.
    fn is_among(&self, scalars: &[Scalar]) -> Result<bool, Obstacle> {
        let alike =
            scalars.iter().map(|scalar| self.equals(scalar)).filter(|equal| *equal != Err(Obstacle::Type));
        alike.reduce(|one, other| Ok(one? | other?)).unwrap_or(Err(Obstacle::Type))
    }

    fn contains(&self, scalar: &Scalar) -> Result<bool, Obstacle> {
        match (self, scalar) {
            // Some servers parse a string that contains a JSON list. Its elements can be written differently
            // in the string, for example with escapes, so a substring search is not reliable.
            (Self::Text(text), Scalar::Text(part)) if !holds_list(text) => Ok(text.contains(part.as_str())),
            (Self::List(list), scalar) => {
                let elements =
                    list.elements().map(|element| Self::new(Resolved::Value(element)).equals(scalar));
                elements.reduce(|one, other| Ok(one? | other?)).unwrap_or(Ok(false))
            }
            (Self::Words(words), Scalar::Text(part)) => Ok(words.iter().any(|word| word == part)),
            _ => Err(Obstacle::Type),
        }
    }
}

fn holds_list(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('[') && text.ends_with(']')
}

fn lies(ordering: Ordering, order: Order) -> bool {
    match order {
        Order::Less => ordering.is_lt(),
        Order::LessOrEqual => ordering.is_le(),
        Order::Greater => ordering.is_gt(),
        Order::GreaterOrEqual => ordering.is_ge(),
    }
}
