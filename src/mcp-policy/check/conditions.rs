//! Warnings about conditions on what a value never is: `never-matches`.

use mcp_policy_engine::identity::DEFAULT_GRANT;
use mcp_policy_engine::policy::{Clause, Condition, Origin, Pattern, Scalar, Test};
use mcp_policy_engine::work::Work;

use super::context::{Context, Entry, Warning};
use super::kinds;

/// Looks for conditions that compare with a grant, a time or a scope that there never is, and for those on a value that
/// requests of their section never have.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    for condition in context.rules().flat_map(|rule| rule.clauses().flat_map(Clause::conditions)) {
        let path = format!("{}.value", condition.path);
        let message = match condition.attribute.origin() {
            Origin::Grant => unknown_grant(context, condition),
            Origin::Weekday => no_such_time(condition, &weekdays(), "`mon` to `sun`"),
            Origin::TimeOfDay => no_such_time(condition, &times_of_day(), "`00:00` to `23:59`"),
            Origin::Scopes => no_such_scope(condition),
            _ => None,
        };
        warnings.extend(message.map(|message| Warning::of(&kinds::NEVER_MATCHES, path, message)));
    }
    for entry in context.entries.iter().filter(|entry| !entry.is_of_tools()) {
        for rule in entry.rules {
            for condition in rule.clauses().flat_map(Clause::conditions) {
                absent(entry, condition, warnings);
            }
        }
    }
}

/// Returns what is wrong with the name of a grant.
fn unknown_grant(context: &Context<'_>, condition: &Condition) -> Option<String> {
    let grants = &context.policy.grants;
    let mut names: Vec<&str> = grants.iter().map(|grant| grant.name.as_str()).collect();
    if names.is_empty() {
        names.push(DEFAULT_GRANT);
    }
    let test = &condition.test;
    if names.iter().all(|name| fits(test, name) == Some(false)) {
        return Some(format!("no grant has a name that fits: there are `{}`", names.join("`, `")));
    }
    let name = texts(test).into_iter().find(|text| !names.contains(text))?;
    Some(match grants.iter().next() {
        Some(_) => format!("no grant has the name `{name}`"),
        None => {
            format!("no grant has the name `{name}`: without `grants` all callers have `{DEFAULT_GRANT}`")
        }
    })
}

/// Returns what is wrong with a part of a time, if none of all times has it.
fn no_such_time(condition: &Condition, times: &[String], forms: &str) -> Option<String> {
    let test = &condition.test;
    let fits = times.iter().any(|time| fits(test, time) != Some(false));
    (!fits).then(|| format!("no value of `{}` fits: they are {forms}", condition.attribute))
}

fn weekdays() -> Vec<String> {
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(str::to_owned).to_vec()
}

fn times_of_day() -> Vec<String> {
    (0..24).flat_map(|hour| (0..60).map(move |minute| format!("{hour:02}:{minute:02}"))).collect()
}

/// Returns what is wrong with a scope. Scopes are the words of a text, so they contain no space (RFC 6749, section 3.3).
fn no_such_scope(condition: &Condition) -> Option<String> {
    let part = match &condition.test {
        Test::Contains(scalar) | Test::NotContains(scalar) => scalar.text(),
        _ => None,
    };
    let mut scopes = texts(&condition.test).into_iter().chain(part);
    let scope = scopes.find(|text| text.contains(char::is_whitespace))?;
    Some(format!("no scope is `{scope}`: a scope contains no space"))
}

/// Returns the texts that a value is compared with as a whole.
fn texts(test: &Test) -> Vec<&str> {
    match test {
        Test::OneOf(scalars) | Test::NoneOf(scalars) => scalars.iter().filter_map(Scalar::text).collect(),
        _ => Vec::new(),
    }
}

/// Returns whether a text fits a test that looks at its letters; `None` for other tests.
pub(super) fn fits(test: &Test, text: &str) -> Option<bool> {
    Some(match test {
        Test::Contains(scalar) => text.contains(scalar.text()?),
        Test::StartsWith(start) => text.starts_with(start),
        Test::EndsWith(end) => text.ends_with(end),
        Test::Glob(pattern) => pattern.matches(text),
        Test::Regex(regex) => regex.finds(text, &Work::default())?,
        _ => return None,
    })
}

/// Warns of the values of a condition that no request has on which an entry decides.
fn absent(entry: &Entry<'_>, condition: &Condition, warnings: &mut Vec<Warning>) {
    let why = |origin: Origin| match origin {
        Origin::Arguments if entry.section == "resources" => Some("a resource takes no arguments"),
        Origin::Tool => Some("only calls of tools have one"),
        _ => None,
    };
    let (section, pattern) = (entry.section, entry.pattern.map_or("", Pattern::as_str));
    let operand = condition.operand().map(|operand| ("value.path", operand));
    for (key, path) in std::iter::once(("path", &condition.attribute)).chain(operand) {
        if let Some(why) = why(path.origin()) {
            let message = format!("`{path}` is always missing in `{section}` for `{pattern}`, because {why}");
            let place = format!("{}.{key}", condition.path);
            warnings.push(Warning::of(&kinds::NEVER_MATCHES, place, message));
        }
    }
}
