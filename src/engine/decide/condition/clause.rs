//! Evaluates clauses in three-valued logic, and rules by their clauses.
//!
//! A clause holds, fails, or is indeterminate. A group is indeterminate only if that of its clauses which are could decide
//! it, so the order of clauses never matters. For an element of a list the arguments are not known, so a clause can have
//! several possible results.

use super::reason::{self, Explanation};
use super::{Attributes, Truth, deny_if, evaluate, require};
use crate::denial::{Code, Denial};
use crate::policy::{Action, Clause, Condition, Group, Holds, Mode, Rule};
use crate::work;

/// Where a clause stands in a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In `require`: a condition must hold for every value of its path, and for at least one
    Require,
    /// In `deny_if`: a condition holds if it does for any value of its path
    DenyIf,
    /// In `when`: like in `deny_if`
    When,
}

impl Place {
    /// Returns whether a clause with such a result refuses the call.
    pub(super) fn refuses(self, results: Results) -> bool {
        match self {
            Self::Require => results != Results::HOLDS,
            Self::DenyIf => results != Results::FAILS,
            Self::When => results == Results::INDETERMINATE,
        }
    }
}

/// Whether a rule applies to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applies {
    /// All clauses of its `when` hold
    Yes,
    /// One of them fails
    No,
    /// None fails, but one is indeterminate, so the call is denied
    Unknown(Denial),
}

/// The results that are possible for a clause, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Results {
    pub holds: bool,
    pub fails: bool,
    pub indeterminate: bool,
}

impl Results {
    const HOLDS: Self = Self { holds: true, fails: false, indeterminate: false };
    const FAILS: Self = Self { holds: false, fails: true, indeterminate: false };
    const INDETERMINATE: Self = Self { holds: false, fails: false, indeterminate: true };
    const ANY: Self = Self { holds: true, fails: true, indeterminate: true };

    /// Returns the results of two clauses of which both must hold.
    fn and(self, other: Self) -> Self {
        Self {
            holds: self.holds && other.holds,
            fails: self.fails || other.fails,
            indeterminate: (self.indeterminate && (other.holds || other.indeterminate))
                || (other.indeterminate && self.holds),
        }
    }

    /// Returns the results of two clauses of which one must hold.
    fn or(self, other: Self) -> Self {
        let Self { holds, fails, indeterminate } = self.opposite().and(other.opposite());
        Self { holds, fails, indeterminate }.opposite()
    }

    /// Returns the results of no clauses.
    pub fn of_none(holds: Holds) -> Self {
        match holds {
            Holds::All => Self::HOLDS,
            Holds::Any => Self::FAILS,
        }
    }

    /// Returns the results of two clauses of which both must hold, or one.
    pub fn join(self, holds: Holds, other: Self) -> Self {
        match holds {
            Holds::All => self.and(other),
            Holds::Any => self.or(other),
        }
    }

    fn opposite(self) -> Self {
        Self { holds: self.fails, fails: self.holds, indeterminate: self.indeterminate }
    }
}

/// Returns the denial by the first clause of `require` and `deny_if` that refuses the call; `called` describes the call.
#[must_use]
pub fn refusal(rule: &Rule, attributes: &Attributes<'_>, called: &str) -> Option<Denial> {
    let required = rule.require.iter().map(|clause| (clause, Place::Require));
    let forbidden = rule.deny_if.iter().map(|clause| (clause, Place::DenyIf));
    required.chain(forbidden).find_map(|(clause, place)| match clause {
        Clause::Condition(condition) => {
            let truth = match place {
                Place::Require => require(condition, attributes),
                Place::DenyIf | Place::When => deny_if(condition, attributes),
            };
            Some(denial(rule, clause, reason::of_condition(condition, truth?, place), attributes, called))
        }
        Clause::Group(group) => place
            .refuses(of_group(group, place, attributes))
            .then(|| explained(rule, clause, place, attributes, called)),
    })
}

