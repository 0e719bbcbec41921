//! Warnings about keywords that a value of another type avoids: `keyword-without-type`.

use std::collections::HashSet;

use mcp_policy_engine::json::Value;

use super::context::{Context, Warning, denies};
use super::kinds;
use super::schema_walk::{Types, Visit, walk};
use crate::keywords::{self, Restricts};

/// The types of which keywords restrict the values.
const FAMILIES: [(Types, &str, Restricts); 4] = [
    (Types::NUMBER, "number", Restricts::Numbers),
    (Types::STRING, "string", Restricts::Strings),
    (Types::ARRAY, "array", Restricts::Arrays),
    (Types::OBJECT, "object", Restricts::Objects),
];

/// Looks for keywords without a type in the schemas of rules.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    let mut seen = HashSet::new();
    for rule in context.rules().filter(|rule| !denies(rule)) {
        let Some(root) = context.part(&format!("{}.arguments", rule.path)) else { continue };
        walk(root, &mut |visit| {
            for (family, name, values) in FAMILIES {
                let warning = of_family(visit, family, name, values);
                warnings.extend(warning.filter(|warning| seen.insert(warning.path.clone())));
            }
        });
    }
}

/// Returns a warning if the schema has keywords of a type, and does not say that its values have that type.
fn of_family(visit: &Visit<'_, '_>, family: Types, name: &str, values: Restricts) -> Option<Warning> {
    let suits = visit.types.is_some_and(|types| !types.and(family).is_empty());
    let restricts = |key: &&str| visit.schema.value.get(key).is_some_and(|value| !says_nothing(key, value));
    let used: Vec<&str> = keywords::that_restrict(values).filter(|key| !suits && restricts(key)).collect();
    let first = visit.schema.member(used.first()?)?;
    let (verb, list) = match used.as_slice() {
        [one] => ("does", format!("`{one}`")),
        _ => ("do", format!("`{}`", used.join("`, `"))),
    };
    let (message, help) = match visit.types {
        None => (
            format!("{list} {verb} not restrict values of other types, so a caller can use one"),
            format!("add `\"type\": \"{name}\"`"),
        ),
        Some(_) => (
            format!("{list} {verb} not restrict anything here, because no value can have the type `{name}`"),
            "correct the `type`, or use a keyword for it".to_owned(),
        ),
    };
    Some(Warning::of_key(&kinds::KEYWORD_WITHOUT_TYPE, first.path, message).help(help))
}

/// Returns whether a keyword restricts nothing with this value.
fn says_nothing(keyword: &str, value: Value<'_>) -> bool {
    let empty = || value.elements().next().is_none() && value.entries().next().is_none();
    match keyword {
        "minLength" | "minItems" | "minProperties" => value.raw() == "0",
        "uniqueItems" => value.raw() == "false",
        "items" | "additionalProperties" | "propertyNames" => {
            value.raw() == "true" || value.is_object() && empty()
        }
        "required" | "prefixItems" | "patternProperties" | "dependentRequired" | "properties" => empty(),
        _ => false,
    }
}
