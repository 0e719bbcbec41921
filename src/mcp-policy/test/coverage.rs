//! Which parts of a policy the cases have made decide.
//!
//! A rule is covered if it applied to a request. A condition, a definition, a schema or a limit is covered if it refused
//! one, a condition in `when` also if it kept its rule from applying. A grant is covered if a caller had it, and what
//! decides without a rule (`default`, `hide`, `methods`) if it did so.

use std::collections::BTreeSet;

use mcp_policy_engine::document::Position;
use mcp_policy_engine::policy::{Policy, Rule, Rules};

use crate::diagnostic::Lines;
use crate::explain::Explanation;
use crate::input::Found;
use crate::trace::{Layer, Outcome};

/// The kinds of parts, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A rule
    Rule,
    /// A clause of a rule
    Condition,
    /// The digest of a tool's definition
    Definition,
    /// The schema of a rule
    Schema,
    /// A limit
    Limit,
    /// A grant
    Grant,
    /// An entry of `methods`
    Method,
    /// An entry of `hide`
    Hide,
    /// `default`
    Default,
}

impl Kind {
    /// Returns its word, and the plural for people.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Rule => ("rule", "rules"),
            Self::Condition => ("condition", "conditions"),
            Self::Definition => ("definition", "definitions"),
            Self::Schema => ("schema", "schemas"),
            Self::Limit => ("limit", "limits"),
            Self::Grant => ("grant", "grants"),
            Self::Method => ("method", "methods"),
            Self::Hide => ("hide", "hidden tools"),
            Self::Default => ("default", "defaults"),
        }
    }
}

/// A part of a policy that can decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is
    pub kind: Kind,
    /// Its path in the policy
    pub path: String,
    /// Whether a case has made it decide
    pub covered: bool,
}

/// The parts of one policy that cases have made decide.
#[derive(Debug, Clone)]
pub struct Coverage {
    /// What tells the policy apart from others
    pub key: String,
    /// The policy, with its places
    pub found: Found,
    /// The parts by their kinds, and in the policy's order within each kind
    pub parts: Vec<Part>,
}

impl Coverage {
    /// Lists the parts of a policy; `found` has their places.
    pub fn new(key: String, found: Found, policy: &Policy) -> Self {
        let mut parts = Parts::default();
        parts.add_rules(&policy.rules, true);
        for grant in policy.grants.iter() {
            parts.add(Kind::Grant, &grant.path);
            let rules = &grant.rules;
            let sections =
                [rules.tools.is_empty(), rules.resources.section().is_empty(), rules.prompts.is_empty()];
            let has_sections = sections.contains(&false) || !rules.methods.section().is_empty();
            parts.add_rules(rules, has_sections);
        }
        let Parts { list: mut parts, .. } = parts;
        parts.sort_by_key(|part| part.kind);
        Self { key, found, parts }
    }

    /// Notes how a request was decided; `hides` are names that a list is expected to hide.
    pub fn note(&mut self, explanation: &Explanation, hides: &[String], policy: &Policy) {
        let mut covered: BTreeSet<&str> = explanation.verdict.rule.as_deref().into_iter().collect();
        for layer in &explanation.layers {
            note_layer(layer, &mut covered);
        }
        let named = policy.grants.iter().find(|grant| Some(&grant.name) == explanation.caller.grant.as_ref());
        covered.extend(named.map(|grant| grant.path.as_str()));
        let layers = std::iter::once(&policy.rules).chain(named.map(|grant| &grant.rules));
        let by_lists = layers.flat_map(|rules| hides.iter().filter_map(|name| rules.hidden(name)));
        covered.extend(by_lists);
        for part in &mut self.parts {
            part.covered |= covered.contains(part.path.as_str());
        }
    }

