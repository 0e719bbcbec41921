//! Warnings about maxima that do not suit what calls add: `limit-cannot-fire` for amounts.

use std::collections::HashSet;

use mcp_policy_engine::document::Part;
use mcp_policy_engine::limit::Amount;
use mcp_policy_engine::policy::{Adds, Limit, Step, ValuePath};

use super::context::{Context, Warning};
use super::kinds;

/// Looks for limits of which a part can never be used, or which no call can keep.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    let mut seen = HashSet::new();
    for rule in context.rules() {
        let schema = context.part(&format!("{}.arguments", rule.path));
        for limit in rule.limits.iter().filter(|limit| seen.insert(limit.path.to_string())) {
            let warning = match &limit.amount {
                Adds::Fixed(each) => fraction(limit, *each, &format!("each call adds a multiple of {each}")),
                Adds::Arguments(paths) => schema.and_then(|schema| of_arguments(schema, limit, paths)),
            };
            warnings.extend(warning);
        }
    }
}

fn of_arguments(schema: &Part<'_>, limit: &Limit, paths: &[ValuePath]) -> Option<Warning> {
    let schemas: Option<Vec<Part<'_>>> = paths.iter().map(|path| property(schema, path)).collect();
    let schemas = schemas?;
    for (path, schema) in paths.iter().zip(&schemas) {
        let least = schema.member("minimum").and_then(|part| Amount::from_decimal(&part.number()?).ok());
        if let Some(least) = least.filter(|least| *least > limit.max) {
            let message =
                format!("refuses every call: `{path}` is at least {least}, and {} is less", limit.max);
            return Some(
                Warning::of(&kinds::LIMIT_CANNOT_FIRE, max_of(limit), message)
                    .help(format!("allow {least} or more")),
            );
        }
    }
    let is_whole = |schema: &Part<'_>| {
        schema.member("type").is_some_and(|part| part.value.string().as_deref() == Some("integer"))
    };
    let names: Vec<&str> = paths.iter().map(ValuePath::as_str).collect();
    let whole = format!("`{}` is a whole number", names.join("` and `"));
    schemas.iter().all(is_whole).then(|| fraction(limit, Amount::ONE, &whole)).flatten()
}

fn max_of(limit: &Limit) -> String {
    format!("{}.max", limit.path)
}

/// Returns a warning if a part of the maximum can never be used, because each call adds a multiple of an amount. A
/// whole number may be a round one on purpose; a fraction is not.
fn fraction(limit: &Limit, each: Amount, why: &str) -> Option<Warning> {
    let rest = limit.max.micros().checked_rem(each.micros())?;
    let is_fraction = limit.max.micros().checked_rem(Amount::ONE.micros())? != 0;
    if rest == 0 || !is_fraction {
        return None;
    }
    let usable = Amount::from_micros(limit.max.micros().saturating_sub(rest));
    let (message, help) = match usable {
        Amount::ZERO => {
            (format!("refuses every call: {why}, and {} is less", limit.max), "raise this maximum".to_owned())
        }
        usable => (format!("{why}, so {} is the same as {usable}", limit.max), format!("write `{usable}`")),
    };
    Some(Warning::of(&kinds::LIMIT_CANNOT_FIRE, max_of(limit), message).help(help))
}

/// Returns the schema of an argument, if the schema has it directly.
fn property<'c>(schema: &Part<'c>, path: &ValuePath) -> Option<Part<'c>> {
    path.steps().iter().try_fold(schema.clone(), |schema, step| match step {
        Step::Key(key) => schema.member("properties")?.member(key),
        Step::Index(_) | Step::Each => None,
    })
}
