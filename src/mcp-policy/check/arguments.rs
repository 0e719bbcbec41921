//! Warnings about arguments that a schema does not have: `argument-not-in-schema`.

use std::sync::Arc;

use mcp_policy_engine::document::{Notation, Part};
use mcp_policy_engine::policy::{Adds, Clause, Origin, Rule, Step, Test, ValuePath};

use super::context::{Context, Warning};
use super::kinds;
use super::schema_walk::target;
use super::tool_list::Tool;
use crate::diagnostic::closest;

/// Looks for conditions, amounts and `by` that speak of an argument which is not there.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    for rule in context.rules() {
        let own = context.part(&format!("{}.arguments", rule.path));
        let users: Vec<_> = context.users(rule).filter(|entry| entry.is_of_tools()).collect();
        let tools: Vec<&Tool<'_>> = users.iter().flat_map(|entry| context.tools_of(entry)).collect();
        for Spoken { at, path, denies } in spoken(context, rule) {
            let warning = own.and_then(|schema| in_own(schema, path, denies));
            let warning = warning.or_else(|| in_tools(&tools, path, denies));
            if let Some((message, help)) = warning {
                let warning = Warning::of(&kinds::ARGUMENT_NOT_IN_SCHEMA, at, message);
                warnings.push(Warning { help, ..warning });
            }
        }
    }
}

/// A path into the arguments, in a rule.
struct Spoken<'r> {
    /// Where it stands
    at: String,
    path: &'r ValuePath,
    /// Whether it stands in `deny_if`, where an argument that is not there is the usual case
    denies: bool,
}

fn spoken<'r>(context: &Context<'_>, rule: &'r Arc<Rule>) -> Vec<Spoken<'r>> {
    let mut found = Vec::new();
    let mut add = |at: String, path: &'r ValuePath, denies: bool| {
        if path.origin() == Origin::Arguments {
            found.push(Spoken { at, path, denies });
        }
    };
    for (clauses, denies) in [(&rule.when, false), (&rule.require, false), (&rule.deny_if, true)] {
        for condition in clauses.iter().flat_map(Clause::conditions) {
            // It asks for the argument not to be there.
            if matches!(condition.test, Test::Exists(false)) {
                continue;
            }
            add(format!("{}.path", condition.path), &condition.attribute, denies);
            if let Some(operand) = condition.operand() {
                add(format!("{}.value.path", condition.path), operand, denies);
            }
        }
    }
    for limit in &rule.limits {
        if let Adds::Arguments(paths) = &limit.amount {
            let is_list = context.part(&format!("{}.amount[0]", limit.path)).is_some();
            for (index, path) in paths.iter().enumerate() {
                let index = if is_list { format!("[{index}]") } else { String::new() };
                add(format!("{}.amount{index}", limit.path), path, false);
            }
        }
        if let Some(by) = &limit.by {
            add(format!("{}.by", limit.path), by, false);
        }
    }
    found
}

type Told = (String, Option<String>);

/// Warns about an argument that the rule's own schema does not have.
fn in_own(schema: &Part<'_>, path: &ValuePath, denies: bool) -> Option<Told> {
    let lack = lack(schema, schema, path.steps(), 0)?;
    if denies && !lack.is_closed && lack.alike.is_none() {
        return None;
    }
    let what = if lack.is_closed { "allows" } else { "has" };
    let message = format!("the rule's schema {what} no argument `{}`", lack.key);
    Some((message, lack.alike.map(|alike| format!("did you mean `{alike}`?"))))
}

