//! Warnings about money without an upper bound: `spend-without-cap`.

use std::collections::HashSet;
use std::sync::Arc;

use mcp_policy_engine::document::{Notation, Part};
use mcp_policy_engine::policy::{Action, Adds, Clause, Effect, Origin, Pattern, Rule, Step, ValuePath};

use super::context::{Context, Entry, Warning, denies};
use super::kinds;
use super::schema_walk::{Types, is_bounded, target, types};
use crate::money::{is_money, only_reads};

/// Looks for arguments named like money that nothing bounds.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    let mut seen = HashSet::new();
    for entry in context.entries.iter().filter(|entry| entry.section == "tools") {
        let Some(pattern) = entry.pattern else { continue };
        if entry.all().any(|rule| stops(rule)) || only_reads(pattern.as_str()) {
            continue;
        }
        let own = entry.rules.iter().filter_map(|rule| context.part(&format!("{}.arguments", rule.path)));
        let own: Vec<Money<'_>> = own.flat_map(money).collect();
        for money in &own {
            if !is_capped(context, entry, pattern, &money.keys, &own) && seen.insert(money.path.clone()) {
                warnings.push(warning(money.path.clone(), &money.keys, ""));
            }
        }
        if own.is_empty() {
            of_tools(context, entry, pattern, warnings);
        }
    }
}

fn warning(path: String, keys: &[String], of: &str) -> Warning {
    let argument = ["args".to_owned()].iter().chain(keys).cloned().collect::<Vec<_>>().join(".");
    let message = format!("`{argument}`{of} looks like money, and one call can spend any amount of it");
    let help =
        format!("add `maximum` to its schema, a condition, or a limit with `\"amount\": \"{argument}\"`");
    Warning::of_key(&kinds::SPEND_WITHOUT_CAP, path, message).help(help)
}

/// Warns of arguments in the schemas of the server's tools.
fn of_tools(context: &Context<'_>, entry: &Entry<'_>, pattern: &Pattern, warnings: &mut Vec<Warning>) {
    for tool in context.tools_of(entry).filter(|tool| !only_reads(&tool.name)) {
        let Some(schema) = tool.schema else { continue };
        for Money { keys, bounded, .. } in money(&Part::root(schema, Notation::Json)) {
            if !bounded && !is_capped(context, entry, pattern, &keys, &[]) {
                warnings.push(warning(
                    entry.path.to_string(),
                    &keys,
                    &format!(" of the tool `{}`", tool.name),
                ));
            }
        }
    }
}

/// Returns whether no call passes a rule without a person.
fn stops(rule: &Rule) -> bool {
    denies(rule) || rule.action == Action::RequireApproval && rule.when.is_empty()
}

/// An argument that is a number and looks like money.
struct Money<'c> {
    /// The names that lead to it
    keys: Vec<String>,
    /// Where its schema stands
    path: String,
    /// Whether its schema bounds it
    bounded: bool,
    schema: Part<'c>,
}

/// How deep an argument can be.
const DEEPEST: usize = 8;

fn money<'c>(schema: &Part<'c>) -> Vec<Money<'c>> {
    let mut found = Vec::new();
    collect(schema, schema, &[], 0, &mut found);
    found.sort_by_key(|money| money.schema.value.span().start);
    found
}

fn collect<'c>(
    root: &Part<'c>,
    schema: &Part<'c>,
    keys: &[String],
    depth: usize,
    found: &mut Vec<Money<'c>>,
) {
    let Some(below) = depth.checked_add(1).filter(|depth| *depth < DEEPEST) else { return };
    for (key, part) in schema.members() {
        match &*key {
            "properties" => part.members().for_each(|(name, part)| {
                let keys = [keys, &[name.to_string()]].concat();
                let is_number =
                    types(root, &part, 0).is_some_and(|types| !types.and(Types::NUMBER).is_empty());
                if is_number && is_money(&name) {
                    let (path, bounded) = (part.path.to_string(), is_bounded(root, &part, 0));
                    found.push(Money { keys, path, bounded, schema: part });
                } else {
                    collect(root, &part, &keys, below, found);
                }
            }),
            "items" => collect(root, &part, keys, below, found),
            "allOf" | "anyOf" | "oneOf" => {
                part.elements().for_each(|part| collect(root, &part, keys, below, found))
            }
            "$ref" => {
                if let Some(target) = target(root, &part) {
                    collect(root, &target, keys, below, found);
                }
            }
            _ => {}
        }
    }
}

/// Returns whether something bounds an argument: a schema, a condition or a limit of any rule that applies, or of every
/// grant.
fn is_capped(
    context: &Context<'_>,
    entry: &Entry<'_>,
    pattern: &Pattern,
    keys: &[String],
    own: &[Money<'_>],
) -> bool {
    if own.iter().any(|money| money.bounded && money.keys == keys) || entry.all().any(|rule| caps(rule, keys))
    {
        return true;
    }
    let document = &context.policy.rules;
    if entry.layer > 0 {
        let decides = document.tools.get(pattern.as_str()).filter(|_| pattern.is_exact());
        return decides.is_some_and(|rules| rules.iter().any(|rule| caps(rule, keys) || stops(rule)));
    }
    // Every caller has one of the grants.
    let grants = context.policy.grants.iter();
    let by_grant = |rules: &mcp_policy_engine::policy::Rules| match rules.tools.get(pattern.as_str()) {
        Some(own) => own.iter().chain(&rules.all_tools).any(|rule| caps(rule, keys) || stops(rule)),
        None => {
            rules.default.0 == Effect::Deny
                || rules.all_tools.iter().any(|rule| caps(rule, keys) || stops(rule))
        }
    };
    !context.policy.grants.is_empty() && pattern.is_exact() && grants.map(|grant| &grant.rules).all(by_grant)
}

/// Returns whether a rule has a condition on an argument, or a limit that adds it up.
fn caps(rule: &Arc<Rule>, keys: &[String]) -> bool {
    let speaks = |path: &ValuePath| {
        let named = path.steps().iter().filter_map(|step| match step {
            Step::Key(key) => Some(key),
            Step::Index(_) | Step::Each => None,
        });
        path.origin() == Origin::Arguments && named.eq(keys)
    };
    let conditions = rule.clauses().flat_map(Clause::conditions);
    conditions.flat_map(|condition| [Some(&condition.attribute), condition.operand()]).flatten().any(speaks)
        || rule.limits.iter().any(|limit| match &limit.amount {
            Adds::Fixed(_) => false,
            Adds::Arguments(paths) => paths.iter().any(speaks),
        })
}
