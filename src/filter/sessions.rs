//! The hashes of session ids that a worker has seen lately.
//!
//! A record names a session by its SHA-256, which takes a tenth of what a short call costs, and a session makes
//! many calls. The ids themselves are not kept: a slot knows its id by a keyed hash.

use std::cell::RefCell;

use mcp_policy_engine::audit;
use siphasher::sip128::SipHasher13;

/// How many hashes are kept, a power of two. An id has one slot, and takes it from the id that was there.
const SLOTS: usize = 1024;
/// Picks the slot of an id.
const MASK: u128 = 0x3ff;

/// The hashes of one worker.
#[derive(Debug)]
pub struct Sessions {
    key: [u8; 16],
    /// Empty until the first session comes
    slots: RefCell<Vec<Option<Slot>>>,
}

#[derive(Debug, Clone)]
struct Slot {
    id: u128,
    digest: String,
}

impl Sessions {
    /// Makes an empty table; with the key, nobody can choose ids that share a slot.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        Self { key, slots: RefCell::default() }
    }

    /// Returns what a record says of a session id: see [`audit::session`].
    #[must_use]
    pub fn digest(&self, session: &[u8]) -> String {
        let id = SipHasher13::new_with_key(&self.key).hash(session).as_u128();
        let mut slots = self.slots.borrow_mut();
        if slots.is_empty() {
            slots.resize(SLOTS, None);
        }
        let at = usize::try_from(id & MASK).unwrap_or_default();
        match slots.get_mut(at) {
            Some(Some(slot)) if slot.id == id => slot.digest.clone(),
            Some(slot) => slot.insert(Slot { id, digest: audit::session(session) }).digest.clone(),
            None => audit::session(session),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_its_digest_whatever_came_before() {
        let sessions = Sessions::new([7; 16]);
        let ids: Vec<String> = (0..3 * SLOTS).map(|number| format!("session {number}")).collect();
        for id in ids.iter().chain(&ids).chain(&ids[..10]).chain(&ids[..10]) {
            assert_eq!(sessions.digest(id.as_bytes()), audit::session(id.as_bytes()));
        }
        assert_eq!(sessions.slots.borrow().len(), SLOTS);
    }
}
