//! Warnings about misspelt methods.

use mcp_policy_engine::mcp::method::{ActsOn, Method};
use mcp_policy_engine::policy::Pattern;

use super::context::{Context, Warning};
use super::kinds;
use crate::diagnostic::closest;

/// Methods of MCP that only servers send, which the engine does not know.
const OF_SERVERS: [&str; 2] = ["sampling/createMessage", "elicitation/create"];

/// Looks for `unknown-method`.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    for layer in &context.layers {
        for (pattern, (_, path)) in layer.rules.methods.section().entries() {
            if let Some(known) = meant(pattern) {
                let message = format!("MCP has no method `{pattern}`");
                let help = format!("did you mean `{known}`?");
                warnings.push(Warning::of_key(&kinds::UNKNOWN_METHOD, path, message).help(help));
            }
        }
    }
}

/// Returns the method of MCP that a name seems to mean and does not name. A name that is like none may be a method of
/// the server's own.
fn meant(pattern: &Pattern) -> Option<String> {
    let known = || Method::known().chain(OF_SERVERS);
    let name = pattern.as_str();
    if pattern.is_exact() {
        // A name like `roles/list` belongs to a family of methods, so it takes more to call it misspelt.
        let in_family = Method::new(name).acts_on() != ActsOn::Unknown;
        let meant = closest(name, known()).filter(|_| !known().any(|known| known == name));
        let close = meant.filter(|meant| !in_family || strsim::osa_distance(name, meant) <= 1);
        return close.map(str::to_owned);
    }
    if known().any(|known| pattern.matches(known)) {
        return None;
    }
    let (family, rest) = name.split_once('/')?;
    let families = known().filter_map(|known| known.split_once('/')).map(|(family, _)| family);
    let meant = closest(family, families).map(|family| format!("{family}/{rest}"))?;
    // A pattern that matches what a section decides on would be a fault.
    let of_section = |known: &&str| Method::new(*known).section().is_some();
    let mut of_section = Method::known().filter(of_section);
    (!of_section.any(|known| Pattern::new(&meant).matches(known))).then_some(meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_method_is_told_from_one_of_the_servers_own() {
        for (name, expected) in [
            ("tools/lsit", Some("tools/list")),
            ("tool/list", Some("tools/list")),
            ("Tools/List", Some("tools/list")),
            ("pong", Some("ping")),
            ("notification/initialized", Some("notifications/initialized")),
            ("task/*", Some("tasks/*")),
            ("tool/*", None),
            ("tool/l*", Some("tools/l*")),
            ("tools/list", None),
            ("ping", None),
            ("tasks/*", None),
            ("notifications/*", None),
            ("*", None),
            ("vendor/rebuild", None),
            ("vendor/*", None),
            ("roots/list", None),
            ("roles/list", None),
            ("elicitation/create", None),
        ] {
            assert_eq!(meant(&Pattern::new(name)).as_deref(), expected, "{name}");
        }
    }
}
