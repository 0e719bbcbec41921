//! What has changed at a server since a policy was written.

use std::collections::{BTreeMap, BTreeSet};

use mcp_policy_engine::document::{Faults, Source};
use mcp_policy_engine::policy::{EntryRules, Policy, Section};
use serde::Serialize;
use serde_json::{Map, Value};

use super::definitions::{Digest, without_digest};
use super::findings::Target;
use super::offer::{Item, Kind, Offer, Tool};
use super::{pin, schema};
use crate::input::Found;
use crate::outcome::Failure;

/// What has become of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The server has it, and the policy does not name it
    New,
    /// The policy names it, and the server does not have it
    Gone,
    /// Its parameters are not those of the policy's schema
    Changed,
}

impl Change {
    /// Returns the change's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gone => "gone",
            Self::Changed => "changed",
        }
    }
}

/// One difference between a server and a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Drift {
    /// What happened
    pub change: Change,
    /// To what
    pub target: Target,
    /// More about it, in words
    pub message: String,
}

/// Makes the target with a name.
type Made = fn(String) -> Target;

/// What a comparison with a policy found.
#[derive(Debug, Default)]
pub struct Compared {
    /// The differences
    pub drift: Vec<Drift>,
    /// The sections of the policy whose names could not be compared, because the source has no such list
    pub left_out: Vec<&'static str>,
}

/// Compares what a server offers with a policy.
pub fn compare(offer: &Offer, (found, policy): &(Found, Policy)) -> Compared {
    let document = document(found);
    let (mut drift, mut left_out) = (Vec::new(), Vec::new());
    let rules = &policy.rules;
    let tools: BTreeSet<_> = offer.tools.iter().map(|tool| tool.name.as_str()).collect();
    let sections: [(_, _, _, Made); 3] = [
        (Kind::Tools, &rules.tools, tools, Target::Tool),
        (Kind::Resources, rules.resources.section(), names(&offer.resources), Target::Resource),
        (Kind::Prompts, &rules.prompts, names(&offer.prompts), Target::Prompt),
    ];
    for (kind, section, offered, target) in sections {
        if offer.listed.contains(&kind) {
            of_section(section, &offered, target, &mut drift);
        } else if section.entries().any(|(pattern, _)| pattern.is_exact()) {
            left_out.push(kind.member());
        }
    }
    for tool in &offer.tools {
        let message = of_number(tool, policy).or_else(|| of_parameters(tool, &document));
        drift.extend(message.map(|message| Drift {
            change: Change::Changed,
            target: Target::Tool(tool.name.clone()),
            message,
        }));
    }
    drift.sort();
    Compared { drift, left_out }
}

/// Returns the document of a policy, also of one that reaches the filter as a `Struct`.
fn document(found: &Found) -> Value {
    let source = Source::new(&found.bytes, &mut Faults::default());
    source.and_then(|source| serde_json::from_slice(&source.text).ok()).unwrap_or_default()
}

fn names(items: &[Item]) -> BTreeSet<&str> {
    items.iter().map(|item| item.name.as_str()).collect()
}

/// Compares the definitions of tools with those that the policy pins. What `known` tells of a tool's parameters says more.
///
/// # Errors
/// The policy pins definitions, and there are no digests.
pub fn of_definitions(
    policy: &Policy,
    offer: &Offer,
    digests: Option<&[Digest]>,
    known: &[Drift],
) -> Result<Vec<Drift>, Failure> {
    if policy.pins.is_empty() {
        return Ok(Vec::new());
    }
    let mut changed = BTreeMap::new();
    for (tool, digest) in offer.tools.iter().zip(super::known(digests)?) {
        let message = match digest {
            Ok(digest) if policy.pins.of_tool(&tool.name).all(|(_, pin)| pin.digest == *digest) => continue,
            Ok(_) => "its definition is not the one that the policy pins".to_owned(),
            Err(_) if policy.pins.of_tool(&tool.name).next().is_none() => continue,
            Err(why) => without_digest(why),
        };
        changed.insert(Target::Tool(tool.name.clone()), message);
    }
    let is_told = |target: &Target| {
        known.iter().any(|known| known.change == Change::Changed && known.target == *target)
    };
    changed.retain(|target, _| !is_told(target));
    let drift = |(target, message)| Drift { change: Change::Changed, target, message };
    Ok(changed.into_iter().map(drift).collect())
}

