//! The rules of one entry, and the rules that have names.

use std::borrow::Cow;
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::Rule;
use super::keys;
use super::rule::{Reading, rule};
use crate::document::{Faults, InRule, Part};

/// The rules of one entry, in their order. All of them apply. Most entries have one rule, which needs no
/// allocation of its own.
pub type EntryRules = SmallVec<[Arc<Rule>; 1]>;

/// What an entry decides on, as far as its rules depend on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Targets {
    /// One tool, by its exact name
    Tool,
    /// Tools that match a pattern, or all
    Tools,
    /// Prompts
    Prompts,
    /// Resources, which take no arguments
    Resources,
}

/// Reads the rules that have names. They cannot name each other.
pub(super) fn named(rules: Vec<(Cow<'_, str>, Part<'_>)>, reading: &mut Reading, faults: &mut Faults) {
    for (name, part) in rules {
        if name.is_empty() {
            faults.add_key(&part, InRule::EmptyRuleName);
        }
        refuse_definition(&part, faults);
        let read = rule(&part, &name, reading, faults).map(Arc::new);
        reading.named.entry(name.into_owned()).or_insert(read);
    }
}

/// Reads the rules of the entry `name`: a rule, the name of one, or a list of these. Returns `None` if there
/// is a fault.
pub(super) fn rules(
    part: &Part<'_>,
    name: &str,
    targets: Targets,
    reading: &mut Reading,
    faults: &mut Faults,
) -> Option<EntryRules> {
    let takes_arguments = targets != Targets::Resources;
    let mut one = |part: &Part<'_>, faults: &mut Faults| {
        if let Some(used) = part.value.string() {
            return lookup(part, &used, takes_arguments, reading, faults);
        }
        if targets != Targets::Tool {
            refuse_definition(part, faults);
        }
        let rule = rule(part, name, reading, faults)?;
        if let Some(part) = part.member("arguments").filter(|_| !takes_arguments && rule.arguments.is_some())
        {
            faults.add_key(&part, InRule::NoArguments { of: None });
        }
        Some(Arc::new(rule))
    };
    if part.value.is_object() || part.value.string().is_some() {
        return Some(smallvec![one(part, faults)?]);
    }
    if !part.value.is_array() {
        faults.unfit(part, &keys::ENTRY);
        return None;
    }
    if part.value.elements().next().is_none() {
        faults.add(part, InRule::NoRules);
    }
    let mut rules = EntryRules::new();
    for part in part.elements() {
        if part.value.is_object() || part.value.string().is_some() {
            rules.extend(one(&part, faults));
        } else {
            faults.unfit(&part, &keys::RULE_OR_NAME);
        }
    }
    refuse_other_definitions(part, &rules, faults);
    Some(rules)
}

/// Notes a fault if a rule has the digest of a definition where no single tool is named.
fn refuse_definition(part: &Part<'_>, faults: &mut Faults) {
    if let Some(part) = part.member("definition") {
        faults.add_key(&part, InRule::NoDefinition);
    }
}

/// Notes a fault for each rule of a list that has another digest than the first one that has any.
fn refuse_other_definitions(list: &Part<'_>, rules: &[Arc<Rule>], faults: &mut Faults) {
    let mut pinned = rules.iter().filter_map(|rule| Some((rule, rule.definition?)));
    let Some((first, digest)) = pinned.next() else { return };
    for (rule, _) in pinned.filter(|(_, other)| *other != digest) {
        let first = format!("{}.definition", first.path);
        let part = list.elements().find(|part| part.path.to_string() == *rule.path);
        if let Some(part) = part.and_then(|part| part.member("definition")) {
            faults.add(&part, InRule::OtherDefinition { first });
        }
    }
}

/// Finds a rule by its name.
fn lookup(
    part: &Part<'_>,
    name: &str,
    takes_arguments: bool,
    reading: &Reading,
    faults: &mut Faults,
) -> Option<Arc<Rule>> {
    let Some(found) = reading.named.get(name) else {
        let known: Vec<String> = reading.named.keys().cloned().collect();
        let alike = known.iter().find(|known| is_alike(known, name)).cloned();
        faults.add(part, InRule::NoSuchRule { name: name.to_owned(), alike, known });
        return None;
    };
    let rule = found.clone()?;
    if !takes_arguments && rule.arguments.is_some() {
        faults.add(part, InRule::NoArguments { of: Some(rule.path.to_string()) });
    }
    Some(rule)
}

/// Returns whether one name can be the other with a slip: in case or punctuation, or in up to two letters
/// that follow each other.
fn is_alike(one: &str, other: &str) -> bool {
    let letters = |name: &str| -> Vec<char> {
        name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let (one, other) = (letters(one), letters(other));
    let same = |(one, other): &(&char, &char)| one == other;
    let start = one.iter().zip(&other).take_while(same).count();
    let shorter = one.len().min(other.len()).saturating_sub(start);
    let end = one.iter().rev().zip(other.iter().rev()).take(shorter).take_while(same).count();
    let (common, longest) = (start.saturating_add(end), one.len().max(other.len()));
    let differs = longest.saturating_sub(common);
    differs == 0 || (differs <= 2 && (2..).contains(&common))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_makes_an_alike_name() {
        for (one, other, expected) in [
            ("read", "Read", true),
            ("read_only", "read-only", true),
            ("read", "raed", true),
            ("read", "reads", true),
            ("read", "red", true),
            ("read", "write", false),
            ("a", "b", false),
            ("ab", "ac", false),
            ("aa", "a", false),
            ("agent", "agent_id", true),
            ("", "read", false),
        ] {
            assert_eq!(is_alike(one, other), expected, "{one} {other}");
            assert_eq!(is_alike(other, one), expected, "{other} {one}");
        }
    }
}
