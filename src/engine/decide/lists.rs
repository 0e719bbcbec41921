//! What lists of resources show: what a caller can read.

use std::sync::Arc;

use crate::mcp::uri;
use crate::policy::{Effect, EntryRules, Pattern, Rule, Rules};

/// Returns what keeps a set of rules from deciding on a URI, as the end of "it has …". Servers may normalize
/// a URI that is not plain, so a pattern is reliable only for plain URIs. An exact entry matches one URI byte
/// for byte, whether it is plain or not.
pub(super) fn obstacle(rules: &Rules, uri: &str) -> Option<&'static str> {
    if rules.resources.is_empty() || rules.resources.names(uri) {
        return None;
    }
    uri::obstacle(uri)
}

/// Returns the rules of the entry that decides on the resource that servers find under a URI, if it is another than the URI's
/// own: they leave out the fragment, and the query of a `file` URI. An exact entry decides alone.
pub(super) fn entry_behind<'r>(rules: &'r Rules, uri: &str) -> &'r [Arc<Rule>] {
    let bare = uri::bare(uri).filter(|_| !rules.resources.names(uri));
    let behind = bare.and_then(|bare| rules.resources.get(bare));
    let other = |behind: &&EntryRules| rules.resources.get(uri).is_none_or(|own| !std::ptr::eq(own, *behind));
    behind.filter(other).map_or(&[], |behind| &**behind)
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
