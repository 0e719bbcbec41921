//! Interleaved workers: other workers and failures at chosen moments.

use std::cell::{Cell, RefCell};
use std::num::NonZeroU32;

use mcp_policy_engine::limit::{
    Amount, Charge, ChargeOutcome, Counter, Kind, Layout, MemoryStore, Place, Scope, Store, Unavailable, Why,
    Window, charge, look,
};

pub(super) const SECOND: u64 = 1_000_000_000;
pub(super) const NOW: u64 = 1_728_000_000 * SECOND;

pub(super) fn place(name: &str, scope: Scope<'_>) -> Place {
    let window = Window::new(3600, Kind::Sliding).unwrap();
    Layout::new([9; 16], NonZeroU32::MIN).place(&Counter::new("between", name, window, scope))
}

/// Returns two counters in the order in which their keys are written.
pub(super) fn two_places() -> (Place, Place) {
    let (one, two) = (place("one", Scope::Global), place("two", Scope::Global));
    if one.key() < two.key() { (one, two) } else { (two, one) }
}

pub(super) fn one(place: &Place, max: u64) -> Charge<'_> {
    Charge { place, amount: Amount::ONE, max: Amount::from_micros(max * 1_000_000) }
}

/// Returns how many calls the counter has counted; asserts that none is pending.
#[track_caller]
pub(super) fn settled(store: &impl Store, place: &Place) -> u64 {
    let used = match look(store, NOW, &[Charge { place, amount: Amount::ZERO, max: Amount::MAX }]) {
        ChargeOutcome::Charged { usages, .. } => usages[0].used.micros() / 1_000_000,
        other => panic!("{other:?}"),
    };
    if used > 0 {
        let patient = Meddled::new(store, |_, _| Turn::Go);
        assert!(matches!(look(&patient, NOW, &[one(place, used)]), ChargeOutcome::Refused { .. }));
        assert_eq!(patient.pauses.get(), 0, "a charge is pending");
    }
    used
}

#[track_caller]
fn assert_charged(outcome: &ChargeOutcome) {
    assert!(matches!(outcome, ChargeOutcome::Charged { .. }), "{outcome:?}");
}

/// A store that runs a hook before each access.
pub(super) struct Meddled<'a, S: ?Sized, F> {
    store: &'a S,
    meddle: F,
    seen: RefCell<Vec<String>>,
    pauses: Cell<u32>,
}

pub(super) enum Turn {
    Go,
    Fail,
}

impl<'a, S: Store + ?Sized, F: Fn(&S, &str) -> Turn> Meddled<'a, S, F> {
    /// Calls `meddle` before each access with its description: `swap one 2` is the second swap of the counter
    /// whose key ends with `one`.
    pub(super) fn new(store: &'a S, meddle: F) -> Self {
        Self { store, meddle, seen: RefCell::default(), pauses: Cell::default() }
    }

    fn turn(&self, verb: &str, key: &str) -> Result<(), Unavailable> {
        let access = format!("{verb} {key}");
        let nth = self.seen.borrow().iter().filter(|seen| **seen == access).count() + 1;
        self.seen.borrow_mut().push(access.clone());
        match (self.meddle)(self.store, &format!("{access} {nth}")) {
            Turn::Go => Ok(()),
            Turn::Fail => Err(Unavailable),
        }
    }
}

impl<S: Store + ?Sized, F: Fn(&S, &str) -> Turn> Store for Meddled<'_, S, F> {
    type Version = S::Version;

    fn read(&self, key: &str) -> Result<(Option<Vec<u8>>, S::Version), Unavailable> {
        self.turn("read", key)?;
        self.store.read(key)
    }

    fn swap(&self, key: &str, value: &[u8], version: S::Version) -> Result<bool, Unavailable> {
        self.turn("swap", key)?;
        self.store.swap(key, value, version)
    }

    fn pause(&self) {
        self.pauses.set(self.pauses.get() + 1);
    }
}

