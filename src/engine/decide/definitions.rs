//! Calls of tools whose definition a policy pins, and what lists have shown of them.
//!
//! All workers share what the last list with the tool has shown. It is kept for each [pin](crate::policy::Pin) under a key of
//! its own, so a new pin begins without a past. Until a list shows the tool otherwise, nothing is kept.

mod marks;

use std::sync::Arc;

use super::{Decision, because, describe_call, layers};
use crate::denial::{Code, Denial};
use crate::identity::Caller;
use crate::limit::{Store, Unavailable};
use crate::mcp::message::{Call, Target};
use crate::policy::{Mode, Policy, Rule};

use marks::is_changed_at;
pub use marks::{changes, is_changed};
pub(super) use marks::{close, count_change, open};

/// A rule that pins the definition of the tool that a call is for.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    rule: Arc<Rule>,
    /// The key of the pin in the store
    key: String,
    /// The description of the call, for the caller
    called: String,
}

impl Decision {
    /// Refuses a call of a tool if the last list that any worker has seen the tool in shows it otherwise than a rule
    /// pins it, or if that cannot be told. The store is read only if nothing else refuses the call.
    pub fn compare_definitions<S: Store + ?Sized>(
        &mut self,
        policy: &Policy,
        caller: &Caller,
        call: &Call<'_>,
        store: &S,
    ) {
        let Target::Tool(name) = &call.target else { return };
        if policy.pins.is_empty() {
            return;
        }
        for rule in layers(policy, caller).flat_map(|rules| rules.tools.get(name).into_iter().flatten()) {
            let Some(pin) = rule.definition.and_then(|digest| policy.pins.find(name, digest)) else {
                continue;
            };
            let in_shadow = rule.mode == Mode::Shadow;
            if self.denial.is_some() {
                continue;
            }
            if self.may_wait() {
                let (rule, key) = (Arc::clone(rule), pin.key.clone());
                self.pinned.push(Pinned { rule, key, called: describe_call(call) });
            }
            if in_shadow && self.would_deny.is_some() {
                continue;
            }
            let called = || describe_call(call);
            if let Some(denial) = denial(store, &pin.key, rule, called) {
                self.refuse(in_shadow, denial);
            }
        }
    }

    /// Returns whether the call may have to wait for an answer from outside.
    fn may_wait(&self) -> bool {
        let charges = || self.charges.iter().chain(&self.shadow_charges);
        self.approval.is_some() || charges().any(|due| due.limit.shared)
    }

    /// Returns the denial of a call that has waited if a list has shown its tool otherwise meanwhile. What a rule in
    /// shadow mode would refuse is noted.
    pub fn definition_changed<S: Store + ?Sized>(&mut self, store: &S) -> Option<Denial> {
        for one in &self.pinned {
            match denial(store, &one.key, &one.rule, || one.called.clone()) {
                Some(denial) if one.rule.mode == Mode::Shadow => {
                    self.would_deny.get_or_insert(denial);
                }
                None => {}
                denial => return denial,
            }
        }
        None
    }
}

impl Pinned {
    /// Returns roughly how many bytes of memory it takes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>().saturating_add(self.key.capacity()).saturating_add(self.called.capacity())
    }
}

/// Returns why a rule that pins a tool refuses its call, if it does.
fn denial<S: Store + ?Sized>(
    store: &S,
    key: &str,
    rule: &Rule,
    called: impl FnOnce() -> String,
) -> Option<Denial> {
    match is_changed_at(store, key) {
        Ok(false) => None,
        Ok(true) => Some(changed(rule, &called())),
        Err(Unavailable) => Some(unknown(rule, &called())),
    }
}

fn changed(rule: &Rule, called: &str) -> Denial {
    let because = because(rule);
    let why = "the server lists it with another definition than the one that was reviewed";
    of_rule(rule, format!("{called} is denied: {why}{because}"))
}

fn unknown(rule: &Rule, called: &str) -> Denial {
    let why = "it cannot be told now whether the server still lists it as it was reviewed";
    of_rule(rule, format!("{called} is denied: {why}"))
}

fn of_rule(rule: &Rule, reason: String) -> Denial {
    Denial::by(format!("{}.definition", rule.path), Code::DefinitionChanged, reason)
}

#[cfg(test)]
mod tests;
