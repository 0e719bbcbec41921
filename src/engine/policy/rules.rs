//! The entries that decide on targets: the document's own, or those of a grant.

use std::borrow::Cow;
use std::sync::Arc;

use super::entry::{self, EntryRules, Targets};
use super::keys::{PATTERN, RuleKeys};
use super::rule::Reading;
use super::words::DEFAULTS;
use super::{Action, Effect, Methods, Pattern, Patterns, Resources, Rule, Section, methods, pattern};
use crate::document::{Faults, Fields, InRule, Part};
use crate::mcp::{name, uri};

/// One set of rules. A request must pass the document's and its grant's.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Verdict on what no entry names, with its path in the document
    pub default: (Effect, Arc<str>),
    /// Tools that seem not to exist, each with its path in the document
    pub hide: Patterns<String>,
    /// The rules for every tool call
    pub all_tools: EntryRules,
    /// Rules by tool name
    pub tools: Section<EntryRules>,
    /// Rules by resource URI
    pub resources: Resources,
    /// Rules by prompt name
    pub prompts: Section<EntryRules>,
    /// Verdicts on methods that act on none of these, with their paths in the document
    pub methods: Methods,
}

impl Rules {
    /// Returns the path of the first pattern that hides `tool`.
    #[must_use]
    pub fn hidden(&self, tool: &str) -> Option<&str> {
        self.hide.get(tool).map(String::as_str)
    }

    /// Walks all rules. A named rule comes as often as it is used.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        let sections = [&self.tools, self.resources.section(), &self.prompts];
        let entries = sections.into_iter().flat_map(Section::iter);
        self.all_tools.iter().chain(entries.flatten())
    }

    /// Walks all rules, to replace them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Arc<Rule>> {
        let Self { all_tools, tools, resources, prompts, .. } = self;
        let entries = tools.iter_mut().chain(resources.iter_mut()).chain(prompts.iter_mut());
        all_tools.iter_mut().chain(entries.flatten())
    }

    /// Reads the keys of a set of rules. A grant without entries adds nothing to the document: its default is
    /// to allow. With entries its default is to deny.
    pub(super) fn read<K: RuleKeys>(
        fields: &mut Fields<'_, K>,
        is_grant: bool,
        reading: &mut Reading,
        faults: &mut Faults,
    ) -> Self {
        let adds_nothing = is_grant && !fields.has_any(&[K::TOOLS, K::RESOURCES, K::PROMPTS, K::METHODS]);
        let absent = if adds_nothing { Effect::Allow } else { Effect::Deny };
        let default = fields.word(K::DEFAULT, &DEFAULTS, absent, faults).unwrap_or(absent);
        let hide = hidden(fields.list(K::HIDE, faults), faults);
        let all_tools = fields
            .take(K::ALL_TOOLS)
            .and_then(|part| entry::rules(&part, "all_tools", Targets::Tools, reading, faults))
            .unwrap_or_default();
        Self {
            default: (default, fields.part().path.key("default").to_string().into()),
            hide,
            all_tools,
            tools: section(fields.named(K::TOOLS, faults), Targets::Tools, reading, faults),
            resources: Resources::new(section(
                fields.named(K::RESOURCES, faults),
                Targets::Resources,
                reading,
                faults,
            )),
            prompts: section(fields.named(K::PROMPTS, faults), Targets::Prompts, reading, faults),
            methods: methods::methods(fields.named(K::METHODS, faults), faults),
        }
    }
}

fn hidden(patterns: Vec<Part<'_>>, faults: &mut Faults) -> Patterns<String> {
    let mut hide = Vec::new();
    for part in patterns {
        match part.value.string() {
            Some(text) if !text.is_empty() => {
                if let Some(wrong) = mistaken(&text) {
                    faults.add(&part, wrong);
                }
                hide.push((Pattern::new(&text), part.path.to_string()));
            }
            _ => faults.unfit(&part, &PATTERN),
        }
    }
    Patterns::new(hide)
}

/// Reads the rules of a section, which decides on `targets`.
fn section(
    named: Vec<(Cow<'_, str>, Part<'_>)>,
    targets: Targets,
    reading: &mut Reading,
    faults: &mut Faults,
) -> Section<EntryRules> {
    entries(named, faults, |name, part, faults| {
        let is_uri = targets == Targets::Resources;
        if let Some(wrong) = mistaken(name).filter(|_| !is_uri) {
            faults.add_key(part, wrong);
        }
        let targets = match targets {
            Targets::Tools if !name.contains('*') => Targets::Tool,
            targets => targets,
        };
        let rules = entry::rules(part, name, targets, reading, faults)?;
        if is_uri {
            refuse_unplain(name, part, &rules, faults);
        }
        Some(rules)
    })
}

/// Returns what is wrong with a pattern of tools or prompts that can only be a mistake.
fn mistaken(pattern: &str) -> Option<InRule> {
    if pattern.starts_with('^') || pattern.ends_with('$') || pattern.contains(['?', '\\']) {
        return Some(InRule::RegexAsPattern);
    }
    if pattern.trim() != pattern {
        return Some(InRule::SpaceAround);
    }
    name::first_dropped(pattern).map(InRule::Dropped)
}

/// Notes a fault for a pattern of resources that could allow something and never does, because it matches no URI
/// that patterns decide on.
fn refuse_unplain(name: &str, part: &Part<'_>, rules: &[Arc<Rule>], faults: &mut Faults) {
    let pattern = Pattern::new(name);
    if let Some((prefix, _)) = pattern.ends()
        && rules.iter().all(|rule| rule.action != Action::Deny)
        && let Some(obstacle) = uri::obstacle_from(prefix)
    {
        faults.add_key(part, InRule::NeverPlain { obstacle });
    }
}

/// Reads the entries of a section, each with `read`, and notes faults for patterns that cannot decide.
pub(super) fn entries<T>(
    named: Vec<(Cow<'_, str>, Part<'_>)>,
    faults: &mut Faults,
    mut read: impl FnMut(&str, &Part<'_>, &mut Faults) -> Option<T>,
) -> Section<T> {
    let (mut patterns, mut parts, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (name, part) in named {
        patterns.push(Pattern::new(&name));
        values.push(read(&name, &part, faults));
        parts.push(part);
    }
    refuse_ambiguous(&patterns, &parts, faults);
    let entries = patterns.into_iter().zip(values);
    Section::new(entries.filter_map(|(pattern, value)| Some((pattern, value?))).collect())
}

/// How many pairs of patterns are told. A document can have millions, and finding their places would take hours.
const MOST_PAIRS: usize = 1_000;

/// Notes faults for empty patterns and for pairs of which neither decides; `parts` are the patterns' own.
fn refuse_ambiguous(patterns: &[Pattern], parts: &[Part<'_>], faults: &mut Faults) {
    for (_, part) in patterns.iter().zip(parts).filter(|(pattern, _)| pattern.is_empty()) {
        faults.add_key(part, InRule::EmptyPattern);
    }
    // The same pattern twice is a duplicate key, which is another fault.
    let differ = |pair: &(usize, usize)| patterns.get(pair.0) != patterns.get(pair.1);
    for (first, second) in pattern::ambiguous(patterns).into_iter().filter(differ).take(MOST_PAIRS) {
        if let (Some(earlier), Some(part)) = (parts.get(first), parts.get(second)) {
            faults.add_key(part, InRule::Overlaps { other: earlier.path.clone() });
        }
    }
}
