//! Warnings about the server's tools: `unknown-tool` and `unlisted-tool`.

use std::collections::HashSet;

use mcp_policy_engine::document::Path;
use mcp_policy_engine::policy::{Effect, Pattern};

use super::context::{Context, Warning};
use super::kinds;
use super::tool_list::Tool;
use crate::diagnostic::closest;

/// Up to how many tools that no entry names have a warning each.
const MOST_APART: usize = 3;

/// Looks for names that no tool has, and for tools that no entry names.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    let Some(tools) = &context.tools else { return };
    let names: HashSet<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    let mut exact = |pattern: &Pattern, path: String, of_key: bool| {
        if pattern.is_exact() && !names.contains(pattern.as_str()) {
            warnings.push(unknown(pattern.as_str(), path, of_key, tools));
        }
    };
    for entry in context.entries.iter().filter(|entry| entry.section == "tools") {
        if let Some(pattern) = entry.pattern {
            exact(pattern, entry.path.to_string(), true);
        }
    }
    for (pattern, path) in context.layers.iter().flat_map(|layer| layer.rules.hide.iter()) {
        exact(pattern, path.clone(), false);
    }
    let rules = &context.policy.rules;
    for (pattern, path) in context.layers.iter().flat_map(|layer| layer.rules.hide.iter()) {
        if !pattern.is_exact() && !tools.iter().any(|tool| pattern.matches(&tool.name)) {
            warnings.push(Warning::of(&kinds::NEVER_MATCHES, path, "matches no tool of the server"));
        }
    }
    let is_named = |name: &str| rules.hidden(name).is_some() || rules.tools.get(name).is_some();
    let unnamed: Vec<&str> =
        tools.iter().map(|tool| tool.name.as_str()).filter(|name| !is_named(name)).collect();
    if unnamed.len() > MOST_APART {
        warnings.push(unlisted(context, &unnamed));
    } else {
        warnings.extend(unnamed.iter().map(|name| unlisted(context, &[name])));
    }
}

fn unknown(name: &str, path: String, of_key: bool, tools: &[Tool<'_>]) -> Warning {
    let message = format!("the server has no tool `{name}`");
    let warning = Warning { of_key, ..Warning::of(&kinds::UNKNOWN_TOOL, path, message) };
    match closest(name, tools.iter().map(|tool| tool.name.as_str())) {
        Some(known) => warning.help(format!("did you mean `{known}`?")),
        None => warning,
    }
}

/// Warns of tools that no entry names, at least one.
fn unlisted(context: &Context<'_>, names: &[&str]) -> Warning {
    let effect = match context.policy.rules.default.0 {
        Effect::Allow => "allowed",
        Effect::Deny => "denied",
    };
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let (message, what) = match quoted.as_slice() {
        [name] => {
            (format!("no entry names the server's tool {name}, so it is {effect} by default"), name.as_str())
        }
        names => {
            let (count, all) = (names.len(), names.join(", "));
            (
                format!("no entry names {count} tools of the server, so they are {effect} by default: {all}"),
                "them",
            )
        }
    };
    let help = format!("add {what} to `tools`");
    let section =
        if context.part("tools").is_some() { Path::default().key("tools") } else { Path::default() };
    Warning::of_key(&kinds::UNLISTED_TOOL, section, message).help(help)
}
