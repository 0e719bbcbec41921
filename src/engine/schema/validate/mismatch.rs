//! Values that do not fit, and why.

use crate::json::Value;
use crate::schema::node::{Check, Members};
use crate::schema::types::Types;

/// A value that does not fit, or may not, and the constraint. A mismatch must be cheap to make, because every
/// alternative of an `anyOf` that does not fit makes one. Only for the mismatch that is reported are a path and a text
/// computed.
#[derive(Debug, Clone, Copy)]
pub(in crate::schema) struct Mismatch<'s, 'd> {
    /// The value that does not fit
    pub value: Value<'d>,
    /// The constraint
    pub constraint: Constraint<'s>,
    /// Why servers could disagree about whether the value fits
    pub unsure: Option<Unsure>,
}

/// What a value violates.
#[derive(Debug, Clone, Copy)]
pub(in crate::schema) enum Constraint<'s> {
    /// This check
    Check(&'s Check),
    /// The value has none of the types that the alternatives accept
    Types(Types),
    /// The required member of this name is missing
    Missing(&'s str),
    /// The value belongs to a member whose name these `properties` do not allow
    Unknown(&'s Members),
    /// The value belongs to a member whose name `propertyNames` does not allow
    Name,
    /// `oneOf`: several alternatives fit
    Several,
    /// The number compares differently if a server reads it as a double
    Digits,
    /// The number could equal an integer of the schema if a server cut its fraction off
    Fraction,
    /// The string fits otherwise if a server ends it at a NUL
    Cut,
    /// The member's name is another spelling of this name, which the schema mentions
    Respelled(&'s str),
    /// The member's name may be another spelling of one that the schema treats differently
    Unclear,
    /// The budget of work does not suffice
    Work,
}

/// Why the result depends on the server, or is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::schema) enum Unsure {
    /// A number that compares differently as a double
    Digits,
    /// A number whose fraction some servers cut off
    Fraction,
    /// A string that some servers end at a NUL
    Cut,
    /// A key in another spelling
    Spelling,
    /// The budget of work is exhausted
    Work,
}

impl<'s, 'd> Mismatch<'s, 'd> {
    /// Makes the mismatch of a value that does not fit for any server.
    pub(super) fn of(value: Value<'d>, constraint: Constraint<'s>) -> Self {
        Self { value, constraint, unsure: None }
    }

    /// Makes the mismatch of a value that may not fit; `exact` tells whether it does for a server that changes
    /// nothing.
    pub(super) fn unsure(value: Value<'d>, check: &'s Check, why: Unsure, exact: bool) -> Self {
        let constraint = match why {
            Unsure::Work => Constraint::Work,
            Unsure::Digits => Constraint::Digits,
            Unsure::Cut => Constraint::Cut,
            _ if !exact => Constraint::Check(check),
            Unsure::Fraction => Constraint::Fraction,
            Unsure::Spelling => Constraint::Unclear,
        };
        Self { value, constraint, unsure: Some(why) }
    }

    pub(super) fn exhausted(value: Value<'d>) -> Self {
        Self { value, constraint: Constraint::Work, unsure: Some(Unsure::Work) }
    }

    /// Tells whether the budget of work is exhausted, so that nothing else can be judged.
    pub fn is_exhausted(&self) -> bool {
        self.unsure == Some(Unsure::Work)
    }
}

/// The result of a check.
pub(in crate::schema) type Fit<'s, 'd> = Result<(), Mismatch<'s, 'd>>;
