//! Validates values by a compiled schema.

use std::cmp::Ordering;
use std::sync::Arc;

use super::node::{Bound, Check, Counted, Members, Node};
use super::types::Types;
use super::{canonical, literal};
use crate::json::{Value, decimal};
use crate::mcp::keys;

/// A value that does not fit, and the constraint. A mismatch must be cheap to make, because every alternative of
/// an `anyOf` that does not fit makes one. Only for the mismatch that is reported are a path and a text computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mismatch<'s, 'd> {
    /// The value that does not fit
    pub value: Value<'d>,
    /// The constraint
    pub constraint: Constraint<'s>,
}

/// What a value violates.
#[derive(Debug, Clone, Copy)]
pub(super) enum Constraint<'s> {
    /// This check
    Check(&'s Check),
    /// The value has none of the types that the alternatives accept
    Types(Types),
    /// The required member of this name is missing
    Missing(&'s str),
    /// The value belongs to a member whose name these `properties` do not allow
    Unknown(&'s Members),
    /// `oneOf`: several alternatives fit
    Several,
    /// The number compares differently if a server reads it as a double
    Digits,
    /// The member's name is another spelling of this name, which the schema mentions
    Respelled(&'s str),
}

impl Mismatch<'_, '_> {
    /// Returns whether servers could disagree about whether the value fits. Such a value is refused even
    /// below `not`.
    fn is_unclear(&self) -> bool {
        matches!(self.constraint, Constraint::Digits | Constraint::Respelled(_))
    }
}

/// Validates a value. The depth of the recursion is the nesting depth of the schema with all `$ref`s followed,
/// which `load` limits.
pub(super) fn validate<'s, 'd>(node: &'s Node, value: Value<'d>) -> Result<(), Mismatch<'s, 'd>> {
    node.checks.iter().try_for_each(|check| check.validate(value))
}

impl Check {
    fn validate<'d>(&self, value: Value<'d>) -> Result<(), Mismatch<'_, 'd>> {
        let fits = match self {
            Self::Bound(..) | Self::Literals(_) => match self.compare(value) {
                Some(fits) => fits,
                None => return Err(Mismatch { value, constraint: Constraint::Digits }),
            },
            Self::Never => false,
            Self::Type(types) => types.fit(value),
            // The loader refuses divisors with more digits than can be divided by exactly.
            Self::MultipleOf(divisor) => {
                value.number().is_none_or(|number| decimal::is_multiple(number, divisor).unwrap_or_default())
            }
            Self::Count(counted, bound, limit) => {
                counted.of(value).is_none_or(|count| bound.holds(count.cmp(limit)))
            }
            Self::Pattern(regex, _) => value.string().is_none_or(|string| regex.is_match(&string)),
            Self::Unique => canonical::unique(value),
            Self::Members(members) if value.is_object() => return members.validate(value),
            Self::Members(_) => true,
            Self::Items(node) => return value.elements().try_for_each(|element| validate(node, element)),
            Self::All(nodes) => return nodes.iter().try_for_each(|node| validate(node, value)),
            Self::Any(nodes) => return self.any(nodes, value),
            Self::One(nodes) => return self.one(nodes, value),
            Self::Not(node) => match validate(node, value) {
                Err(mismatch) if mismatch.is_unclear() => return Err(mismatch),
                result => result.is_err(),
            },
        };
        if fits { Ok(()) } else { Err(Mismatch { value, constraint: Constraint::Check(self) }) }
    }

    /// Compares a value with the bound or the literals of this check; `None` if the result depends on how a
    /// server reads numbers.
    fn compare(&self, value: Value<'_>) -> Option<bool> {
        match (self, value.number()) {
            (Self::Literals(literals), _) => literal::any_equals(literals, value),
            (Self::Bound(bound, limit), Some(number)) => {
                decimal::compare_as_read(number, limit).map(|ordering| bound.holds(ordering))
            }
            _ => Some(true),
        }
    }

    fn any<'s, 'd>(&'s self, nodes: &'s [Arc<Node>], value: Value<'d>) -> Result<(), Mismatch<'s, 'd>> {
        let mut misfits = Misfits::default();
        for node in nodes {
            match validate(node, value) {
                Ok(()) => return Ok(()),
                Err(mismatch) => misfits.add(value, mismatch),
            }
        }
        Err(misfits.into_mismatch(value, self))
    }

    fn one<'s, 'd>(&'s self, nodes: &'s [Arc<Node>], value: Value<'d>) -> Result<(), Mismatch<'s, 'd>> {
        let mut misfits = Misfits::default();
        let mut fits = false;
        for node in nodes {
            match validate(node, value) {
                Ok(()) if fits => return Err(Mismatch { value, constraint: Constraint::Several }),
                Ok(()) => fits = true,
                Err(mismatch) if mismatch.is_unclear() => return Err(mismatch),
                Err(mismatch) => misfits.add(value, mismatch),
            }
        }
        if fits { Ok(()) } else { Err(misfits.into_mismatch(value, self)) }
    }
}

/// Collects why the alternatives of an `anyOf` or `oneOf` do not fit, and selects the most helpful mismatch: for
/// a value of the wrong type the accepted types, for a value of the right type what else is wrong.
#[derive(Default)]
struct Misfits<'s, 'd> {
    types: Types,
    others: usize,
    other: Option<Mismatch<'s, 'd>>,
    unclear: Option<Mismatch<'s, 'd>>,
}

impl<'s, 'd> Misfits<'s, 'd> {
    fn add(&mut self, value: Value<'d>, mismatch: Mismatch<'s, 'd>) {
        if mismatch.is_unclear() {
            self.unclear = Some(mismatch);
        }
        let types = match mismatch.constraint {
            Constraint::Check(Check::Type(types)) => Some(*types),
            Constraint::Types(types) => Some(types),
            _ => None,
        };
        match types.filter(|_| mismatch.value.span() == value.span()) {
            Some(types) => self.types = self.types.or(types),
            None => {
                self.others = self.others.saturating_add(1);
                self.other = Some(mismatch);
            }
        }
    }

    fn into_mismatch(self, value: Value<'d>, check: &'s Check) -> Mismatch<'s, 'd> {
        match (self.unclear.or(self.other), self.others) {
            (None, _) => Mismatch { value, constraint: Constraint::Types(self.types) },
            (Some(mismatch), others) if others == 1 || mismatch.is_unclear() => mismatch,
            _ => Mismatch { value, constraint: Constraint::Check(check) },
        }
    }
}

impl Members {
    fn validate<'d>(&self, object: Value<'d>) -> Result<(), Mismatch<'_, 'd>> {
        let mut required = 0_usize;
        for (name, value) in object.entries() {
            let named = self.get(&name);
            if named.is_none()
                && let Some(of) = self.named.iter().find(|named| keys::is_variant(&name, &named.name))
            {
                return Err(Mismatch { value, constraint: Constraint::Respelled(&of.name) });
            }
            required = required.saturating_add(usize::from(named.is_some_and(|named| named.required)));
            match (named.and_then(|named| named.schema.as_ref()), &self.additional) {
                (Some(node), _) => validate(node, value)?,
                (None, None) => {}
                (None, Some(node)) if node.is_never() => {
                    return Err(Mismatch { value, constraint: Constraint::Unknown(self) });
                }
                (None, Some(node)) => validate(node, value)?,
            }
        }
        // No key occurs twice, so equal counts mean that all required names are there.
        if required == self.required {
            return Ok(());
        }
        let mut names = self.named.iter().filter(|named| named.required).map(|named| &*named.name);
        let missing = names.find(|name| object.get(name).is_none()).unwrap_or_default();
        Err(Mismatch { value: object, constraint: Constraint::Missing(missing) })
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
    /// Returns the number of characters, elements or members; `None` if the value has another type.
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
