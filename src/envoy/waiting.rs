//! Requests that wait for an approval, and how much of a worker's memory they may take.

use std::cell::Cell;
use std::rc::Rc;

/// How many bytes of bodies may wait in one worker. Its memory has 32-bit addresses, and a body can
/// wait for minutes.
const MOST_BYTES: usize = 134_217_728;

/// The bytes of one worker's bodies that wait.
#[derive(Debug, Clone, Default)]
pub struct Waiting(Rc<Cell<usize>>);

/// A request that waits: what judges it once more.
#[derive(Debug)]
pub struct Waiter {
    /// The body, as it came
    pub body: Vec<u8>,
    /// The decision's id, of which the service was told
    pub decision_id: String,
    all: Waiting,
}

impl Waiting {
    /// Has a request wait; `None` where too much does already.
    #[must_use]
    pub fn enter(&self, body: &[u8], decision_id: String) -> Option<Waiter> {
        let Self(bytes) = self;
        let total = bytes.get().checked_add(body.len()).filter(|total| *total <= MOST_BYTES)?;
        bytes.set(total);
        Some(Waiter { body: body.to_vec(), decision_id, all: self.clone() })
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let Waiting(bytes) = &self.all;
        bytes.set(bytes.get().saturating_sub(self.body.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_and_given_back() {
        let waiting = Waiting::default();
        let half = vec![b' '; MOST_BYTES / 2];
        let enter = |body: &[u8]| waiting.enter(body, String::new());
        let (one, two) = (enter(&half), enter(&half));
        assert!(one.is_some() && two.is_some() && enter(b"x").is_none());
        drop(one);
        assert!(enter(b"x").is_some());
    }
}
