//! The entries that decide on targets: the document's own, or those of a grant.

use std::sync::Arc;

use super::fault::{Faults, Path};
use super::fields::Fields;
use super::rule::{self, Counters};
use super::{Effect, Pattern, Rule, Section, pattern};
use crate::mcp::method::Method;

/// One set of rules. A request must pass the document's and its grant's.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Verdict on what no entry names, with its place in the document
    pub default: (Effect, Arc<str>),
    /// Tools that seem not to exist, with the place of each pattern in the document
    pub hide: Vec<(Pattern, String)>,
    /// The rule for every tool call
    pub all_tools: Option<Arc<Rule>>,
    /// Rules by tool name
    pub tools: Section<Arc<Rule>>,
    /// Rules by resource URI
    pub resources: Section<Arc<Rule>>,
    /// Rules by prompt name
    pub prompts: Section<Arc<Rule>>,
    /// Verdicts on methods that act on none of these, with their places in the document
    pub methods: Section<(Effect, Arc<str>)>,
}

impl Rules {
    /// Returns the pattern's place where `tool` is hidden.
    #[must_use]
    pub fn hidden(&self, tool: &str) -> Option<&str> {
        self.hide.iter().find(|(pattern, _)| pattern.matches(tool)).map(|(_, path)| path.as_str())
    }

    /// Walks all rules.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        let sections = [&self.tools, &self.resources, &self.prompts];
        self.all_tools.iter().chain(sections.into_iter().flat_map(Section::iter))
    }

    /// Reads the keys of a set of rules at `path`. A grant without entries adds nothing, so what it
    /// does not name is left to the document; with entries it denies what they do not name.
    pub(super) fn read(
        fields: &mut Fields<'_>,
        path: &Path,
        is_grant: bool,
        counters: &mut Counters,
        faults: &mut Faults,
    ) -> Self {
        let effects = [("deny", Some(Effect::Deny)), ("allow", Some(Effect::Allow))];
        let default = fields.word("default", &effects, None, faults).flatten();
        let hide = hidden(fields, faults);
        let all_tools = fields
            .take("all_tools")
            .and_then(|(value, path)| rule::rule(value, &path, "all_tools", counters, faults))
            .map(Arc::new);
        let mut rules = Self {
            default: (Effect::Deny, path.key("default").to_string().into()),
            hide,
            all_tools,
            tools: section(fields, "tools", counters, faults),
            resources: section(fields, "resources", counters, faults),
            prompts: section(fields, "prompts", counters, faults),
            methods: methods(fields, faults),
        };
        let adds_nothing = is_grant && !fields.has_any(&["tools", "resources", "prompts", "methods"]);
        rules.default.0 = default.unwrap_or(if adds_nothing { Effect::Allow } else { Effect::Deny });
        rules
    }
}

fn hidden(fields: &mut Fields<'_>, faults: &mut Faults) -> Vec<(Pattern, String)> {
    let mut hide = Vec::new();
    for (value, path) in fields.list("hide", faults) {
        match value.string() {
            Some(text) if !text.is_empty() => hide.push((Pattern::new(&text), path.to_string())),
            _ => faults.unfit(&path, "a pattern such as `get_*`", value),
        }
    }
    hide
}

/// Reads the entries of a section, pattern by pattern.
fn section(
    fields: &mut Fields<'_>,
    key: &'static str,
    counters: &mut Counters,
    faults: &mut Faults,
) -> Section<Arc<Rule>> {
    let mut entries = Vec::new();
    let mut patterns = Vec::new();
    for (name, value, path) in fields.named(key, "an object of patterns and their rules", faults) {
        let pattern = Pattern::new(&name);
        if let Some(rule) = rule::rule(value, &path, &name, counters, faults) {
            if key == "resources" && rule.arguments.is_some() {
                faults.add(&path.key("arguments"), "must not stand here, a resource takes no arguments");
            }
            entries.push((pattern.clone(), Arc::new(rule)));
        }
        patterns.push((pattern, path));
    }
    refuse_ambiguous(&patterns, faults);
    Section::new(entries).unwrap_or_default()
}

fn methods(fields: &mut Fields<'_>, faults: &mut Faults) -> Section<(Effect, Arc<str>)> {
    let mut entries = Vec::new();
    let mut patterns = Vec::new();
    for (name, value, path) in fields.named("methods", "an object of methods and `allow` or `deny`", faults) {
        let pattern = Pattern::new(&name);
        if let Some(section) = Method::new(name.as_ref()).section() {
            faults.add(&path, format_args!("must not stand here, `{name}` is decided by `{section}`"));
        }
        match value.string().as_deref() {
            Some("allow") => entries.push((pattern.clone(), (Effect::Allow, path.to_string().into()))),
            Some("deny") => entries.push((pattern.clone(), (Effect::Deny, path.to_string().into()))),
            _ => faults.unfit(&path, "`allow` or `deny`", value),
        }
        patterns.push((pattern, path));
    }
    refuse_ambiguous(&patterns, faults);
    Section::new(entries).unwrap_or_default()
}

/// Notes faults for empty patterns and for pairs of which neither decides.
fn refuse_ambiguous(patterns: &[(Pattern, Path)], faults: &mut Faults) {
    for (pattern, path) in patterns {
        if pattern.is_empty() {
            faults.add(path, "a pattern must not be empty, `*` stands for every name");
        }
    }
    let bare: Vec<Pattern> = patterns.iter().map(|(pattern, _)| pattern.clone()).collect();
    for (first, second) in pattern::ambiguous(&bare) {
        // The same pattern twice is told of as a key that stands twice.
        if bare.get(first) == bare.get(second) {
            continue;
        }
        if let (Some((_, earlier)), Some((_, path))) = (patterns.get(first), patterns.get(second)) {
            let why = "which has as many literal characters, so neither decides";
            faults.add(path, format_args!("overlaps `{earlier}`, {why}; spell more of one of them out"));
        }
    }
}
