//! Evaluates conditions strictly.
//!
//! Servers convert values, for example `"5"` to 5. If a value does not have the type that a condition expects,
//! the condition therefore cannot be evaluated, and the call is denied.

mod reason;

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::denial::{Code, Denial};
use crate::json::{self, Kind, Value, decimal};
use crate::policy::{Condition, Order, Origin, Resolved, Rule, Scalar, Test};

/// All that conditions can refer to.
#[derive(Debug, Clone, Copy)]
pub struct Attributes<'d> {
    /// The call's arguments, if it has any
    pub arguments: Option<Value<'d>>,
    /// The name of the caller's grant
    pub grant: &'d str,
    /// The caller's name
    pub principal: Option<&'d str>,
    /// The claims of the caller's verified token, as JSON. If they cannot be read, conditions on them are
    /// indeterminate
    pub claims: Option<&'d str>,
}

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
}

/// Returns the denial by the first condition of `rule` that refuses the call; `called` describes the call.
#[must_use]
pub fn refusal(rule: &Rule, attributes: &Attributes<'_>, called: &str) -> Option<Denial> {
    let required = rule.require.iter().map(|condition| (condition, true, require(condition, attributes)));
    let forbidden = rule.deny_if.iter().map(|condition| (condition, false, deny_if(condition, attributes)));
    required.chain(forbidden).find_map(|(condition, required, truth)| {
        let reason = reason::text(condition, truth?, required, rule.reason.as_deref(), called);
        Some(Denial::by(condition.path.clone(), Code::ConditionFailed, reason))
    })
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
    let test = |operand: Operand<'_>| operand.evaluate(&condition.test);
    let each = |root: Option<Value<'_>>| -> Vec<Truth> {
        condition.attribute.find(root).into_iter().map(|found| test(Operand::new(found))).collect()
    };
    let name =
        |name: Option<&str>| vec![test(name.map_or(Operand::Missing, |name| Operand::Text(name.into())))];
    match (condition.attribute.origin(), attributes.claims) {
        (Origin::Arguments, _) => each(attributes.arguments),
        (Origin::Grant, _) => name(Some(attributes.grant)),
        (Origin::Principal, _) => name(attributes.principal),
        (Origin::Claims, None) => each(None),
        (Origin::Claims, Some(claims)) => match json::read(claims.as_bytes()) {
            Ok(claims) if claims.defect().is_none() => each(Some(claims.root())),
            _ => vec![Truth::Indeterminate(Obstacle::Blocked)],
        },
    }
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
        };
        match holds {
            Ok(true) => Truth::Holds,
            Ok(false) => Truth::Fails,
            Err(obstacle) => Truth::Indeterminate(obstacle),
        }
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
