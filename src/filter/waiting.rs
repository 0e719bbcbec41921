//! Limits the memory and the open questions of requests that wait for an approval in one worker.
//!
//! If a client disconnects, the proxy does not cancel the question. It stays open until the service answers
//! or the timeout ends, and counts towards the concurrent requests of the cluster.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// The most bytes of waiting requests in one worker. Its memory has 32-bit addresses, and a request can wait
/// for minutes.
const MOST_BYTES: usize = 134_217_728;

/// The most open questions of one caller in one worker, so that no caller blocks the others.
const MOST_OPEN: usize = 100;

/// The waiting requests of one worker.
#[derive(Debug, Clone, Default)]
pub struct Waiting(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: usize,
    /// The callers of open questions, ordered by the question's deadline
    open: BTreeMap<Number, String>,
    of_caller: HashMap<String, usize>,
    next: u64,
}

/// Identifies an open question: its deadline, and a number that makes it unique.
type Number = (u64, u64);

/// Who asks a question, and when. Times are in nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The key of the caller (`Caller::key`); `None` if it has no principal
    pub caller: Option<&'a str>,
    /// The present time
    pub now_ns: u64,
    /// The question's deadline
    pub until_ns: u64,
}

/// The share of one waiting request. Dropping it releases its bytes.
#[derive(Debug)]
pub struct Ticket {
    /// The bytes of the request
    size: usize,
    /// The open question, if its caller is known
    number: Option<Number>,
    all: Waiting,
}

impl Waiting {
    /// Adds a waiting request of `size` bytes. Returns `None` if that would exceed a limit.
    #[must_use]
    pub fn enter(&self, asker: &Asker<'_>, size: usize) -> Option<Ticket> {
        let Self(state) = self;
        let state = &mut *state.borrow_mut();
        while let Some(first) = state.open.first_key_value().map(|(number, _)| *number)
            && first.0 <= asker.now_ns
        {
            state.close(first);
        }
        let bytes = state.bytes.checked_add(size).filter(|bytes| *bytes <= MOST_BYTES)?;
        let number = match asker.caller {
            None => None,
            Some(caller) => Some(state.open(caller, asker.until_ns)?),
        };
        state.bytes = bytes;
        Some(Ticket { size, number, all: self.clone() })
    }
}

impl State {
    /// Adds an open question. Returns `None` if its caller has too many.
    fn open(&mut self, caller: &str, until_ns: u64) -> Option<Number> {
        let own = self.of_caller.get(caller).copied().unwrap_or_default();
        let own = own.checked_add(1).filter(|own| *own <= MOST_OPEN)?;
        self.of_caller.insert(caller.to_owned(), own);
        let number = (until_ns, self.next);
        self.next = self.next.wrapping_add(1);
        self.open.insert(number, caller.to_owned());
        Some(number)
    }

    /// Removes an open question.
    fn close(&mut self, number: Number) {
        let Some(caller) = self.open.remove(&number) else { return };
        let left = self.of_caller.get(&caller).map_or(0, |own| own.saturating_sub(1));
        match left {
            0 => drop(self.of_caller.remove(&caller)),
            left => drop(self.of_caller.insert(caller, left)),
        }
    }
}

impl Ticket {
    /// Records that the question was answered, or was not sent.
    pub fn close(&self) {
        let Waiting(state) = &self.all;
        if let Some(number) = self.number {
            state.borrow_mut().close(number);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Waiting(state) = &self.all;
        let state = &mut *state.borrow_mut();
        state.bytes = state.bytes.saturating_sub(self.size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(waiting: &Waiting, caller: &str, body: &[u8], now_ns: u64) -> Option<Ticket> {
        let caller = Some(caller).filter(|caller| !caller.is_empty());
        let asker = Asker { caller, now_ns, until_ns: now_ns.saturating_add(10) };
        waiting.enter(&asker, body.len())
    }

    #[test]
    fn waiting_bytes_are_bounded_and_released() {
        let waiting = Waiting::default();
        let half = vec![b' '; MOST_BYTES / 2];
        let (one, two) = (enter(&waiting, "a", &half, 0), enter(&waiting, "a", &half, 0));
        assert!(one.is_some() && two.is_some() && enter(&waiting, "b", b"x", 0).is_none());
        drop(one);
        assert!(enter(&waiting, "b", b"x", 0).is_some());
    }

    #[test]
    fn open_questions_of_a_caller_are_bounded_until_they_end() {
        let waiting = Waiting::default();
        let mut waiters: Vec<_> = (0..MOST_OPEN).map(|_| enter(&waiting, "a", b"", 0).unwrap()).collect();
        assert!(enter(&waiting, "a", b"", 9).is_none());
        assert!(enter(&waiting, "b", b"", 9).is_some(), "others have their own");
        assert!((0..300).all(|_| enter(&waiting, "", b"", 9).is_some()), "who is nobody is many");
        // If a client disconnects, its question stays open.
        drop(waiters.pop());
        assert!(enter(&waiting, "a", b"", 9).is_none());
        waiters.pop().unwrap().close();
        assert!(enter(&waiting, "a", b"", 9).is_some());
        assert!(enter(&waiting, "a", b"", 9).is_none());
        assert!(enter(&waiting, "a", b"", 10).is_some(), "the time of the first is over");
        drop(waiters);
        let Waiting(state) = &waiting;
        assert_eq!(state.borrow().open.len(), 3, "what is over leaves nothing");
    }
}
