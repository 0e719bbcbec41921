//! What a store knows of a pin, also if others write meanwhile.

use std::cell::Cell;

use super::marks::{Mark, RESTORED};
use super::*;
use crate::limit::MemoryStore;
use crate::mcp::definition::DefinitionDigest;
use crate::policy::{Pin, Pins};

fn pin(key: &str) -> Pin {
    let digest = DefinitionDigest::parse(&format!("sha256:{}", "0".repeat(64))).unwrap();
    Pin { tool: "run".to_owned(), digest, key: key.to_owned() }
}

fn pins() -> Pins {
    Pins::of("facts", std::iter::empty())
}

/// Notes what a list shows, as one that was asked for after all changes so far.
fn note<S: Store + ?Sized>(store: &S, pin: &Pin, changed: bool) -> Result<bool, Unavailable> {
    match changed {
        true => close(store, pin, count_change(store, &pins())),
        false => open(store, &pins(), pin, changes(store, &pins()).ok_or(Unavailable)?),
    }
}

#[test]
fn the_last_list_decides_and_only_a_difference_is_news() {
    let store = MemoryStore::new();
    let (one, other) = (pin("one"), pin("other"));
    for (changed, is_news) in
        [(false, false), (true, true), (true, false), (false, true), (false, false), (true, true)]
    {
        assert_eq!(note(&store, &one, changed), Ok(is_news), "{changed}");
        assert_eq!(is_changed(&store, &one), Ok(changed));
        assert_eq!(is_changed(&store, &other), Ok(false), "a pin has a state of its own");
    }
    assert_eq!(store.size().0, 2, "nothing is kept of a tool that was always listed as it is pinned");
}

#[test]
fn only_a_request_that_began_after_the_last_change_opens_a_tool() {
    let store = MemoryStore::new();
    let (one, other, pins) = (pin("one"), pin("other"), pins());
    let began = || changes(&store, &pins).unwrap();
    let seen = |pin: &Pin| close(&store, pin, count_change(&store, &pins));
    let before = began();
    assert_eq!(seen(&one), Ok(true));
    let between = began();
    assert_eq!(open(&store, &pins, &one, before), Ok(false));
    // Another list shows the same.
    assert_eq!(seen(&one), Ok(false));
    assert_eq!(open(&store, &pins, &one, between), Ok(false), "the server may have changed it once more");
    assert_eq!(is_changed(&store, &one), Ok(true));
    let after = began();
    assert_eq!(seen(&other), Ok(true));
    assert_eq!(
        open(&store, &pins, &one, after),
        Ok(true),
        "the change of another tool counts for that tool alone"
    );
    assert_eq!(is_changed(&store, &other), Ok(true));
}

#[test]
fn of_changes_that_are_stored_in_any_order_the_last_one_counts() {
    let pins = pins();
    for order in [[Some(1), Some(2)], [Some(2), Some(1)], [Some(1), None], [None, Some(1)]] {
        let (store, one) = (MemoryStore::new(), pin("one"));
        while count_change(&store, &pins) != Some(2) {}
        for change in order {
            close(&store, &one, change).unwrap();
        }
        assert_eq!(open(&store, &pins, &one, 1), Ok(false), "{order:?}");
        assert_eq!(is_changed(&store, &one), Ok(true), "{order:?}");
        let opened = open(&store, &pins, &one, 2);
        assert_eq!(opened, Ok(!order.contains(&None)), "{order:?}: a change without a number may be later");
    }
}

#[test]
fn a_value_that_nobody_here_has_written_counts_as_a_change_of_now() {
    for value in [&b""[..], b"restore", b"restored ", b"x", b"changed", b"changed1", b"changed123456789"] {
        let store = MemoryStore::new();
        store.swap("one", value, 0).unwrap();
        assert_eq!(is_changed(&store, &pin("one")), Ok(true));
        assert_eq!(note(&store, &pin("one"), false), Ok(false), "an answer from before");
        assert_eq!(is_changed(&store, &pin("one")), Ok(true));
        assert_eq!(note(&store, &pin("one"), false), Ok(true), "and one from after it");
        assert_eq!(is_changed(&store, &pin("one")), Ok(false));
    }
}

