//! Which entries decide on a resource, and on a template of resources.

use std::sync::Arc;

use crate::mcp::uri;
use crate::policy::{Effect, EntryRules, Pattern, Rule, Rules};

/// Returns what keeps a set of rules from deciding on a URI, as the end of "it has …". Servers may normalize
/// a URI that is not plain, so a pattern is reliable only for plain URIs. An exact entry matches one URI byte
/// for byte, whether it is plain or not.
#[must_use]
pub fn obstacle(rules: &Rules, uri: &str) -> Option<&'static str> {
    if rules.resources.is_empty() || rules.resources.names(uri) {
        return None;
    }
    uri::obstacle(uri)
}

/// Returns the rules of the entries that decide on the resource that servers find under a URI, if they are others than the
/// URI's own: servers leave out the fragment and the query of a `file` URI, and some read [other spellings](uri::Others)
/// as the same. An exact entry decides alone.
#[must_use]
pub fn rules_behind(rules: &Rules, uri: &str) -> Vec<Arc<Rule>> {
    let section = &rules.resources;
    if section.is_empty() || section.names(uri) {
        return Vec::new();
    }
    let (own, entry) = section.pair(uri).unzip();
    let mut behind: Vec<&EntryRules> = Vec::new();
    let mut add = |other: &str, decides: &dyn Fn(&Pattern) -> bool| {
        if let Some((pattern, found)) = section.pair(other)
            && decides(pattern)
            && !entry.iter().chain(&behind).any(|known| std::ptr::eq(*known, found))
        {
            behind.push(found);
        }
    };
    if let Some(bare) = uri::bare(uri) {
        add(bare, &|_| true);
    }
    // A less specific entry says nothing about a URI that a more specific one describes.
    let least = own.map_or(0, Pattern::literals);
    let has_query = own.is_some_and(|own| own.as_str().contains('?'));
    uri::Others::of(uri).each(&mut |other| {
        let specific = |pattern: &Pattern| pattern.is_exact() || pattern.literals() >= least;
        if !has_query || other.contains('?') {
            add(other, &specific);
        }
    });
    behind.into_iter().flatten().cloned().collect()
}

/// Returns how many units of work it takes at most to find all entries that decide on a URI.
pub(super) fn work(rules: &Rules, uri: &str) -> usize {
    let own = rules.resources.work(uri.len());
    if rules.resources.is_empty() {
        return own;
    }
    // Percent-encoding makes three characters of one.
    let other = rules.resources.work(uri.len().saturating_mul(3)).saturating_add(uri.len() >> 2);
    own.saturating_add(other.saturating_mul(uri::Others::of(uri).most()))
}

/// Returns how many units of work it takes at most to find all entries that decide on a URI, once for a list.
pub(super) fn work_of_one(rules: &Rules, uri: &str) -> usize {
    let section = &rules.resources;
    let own = section.work_of_one(uri.len()).saturating_mul(2);
    if section.is_empty() {
        return own;
    }
    let other = section.work_of_one(uri.len().saturating_mul(3)).saturating_add(uri.len());
    own.saturating_add(other.saturating_mul(uri::Others::of(uri).most()))
}

/// Returns whether some URI could be allowed that begins as a template does (RFC 6570), up to its first
/// expression. A template that could lead nowhere else is hidden.
pub(super) fn may_use_template(rules: &Rules, template: &str, hides: &impl Fn(&Arc<Rule>) -> bool) -> bool {
    let prefix = template.split('{').next().unwrap_or_default();
    let denies = |rules: &EntryRules| rules.iter().any(hides);
    let entries = || rules.resources.entries();
    let exact = |pattern: &Pattern| pattern.is_exact() && pattern.as_str().starts_with(prefix);
    if entries().any(|(pattern, rules)| exact(pattern) && !denies(rules)) {
        return true;
    }
    if !rules.resources.is_empty() && uri::obstacle_from(prefix).is_some() {
        return false;
    }
    // A pattern that fits the prefix and ends with `*` fits every URI that begins so. Only entries with as
    // many literal characters can decide before it.
    let covers = |pattern: &Pattern| pattern.as_str().ends_with('*') && pattern.matches(prefix);
    let cover = entries().filter(|(pattern, _)| covers(pattern)).map(|(pattern, _)| pattern.literals()).max();
    let all = Pattern::new(&[prefix, "*"].concat());
    let could = |pattern: &Pattern| {
        !pattern.is_exact() && Some(pattern.literals()) >= cover && pattern.overlaps(&all)
    };
    (cover.is_none() && rules.default.0 == Effect::Allow)
        || entries().any(|(pattern, rules)| could(pattern) && !denies(rules))
}
