//! Clauses: conditions, and groups of them.

use super::condition::{Condition, condition, reason};
use super::keys;
use crate::document::{Faults, Fields, InRule, Part};

/// How deep groups nest.
const DEEPEST: usize = 8;

/// A condition, or a group of clauses.
#[derive(Debug, Clone)]
pub enum Clause {
    /// A condition
    Condition(Condition),
    /// A group
    Group(Group),
}

/// Several clauses that are one.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its path in the document
    pub path: String,
    /// How many of the clauses must hold
    pub holds: Holds,
    /// The clauses
    pub clauses: Vec<Clause>,
    /// The text for the caller if this group denies a call
    pub reason: Option<String>,
    /// The name of the group, which the denial quotes
    pub name: Option<String>,
}

/// How many clauses of a group must hold, so that the group holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// All of them: `conditions`
    All,
    /// At least one: `any`
    Any,
}

impl Clause {
    /// Returns the clause's path in the document.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Condition(condition) => &condition.path,
            Self::Group(group) => &group.path,
        }
    }

    /// Iterates over the conditions of the clause: itself, or those in the group.
    pub fn conditions(&self) -> Box<dyn Iterator<Item = &Condition> + '_> {
        match self {
            Self::Condition(condition) => Box::new(std::iter::once(condition)),
            Self::Group(group) => Box::new(group.clauses.iter().flat_map(Self::conditions)),
        }
    }
}

/// Reads a list of clauses. `sources` are the names that a condition on the source can compare with; `None` if they are
/// not known.
pub(super) fn clauses(list: Vec<Part<'_>>, sources: Option<&[String]>, faults: &mut Faults) -> Vec<Clause> {
    read(list, DEEPEST, sources, faults)
}

/// Reads a list of clauses in which groups may nest so deep.
fn read(list: Vec<Part<'_>>, depth: usize, sources: Option<&[String]>, faults: &mut Faults) -> Vec<Clause> {
    let mut clauses = Vec::new();
    for part in list {
        let has = |key| part.value.get(key).is_some();
        if !["path", "op", "conditions", "any"].into_iter().any(has) {
            faults.unfit(&part, &keys::CLAUSE);
        } else if !has("conditions") && !has("any") {
            clauses.extend(condition(&part, sources, faults).map(Clause::Condition));
        } else if let Some(within) = depth.checked_sub(1) {
            clauses.extend(group(&part, within, sources, faults).map(Clause::Group));
        } else {
            faults.add(&part, InRule::TooNested { most: DEEPEST });
        }
    }
    clauses
}

fn group(part: &Part<'_>, within: usize, sources: Option<&[String]>, faults: &mut Faults) -> Option<Group> {
    let mut fields = Fields::<keys::Group>::open(part, faults)?;
    let all = fields.take(keys::Group::Conditions);
    let any = fields.take(keys::Group::Any);
    let holds = if all.is_some() { Holds::All } else { Holds::Any };
    match (&all, &any) {
        (Some(_), Some(any)) => faults.add_key(any, InRule::TwoGroups),
        (None, Some(any)) if any.value.is_array() && any.value.elements().next().is_none() => {
            faults.add(any, InRule::EmptyAny);
        }
        _ => {}
    }
    let key = if holds == Holds::All { keys::Group::Conditions } else { keys::Group::Any };
    let clauses = read(fields.list(key, faults), within, sources, faults);
    let reason = reason(&mut fields, keys::Group::Reason, keys::Group::OnDeny, faults);
    let name = fields.name(keys::Group::Name, faults);
    fields.close(faults);
    Some(Group { path: part.path.to_string(), holds, clauses, reason, name })
}
