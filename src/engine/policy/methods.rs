//! The section `methods`: verdicts on methods that act on no tool, resource or prompt.

use std::borrow::Cow;
use std::sync::Arc;

use super::keys::EFFECT;
use super::rules::entries;
use super::words::EFFECTS;
use super::{Effect, Pattern, Section};
use crate::document::{Faults, InRule, Part, meaning};
use crate::mcp::keys;
use crate::mcp::method::{Ambiguous, Method};

/// A verdict, with its path in the document.
pub type OnMethod = (Effect, Arc<str>);

/// Verdicts by method.
///
/// Some servers ignore the case of a method. So a method that no entry names exactly is also looked up in another spelling,
/// and a verdict to deny that spelling holds for it, too, unless an entry for its own spelling is more specific.
#[derive(Debug, Clone, Default)]
pub struct Methods {
    section: Section<OnMethod>,
    /// The verdicts to deny, under folded patterns
    folded: Section<OnMethod>,
}

impl Methods {
    fn new(section: Section<OnMethod>) -> Self {
        let denying = section.entries().filter(|(_, (effect, _))| *effect == Effect::Deny);
        let folded = denying
            .map(|(pattern, verdict)| (Pattern::new(&keys::folded(pattern.as_str())), verdict.clone()))
            .collect();
        Self { section, folded: Section::new(folded) }
    }

    /// Returns the verdict on a method, if an entry matches it or, to deny it, another spelling of it.
    #[must_use]
    pub fn get(&self, method: &Method<'_>) -> Option<&OnMethod> {
        let (pattern, own) = self.section.pair(method.as_str()).unzip();
        match own {
            Some((Effect::Deny, _)) => own,
            _ if self.is_plain(method) => own,
            _ => self.denied_as(method.as_str(), pattern).or(own),
        }
    }

    /// Returns the verdict that denies a name in the spelling of servers that ignore case, unless `own`, the pattern that
    /// matches the name as it is, is more specific.
    #[must_use]
    pub fn denied_as(&self, name: &str, own: Option<&Pattern>) -> Option<&OnMethod> {
        let (pattern, verdict) = self.folded.pair(&keys::folded(name))?;
        let decides = |own: &Pattern| pattern.is_exact() || pattern.literals() >= own.literals();
        own.is_none_or(decides).then_some(verdict)
    }

    /// Tells whether only the verdict under a method's own spelling counts: the method is MCP's, or has an exact entry.
    fn is_plain(&self, method: &Method<'_>) -> bool {
        self.folded.is_empty() || method.is_known() || self.section.names(method.as_str())
    }

    /// Returns how many units of work it takes at most to find the verdict on a method.
    #[must_use]
    pub fn work(&self, method: &Method<'_>) -> usize {
        let name = method.as_str();
        let own = self.section.work_of_one(name.len());
        if self.is_plain(method) {
            return own;
        }
        // A character folds to at most three, none longer than three bytes.
        let longest = if name.is_ascii() { name.len() } else { name.len().saturating_mul(3) };
        own.saturating_add(keys::work(name)).saturating_add(self.folded.work_of_one(longest))
    }

    /// Returns the entries as they stand in the document.
    #[must_use]
    pub fn section(&self) -> &Section<OnMethod> {
        &self.section
    }
}

/// Reads the section, and notes faults for entries that cannot decide on what they seem to.
pub(super) fn methods(named: Vec<(Cow<'_, str>, Part<'_>)>, faults: &mut Faults) -> Methods {
    Methods::new(entries(named, faults, |name, part, faults| {
        if let Some(wrong) = mistaken(name) {
            faults.add_key(part, wrong);
        }
        let effect = meaning(part, &EFFECTS);
        if effect.is_none() {
            faults.unfit(part, &EFFECT);
        }
        Some((effect?, part.path.to_string().into()))
    }))
}

/// Returns what is wrong with the name or pattern of an entry.
fn mistaken(name: &str) -> Option<InRule> {
    let method = Method::new(name);
    if let Some(section) = method.section() {
        return Some(InRule::OfSection { method: name.to_owned(), section });
    }
    if let Some((method, section)) = matched_of_section(&Pattern::new(name)) {
        return Some(InRule::MatchesOfSection { method, section });
    }
    match method.ambiguous()? {
        Ambiguous::Dropped(char) => Some(InRule::Dropped(char)),
        Ambiguous::Respells(known) => Some(InRule::Respells { known }),
    }
}

/// Returns a method that a pattern matches although a section decides on it, with that section. `*` alone says that it is
/// for everything else.
fn matched_of_section(pattern: &Pattern) -> Option<(&'static str, &'static str)> {
    if pattern.literals() == 0 {
        return None;
    }
    let of_section = |known| Some((known, Method::new(known).section()?));
    Method::known().filter_map(of_section).find(|(known, _)| pattern.matches(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict<'m>(methods: &'m Methods, name: &str) -> Option<&'m str> {
        methods.get(&Method::new(name)).map(|(_, path)| &**path)
    }

    fn of(verdicts: &[(&str, Effect)]) -> Methods {
        let entry = |(name, effect): &(&str, Effect)| (Pattern::new(name), (*effect, Arc::from(*name)));
        Methods::new(Section::new(verdicts.iter().map(entry).collect()))
    }

    #[test]
    fn a_verdict_to_deny_holds_for_other_spellings() {
        use Effect::{Allow, Deny};
        let methods = of(&[
            ("custom/*", Allow),
            ("custom/wipe", Deny),
            ("vendor/*", Deny),
            ("vendor/get*", Allow),
            ("vendor/Put", Allow),
            ("VENDOR/getx*", Allow),
            ("Größe/*", Deny),
        ]);
        for (name, expected) in [
            ("custom/wipe", Some("custom/wipe")),
            ("custom/Wipe", Some("custom/wipe")),
            ("CUSTOM/WIPE", Some("custom/wipe")),
            ("cu\u{17f}tom/wipe", Some("custom/wipe")),
            ("custom/Run", Some("custom/*")),
            ("Custom/Run", None),
            ("Vendor/x", Some("vendor/*")),
            ("vendor/getAll", Some("vendor/get*")),
            ("vendor/GetAll", Some("vendor/*")),
            ("vendor/Put", Some("vendor/Put")),
            ("vendor/PUT", Some("vendor/*")),
            ("GRÖSSE/x", Some("Größe/*")),
            ("VENDOR/getxx", Some("VENDOR/getx*")),
            ("Vendor/getxx", Some("vendor/*")),
            ("other", None),
        ] {
            assert_eq!(verdict(&methods, name), expected, "{name}");
        }
    }

    #[test]
    fn a_method_of_mcp_has_one_spelling() {
        let methods = of(&[("*level*", Effect::Deny)]);
        assert_eq!(verdict(&methods, "logging/setLevel"), None);
        assert_eq!(verdict(&methods, "x/setLevel"), Some("*level*"));
    }

    #[test]
    fn long_methods_take_more_work_and_those_of_mcp_little() {
        let methods = of(&[("*x*y*", Effect::Deny)]);
        let work = |name: &str| methods.work(&Method::new(name));
        assert!(work("notifications/initialized") < work("x/notifications/initialized"));
        assert!(work(&"é".repeat(1_000)) > 10_000);
    }
}