/// Warns about an argument that none of the tools has.
fn in_tools(tools: &[&Tool<'_>], path: &ValuePath, denies: bool) -> Option<Told> {
    let lack_of = |tool: &&Tool<'_>| {
        let schema = Part::root(tool.schema?, Notation::Json);
        lack(&schema, &schema, path.steps(), 0)
    };
    let lacks: Option<Vec<Lack>> = tools.iter().map(lack_of).collect();
    let mut lacks = lacks?;
    let only = tools.first()?;
    let (alike, is_closed) =
        (lacks.iter_mut().find_map(|lack| lack.alike.take()), lacks.iter().all(|lack| lack.is_closed));
    if denies && !is_closed && alike.is_none() {
        return None;
    }
    let key = &lacks.first()?.key;
    let message = match tools.len() {
        1 => format!("the tool `{}` has no argument `{key}`", only.name),
        _ => format!("none of the {} tools that this applies to has an argument `{key}`", tools.len()),
    };
    Some((message, alike.map(|alike| format!("did you mean `{alike}`?"))))
}

/// What a schema lacks.
struct Lack {
    /// The name of the argument, or of its member
    key: String,
    /// Whether the schema refuses what it does not name
    is_closed: bool,
    /// A name that it has, and that is almost the same
    alike: Option<String>,
}

/// How deep references are followed.
const DEEPEST: usize = 40;

/// Returns what a schema lacks of a path; `None` if it has it, or if that cannot be told.
fn lack(root: &Part<'_>, schema: &Part<'_>, steps: &[Step], depth: usize) -> Option<Lack> {
    let below = depth.checked_add(1).filter(|depth| *depth < DEEPEST)?;
    let (step, rest) = steps.split_first()?;
    let mut level = Vec::new();
    same_value(root, schema, depth, &mut level);
    let key = match step {
        Step::Key(key) => key,
        Step::Index(_) | Step::Each => {
            let items: Vec<_> = level.iter().filter_map(|schema| schema.member("items")).collect();
            let [only] = items.as_slice() else { return None };
            return lack(root, only, rest, below);
        }
    };
    let properties: Vec<_> = level.iter().filter_map(|schema| schema.member("properties")).collect();
    let names: Vec<_> = properties.iter().flat_map(|part| part.members().map(|(name, _)| name)).collect();
    let found: Vec<_> = properties.iter().filter_map(|part| part.member(key)).collect();
    if !found.is_empty() {
        let mut lacks: Vec<Option<Lack>> =
            found.iter().map(|schema| lack(root, schema, rest, below)).collect();
        return if lacks.iter().all(Option::is_some) { lacks.pop().flatten() } else { None };
    }
    let is_open = |schema: &Part<'_>| {
        let additional = schema.member("additionalProperties");
        additional.is_some_and(|part| part.value.raw() != "false")
            || schema.member("patternProperties").is_some()
    };
    let requires = |schema: &Part<'_>| {
        schema
            .member("required")
            .is_some_and(|part| part.elements().any(|name| name.value.string().as_deref() == Some(key)))
    };
    let is_closed = level
        .iter()
        .any(|schema| schema.member("additionalProperties").is_some_and(|part| part.value.raw() == "false"));
    if (names.is_empty() && !is_closed) || level.iter().any(|schema| is_open(schema) || requires(schema)) {
        return None;
    }
    let alike = closest(key, names.iter().map(|name| &**name)).map(str::to_owned);
    Some(Lack { key: key.clone(), is_closed, alike })
}

/// Collects a schema and all that judge the same value.
fn same_value<'c>(root: &Part<'c>, schema: &Part<'c>, depth: usize, found: &mut Vec<Part<'c>>) {
    let Some(below) = depth.checked_add(1).filter(|depth| *depth < DEEPEST) else { return };
    if found.iter().any(|known| known.value.span() == schema.value.span()) {
        return;
    }
    found.push(schema.clone());
    for (key, part) in schema.members() {
        match &*key {
            "allOf" | "anyOf" | "oneOf" => {
                part.elements().for_each(|part| same_value(root, &part, below, found))
            }
            "then" | "else" | "if" => same_value(root, &part, below, found),
            "$ref" => {
                if let Some(target) = target(root, &part) {
                    same_value(root, &target, below, found);
                }
            }
            _ => {}
        }
    }
}
