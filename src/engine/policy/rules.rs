//! The entries that decide on targets: the document's own, or those of a grant.

use std::borrow::Cow;
use std::sync::Arc;

use super::keys::{EFFECT, PATTERN, RuleKeys};
use super::rule::{self, Reading};
use super::words::{DEFAULTS, EFFECTS};
use super::{Effect, Pattern, Rule, Section, pattern};
use crate::document::{Faults, Fields, InRule, Part, meaning};
use crate::mcp::method::Method;

/// One set of rules. A request must pass the document's and its grant's.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Verdict on what no entry names, with its path in the document
    pub default: (Effect, Arc<str>),
    /// Tools that seem not to exist, each with its path in the document
    pub hide: Vec<(Pattern, String)>,
    /// The rule for every tool call
    pub all_tools: Option<Arc<Rule>>,
    /// Rules by tool name
    pub tools: Section<Arc<Rule>>,
    /// Rules by resource URI
    pub resources: Section<Arc<Rule>>,
    /// Rules by prompt name
    pub prompts: Section<Arc<Rule>>,
    /// Verdicts on methods that act on none of these, with their paths in the document
    pub methods: Section<(Effect, Arc<str>)>,
}

impl Rules {
    /// Returns the path of the pattern that hides `tool`.
    #[must_use]
    pub fn hidden(&self, tool: &str) -> Option<&str> {
        self.hide.iter().find(|(pattern, _)| pattern.matches(tool)).map(|(_, path)| path.as_str())
    }

    /// Walks all rules.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        let sections = [&self.tools, &self.resources, &self.prompts];
        self.all_tools.iter().chain(sections.into_iter().flat_map(Section::iter))
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
            .and_then(|part| rule::rule(&part, "all_tools", reading, faults))
            .map(Arc::new);
        Self {
            default: (default, fields.part().path.key("default").to_string().into()),
            hide,
            all_tools,
            tools: section(fields.named(K::TOOLS, faults), true, reading, faults),
            resources: section(fields.named(K::RESOURCES, faults), false, reading, faults),
            prompts: section(fields.named(K::PROMPTS, faults), true, reading, faults),
            methods: methods(fields.named(K::METHODS, faults), faults),
        }
    }
}

fn hidden(patterns: Vec<Part<'_>>, faults: &mut Faults) -> Vec<(Pattern, String)> {
    let mut hide = Vec::new();
    for part in patterns {
        match part.value.string() {
            Some(text) if !text.is_empty() => hide.push((Pattern::new(&text), part.path.to_string())),
            _ => faults.unfit(&part, &PATTERN),
        }
    }
    hide
}

/// Reads the entries of a section, pattern by pattern.
fn section(
    named: Vec<(Cow<'_, str>, Part<'_>)>,
    has_arguments: bool,
    reading: &mut Reading,
    faults: &mut Faults,
) -> Section<Arc<Rule>> {
    let mut entries = Vec::new();
    let mut patterns = Vec::new();
    for (name, part) in named {
        let pattern = Pattern::new(&name);
        if let Some(rule) = rule::rule(&part, &name, reading, faults) {
            if let Some(part) =
                part.member("arguments").filter(|_| !has_arguments && rule.arguments.is_some())
            {
                faults.add_key(&part, InRule::NoArguments);
            }
            entries.push((pattern.clone(), Arc::new(rule)));
        }
        patterns.push((pattern, part));
    }
    refuse_ambiguous(&patterns, faults);
    Section::new(entries).unwrap_or_default()
}

fn methods(named: Vec<(Cow<'_, str>, Part<'_>)>, faults: &mut Faults) -> Section<(Effect, Arc<str>)> {
    let mut entries = Vec::new();
    let mut patterns = Vec::new();
    for (name, part) in named {
        let pattern = Pattern::new(&name);
        if let Some(section) = Method::new(name.as_ref()).section() {
            faults.add_key(&part, InRule::OfSection { method: name.into_owned(), section });
        }
        match meaning(&part, &EFFECTS) {
            Some(effect) => entries.push((pattern.clone(), (effect, part.path.to_string().into()))),
            None => faults.unfit(&part, &EFFECT),
        }
        patterns.push((pattern, part));
    }
    refuse_ambiguous(&patterns, faults);
    Section::new(entries).unwrap_or_default()
}

/// Notes faults for empty patterns and for pairs of which neither decides.
fn refuse_ambiguous(patterns: &[(Pattern, Part<'_>)], faults: &mut Faults) {
    for (pattern, part) in patterns {
        if pattern.is_empty() {
            faults.add_key(part, InRule::EmptyPattern);
        }
    }
    let bare: Vec<Pattern> = patterns.iter().map(|(pattern, _)| pattern.clone()).collect();
    for (first, second) in pattern::ambiguous(&bare) {
        // The same pattern twice is a duplicate key, which is another fault.
        if bare.get(first) == bare.get(second) {
            continue;
        }
        if let (Some((_, earlier)), Some((_, part))) = (patterns.get(first), patterns.get(second)) {
            faults.add_key(part, InRule::Overlaps { other: earlier.path.clone() });
        }
    }
}