fn of_section(section: &Section<EntryRules>, offered: &BTreeSet<&str>, target: Made, drift: &mut Vec<Drift>) {
    for name in offered.iter().filter(|name| !section.names(name)) {
        let message = match section.pair(name).map(|(pattern, _)| pattern) {
            Some(pattern) => {
                format!("the policy does not name it; its pattern `{}` decides", pattern.as_str())
            }
            None => "the policy does not name it".to_owned(),
        };
        drift.push(Drift { change: Change::New, target: target((*name).to_owned()), message });
    }
    for (pattern, _) in section.entries() {
        if pattern.is_exact() && !offered.contains(pattern.as_str()) {
            let message = "the server no longer has it".to_owned();
            drift.push(Drift { change: Change::Gone, target: target(pattern.as_str().to_owned()), message });
        }
    }
}

/// Says that a tool cannot be judged because of a number in its definition, unless the policy denies the tool or does not
/// name it.
fn of_number(tool: &Tool, policy: &Policy) -> Option<String> {
    let beyond = tool.beyond.as_ref()?;
    let is_open = policy.rules.tools.names(&tool.name) && !pin::denies(policy, &tool.name);
    is_open.then(|| format!("{}: {}", super::findings::escape(&beyond.place), beyond.why()))
}

/// Compares a tool's parameters with the schemas that the policy has for them. A policy may be stricter than the server,
/// so only the names and types of parameters and what is required are compared.
fn of_parameters(tool: &Tool, document: &Value) -> Option<String> {
    let entry = document.get("tools")?.get(&tool.name)?;
    let held = schemas(entry, document);
    if held.is_empty() {
        return None;
    }
    let taken = schema::take_over(&tool.schema).schema.unwrap_or(Value::Object(Map::new()));
    let (now, then) = (parameters(&[&taken]), parameters(&held));
    let mut parts = Vec::new();
    let new: Vec<_> = now.keys().filter(|name| !then.contains_key(*name)).collect();
    let gone: Vec<_> = then.keys().filter(|name| !now.contains_key(*name)).collect();
    let other = now.iter().filter(|(name, shape)| then.get(*name).is_some_and(|before| !shape.fits(before)));
    for (what, names) in [("new", new), ("gone", gone), ("changed", other.map(|(name, _)| name).collect())] {
        if !names.is_empty() {
            let names: Vec<_> =
                names.iter().map(|name| format!("`{}`", super::findings::escape(name))).collect();
            parts.push(format!("{what}: {}", names.join(", ")));
        }
    }
    (!parts.is_empty())
        .then(|| format!("its parameters are not those of the policy's schema; {}", parts.join("; ")))
}

/// Returns the schemas for arguments in an entry's rules and in the named rules that it uses.
fn schemas<'d>(entry: &'d Value, document: &'d Value) -> Vec<&'d Value> {
    let rules: Vec<&Value> = entry.as_array().map_or_else(|| vec![entry], |rules| rules.iter().collect());
    let resolved = rules.into_iter().filter_map(|rule| match rule.as_str() {
        Some(name) => document.get("rules")?.get(name),
        None => Some(rule),
    });
    resolved.filter_map(|rule| rule.get("arguments")).collect()
}

/// What is compared of a parameter.
#[derive(Debug, Clone, PartialEq, Default)]
struct Shape {
    types: Option<Value>,
    required: bool,
}

impl Shape {
    /// Returns whether the policy may have been written for this shape.
    fn fits(&self, policy: &Self) -> bool {
        // The policy may require more than the server, and need not repeat a type.
        (!self.required || policy.required) && (policy.types.is_none() || self.types == policy.types)
    }
}

fn parameters(schemas: &[&Value]) -> BTreeMap<String, Shape> {
    let mut found: BTreeMap<String, Shape> = BTreeMap::new();
    for schema in schemas {
        for (name, parameter) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            found.entry(name.clone()).or_default().types = parameter.get("type").cloned();
        }
        for name in
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            found.entry(name.to_owned()).or_default().required = true;
        }
    }
    found
}
