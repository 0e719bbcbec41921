//! What a store knows of a pin, also if others write meanwhile.

use std::cell::Cell;

use super::*;
use crate::limit::MemoryStore;
use crate::mcp::definition::DefinitionDigest;

fn pin(key: &str) -> Pin {
    let digest = DefinitionDigest::parse(&format!("sha256:{}", "0".repeat(64))).unwrap();
    Pin { tool: "run".to_owned(), digest, key: key.to_owned() }
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
    assert_eq!(store.size().0, 1, "nothing is kept of a tool that was always listed as it is pinned");
}

#[test]
fn a_value_that_nobody_here_has_written_counts_as_a_change() {
    let store = MemoryStore::new();
    for value in [&b""[..], b"restore", b"restored ", b"x"] {
        let (_, version) = store.read("one").unwrap();
        store.swap("one", value, version).unwrap();
        assert_eq!(is_changed(&store, &pin("one")), Ok(true));
    }
    assert_eq!(note(&store, &pin("one"), false), Ok(true));
    assert_eq!(is_changed(&store, &pin("one")), Ok(false));
}

/// A store in which another worker writes between each read and the next swap, so often.
struct Busy {
    store: MemoryStore,
    times: Cell<u32>,
    value: &'static [u8],
}

impl Store for Busy {
    type Version = u64;

    fn read(&self, key: &str) -> Result<(Option<Vec<u8>>, u64), Unavailable> {
        let read = self.store.read(key)?;
        if let Some(left) = self.times.get().checked_sub(1) {
            self.times.set(left);
            self.store.swap(key, self.value, read.1)?;
        }
        Ok(read)
    }

    fn swap(&self, key: &str, value: &[u8], version: u64) -> Result<bool, Unavailable> {
        self.store.swap(key, value, version)
    }
}

#[test]
fn of_two_lists_at_the_same_time_the_change_counts() {
    let busy = |times, value| Busy { store: MemoryStore::new(), times: Cell::new(times), value };
    for (before, changed, other, news, expected) in [
        (RESTORED, true, RESTORED, Ok(true), true),
        (RESTORED, true, CHANGED, Ok(false), true),
        (CHANGED, false, CHANGED, Ok(false), true),
        (CHANGED, false, RESTORED, Ok(false), false),
    ] {
        let store = busy(1, other);
        store.store.swap("one", before, 0).unwrap();
        assert_eq!(note(&store, &pin("one"), changed), news, "{changed} {other:?}");
        assert_eq!(is_changed(&store.store, &pin("one")), Ok(expected), "{changed} {other:?}");
    }
    assert_eq!(note(&busy(1_000, RESTORED), &pin("one"), true), Err(Unavailable), "it does not try for ever");
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
    assert_eq!(is_changed(&Broken, &pin("one")), Err(Unavailable));
    assert_eq!(note(&Broken, &pin("one"), true), Err(Unavailable));
    assert_eq!(note(&Broken, &pin("one"), false), Err(Unavailable));
}
