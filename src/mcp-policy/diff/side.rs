//! One of the two policies, with the text of its parts.

use std::collections::HashMap;

use mcp_policy_engine::document::{Faults, Path, Source};
use mcp_policy_engine::json::{self, canonical::Canonical};
use mcp_policy_engine::policy::{
    Clause, Condition, Grant, Holds, Limit, Origin, Policy, Rule, Rules, ValuePath,
};

use crate::input::{Node, Value};

/// A policy and its document.
#[derive(Debug)]
pub struct Side {
    /// The policy
    pub policy: Policy,
    /// The document
    pub root: Node,
    text: String,
    /// The parts of the document, by their paths
    parts: HashMap<String, Node>,
    zone: String,
}

impl Side {
    /// Reads a policy.
    ///
    /// # Errors
    /// Its faults.
    pub fn read(bytes: &[u8]) -> Result<Self, Faults> {
        let policy = Policy::from_bytes(bytes)?;
        let mut faults = Faults::default();
        let source = Source::new(bytes, &mut faults);
        let text = source.map(|source| String::from_utf8_lossy(&source.text).into_owned());
        let Some((text, root)) = text.and_then(|text| Node::of_json(&text).map(|root| (text, root))) else {
            return Err(faults);
        };
        let mut parts = HashMap::new();
        add(&mut parts, &Path::default(), &root);
        let zone = root.member("time_zone").and_then(Node::text).unwrap_or("UTC0").to_owned();
        Ok(Self { policy, root, text, parts, zone })
    }

    /// Returns the canonical text of a part of the document: equal texts mean the same.
    pub fn canonical(&self, node: &Node) -> String {
        let raw = self.text.get(node.span.clone()).unwrap_or_default();
        match json::read(raw.as_bytes()).map(|document| Canonical::of(document.root())) {
            Ok(form) if form.is_exact() => form.into_text(),
            _ => raw.to_owned(),
        }
    }

    /// Returns the canonical text of a member of the document; `None` if it is absent.
    pub fn member(&self, key: &str) -> Option<String> {
        self.root.member(key).map(|node| self.canonical(node))
    }

    /// Tells whether two policies have the same text.
    pub fn is_same(&self, other: &Self) -> bool {
        self.text == other.text
    }

    /// Returns the object of a rule.
    pub fn rule(&self, rule: &Rule) -> Option<&Node> {
        self.parts.get(&*rule.path)
    }

    /// Returns the object of a limit.
    pub fn limit(&self, limit: &Limit) -> Option<&Node> {
        self.parts.get(&*limit.path)
    }

    /// Returns the object of a grant.
    pub fn grant(&self, grant: &Grant) -> Option<&Node> {
        self.parts.get(&grant.path)
    }

    /// Returns a clause as text without what only words say. Equal texts mean the same for callers of a grant of this name.
    pub fn clause(&self, clause: &Clause, grant: &str) -> String {
        match clause {
            Clause::Group(group) => {
                let clauses: Vec<String> =
                    group.clauses.iter().map(|clause| self.clause(clause, grant)).collect();
                let holds = if group.holds == Holds::All { "all of" } else { "any of" };
                format!("{holds} ({})", clauses.join("; "))
            }
            Clause::Condition(condition) => self.condition(condition, grant),
        }
    }

    fn condition(&self, condition: &Condition, grant: &str) -> String {
        let node = self.parts.get(&condition.path);
        let op = node.and_then(|node| node.member("op")).and_then(Node::text).unwrap_or_default();
        let value = node.and_then(|node| node.member("value"));
        let value = value.map_or_else(|| "true".to_owned(), |node| self.canonical(node));
        let mut text = format!("{} {op} {value}", condition.attribute);
        if condition.reads_time() && self.zone != "UTC0" {
            text = format!("{text} in {}", self.zone);
        }
        let is_grant = |path: &ValuePath| path.origin() == Origin::Grant;
        if is_grant(&condition.attribute) || condition.operand().is_some_and(is_grant) {
            text = format!("{text} for `{grant}`");
        }
        text
    }

    /// Returns the name of a grant, by its number; `default` for callers without grants.
    pub fn grant_name(&self, number: Option<usize>) -> &str {
        number.and_then(|number| self.policy.grants.get(number)).map_or("default", |grant| &grant.name)
    }

    /// Returns the sets of rules that a caller must pass: the document's, then those of a grant.
    pub fn layers(&self, grant: Option<usize>) -> Vec<&Rules> {
        let grant = grant.and_then(|number| self.policy.grants.get(number));
        std::iter::once(&self.policy.rules).chain(grant.map(|grant| &grant.rules)).collect()
    }
}

fn add(parts: &mut HashMap<String, Node>, path: &Path, node: &Node) {
    match &node.value {
        Value::List(elements) => {
            for (index, element) in elements.iter().enumerate() {
                add(parts, &path.index(index), element);
            }
        }
        Value::Object(members) => {
            for (key, _, member) in members {
                add(parts, &path.key(key), member);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
    parts.insert(path.to_string(), node.clone());
}
