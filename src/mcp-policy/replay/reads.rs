//! What rules read, and policies without the parts that read what is not known.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use mcp_policy_engine::policy::{
    Action, Adds, Clause, Condition, Expected, Limit, Origin, Policy, ReadClaim, Rule, Test, TokenMatch,
    ValuePath,
};

use super::claims::Claims;

/// How much of a claim a test needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// Whether it exists, or is one of the values that the policy names: its hash suffices
    Hash,
    /// The value itself
    Value,
}

/// What a rule reads of a call and its caller.
#[derive(Debug, Default)]
pub struct Reads {
    /// Whether it reads arguments
    pub arguments: bool,
    /// The claims that it reads
    pub claims: Vec<(String, Needs)>,
    /// The counters of its limits
    pub counters: Vec<String>,
    /// Those of its counters to which arguments are added
    pub amounts: Vec<String>,
}

impl Reads {
    /// Finds out what a rule reads.
    pub fn of(rule: &Rule) -> Self {
        // All fields are named, here and below, so that a new one does not compile before somebody has said what it reads.
        let Rule {
            path: _,
            digest: _,
            action: _,
            reason: _,
            mode: _,
            when: _,
            definition: _,
            arguments,
            require: _,
            deny_if: _,
            limits,
        } = rule;
        let mut reads = Self { arguments: arguments.is_some(), ..Self::default() };
        for condition in rule.clauses().flat_map(Clause::conditions) {
            reads.arguments |= condition.reads_arguments();
            let needs = needs(&condition.test);
            reads.add(&condition.attribute, needs);
            if let Some(other) = condition.operand() {
                reads.add(other, Needs::Value);
            }
        }
        limits.iter().for_each(|limit| reads.add_limit(limit));
        reads
    }

    fn add_limit(&mut self, limit: &Limit) {
        let Limit {
            path: _,
            reason: _,
            counter,
            number: _,
            window: _,
            max: _,
            scope: _,
            by,
            amount,
            shared: _,
            shadow: _,
        } = limit;
        self.counters.push(counter.clone());
        let by_argument = by.as_ref().is_some_and(|path| path.origin() == Origin::Arguments);
        if by_argument || matches!(amount, Adds::Arguments(_)) {
            self.arguments = true;
            self.amounts.push(counter.clone());
        }
        if let Some(path) = by {
            self.add(path, Needs::Hash);
        }
    }

    fn add(&mut self, path: &ValuePath, needs: Needs) {
        self.claims.extend(ReadClaim::of(path).into_iter().map(|claim| (claim.name, needs)));
    }

    /// Returns a claim that the rule needs to know better than it is known.
    pub fn unknown_claim(&self, claims: &Claims) -> Option<&str> {
        unknown(&self.claims, claims)
    }
}

/// Returns the claims that grants read of tokens.
pub fn of_grants(policy: &Policy) -> Vec<(String, Needs)> {
    let needs = |token: &TokenMatch| {
        let open = |expected: &Expected| matches!(expected, Expected::Text(pattern) if !pattern.is_exact());
        if token.claims.iter().any(|(_, expected)| open(expected)) { Needs::Value } else { Needs::Hash }
    };
    let reads = |token: &TokenMatch| {
        let needs = needs(token);
        token.reads().into_iter().map(move |claim| (claim.name, needs)).collect::<Vec<_>>()
    };
    policy.grants.tokens().flat_map(reads).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Returns a claim among these that is needed better than it is known.
pub fn unknown<'r>(read: &'r [(String, Needs)], claims: &Claims) -> Option<&'r str> {
    let unknown = |(name, needs): &&(String, Needs)| {
        claims.unrecorded.contains(name) || (*needs == Needs::Value && claims.hashed.contains(name))
    };
    read.iter().find(unknown).map(|(name, _)| name.as_str())
}

fn needs(test: &Test) -> Needs {
    match test {
        Test::OneOf(_) | Test::NoneOf(_) | Test::Exists(_) => Needs::Hash,
        _ => Needs::Value,
    }
}

/// What is not known of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Unknown {
    /// The arguments
    pub arguments: bool,
    /// The claims that rules read
    pub claims: bool,
}

/// A policy with all that was found out about its rules, and with its variants for what is not known. A variant lacks
/// what reads the unknown. Because a rule can only restrict, what a variant refuses the policy refuses, too.
pub struct Variants {
    known: [Arc<Policy>; 4],
    reads: HashMap<Arc<str>, Reads>,
}

impl Variants {
    /// Makes the variants of a policy.
    pub fn of(policy: &Arc<Policy>) -> Self {
        let reads: HashMap<Arc<str>, Reads> =
            policy.all_rules().map(|rule| (Arc::clone(&rule.path), Reads::of(rule))).collect();
        let without = |unknown| Arc::new(without(policy, unknown, &reads));
        let known = [
            Arc::clone(policy),
            without(Unknown { arguments: true, claims: false }),
            without(Unknown { arguments: false, claims: true }),
            without(Unknown { arguments: true, claims: true }),
        ];
        Self { known, reads }
    }

    /// Returns the policy without what reads the unknown.
    pub fn policy(&self, unknown: Unknown) -> &Arc<Policy> {
        let [all, no_arguments, no_claims, neither] = &self.known;
        match (unknown.arguments, unknown.claims) {
            (false, false) => all,
            (true, false) => no_arguments,
            (false, true) => no_claims,
            (true, true) => neither,
        }
    }

    /// Returns what a rule reads.
    pub fn reads(&self, rule: &Rule) -> Option<&Reads> {
        self.reads.get(&rule.path)
    }
}

fn without(policy: &Policy, unknown: Unknown, reads: &HashMap<Arc<str>, Reads>) -> Policy {
    let mut policy = policy.clone();
    let uncounted: HashSet<&String> =
        reads.values().flat_map(|reads| &reads.amounts).filter(|_| unknown.arguments).collect();
    for rule in policy.all_rules_mut() {
        *rule = Arc::new(strip(rule, unknown, &uncounted));
    }
    policy
}

/// Removes from a rule what reads the unknown.
fn strip(rule: &Rule, unknown: Unknown, uncounted: &HashSet<&String>) -> Rule {
    let reads = |condition: &Condition| {
        let of_claims = |path: &ValuePath| !ReadClaim::of(path).is_empty();
        (unknown.arguments && condition.reads_arguments())
            || (unknown.claims
                && (of_claims(&condition.attribute) || condition.operand().is_some_and(of_claims)))
    };
    let unsure = |clause: &Clause| clause.conditions().any(reads);
    let Rule {
        path,
        digest,
        action,
        reason,
        mode,
        when,
        definition,
        arguments,
        mut require,
        mut deny_if,
        mut limits,
    } = rule.clone();
    if when.iter().any(unsure) {
        // Whether it applies is not known.
        return Rule {
            path,
            digest,
            action: Action::Allow,
            reason,
            mode,
            when: Vec::new(),
            definition,
            arguments: None,
            require: Vec::new(),
            deny_if: Vec::new(),
            limits: Vec::new(),
        };
    }
    require.retain(|clause| !unsure(clause));
    deny_if.retain(|clause| !unsure(clause));
    limits.retain(|limit| {
        let by_claim = limit.by.as_ref().is_some_and(|path| path.origin() == Origin::Claims);
        !(uncounted.contains(&limit.counter) || unknown.claims && by_claim)
    });
    let arguments = arguments.filter(|_| !unknown.arguments);
    Rule { path, digest, action, reason, mode, when, definition, arguments, require, deny_if, limits }
}