#[test]
fn a_call_with_one_limit_takes_one_read_and_one_write() {
    let (memory, (first, _)) = (MemoryStore::new(), two_places());
    let store = Meddled::new(&memory, |_, _| Turn::Go);
    assert_charged(&charge(&store, NOW, &[one(&first, 1)]));
    assert_eq!(*store.seen.borrow(), [format!("read {}", first.key()), format!("swap {}", first.key())]);

    assert!(matches!(charge(&store, NOW, &[one(&first, 1)]), ChargeOutcome::Refused { .. }));
    assert_eq!(store.seen.borrow().len(), 3, "a refusal takes one read");

    let (first, last) = two_places();
    let nothing = Charge { amount: Amount::ZERO, ..one(&first, 1) };
    assert_charged(&charge(&store, NOW, &[nothing, one(&last, 1)]));
    assert_eq!(store.seen.borrow().len(), 6, "a limit that is charged nothing takes one read, and no write");
}

#[test]
fn a_lost_write_is_judged_again_and_counted_as_a_retry() {
    for (max, fits) in [(2, true), (1, false)] {
        let (memory, (first, _)) = (MemoryStore::new(), two_places());
        let store = Meddled::new(&memory, |memory, access| {
            if access == format!("swap {} 1", first.key()) {
                assert_charged(&charge(memory, NOW, &[one(&first, max)]));
            }
            Turn::Go
        });
        let outcome = charge(&store, NOW, &[one(&first, max)]);
        assert_eq!(matches!(outcome, ChargeOutcome::Charged { .. }), fits, "{outcome:?}");
        assert_eq!(outcome.retries(), 1);
        assert_eq!(settled(&memory, &first), max, "a count was lost");
    }
}

#[test]
fn a_late_refusal_withdraws_the_earlier_charges() {
    let (memory, (first, last)) = (MemoryStore::new(), two_places());
    let store = Meddled::new(&memory, |memory, access| {
        if access == format!("swap {} 1", last.key()) {
            assert_charged(&charge(memory, NOW, &[one(&last, 1)]));
        }
        Turn::Go
    });
    let outcome = charge(&store, NOW, &[one(&last, 1), one(&first, 1)]);
    let ChargeOutcome::Refused { index: 0, retry_after_seconds: Some(3744), usages, retries: 1 } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(usages.iter().map(|usage| usage.used.micros()).collect::<Vec<_>>(), [1_000_000, 0]);
    assert_eq!((settled(&memory, &first), settled(&memory, &last)), (0, 1));
}

#[test]
fn a_withdrawn_charge_causes_no_refusal() {
    // The other worker charges the first counter and withdraws when the last one refuses. In between, this
    // worker finds the first one used up.
    let (memory, (first, last)) = (MemoryStore::new(), two_places());
    let pauses = Cell::new(0);
    let other = Meddled::new(&memory, |memory, access| {
        if access == format!("swap {} 1", last.key()) {
            assert_charged(&charge(memory, NOW, &[one(&last, 1)]));
            let this = Meddled::new(memory, |_, _| Turn::Go);
            let outcome = look(&this, NOW, &[one(&first, 1)]);
            assert!(matches!(outcome, ChargeOutcome::Refused { .. }), "{outcome:?}");
            pauses.set(this.pauses.get());
        }
        Turn::Go
    });
    let outcome = charge(&other, NOW, &[one(&first, 1), one(&last, 1)]);
    assert!(matches!(outcome, ChargeOutcome::Refused { index: 1, .. }), "{outcome:?}");
    assert!((100..1000).contains(&pauses.get()), "it did not wait for the full time: {}", pauses.get());
    assert_charged(&charge(&memory, NOW, &[one(&first, 1)]));
}

#[test]
fn a_withdrawn_entry_takes_no_room_in_the_table() {
    // Two buckets of 64 entries. The bucket that is written first has room for one more.
    let layout = Layout::new([9; 16], NonZeroU32::new(128).unwrap());
    let window = Window::new(3600, Kind::Sliding).unwrap();
    let (mut bucket, mut beyond) = (Vec::new(), Vec::new());
    for number in 0..400 {
        let session = format!("session {number}");
        let scope = Scope::Session { grant: "g", session: session.as_bytes() };
        let place = layout.place(&Counter::new("between", "rate", window, scope));
        if place.key().ends_with("/0") { bucket.push(place) } else { beyond.push(place) }
    }
    let memory = MemoryStore::new();
    for place in bucket.drain(..63) {
        assert_charged(&charge(&memory, NOW, &[one(&place, 1)]));
    }

    let other = Meddled::new(&memory, |memory, access| {
        if access == format!("swap {} 1", beyond[0].key()) {
            assert_charged(&charge(memory, NOW, &[one(&beyond[0], 1)]));
            let this = Meddled::new(memory, |_, _| Turn::Go);
            let outcome = look(&this, NOW, &[one(&bucket[1], 1)]);
            assert!(matches!(outcome, ChargeOutcome::Unavailable { why: Why::Full, .. }), "{outcome:?}");
            assert!(this.pauses.get() > 0, "it waited");
        }
        Turn::Go
    });
    let outcome = charge(&other, NOW, &[one(&bucket[0], 1), one(&beyond[0], 1)]);
    assert!(matches!(outcome, ChargeOutcome::Refused { index: 1, .. }), "{outcome:?}");

    assert_charged(&charge(&memory, NOW, &[one(&bucket[1], 1)]));
    let full = Meddled::new(&memory, |_, _| Turn::Go);
    let outcome = charge(&full, NOW, &[one(&bucket[2], 1)]);
    assert_eq!(outcome, ChargeOutcome::Unavailable { why: Why::Full, index: 0, retries: 0 });
    assert_eq!(full.pauses.get(), 0, "there is nothing to wait for");
}

