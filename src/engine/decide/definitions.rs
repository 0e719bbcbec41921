//! Calls of tools whose definition a policy pins, and what lists have shown of them.
//!
//! All workers share what the last list with the tool has shown. It is kept for each pin under a key of its own, see
//! [`Pin::key`], so a new pin begins without a past. Until a list shows the tool otherwise, nothing is kept.

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
            let in_shadow = rule.mode == Mode::Shadow;
            let is_refused = self.denial.is_some() || (in_shadow && self.would_deny.is_some());
            let Some(pin) = rule.definition.and_then(|digest| policy.pins.find(name, digest)) else {
                continue;
            };
            if is_refused {
                continue;
            }
            match is_changed(store, pin) {
                Ok(false) => {}
                Ok(true) => self.refuse(in_shadow, changed(rule, call)),
                Err(Unavailable) => self.refuse(in_shadow, unknown(rule, call)),
            }
        }
    }
}

/// Returns whether the last list with the tool of a pin has shown it otherwise.
///
/// # Errors
/// [`Unavailable`] if the store cannot tell.
pub fn is_changed<S: Store + ?Sized>(store: &S, pin: &Pin) -> Result<bool, Unavailable> {
    let (value, _) = store.read(&pin.key)?;
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

fn changed(rule: &Rule, call: &Call<'_>) -> Denial {
    let because = because(rule);
    let why = "the server lists it with another definition than the one that was reviewed";
    denial(rule, format!("{} is denied: {why}{because}", describe_call(call)))
}

fn unknown(rule: &Rule, call: &Call<'_>) -> Denial {
    let why = "it cannot be told now whether the server still lists it as it was reviewed";
    denial(rule, format!("{} is denied: {why}", describe_call(call)))
}

fn denial(rule: &Rule, reason: String) -> Denial {
    Denial::by(format!("{}.definition", rule.path), Code::DefinitionChanged, reason)
}

#[cfg(test)]
mod tests;