    /// Returns whether a part is of a rule that no case has made apply, so that it cannot have decided either.
    pub fn is_of_uncovered_rule(&self, part: &Part) -> bool {
        let below =
            |rule: &Part| part.path.strip_prefix(&rule.path).is_some_and(|rest| rest.starts_with('.'));
        let mut rules = self.parts.iter().filter(|rule| rule.kind == Kind::Rule && !rule.covered);
        rules.any(below)
    }

    /// Counts the covered parts, and all of them.
    pub fn count(&self) -> (usize, usize) {
        count(&self.parts)
    }

    /// Counts the covered parts of each kind that the policy has, and all of them.
    pub fn kinds(&self) -> impl Iterator<Item = (Kind, (usize, usize))> {
        let kinds = self.parts.chunk_by(|one, next| one.kind == next.kind);
        kinds.filter_map(|parts| Some((parts.first()?.kind, count(parts))))
    }

    /// Returns the covered parts in percent, rounded down.
    pub fn percent(&self) -> usize {
        let (covered, all) = self.count();
        covered.saturating_mul(100).checked_div(all).unwrap_or(100)
    }

    /// Returns the parts that no case has made decide, with their positions in the policy's file, in that order.
    pub fn uncovered(&self) -> Vec<(&Part, Position)> {
        let lines = Lines::of(&self.found.file.text);
        let position = |part: &Part| lines.position(self.found.place(&part.path, false).start);
        let parts = self.parts.iter().filter(|part| !part.covered);
        let mut parts: Vec<_> = parts.map(|part| (part, position(part))).collect();
        parts.sort_by_key(|(_, at)| (at.line, at.column));
        parts
    }
}

fn count(parts: &[Part]) -> (usize, usize) {
    (parts.iter().filter(|part| part.covered).count(), parts.len())
}

fn note_layer<'l>(layer: &'l Layer, covered: &mut BTreeSet<&'l str>) {
    for subject in &layer.subjects {
        if let Some(path) = &subject.hidden_by {
            covered.insert(path);
            continue;
        }
        let method = subject.entry.as_ref().filter(|entry| entry.effect.is_some());
        covered.extend(method.map(|entry| entry.path.as_str()));
        covered.extend(subject.default.as_ref().map(|(path, _)| path.as_str()));
        for rule in &subject.rules {
            if rule.applies == Some(true) {
                covered.insert(&rule.path);
            }
            let when = rule.checks.iter().filter(|check| check.kind == "when");
            covered.extend(
                when.filter(|check| check.outcome != Outcome::Holds).map(|check| check.path.as_str()),
            );
        }
    }
}

/// Parts that are being listed, each once.
#[derive(Default)]
struct Parts {
    list: Vec<Part>,
    known: BTreeSet<String>,
}

impl Parts {
    fn add(&mut self, kind: Kind, path: &str) {
        if self.known.insert(path.to_owned()) {
            self.list.push(Part { kind, path: path.to_owned(), covered: false });
        }
    }

    fn add_rules(&mut self, rules: &Rules, has_default: bool) {
        for rule in rules.iter() {
            self.add_rule(rule);
        }
        for (_, path) in rules.methods.section().iter() {
            self.add(Kind::Method, path);
        }
        for (_, path) in rules.hide.iter() {
            self.add(Kind::Hide, path);
        }
        if has_default {
            self.add(Kind::Default, &rules.default.1);
        }
    }

    fn add_rule(&mut self, rule: &Rule) {
        // All fields are named, so that a new one does not compile before somebody has said whether it is a part.
        let Rule {
            path,
            digest: _,
            action: _,
            reason: _,
            mode: _,
            when: _,
            definition,
            arguments,
            require: _,
            deny_if: _,
            limits,
        } = rule;
        self.add(Kind::Rule, path);
        for clause in rule.clauses() {
            self.add(Kind::Condition, clause.path());
        }
        if definition.is_some() {
            self.add(Kind::Definition, &format!("{path}.definition"));
        }
        if arguments.is_some() {
            self.add(Kind::Schema, &format!("{path}.arguments"));
        }
        for limit in limits {
            self.add(Kind::Limit, &limit.path);
        }
    }
}
