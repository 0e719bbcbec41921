//! Warnings about entries of grants that the document denies to all: `grant-names-what-the-document-denies`.

use std::sync::Arc;

use mcp_policy_engine::document::Path;
use mcp_policy_engine::mcp::method::{ActsOn, Method};
use mcp_policy_engine::policy::{Effect, EntryRules, Pattern, Rules, Section};

use super::context::{Context, Entry, Warning, denies};
use super::descriptions::covers;
use super::kinds;

/// Looks for entries of grants that allow nothing, because the document denies it.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    let document = &context.policy.rules;
    for entry in context.entries.iter().filter(|entry| entry.layer > 0) {
        // What the grant denies itself, it does not expect to work.
        if entry.rules.iter().any(|rule| denies(rule)) {
            continue;
        }
        let Some(pattern) = entry.pattern else { continue };
        if let Some(why) = denied(document, entry, pattern) {
            warnings.push(warning(&entry.path, pattern, &why));
        }
    }
    for layer in context.layers.iter().skip(1) {
        for (pattern, (effect, path)) in layer.rules.methods.section().entries() {
            if let Some(why) = denied_method(document, pattern).filter(|_| *effect == Effect::Allow) {
                warnings.push(warning(path, pattern, &why));
            }
        }
    }
}

fn warning(path: &impl ToString, pattern: &Pattern, why: &str) -> Warning {
    let message = format!("allows nothing: {why}, and a grant can only narrow what the document allows");
    let help = format!("allow `{pattern}` in the document as well, or remove this entry");
    Warning::of_key(&kinds::GRANT_NAMES_WHAT_THE_DOCUMENT_DENIES, path.to_string(), message).help(help)
}

/// Returns how the document denies everything that an entry of a grant matches; `None` if some of it may be allowed.
fn denied(document: &Rules, entry: &Entry<'_>, pattern: &Pattern) -> Option<String> {
    if entry.section == "tools" {
        if let Some((_, path)) = document.hide.iter().find(|(hidden, _)| covers(hidden, pattern)) {
            return Some(format!("`{path}` of the document hides it"));
        }
        if let Some(rule) = document.all_tools.iter().find(|rule| denies(rule)) {
            return Some(format!("`{}` of the document denies every tool", rule.path));
        }
    }
    let section = match entry.section {
        "tools" => &document.tools,
        "resources" => document.resources.section(),
        "prompts" => &document.prompts,
        _ => return None,
    };
    denied_by_section(section, entry.section, pattern, document.default.0)
}

fn denied_by_section(
    section: &Section<EntryRules>,
    name: &str,
    pattern: &Pattern,
    default: Effect,
) -> Option<String> {
    if pattern.is_exact() {
        return match section.pair(pattern.as_str()) {
            None if default == Effect::Deny => Some(format!("no entry in `{name}` of the document names it")),
            Some((decides, rules)) if denies_any(rules) => Some(format!(
                "`{}` of the document denies it",
                Path::default().key(name).key(decides.as_str())
            )),
            _ => None,
        };
    }
    let overlapping: Vec<_> = section.entries().filter(|(other, _)| other.overlaps(pattern)).collect();
    if !overlapping.iter().all(|(_, rules)| denies_any(rules)) {
        return None;
    }
    match overlapping.iter().find(|(other, _)| covers(other, pattern)) {
        Some((other, _)) => {
            Some(format!("`{}` of the document denies it", Path::default().key(name).key(other.as_str())))
        }
        None if default == Effect::Deny && overlapping.is_empty() => {
            Some(format!("no entry in `{name}` of the document names any of it"))
        }
        None if default == Effect::Deny => Some("the document denies all of it".to_owned()),
        None => None,
    }
}

fn denies_any(rules: &[Arc<mcp_policy_engine::policy::Rule>]) -> bool {
    rules.iter().any(|rule| denies(rule))
}

/// Returns how the document denies a method. What a pattern matches may be allowed without an entry, so only an entry
/// that covers it is certain.
fn denied_method(document: &Rules, pattern: &Pattern) -> Option<String> {
    let by = |path: &str| format!("`{path}` of the document denies it");
    if pattern.is_exact() {
        return match document.methods.get(&Method::new(pattern.as_str())) {
            Some((Effect::Deny, path)) => Some(by(path)),
            Some((Effect::Allow, _)) => None,
            None if Method::new(pattern.as_str()).acts_on() == ActsOn::Unknown => (document.default.0
                == Effect::Deny)
                .then(|| "no entry in `methods` of the document names it".to_owned()),
            None => None,
        };
    }
    let mut overlapping = document.methods.section().entries().filter(|(other, _)| other.overlaps(pattern));
    if overlapping.any(|(_, (effect, _))| *effect == Effect::Allow) {
        return None;
    }
    let mut all = document.methods.section().entries();
    all.find(|(other, _)| covers(other, pattern)).map(|(_, (_, path))| by(path))
}
