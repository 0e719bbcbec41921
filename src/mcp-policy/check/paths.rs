//! Warnings about folders that `..` leads out of: `path-escape`.

use std::collections::HashSet;

use mcp_policy_engine::json;
use mcp_policy_engine::policy::{Clause, Condition, Mode, Origin, Rule, Scalar, Step, Test, ValuePath};
use mcp_policy_engine::work::Work;

use super::conditions::fits;
use super::context::{Context, Entry, Warning};
use super::kinds;

/// Words that occur in the names of arguments with paths.
const NAMES: [&str; 9] = ["path", "file", "folder", "dir", "source", "src", "dest", "location", "root"];

/// Looks for conditions that ask for the beginning of a path, but let `..` pass.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    let mut seen = HashSet::new();
    for entry in context.entries.iter().filter(|entry| !entry.denies()) {
        for condition in entry.rules.iter().flat_map(|rule| &rule.require).filter_map(alone) {
            if let Some(escape) = escape(entry, condition)
                && seen.insert(condition.path.clone())
            {
                warnings.push(warning(condition, &escape));
            }
        }
    }
}

fn warning(condition: &Condition, escape: &str) -> Warning {
    let attribute = condition.attribute.to_string().replace('"', "\\\"");
    let message = format!("`{escape}` fits, too, and leads out of the folder");
    let help = format!(
        "describe the whole path with `regex`, or require {{\"path\": \"{attribute}\", \"op\": \"not_contains\", \"value\": \"..\"}}, too"
    );
    Warning::of(&kinds::PATH_ESCAPE, format!("{}.value", condition.path), message).help(help)
}

/// Returns a condition that is no part of a group.
fn alone(clause: &Clause) -> Option<&Condition> {
    match clause {
        Clause::Condition(condition) => Some(condition),
        Clause::Group(_) => None,
    }
}

/// Returns a path that fits a condition and all others on the same argument, although it leads out of the folder.
fn escape(entry: &Entry<'_>, condition: &Condition) -> Option<String> {
    let attribute = &condition.attribute;
    let (folder, end) = match &condition.test {
        Test::StartsWith(start) => (start.as_str(), ""),
        Test::Glob(pattern) => pattern.ends()?,
        _ => return None,
    };
    if !is_folder(attribute, folder) {
        return None;
    }
    let separator = if folder.contains('/') { '/' } else { '\\' };
    let folder = folder.trim_end_matches(separator);
    let required = entry.all().flat_map(|rule| &rule.require).filter_map(alone);
    let end =
        match required.filter(|other| other.attribute == *attribute).find_map(|other| end_of(&other.test)) {
            Some(required) if end.is_empty() => required,
            _ => end,
        };
    let path = format!("{folder}{separator}..{separator}x{end}");
    entry.all().all(|rule| may_pass(rule, condition, &path)).then_some(path)
}

/// Tells whether an argument is a path, and a text the folder in which it begins.
fn is_folder(attribute: &ValuePath, text: &str) -> bool {
    let Some(Step::Key(name)) = attribute.steps().iter().rev().find(|step| matches!(step, Step::Key(_)))
    else {
        return false;
    };
    let name = name.to_lowercase();
    let is_path = NAMES.iter().any(|word| name.contains(word)) || text.starts_with(['/', '~', '.']);
    is_path && attribute.origin() == Origin::Arguments && text.contains(['/', '\\']) && !text.contains("://")
}

/// Returns how a text has to end.
fn end_of(test: &Test) -> Option<&str> {
    match test {
        Test::EndsWith(end) => Some(end),
        Test::Glob(pattern) => pattern.ends().map(|(_, end)| end),
        _ => None,
    }
}

/// Tells whether a rule is known to let a path pass. `condition` is the one that the path is for.
fn may_pass(rule: &Rule, condition: &Condition, path: &str) -> bool {
    let attribute = &condition.attribute;
    let is_of_some = !rule.when.is_empty() && !condition.path.starts_with(&*rule.path);
    if rule.mode == Mode::Shadow || is_of_some {
        return true;
    }
    let concerns = |clause: &&Clause| clause.conditions().any(|other| other.attribute == *attribute);
    let fits = |clause: &Clause| fits_alone(alone(clause)?, path);
    let all = |clauses: &[Clause], wanted| {
        clauses.iter().filter(concerns).all(|clause| fits(clause) == Some(wanted))
    };
    all(&rule.require, true) && all(&rule.deny_if, false) && is_no_violation(rule, attribute, path)
}

/// Returns whether a path fits a condition; `None` if that is not known.
fn fits_alone(condition: &Condition, path: &str) -> Option<bool> {
    match &condition.test {
        Test::Exists(wanted) => Some(*wanted),
        Test::OneOf(scalars) => Some(scalars.iter().filter_map(Scalar::text).any(|text| text == path)),
        Test::NoneOf(scalars) => Some(scalars.iter().filter_map(Scalar::text).all(|text| text != path)),
        Test::NotContains(scalar) => scalar.text().map(|part| !path.contains(part)),
        test => fits(test, path),
    }
}

/// Tells whether the schema of a rule lets an argument have a value, as far as that is known.
fn is_no_violation(rule: &Rule, attribute: &ValuePath, path: &str) -> bool {
    let Some(schema) = &rule.arguments else { return true };
    let [Step::Key(name)] = attribute.steps() else { return false };
    let arguments = serde_json::json!({ name: path }).to_string();
    let Ok(document) = json::read(arguments.as_bytes()) else { return false };
    match schema.validate(Some(document.root()), &Work::default()) {
        Ok(()) => true,
        // Arguments that are missing say nothing about this one.
        Err(violation) => violation.argument != attribute.to_string() && violation.constraint == "is missing",
    }
}
