//! A value judged by a compiled schema.

use std::cmp::Ordering;
use std::sync::Arc;

use super::node::{Bound, Check, Counted, Members, Node};
use super::types::Types;
use super::{canonical, literal};
use crate::json::{Value, decimal};
use crate::mcp::keys;

/// Which value breaks what. It costs nothing to make, since an alternative that does not fit makes
/// one as well; its place and its words are worked out only for the one that is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Broken<'s, 'd> {
    /// The value that does not fit
    pub value: Value<'d>,
    /// What it does not fit
    pub constraint: Constraint<'s>,
}

/// What a value does not fit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Constraint<'s> {
    /// A check as it stands
    Check(&'s Check),
    /// The types of all alternatives
    Types(Types),
    /// The required member of this name is missing
    Missing(&'s str),
    /// The object of this value may have no members but these
    Unknown(&'s Members),
    /// Exactly one alternative, where several fit
    Several,
    /// A comparison, of a number that servers read differently
    Digits,
    /// Its name: some servers read it as this one, which the schema speaks of
    Respelled(&'s str),
}

impl Broken<'_, '_> {
    /// Tells whether it is open if the value fits, so that not even its opposite can be said of it.
    fn is_unclear(&self) -> bool {
        matches!(self.constraint, Constraint::Digits | Constraint::Respelled(_))
    }
}

/// Judges a value. Recurses as deep as the schema unfolds, which its loading bounds.
pub(super) fn judge<'s, 'd>(node: &'s Node, value: Value<'d>) -> Result<(), Broken<'s, 'd>> {
    node.checks.iter().try_for_each(|check| check.judge(value))
}

impl Check {
    fn judge<'d>(&self, value: Value<'d>) -> Result<(), Broken<'_, 'd>> {
        let fits = match self {
            Self::Bound(..) | Self::Literals(_) => match self.compare(value) {
                Some(fits) => fits,
                None => return Err(Broken { value, constraint: Constraint::Digits }),
            },
            Self::Never => false,
            Self::Type(types) => types.fit(value),
            // What cannot be judged does not fit.
            Self::MultipleOf(divisor) => {
                value.number().is_none_or(|number| decimal::is_multiple(number, divisor).unwrap_or_default())
            }
            Self::Count(counted, bound, limit) => {
                counted.of(value).is_none_or(|count| bound.holds(count.cmp(limit)))
            }
            Self::Pattern(regex, _) => value.string().is_none_or(|string| regex.is_match(&string)),
            Self::Unique => canonical::unique(value),
            Self::Members(members) if value.is_object() => return members.judge(value),
            Self::Members(_) => true,
            Self::Items(node) => return value.elements().try_for_each(|element| judge(node, element)),
            Self::All(nodes) => return nodes.iter().try_for_each(|node| judge(node, value)),
            Self::Any(nodes) => return self.any(nodes, value),
            Self::One(nodes) => return self.one(nodes, value),
            Self::Not(node) => match judge(node, value) {
                Err(broken) if broken.is_unclear() => return Err(broken),
                judged => judged.is_err(),
            },
        };
        if fits { Ok(()) } else { Err(Broken { value, constraint: Constraint::Check(self) }) }
    }

    /// Compares a value with those of the schema; `None` where servers would find different things.
    fn compare(&self, value: Value<'_>) -> Option<bool> {
        match (self, value.number()) {
            (Self::Literals(literals), _) => literal::any_equals(literals, value),
            (Self::Bound(bound, limit), Some(number)) => {
                decimal::compare_as_read(number, limit).map(|ordering| bound.holds(ordering))
            }
            _ => Some(true),
        }
    }

    fn any<'s, 'd>(&'s self, nodes: &'s [Arc<Node>], value: Value<'d>) -> Result<(), Broken<'s, 'd>> {
        let mut misfits = Misfits::default();
        for node in nodes {
            match judge(node, value) {
                Ok(()) => return Ok(()),
                Err(broken) => misfits.add(value, broken),
            }
        }
        Err(misfits.told(value, self))
    }

    fn one<'s, 'd>(&'s self, nodes: &'s [Arc<Node>], value: Value<'d>) -> Result<(), Broken<'s, 'd>> {
        let mut misfits = Misfits::default();
        let mut fits = false;
        for node in nodes {
            match judge(node, value) {
                Ok(()) if fits => return Err(Broken { value, constraint: Constraint::Several }),
                Ok(()) => fits = true,
                Err(broken) if broken.is_unclear() => return Err(broken),
                Err(broken) => misfits.add(value, broken),
            }
        }
        if fits { Ok(()) } else { Err(misfits.told(value, self)) }
    }
}

/// How the alternatives do not fit, to tell what helps: a caller who sends the wrong type is told
/// the right ones, one who sends the right type what else is wrong.
#[derive(Default)]
struct Misfits<'s, 'd> {
    types: Types,
    others: usize,
    other: Option<Broken<'s, 'd>>,
    unclear: Option<Broken<'s, 'd>>,
}

impl<'s, 'd> Misfits<'s, 'd> {
    fn add(&mut self, value: Value<'d>, broken: Broken<'s, 'd>) {
        if broken.is_unclear() {
            self.unclear = Some(broken);
        }
        let types = match broken.constraint {
            Constraint::Check(Check::Type(types)) => Some(*types),
            Constraint::Types(types) => Some(types),
            _ => None,
        };
        match types.filter(|_| broken.value.span() == value.span()) {
            Some(types) => self.types = self.types.or(types),
            None => {
                self.others = self.others.saturating_add(1);
                self.other = Some(broken);
            }
        }
    }

    fn told(self, value: Value<'d>, check: &'s Check) -> Broken<'s, 'd> {
        match (self.unclear.or(self.other), self.others) {
            (None, _) => Broken { value, constraint: Constraint::Types(self.types) },
            (Some(broken), others) if others == 1 || broken.is_unclear() => broken,
            _ => Broken { value, constraint: Constraint::Check(check) },
        }
    }
}

impl Members {
    fn judge<'d>(&self, object: Value<'d>) -> Result<(), Broken<'_, 'd>> {
        let mut required = 0_usize;
        for (name, value) in object.entries() {
            let named = self.get(&name);
            if named.is_none()
                && let Some(of) = self.named.iter().find(|named| keys::is_variant(&name, &named.name))
            {
                return Err(Broken { value, constraint: Constraint::Respelled(&of.name) });
            }
            required = required.saturating_add(usize::from(named.is_some_and(|named| named.required)));
            match (named.and_then(|named| named.schema.as_ref()), &self.additional) {
                (Some(node), _) => judge(node, value)?,
                (None, None) => {}
                (None, Some(node)) if node.is_never() => {
                    return Err(Broken { value, constraint: Constraint::Unknown(self) });
                }
                (None, Some(node)) => judge(node, value)?,
            }
        }
        // No key stands twice, so that equal counts mean the same names.
        if required == self.required {
            return Ok(());
        }
        let mut names = self.named.iter().filter(|named| named.required).map(|named| &*named.name);
        let missing = names.find(|name| object.get(name).is_none()).unwrap_or_default();
        Err(Broken { value: object, constraint: Constraint::Missing(missing) })
    }
}

impl Bound {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::AtLeast => ordering.is_ge(),
            Self::AtMost => ordering.is_le(),
            Self::MoreThan => ordering.is_gt(),
            Self::LessThan => ordering.is_lt(),
        }
    }
}

impl Counted {
    /// Counts; `None` where the value is of another type.
    fn of(self, value: Value<'_>) -> Option<u64> {
        let count = match self {
            Self::Characters => value.string()?.chars().count(),
            Self::Elements if value.is_array() => value.elements().count(),
            Self::Members if value.is_object() => value.entries().count(),
            Self::Elements | Self::Members => return None,
        };
        u64::try_from(count).ok()
    }
}