#[test]
fn without_a_number_of_changes_a_tool_is_closed_and_nothing_opens_it() {
    for value in [&b""[..], b"1", b"123456789", &[255; 8]] {
        let store = MemoryStore::new();
        store.swap(pins().changes_key(), value, 0).unwrap();
        assert_eq!(count_change(&store, &pins()), None, "{value:?}");
        assert_eq!(note(&store, &pin("one"), true), Ok(true), "{value:?}");
        // Where the number is the last of all, it can still be read.
        assert_eq!(changes(&store, &pins()).is_some(), value.len() == 8, "{value:?}");
        assert_eq!(open(&store, &pins(), &pin("one"), u64::MAX), Ok(false), "{value:?}");
        assert_eq!(is_changed(&store, &pin("one")), Ok(true), "{value:?}");
    }
}

/// A store in which another worker writes between each read and the next swap, so often.
struct Busy {
    store: MemoryStore,
    times: Cell<u32>,
    value: Vec<u8>,
}

impl Store for Busy {
    type Version = u64;

    fn read(&self, key: &str) -> Result<(Option<Vec<u8>>, u64), Unavailable> {
        let read = self.store.read(key)?;
        if let Some(left) = self.times.get().checked_sub(1) {
            self.times.set(left);
            self.store.swap(key, &self.value, read.1)?;
        }
        Ok(read)
    }

    fn swap(&self, key: &str, value: &[u8], version: u64) -> Result<bool, Unavailable> {
        self.store.swap(key, value, version)
    }
}

#[test]
fn of_two_lists_at_the_same_time_the_change_counts() {
    let changed = |number| Mark::changed(Some(number));
    let busy = |times, value| Busy { store: MemoryStore::new(), times: Cell::new(times), value };
    let restored = || RESTORED.to_vec();
    for (before, closes, other, news, expected) in [
        (restored(), true, restored(), Ok(true), true),
        (restored(), true, changed(7), Ok(false), true),
        (restored(), true, changed(9), Ok(false), true),
        (changed(7), false, changed(7), Ok(false), true),
        (changed(7), false, restored(), Ok(false), false),
    ] {
        let store = busy(1, other.clone());
        store.store.swap("one", &before, 0).unwrap();
        let noted = match closes {
            true => close(&store, &pin("one"), Some(8)),
            false => open(&store, &pins(), &pin("one"), 8),
        };
        assert_eq!(noted, news, "{closes} {other:?}");
        assert_eq!(is_changed(&store.store, &pin("one")), Ok(expected), "{closes} {other:?}");
        if closes {
            let opened = open(&store.store, &pins(), &pin("one"), 7);
            assert_eq!(opened, Ok(false), "{other:?}: a change with a higher number was seen");
        }
    }
    let restless = busy(1_000, restored());
    assert_eq!(close(&restless, &pin("one"), Some(1)), Err(Unavailable), "it does not try for ever");
    assert_eq!(count_change(&busy(1_000, restored()), &pins()), None);
}

/// A store that fails.
struct Broken;

impl Store for Broken {
    type Version = ();

    fn read(&self, _: &str) -> Result<(Option<Vec<u8>>, ()), Unavailable> {
        Err(Unavailable)
    }

    fn swap(&self, _: &str, _: &[u8], (): ()) -> Result<bool, Unavailable> {
        Err(Unavailable)
    }
}

#[test]
fn a_store_that_fails_is_not_taken_for_an_empty_one() {
    let one = pin("one");
    assert_eq!(is_changed(&Broken, &one), Err(Unavailable));
    assert_eq!((changes(&Broken, &pins()), count_change(&Broken, &pins())), (None, None));
    assert_eq!(close(&Broken, &one, Some(1)), Err(Unavailable));
    assert_eq!(open(&Broken, &pins(), &one, 1), Err(Unavailable));
}
