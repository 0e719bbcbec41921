//! The claims that a policy reads, for records.

use super::path::{Origin, ValuePath};
use super::{Grants, Rule};
use crate::json;

/// Where conditions, limits and grants look for scopes.
const SCOPES: [&str; 2] = ["scope", "scp"];

/// A claim that a policy reads, up to the first list that it looks into.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadClaim {
    /// The path as `match` writes it, such as `team` or `realm_access.roles`
    pub name: String,
    /// The keys from the token to the value
    pub keys: Vec<String>,
}

impl ReadClaim {
    /// Makes the claim at these keys.
    #[must_use]
    pub fn new(keys: Vec<String>) -> Self {
        let mut name = String::new();
        for key in &keys {
            if key.is_empty() || key.contains(['.', '[', ']', '*', '"']) {
                name.push('[');
                json::quote(&mut name, key);
                name.push(']');
            } else {
                name.push_str(if name.is_empty() { "" } else { "." });
                name.push_str(key);
            }
        }
        Self { name, keys }
    }

    /// Returns the claims that a path reads: one if it begins with `claims`, both that can hold scopes if it is
    /// `scopes`, none if it is another path.
    #[must_use]
    pub fn of(path: &ValuePath) -> Vec<Self> {
        match path.origin() {
            Origin::Claims => vec![Self::new(path.leading_keys())],
            Origin::Scopes => Self::of_scopes(),
            _ => Vec::new(),
        }
    }

    /// Returns the claims that can hold scopes.
    #[must_use]
    pub fn of_scopes() -> Vec<Self> {
        SCOPES.iter().map(|key| Self::new(vec![(*key).to_owned()])).collect()
    }
}

impl Rule {
    /// Iterates over the paths of all attributes that the rule reads.
    pub fn paths(&self) -> impl Iterator<Item = &ValuePath> {
        let conditions = self.clauses().flat_map(super::Clause::conditions);
        let tested =
            conditions.flat_map(|condition| std::iter::once(&condition.attribute).chain(condition.operand()));
        tested.chain(self.limits.iter().filter_map(|limit| limit.by.as_ref()))
    }
}

/// Collects the claims that rules and grants read, each once.
pub(super) fn read<'r>(rules: impl Iterator<Item = &'r Rule>, grants: &Grants) -> Vec<ReadClaim> {
    let mut claims: Vec<ReadClaim> = rules.flat_map(Rule::paths).flat_map(ReadClaim::of).collect();
    claims.extend(grants.claims());
    claims.sort();
    claims.dedup();
    claims
}