#[test]
fn a_pending_charge_of_a_vanished_worker_delays_others_by_at_most_a_second() {
    let (memory, (first, last)) = (MemoryStore::new(), two_places());
    let gone = Cell::new(false);
    let vanishing = Meddled::new(&memory, |_, access| {
        if access == format!("swap {} 1", last.key()) {
            gone.set(true);
        }
        if gone.get() { Turn::Fail } else { Turn::Go }
    });
    let outcome = charge(&vanishing, NOW, &[one(&first, 1), one(&last, 1)]);
    assert!(matches!(outcome, ChargeOutcome::Unavailable { why: Why::Store, index: 1, .. }), "{outcome:?}");

    for (after, waits, refused) in
        [(0, true, true), (SECOND - 1, true, true), (SECOND, false, true), (3744 * SECOND, false, false)]
    {
        let store = Meddled::new(&memory, |_, _| Turn::Go);
        let outcome = look(&store, NOW + after, &[one(&first, 1)]);
        assert_eq!(matches!(outcome, ChargeOutcome::Refused { .. }), refused, "{after}: {outcome:?}");
        assert_eq!(store.pauses.get() > 0, waits, "{after}");
    }
}

#[test]
fn a_worker_whose_writes_are_always_lost_gives_up_and_charges_nothing() {
    let (memory, (first, last)) = (MemoryStore::new(), two_places());
    let accesses = Cell::new(0);
    let store = Meddled::new(&memory, |memory, access| {
        accesses.set(accesses.get() + 1);
        if access.starts_with(&format!("swap {}", last.key())) {
            assert_charged(&charge(memory, NOW, &[one(&last, 1000)]));
        }
        Turn::Go
    });
    let outcome = charge(&store, NOW, &[one(&first, 1), one(&last, 1000)]);
    assert_eq!(outcome, ChargeOutcome::Unavailable { why: Why::Contended, index: 1, retries: 512 });
    assert_eq!((settled(&memory, &first), settled(&memory, &last)), (0, 512));
    assert!(accesses.get() < 1600);
}

#[test]
fn a_failing_store_denies_the_call() {
    let (memory, (first, last)) = (MemoryStore::new(), two_places());
    for (failing, index) in [
        (format!("read {} 1", first.key()), 1),
        (format!("read {} 1", last.key()), 0),
        (format!("swap {} 1", last.key()), 0),
    ] {
        let store = Meddled::new(&memory, |_, access| if access == failing { Turn::Fail } else { Turn::Go });
        let outcome = charge(&store, NOW, &[one(&last, 1), one(&first, 1)]);
        assert_eq!(outcome, ChargeOutcome::Unavailable { why: Why::Store, index, retries: 0 }, "{failing}");
        assert_eq!((settled(&memory, &first), settled(&memory, &last)), (0, 0), "{failing}");
    }
}

#[test]
fn a_charge_that_cannot_be_settled_stands() {
    let (memory, (first, last)) = (MemoryStore::new(), two_places());
    let store = Meddled::new(&memory, |_, access| {
        if access == format!("swap {} 2", first.key()) { Turn::Fail } else { Turn::Go }
    });
    assert_charged(&charge(&store, NOW, &[one(&first, 2), one(&last, 1)]));
    assert_eq!(settled(&memory, &last), 1);
    assert_charged(&charge(&memory, NOW, &[one(&first, 2)]));
}
