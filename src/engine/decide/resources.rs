//! Which entries decide on a resource, and on a template of resources.

use std::borrow::Cow;
use std::sync::Arc;

use crate::mcp::uri;
use crate::policy::{Effect, EntryRules, Pattern, Rule, Rules};

/// Returns why a set of rules cannot decide on a URI, as a whole sentence without its end. Servers may normalize a URI that is
/// not plain, so a pattern is reliable only for plain URIs, and only for those that fit it part by part. An exact entry
/// matches one URI byte for byte, whether it is plain or not.
#[must_use]
pub fn obstacle(rules: &Rules, uri: &str) -> Option<Cow<'static, str>> {
    let section = rules.resources.section();
    if section.is_empty() || section.names(uri) {
        return None;
    }
    match uri::obstacle(uri) {
        Some(obstacle) => Some(format!("the resource's URI must be plain, but it has {obstacle}").into()),
        None => rules.resources.overreach(uri).map(Cow::Borrowed),
    }
}

/// Returns the rules of the entries that decide on the resource that servers find under a URI, if they are others than the
/// URI's own: servers leave out the fragment and the query of a `file` URI, and some read [other spellings](uri::Folded)
/// as the same. An exact entry decides alone.
#[must_use]
pub fn rules_behind<'r>(rules: &'r Rules, uri: &str) -> Vec<Arc<Rule>> {
    let section = rules.resources.section();
    if section.is_empty() || section.names(uri) {
        return Vec::new();
    }
    let own = rules.resources.own(uri);
    // A less specific entry says nothing about a URI that a more specific one describes.
    let (entry, [least, least_without_query]) =
        own.map_or((None, [Some(0); 2]), |(own, least)| (Some(own), least));
    let mut behind = Vec::new();
    let mut add = |found: &'r EntryRules| {
        if !entry.iter().chain(&behind).any(|known| std::ptr::eq(*known, found)) {
            behind.push(found);
        }
    };
    if let Some((_, found)) = uri::bare(uri).and_then(|bare| section.pair(bare)) {
        add(found);
    }
    for (form, has_query) in uri::Folded::of(uri).forms() {
        let Some(least) = (if has_query { least } else { least_without_query }) else { continue };
        for (pattern, found) in rules.resources.behind(form) {
            if pattern.is_exact() || pattern.literals() >= least {
                add(found);
            }
        }
    }
    behind.into_iter().flatten().cloned().collect()
}

/// Returns how many units of work it takes at most to find all entries that decide on a URI, with its [digest](super::digest).
pub(super) fn work(rules: &Rules, uri: &str) -> usize {
    let section = rules.resources.section();
    let own = section.work(uri.len());
    if section.is_empty() {
        return own;
    }
    let (others, longest) = uri::forms(uri);
    let folded = rules.resources.work_of_folded(longest);
    let other = if others > 0 { section.work(longest) } else { 0 };
    let each = folded.saturating_add(other).saturating_add(work_of_folding(uri, others));
    own.saturating_add(each.saturating_mul(2)).saturating_add(rules.resources.work_of_reach(uri.len()))
}

/// Returns how many units of work it takes at most to find all entries that decide on a URI, once for a list.
pub(super) fn work_of_one(rules: &Rules, uri: &str) -> usize {
    let section = rules.resources.section();
    let own = section.work_of_one(uri.len()).saturating_mul(2);
    if section.is_empty() {
        return own;
    }
    let (others, longest) = uri::forms(uri);
    let folded = rules.resources.work_of_one_folded(longest);
    let other = folded.saturating_add(section.work_of_one(longest)).saturating_mul(others);
    let reach = rules.resources.work_of_reach(uri.len());
    own.saturating_add(folded)
        .saturating_add(other)
        .saturating_add(work_of_folding(uri, others))
        .saturating_add(reach)
}

/// Returns how many units of work it takes at most to find out whether a template can lead to a resource.
pub(super) fn work_of_template(rules: &Rules, template: &str) -> usize {
    // The entries are compared with the template as it is and folded.
    let each = rules.resources.section().work_of_all(template.len()).saturating_mul(2);
    each.saturating_add(work_of_folding(template, 1))
}

/// Returns how many units of work it takes at most to fold a URI that has this many other forms, and to compare these.
fn work_of_folding(uri: &str, others: usize) -> usize {
    uri.len().saturating_mul(if others > 0 { 6 } else { 1 })
}

/// Returns whether some URI could be allowed that begins as a template does (RFC 6570), up to its first
/// expression. A template that could lead nowhere else is hidden.
pub(super) fn may_use_template(rules: &Rules, template: &str, hides: &impl Fn(&Arc<Rule>) -> bool) -> bool {
    let prefix = template.split('{').next().unwrap_or_default();
    let denies = |rules: &EntryRules| rules.iter().any(hides);
    let entries = || rules.resources.section().entries();
    let exact = |pattern: &Pattern| pattern.is_exact() && pattern.as_str().starts_with(prefix);
    if entries().any(|(pattern, rules)| exact(pattern) && !denies(rules)) {
        return true;
    }
    if !rules.resources.section().is_empty() && uri::obstacle_from(prefix).is_some() {
        return false;
    }
    // Only entries with as many literal characters can decide before one that covers the template.
    let cover =
        entries().filter(|(pattern, _)| covers(pattern, prefix)).map(|(pattern, _)| pattern.literals()).max();
    let all = Pattern::new(&[prefix, "*"].concat());
    // A host that ends with the prefix may go on.
    let host = uri::to_host(prefix).filter(|host| host.len() < prefix.len());
    let could = |number: usize, pattern: &Pattern| {
        !pattern.is_exact()
            && Some(pattern.literals()) >= cover
            && pattern.overlaps(&all)
            && host.is_none_or(|host| rules.resources.fits_host(number, host))
    };
    let allowing =
        entries().enumerate().filter(|(number, (pattern, rules))| could(*number, pattern) && !denies(rules));
    let most = allowing.map(|(_, (pattern, _))| pattern.literals()).max();
    let by_default = (cover.is_none() && rules.default.0 == Effect::Allow).then_some(0);
    let most = most.max(by_default);
    most.is_some() && Some(literals_behind(rules, prefix, hides)) <= most
}

/// Returns how many literal characters an entry must have at least to allow a URI that begins with `prefix`, because an entry
/// for another spelling of these URIs denies them.
fn literals_behind(rules: &Rules, prefix: &str, hides: &impl Fn(&Arc<Rule>) -> bool) -> usize {
    let all = Pattern::new(&uri::folded_entry(&[prefix, "*"].concat()));
    let Some((folded, _)) = all.ends().filter(|(folded, _)| *folded != prefix) else { return 0 };
    let entries = || rules.resources.section().entries();
    let denies = |rules: &EntryRules| rules.iter().any(hides);
    let denying = entries().filter(|(pattern, rules)| covers(pattern, folded) && denies(rules));
    let Some(most) = denying.map(|(pattern, _)| pattern.literals()).max() else { return 0 };
    let allows =
        |pattern: &Pattern| (pattern.is_exact() || pattern.literals() > most) && pattern.overlaps(&all);
    match entries().any(|(pattern, rules)| allows(pattern) && !denies(rules)) {
        true => 0,
        false => most.saturating_add(1),
    }
}

/// Tells whether a pattern fits every URI that begins with `prefix`.
fn covers(pattern: &Pattern, prefix: &str) -> bool {
    pattern.as_str().ends_with('*') && pattern.matches(prefix)
}