/// Returns whether a rule applies to a call; `called` describes the call.
#[must_use]
pub fn applies(rule: &Rule, attributes: &Attributes<'_>, called: impl FnOnce() -> String) -> Applies {
    let mut unknown = None;
    for clause in &rule.when {
        let results = results(clause, Place::When, attributes);
        if results.fails {
            return Applies::No;
        }
        if results.indeterminate {
            unknown = unknown.or(Some(clause));
        }
    }
    match unknown {
        Some(clause) => Applies::Unknown(explained(rule, clause, Place::When, attributes, &called())),
        None => Applies::Yes,
    }
}

/// Returns whether a rule denies every call of this caller to an element of a list, whatever the arguments are.
#[must_use]
pub fn hides(rule: &Rule, attributes: &Attributes<'_>) -> bool {
    let all = |clauses: &[Clause], place| {
        let each = clauses.iter().map(|clause| results(clause, place, attributes));
        each.fold(Results::HOLDS, Results::and)
    };
    let when = all(&rule.when, Place::When);
    if rule.mode == Mode::Shadow || when.fails {
        return false;
    }
    !when.holds
        || rule.action == Action::Deny
        || !all(&rule.require, Place::Require).holds
        || rule.deny_if.iter().any(|clause| !results(clause, Place::DenyIf, attributes).fails)
}

/// Returns whether a clause holds in this place, and `None` if it is indeterminate. The arguments are known.
#[must_use]
pub fn outcome(clause: &Clause, place: Place, attributes: &Attributes<'_>) -> Option<bool> {
    let results = results(clause, place, attributes);
    (!results.indeterminate).then_some(results.holds)
}

/// Returns the results that are possible for a clause.
pub(super) fn results(clause: &Clause, place: Place, attributes: &Attributes<'_>) -> Results {
    match clause {
        Clause::Condition(condition) => of_condition(condition, place, attributes),
        Clause::Group(group) => of_group(group, place, attributes),
    }
}

fn of_group(group: &Group, place: Place, attributes: &Attributes<'_>) -> Results {
    let mut each = group.clauses.iter().map(|clause| results(clause, place, attributes));
    let (first, certain) = (Results::of_none(group.holds), Results::of_none(group.holds).opposite());
    // The other clauses cannot change a result that is certain.
    let joined = each.try_fold(first, |joined, results| match joined.join(group.holds, results) {
        joined if joined == certain => Err(joined),
        joined => Ok(joined),
    });
    joined.unwrap_or(certain)
}

fn of_condition(condition: &Condition, place: Place, attributes: &Attributes<'_>) -> Results {
    if attributes.any_arguments && condition.reads_arguments() {
        return if attributes.work.spend(1) { Results::ANY } else { Results::INDETERMINATE };
    }
    of_truths(&evaluate(condition, attributes), place)
}

/// Returns the result of a condition from its results for each value of its path.
pub(super) fn of_truths(truths: &[Truth], place: Place) -> Results {
    let results = truths.iter().map(|truth| match truth {
        Truth::Holds => Results::HOLDS,
        Truth::Fails | Truth::Missing => Results::FAILS,
        Truth::Indeterminate(_) => Results::INDETERMINATE,
    });
    match place {
        Place::Require => results.fold(Results::HOLDS, Results::and),
        Place::DenyIf | Place::When => results.fold(Results::FAILS, Results::or),
    }
}

/// Makes the denial by a clause that refuses the call.
fn explained(
    rule: &Rule,
    clause: &Clause,
    place: Place,
    attributes: &Attributes<'_>,
    called: &str,
) -> Denial {
    let (_, explanation) = reason::explain(clause, place, attributes);
    denial(rule, clause, explanation.unwrap_or_default(), attributes, called)
}

fn denial(
    rule: &Rule,
    clause: &Clause,
    explanation: Explanation<'_>,
    attributes: &Attributes<'_>,
    called: &str,
) -> Denial {
    let reason = explanation.text(rule.reason.as_deref(), called);
    let path = clause.path().to_owned();
    if attributes.work.is_exhausted() {
        return Denial::by(path, Code::ArgumentsInvalid, reason).because_of(work::CAUSE);
    }
    Denial::by(path, Code::ConditionFailed, reason)
}
