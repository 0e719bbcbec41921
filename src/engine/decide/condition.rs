//! Judging conditions, strictly: servers convert what they get, so a value of another type than the
//! condition speaks of cannot be judged, and what cannot be judged is denied.

mod told;

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::denial::{Code, Denial};
use crate::json::{self, Kind, Value, decimal};
use crate::policy::{Condition, Found, Order, Origin, Rule, Scalar, Test};

/// What conditions speak of.
#[derive(Debug, Clone, Copy)]
pub struct Attributes<'d> {
    /// The call's arguments
    pub arguments: Option<Value<'d>>,
    /// The name of the caller's grant
    pub grant: &'d str,
    /// The caller's name
    pub principal: Option<&'d str>,
    /// The claims of the caller's verified token, as JSON; what cannot be read cannot be judged
    pub claims: Option<&'d str>,
}

/// What a condition is for one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds
    Holds,
    /// It does not
    Fails,
    /// There is nothing to judge: no value, null, or an array without elements under a `[*]`
    Missing,
    /// It cannot be judged
    Unjudgeable(Obstacle),
}

/// Why a condition cannot be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The value has another type than the condition speaks of
    Type,
    /// On the way to the value is something else than the array or object that the path names
    Blocked,
    /// On the way to the value there is another spelling of a key, which some servers read as that key
    Respelled,
    /// The string is too long for the regular expression to be searched in
    Length,
    /// Servers that keep numbers as doubles would judge the number otherwise
    Digits,
}

/// Returns the denial by the first condition of a rule that denies the call named `called`.
#[must_use]
pub fn refusal(rule: &Rule, attributes: &Attributes<'_>, called: &str) -> Option<Denial> {
    let required = rule.require.iter().map(|condition| (condition, true, require(condition, attributes)));
    let forbidden = rule.deny_if.iter().map(|condition| (condition, false, deny_if(condition, attributes)));
    required.chain(forbidden).find_map(|(condition, required, outcome)| {
        let reason = told::reason(condition, outcome?, required, rule.reason.as_deref(), called);
        Some(Denial::by(condition.path.clone(), Code::ConditionFailed, reason))
    })
}

/// Judges a condition that must hold for every value of its path, and for at least one. Returns the
/// first outcome that is none.
#[must_use]
pub fn require(condition: &Condition, attributes: &Attributes<'_>) -> Option<Truth> {
    judge(condition, attributes).into_iter().find(|outcome| *outcome != Truth::Holds)
}

/// Judges a condition that must hold for no value of its path. Returns the first outcome in which it
/// does, or cannot be judged.
#[must_use]
pub fn deny_if(condition: &Condition, attributes: &Attributes<'_>) -> Option<Truth> {
    judge(condition, attributes).into_iter().find(|outcome| !matches!(outcome, Truth::Fails | Truth::Missing))
}

/// Judges a condition for each value of its path: at least one outcome.
fn judge(condition: &Condition, attributes: &Attributes<'_>) -> Vec<Truth> {
    let test = |operand: Operand<'_>| operand.judge(&condition.test);
    let each = |root: Option<Value<'_>>| -> Vec<Truth> {
        condition.subject.find(root).into_iter().map(|found| test(Operand::new(found))).collect()
    };
    let name =
        |name: Option<&str>| vec![test(name.map_or(Operand::Missing, |name| Operand::Text(name.into())))];
    match (condition.subject.origin(), attributes.claims) {
        (Origin::Arguments, _) => each(attributes.arguments),
        (Origin::Grant, _) => name(Some(attributes.grant)),
        (Origin::Principal, _) => name(attributes.principal),
        (Origin::Claims, None) => each(None),
        (Origin::Claims, Some(claims)) => match json::read(claims.as_bytes()) {
            Ok(claims) if claims.defect().is_none() => each(Some(claims.root())),
            _ => vec![Truth::Unjudgeable(Obstacle::Blocked)],
        },
    }
}

/// What a condition is judged on.
#[derive(Debug)]
enum Operand<'d> {
    Missing,
    Hidden(Obstacle),
    Text(Cow<'d, str>),
    Number(&'d str),
    Bool(bool),
    List(Value<'d>),
    Object,
}

impl<'d> Operand<'d> {
    fn new(found: Found<'d>) -> Self {
        let value = match found {
            Found::Value(value) => value,
            Found::Missing => return Self::Missing,
            Found::Blocked => return Self::Hidden(Obstacle::Blocked),
            Found::Respelled => return Self::Hidden(Obstacle::Respelled),
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

    fn judge(&self, test: &Test) -> Truth {
        let text = match self {
            Self::Hidden(obstacle) => return Truth::Unjudgeable(*obstacle),
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
            Err(obstacle) => Truth::Unjudgeable(obstacle),
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

    /// Tells whether one of `scalars` equals this: of those of its type, of which there must be one.
    fn is_among(&self, scalars: &[Scalar]) -> Result<bool, Obstacle> {
        let alike =
            scalars.iter().map(|scalar| self.equals(scalar)).filter(|equal| *equal != Err(Obstacle::Type));
        alike.reduce(|one, other| Ok(one? | other?)).unwrap_or(Err(Obstacle::Type))
    }

    fn contains(&self, scalar: &Scalar) -> Result<bool, Obstacle> {
        match (self, scalar) {
            // Some servers make a list of a string that holds one, and find elements in it that are
            // spelled otherwise in the string.
            (Self::Text(text), Scalar::Text(part)) if !holds_list(text) => Ok(text.contains(part.as_str())),
            (Self::List(list), scalar) => {
                let elements = list.elements().map(|element| Self::new(Found::Value(element)).equals(scalar));
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
