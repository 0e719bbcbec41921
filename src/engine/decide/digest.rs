//! The digest of the rules that decide on a call. An approval is bound to it: an edit of these rules makes
//! another call, an edit of anything else in the document does not.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{layers, resources};
use crate::identity::Caller;
use crate::mcp::message::{Call, Target};
use crate::policy::{EntryRules, Policy, Rule, Rules, Section};
use crate::text::hex;

/// Returns the SHA-256, in hex, of the rules that decide on a call: for the document and for the caller's
/// grant, the pattern of the entry that decides, or that none does, and the rules of this entry and of
/// `all_tools`, as the document has them. Returns `None` if no rule can require approval for the call.
#[must_use]
pub fn digest(policy: &Policy, caller: &Caller, call: &Call<'_>) -> Option<String> {
    let mut hash = Sha256::new();
    for rules in layers(policy, caller) {
        add_layer(&mut hash, rules, call)?;
    }
    Some(hex(&hash.finalize()))
}

fn add_layer(hash: &mut Sha256, rules: &Rules, call: &Call<'_>) -> Option<()> {
    hash.update("rules\n");
    match &call.target {
        Target::Tool(name) => {
            add_entry(hash, &rules.tools, name)?;
            add_rules(hash, "all", &rules.all_tools)
        }
        Target::Prompt(name) => add_entry(hash, &rules.prompts, name),
        Target::Resources(uris) => uris.iter().try_for_each(|uri| {
            add_entry(hash, rules.resources.section(), uri)?;
            add_rules(hash, "behind", &resources::rules_behind(rules, uri))
        }),
        Target::Session | Target::Unknown => None,
    }
}

/// Adds the entry that decides on `name`. Without one the default does, which can only be to allow where a
/// person is asked.
fn add_entry(hash: &mut Sha256, section: &Section<EntryRules>, name: &str) -> Option<()> {
    let Some((pattern, rules)) = section.pair(name) else {
        hash.update("default\n");
        return Some(());
    };
    let pattern = pattern.as_str();
    hash.update(format!("entry {} {pattern}\n", pattern.len()));
    add_rules(hash, "of", rules)
}

fn add_rules(hash: &mut Sha256, which: &str, rules: &[Arc<Rule>]) -> Option<()> {
    hash.update(format!("{which} {}\n", rules.len()));
    rules.iter().try_for_each(|rule| {
        hash.update(rule.digest?.bytes());
        Some(())
    })
}
