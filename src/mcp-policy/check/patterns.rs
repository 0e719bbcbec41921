//! Warnings about patterns that decide on nothing: `shadowed-pattern`, and `never-matches` for patterns.

use mcp_policy_engine::mcp::uri;
use mcp_policy_engine::policy::{EntryRules, Pattern, Resources, Section};

use super::context::{Context, Entry, Layer, Warning};
use super::descriptions::covers;
use super::kinds;

/// Looks for patterns that decide on nothing.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    for layer in &context.layers {
        repeated_hides(layer, warnings);
    }
    for entry in &context.entries {
        let Some(pattern) = entry.pattern else { continue };
        // An entry that denies what is hidden or decided anyway does no harm and may be there to be sure.
        let denies = entry.denies();
        match entry.section {
            "resources" if template(entry, pattern, warnings) => {}
            "resources" => never_plain(entry, pattern, warnings),
            "tools" if !denies && hidden(context, entry, pattern, warnings) => {}
            "tools" => no_tools(context, entry, pattern, denies, warnings),
            _ => {}
        }
    }
}

/// Warns of patterns in `hide` that another one there covers.
fn repeated_hides(layer: &Layer<'_>, warnings: &mut Vec<Warning>) {
    let hidden: Vec<(&Pattern, &String)> = layer.rules.hide.iter().collect();
    for (number, (pattern, path)) in hidden.iter().enumerate() {
        let covered = |(other, (by, _)): &(usize, &(&Pattern, &String))| {
            // Of two that match the same, the earlier one stays.
            *other != number && covers(by, pattern) && (*other < number || !covers(pattern, by))
        };
        if let Some((_, (_, by))) = hidden.iter().enumerate().find(covered) {
            let message = format!("`{by}` hides everything that this pattern matches");
            warnings.push(Warning::of(&kinds::SHADOWED_PATTERN, path, message).help("remove one of the two"));
        }
    }
}

/// Warns of an entry whose tools are all hidden. Returns whether they are.
fn hidden(context: &Context<'_>, entry: &Entry<'_>, pattern: &Pattern, warnings: &mut Vec<Warning>) -> bool {
    let Some(layer) = context.layers.get(entry.layer) else { return false };
    let by = layer.rules.hide.iter().find(|(hidden, _)| covers(hidden, pattern));
    if let Some((_, by)) = by {
        let message = format!("has no effect, because `{by}` hides everything that it matches");
        let help = "remove this entry, or do not hide what it allows";
        warnings.push(Warning::of_key(&kinds::SHADOWED_PATTERN, &entry.path, message).help(help));
    }
    by.is_some()
}

/// Warns of a pattern that decides on none of the server's tools.
fn no_tools(
    context: &Context<'_>,
    entry: &Entry<'_>,
    pattern: &Pattern,
    denies: bool,
    warnings: &mut Vec<Warning>,
) {
    let Some(tools) = &context.tools else { return };
    if pattern.is_exact() || context.tools_of(entry).next().is_some() {
        return;
    }
    let mut matched = tools.iter().filter(|tool| pattern.matches(&tool.name)).peekable();
    if matched.peek().is_none() {
        let message = "matches no tool of the server";
        warnings.push(Warning::of_key(&kinds::NEVER_MATCHES, &entry.path, message));
    } else if !denies {
        let count = matched.count();
        let message = match count {
            1 => "decides on nothing: another entry decides on the one tool that it matches".to_owned(),
            _ => format!("decides on nothing: other entries decide on the {count} tools that it matches"),
        };
        warnings.push(Warning::of_key(&kinds::SHADOWED_PATTERN, &entry.path, message));
    }
}

/// Warns of an entry of resources that is written as a URI template (RFC 6570). Returns whether it is.
fn template(entry: &Entry<'_>, pattern: &Pattern, warnings: &mut Vec<Warning>) -> bool {
    let Some((prefix, rest)) = pattern.as_str().split_once('{') else { return false };
    if !rest.contains('}') {
        return false;
    }
    let message = "never matches: this is a template, and URIs contain no `{`";
    let help = format!("write `{prefix}*` if the rule is for all resources that begin with `{prefix}`");
    warnings.push(Warning::of_key(&kinds::NEVER_MATCHES, &entry.path, message).help(help));
    true
}

/// What a `*` can stand for. If a pattern is not plain with any of these, it never is.
const MIDDLES: [&str; 11] = ["", "x", "x/", "/x", "/x/", "x/x", "//x", "//x/", "x://x", "x://x/", "///x"];

/// Warns of a pattern of resources that matches no plain URI. If it allows something, it is a fault.
fn never_plain(entry: &Entry<'_>, pattern: &Pattern, warnings: &mut Vec<Warning>) {
    if let Some(first) = obstacle(pattern) {
        let message = format!("never matches: patterns decide on plain URIs, and this has {first}");
        let help = "write the pattern as plain URIs are written";
        warnings.push(Warning::of_key(&kinds::NEVER_MATCHES, &entry.path, message).help(help));
    }
}

/// Returns what keeps each URI that a pattern matches from being plain, or from fitting the pattern part by part.
fn obstacle(pattern: &Pattern) -> Option<&'static str> {
    let (prefix, suffix) = pattern.ends()?;
    let alone = Resources::new(Section::new(vec![(pattern.clone(), EntryRules::default())]));
    let obstacle = |middle: &str| {
        let uri = [prefix, middle, suffix].concat();
        uri::obstacle(&uri).or_else(|| alone.overreach(&uri))
    };
    let found: Option<Vec<&str>> = MIDDLES.iter().map(|middle| obstacle(middle)).collect();
    found?.get(1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_is_never_plain_is_told_from_one_that_can_be() {
        for (pattern, expected) in [
            ("FILE:///x/*", true),
            ("file:///a/../*", true),
            ("file:///srv/*/../x", true),
            ("https://Corp.example/*", true),
            ("file://host/*", true),
            ("https://*.example", true),
            ("file:///*", false),
            ("*", false),
            ("https:*", false),
            ("http*", false),
            ("https://*:443/x", true),
            ("https://*.example/*", false),
            ("*/secret", false),
            ("*.json", false),
            ("file:*", false),
            ("custom:*", false),
        ] {
            let pattern = Pattern::new(pattern);
            let never = obstacle(&pattern).is_some();
            assert_eq!(never, expected, "{pattern}");
        }
    }
}
