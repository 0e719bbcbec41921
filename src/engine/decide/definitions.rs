//! Calls of tools whose definition a policy pins, and what lists have shown of them.
//!
//! All workers share what the last list with the tool has shown. It is kept for each pin under a key of its own, see
//! [`Pin::key`], so a new pin begins without a past. Until a list shows the tool otherwise, nothing is kept.

use std::sync::Arc;

use super::{Decision, because, describe_call, layers};
use crate::denial::{Code, Denial};
use crate::identity::Caller;
use crate::limit::{Store, Unavailable};
use crate::mcp::message::{Call, Target};
use crate::policy::{Mode, Pin, Policy, Rule};

/// The value of a key if the last list with the tool has shown it otherwise.
const CHANGED: &[u8] = b"changed";

/// The value if it has shown the tool as it is pinned, after it was shown otherwise.
const RESTORED: &[u8] = b"restored";

/// How often a worker tries to write that a definition has changed. Each failure means that another worker has written.
const TRIES: u32 = 16;

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

/// Returns whether the last list with the tool of a pin has shown it otherwise.
///
/// # Errors
/// [`Unavailable`] if the store cannot tell.
pub fn is_changed<S: Store + ?Sized>(store: &S, pin: &Pin) -> Result<bool, Unavailable> {
    is_changed_at(store, &pin.key)
}

fn is_changed_at<S: Store + ?Sized>(store: &S, key: &str) -> Result<bool, Unavailable> {
    let (value, _) = store.read(key)?;
    Ok(value.is_some_and(|value| value != RESTORED))
}

/// Notes what a list shows of a tool. Returns whether that is news: the last one has shown something else.
///
/// # Errors
/// [`Unavailable`] if it cannot be stored.
pub(super) fn note<S: Store + ?Sized>(store: &S, pin: &Pin, changed: bool) -> Result<bool, Unavailable> {
    for _ in 0..TRIES {
        let (value, version) = store.read(&pin.key)?;
        let known = value.is_some_and(|value| value != RESTORED);
        if known == changed {
            return Ok(false);
        }
        if store.swap(&pin.key, if changed { CHANGED } else { RESTORED }, version)? {
            return Ok(true);
        }
        // Another list was seen meanwhile. It counts as the later one unless this one shows a change.
        if !changed {
            return Ok(false);
        }
        store.pause();
    }
    Err(Unavailable)
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
