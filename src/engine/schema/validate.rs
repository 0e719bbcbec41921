//! Validates values by a compiled schema.
//!
//! There are three results: a value fits, it does not fit, or that depends on the server, as with a number that a
//! double changes. A value that may not fit is refused, below `not` as well. So a check looks at all that could be
//! read differently before it says for sure that a value fits or does not.

mod combine;
mod members;

use std::cell::Cell;
use std::cmp::Ordering;

use super::canonical;
use super::node::{Bound, Check, Counted, Elements, Members, Node};
use super::types::Types;
use crate::json::{Sent, Value, decimal};
use crate::work::Work;

/// A value that does not fit, or may not, and the constraint. A mismatch must be cheap to make, because every
/// alternative of an `anyOf` that does not fit makes one. Only for the mismatch that is reported are a path and a text
/// computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mismatch<'s, 'd> {
    /// The value that does not fit
    pub value: Value<'d>,
    /// The constraint
    pub constraint: Constraint<'s>,
    /// Why servers could disagree about whether the value fits
    pub unsure: Option<Unsure>,
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
    /// The value belongs to a member whose name `propertyNames` does not allow
    Name,
    /// `oneOf`: several alternatives fit
    Several,
    /// The number compares differently if a server reads it as a double
    Digits,
    /// The number could equal an integer of the schema if a server cut its fraction off
    Fraction,
    /// The member's name is another spelling of this name, which the schema mentions
    Respelled(&'s str),
    /// The member's name may be another spelling of one that the schema treats differently
    Unclear,
    /// The budget of work does not suffice
    Work,
}

/// Why the result depends on the server, or is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsure {
    /// A number that compares differently as a double
    Digits,
    /// A number whose fraction some servers cut off
    Fraction,
    /// A key in another spelling
    Spelling,
    /// The budget of work is exhausted
    Work,
}

/// The result of a check.
pub(super) type Fit<'s, 'd> = Result<(), Mismatch<'s, 'd>>;

impl<'s, 'd> Mismatch<'s, 'd> {
    /// Makes the mismatch of a value that does not fit for any server.
    fn of(value: Value<'d>, constraint: Constraint<'s>) -> Self {
        Self { value, constraint, unsure: None }
    }

    /// Makes the mismatch of a value that may not fit; `exact` tells whether it does for a server that changes
    /// nothing.
    fn unsure(value: Value<'d>, check: &'s Check, why: Unsure, exact: bool) -> Self {
        let constraint = match why {
            Unsure::Work => Constraint::Work,
            Unsure::Digits => Constraint::Digits,
            _ if !exact => Constraint::Check(check),
            Unsure::Fraction => Constraint::Fraction,
            Unsure::Spelling => Constraint::Unclear,
        };
        Self { value, constraint, unsure: Some(why) }
    }

    fn exhausted(value: Value<'d>) -> Self {
        Self { value, constraint: Constraint::Work, unsure: Some(Unsure::Work) }
    }

    /// Tells whether the budget of work is exhausted, so that nothing else can be judged.
    pub fn is_exhausted(&self) -> bool {
        self.unsure == Some(Unsure::Work)
    }
}

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
            Self::Bound(bound, limit) => match subject.number()? {
                Some(number) => {
                    subject.spend(limit.work(number))?;
                    limit.order(number).map(|ordering| bound.holds(ordering)).ok_or(Unsure::Digits)
                }
                None => Ok(true),
            },
            // The loader refuses divisors with more digits than can be divided by exactly.
            Self::MultipleOf(divisor) => match subject.number()? {
                Some(number) => {
                    subject.spend(number.work_of_division(divisor))?;
                    let is_multiple = |text: &str| decimal::is_multiple(text, divisor);
                    number.judge(is_multiple).ok_or(Unsure::Digits)
                }
                None => Ok(true),
            },
            Self::Count(counted, bound, limit) => {
                if value.number().is_none() {
                    subject.spend(counted.work(value))?;
                }
                Ok(counted.of(value).is_none_or(|count| bound.holds(count.cmp(limit))))
            }
            Self::Pattern(regex, _) => {
                subject.spend(value.string_work())?;
                value.string().map_or(Ok(true), |string| regex.finds(&string, work).ok_or(Unsure::Work))
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

impl Elements {
    fn validate<'s, 'd>(&'s self, check: &'s Check, subject: &Subject<'d, '_>) -> Fit<'s, 'd> {
        let (value, work) = (subject.value, subject.work);
        if !value.is_array() {
            return Ok(());
        }
        let mut results = Results::default();
        for (index, element) in value.elements().enumerate() {
            if let Some(node) = self.prefix.get(index).or(self.rest.as_ref()) {
                results.add(validate(node, element, work))?;
            }
        }
        results.add(self.count(check, subject))?;
        results.all()
    }

    /// Counts the elements that fit `contains`.
    fn count<'s, 'd>(&'s self, check: &'s Check, subject: &Subject<'d, '_>) -> Fit<'s, 'd> {
        let Some(contained) = &self.contains else { return Ok(()) };
        let (mut least, mut most) = (0_u64, 0_u64);
        let mut unsure = None;
        for element in subject.value.elements() {
            match validate(contained, element, subject.work) {
                Ok(()) => {
                    least = least.saturating_add(1);
                    most = most.saturating_add(1);
                }
                Err(mismatch) if mismatch.is_exhausted() => return Err(mismatch),
                Err(mismatch) if mismatch.unsure.is_some() => {
                    most = most.saturating_add(1);
                    unsure = Some(mismatch);
                }
                Err(_) => {}
            }
        }
        let outside = |count| count < self.least || count > self.most;
        match unsure {
            _ if most < self.least || least > self.most => {
                Err(Mismatch::of(subject.value, Constraint::Check(check)))
            }
            Some(mismatch) if outside(least) || outside(most) => Err(mismatch),
            _ => Ok(()),
        }
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
            Self::Members if value.is_object() => value.keyed().count(),
            Self::Elements | Self::Members => return None,
        };
        u64::try_from(count).ok()
    }

    /// Returns how many units of work it takes to count.
    fn work(self, value: Value<'_>) -> usize {
        match self {
            Self::Characters => value.string_work().saturating_add(value.raw().len() >> 3),
            Self::Elements | Self::Members => value.size() >> 1,
        }
    }
}
