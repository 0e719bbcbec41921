//! Validates values by a compiled schema.
//!
//! There are three results: a value fits, it does not fit, or that depends on the server, as with a number that a
//! double changes. A value that may not fit is refused, below `not` as well. So a check looks at all that could be
//! read differently before it says for sure that a value fits or does not.

mod combine;
mod elements;
mod members;
mod mismatch;

use std::cell::Cell;
use std::cmp::Ordering;

use super::canonical;
use super::node::{Bound, Check, Node};
use super::types::Types;
use crate::json::{Known, Sent, Value, decimal};
use crate::work::Work;
pub(super) use mismatch::{Constraint, Fit, Mismatch, Unsure};

/// A value that is validated, and its number, which is read only once.
pub(super) struct Subject<'d, 'w> {
    pub value: Value<'d>,
    pub work: &'w Work,
    number: Cell<Option<Sent<'d>>>,
}

impl<'d, 'w> Subject<'d, 'w> {
    pub fn new(value: Value<'d>, work: &'w Work) -> Self {
        Self { value, work, number: Cell::new(None) }
    }

    /// Returns the number that the value is; `None` if it is something else.
    ///
    /// # Errors
    /// A mismatch if the budget of work does not suffice.
    fn number<'s>(&self) -> Result<Option<Sent<'d>>, Mismatch<'s, 'd>> {
        if let Some(known) = self.number.get() {
            return Ok(Some(known));
        }
        let Some(text) = self.value.number() else { return Ok(None) };
        let sent = Sent::new(text);
        self.spend(sent.work())?;
        self.number.set(Some(sent));
        Ok(Some(sent))
    }

    /// Spends units of work.
    ///
    /// # Errors
    /// A mismatch if the budget does not suffice.
    fn spend<'s>(&self, units: usize) -> Fit<'s, 'd> {
        if self.work.spend(units) { Ok(()) } else { Err(Mismatch::exhausted(self.value)) }
    }
}

/// Validates a value. The depth of the recursion is the nesting depth of the schema with all `$ref`s followed,
/// which `load` limits.
pub(super) fn validate<'s, 'd>(node: &'s Node, value: Value<'d>, work: &Work) -> Fit<'s, 'd> {
    apply(node, &Subject::new(value, work))
}

/// Validates a value by all checks of a schema.
#[inline(never)]
fn apply<'s, 'd>(node: &'s Node, subject: &Subject<'d, '_>) -> Fit<'s, 'd> {
    subject.spend(node.checks.len().saturating_add(3))?;
    let mut results = Results::default();
    for check in &node.checks {
        results.add(check.validate(subject))?;
    }
    results.all()
}

/// Results that must all be good. A value that does not fit for any server takes precedence over one that may not.
#[derive(Default)]
struct Results<'s, 'd> {
    unsure: Option<Mismatch<'s, 'd>>,
}

impl<'s, 'd> Results<'s, 'd> {
    /// Adds a result.
    ///
    /// # Errors
    /// The mismatch, if the others do not matter any more.
    fn add(&mut self, result: Fit<'s, 'd>) -> Fit<'s, 'd> {
        match result {
            Err(mismatch) if mismatch.unsure.is_some() && !mismatch.is_exhausted() => {
                self.unsure.get_or_insert(mismatch);
                Ok(())
            }
            result => result,
        }
    }

    /// Returns the result of all that have been added.
    fn all(self) -> Fit<'s, 'd> {
        self.unsure.map_or(Ok(()), Err)
    }
}

impl Check {
    fn validate<'s, 'd>(&'s self, subject: &Subject<'d, '_>) -> Fit<'s, 'd> {
        let (value, work) = (subject.value, subject.work);
        let fits = match self {
            Self::Never => Ok(false),
            Self::Type(types) => types.fit(value),
            Self::Literals(literals) => literals.hold(value, work),
            Self::Bound(bound, limit) => bound.admits(limit, subject)?,
            Self::MultipleOf(divisor) => is_multiple(subject, divisor)?,
            Self::Count(counted, bound, limit) => {
                if value.number().is_none() {
                    subject.spend(counted.work(value))?;
                }
                counted.admits(value, |count| bound.holds(count.cmp(limit)))
            }
            Self::Pattern(pattern) => {
                subject.spend(value.string_work())?;
                value.string().map_or(Ok(true), |string| pattern.matches(&string, work))
            }
            Self::Unique if value.is_array() => {
                subject.spend(canonical::work(value))?;
                canonical::unique(value).ok_or(Unsure::Digits)
            }
            Self::Unique => Ok(true),
            Self::Members(members) if value.is_object() => return members.validate(subject),
            Self::Members(_) => Ok(true),
            Self::Items(node) => {
                let mut results = Results::default();
                for element in value.elements() {
                    results.add(validate(node, element, work))?;
                }
                return results.all();
            }
            Self::Elements(elements) => return elements.validate(self, subject),
            Self::All(nodes) => {
                let mut results = Results::default();
                for node in nodes {
                    results.add(apply(node, subject))?;
                }
                return results.all();
            }
            Self::Any(nodes) => return self.any(nodes, subject),
            Self::One(nodes) => return self.one(nodes, subject),
            Self::Not(node) => return self.not(node, subject),
            Self::If(conditional) => return conditional.validate(subject),
        };
        match fits {
            Ok(true) => Ok(()),
            Ok(false) => Err(Mismatch::of(value, Constraint::Check(self))),
            Err(why) => Err(Mismatch::unsure(value, self, why, why == Unsure::Digits)),
        }
    }
}

/// Whether a value fits a check of numbers, or why that depends on the server. A value that is no number fits. The error is a
/// mismatch if the budget of work does not suffice.
type NumberFit<'s, 'd> = Result<Result<bool, Unsure>, Mismatch<'s, 'd>>;

#[inline]
fn is_multiple<'s, 'd>(subject: &Subject<'d, '_>, divisor: &str) -> NumberFit<'s, 'd> {
    let Some(number) = subject.number()? else { return Ok(Ok(true)) };
    subject.spend(number.work_of_division(divisor))?;
    // The loader refuses divisors with more digits than can be divided by exactly.
    Ok(number.judge(|text| decimal::is_multiple(text, divisor)).ok_or(Unsure::Digits))
}

impl Bound {
    #[inline]
    fn admits<'s, 'd>(self, limit: &Known, subject: &Subject<'d, '_>) -> NumberFit<'s, 'd> {
        let Some(number) = subject.number()? else { return Ok(Ok(true)) };
        subject.spend(limit.work(number))?;
        Ok(limit.order(number).map(|ordering| self.holds(ordering)).ok_or(Unsure::Digits))
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::AtLeast => ordering.is_ge(),
            Self::AtMost => ordering.is_le(),
            Self::MoreThan => ordering.is_gt(),
            Self::LessThan => ordering.is_lt(),
        }
    }
}
