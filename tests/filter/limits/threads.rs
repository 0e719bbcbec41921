//! Workers that charge in parallel.

use std::num::NonZeroU32;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mcp_policy_engine::limit::{
    Amount, Charge, ChargeOutcome, Counter, Kind, Layout, MemoryStore, Place, Scope, Store, Window, charge,
    look,
};

const NOW: u64 = 1_728_000_000_000_000_000;
const WORKERS: usize = 4;

fn counter<'a>(name: &'a str, scope: Scope<'a>) -> Counter<'a> {
    Counter::new("threads", name, Window::new(3600, Kind::Sliding).unwrap(), scope)
}

fn global(name: &str) -> Place {
    Layout::new([3; 16], NonZeroU32::MIN).place(&counter(name, Scope::Global))
}

fn calls(number: u64) -> Amount {
    Amount::from_micros(number * 1_000_000)
}

fn used(store: &impl Store, place: &Place) -> Amount {
    match look(store, NOW, &[Charge { place, amount: Amount::ZERO, max: Amount::MAX }]) {
        ChargeOutcome::Charged { usages, .. } => usages[0].used,
        other => panic!("{other:?}"),
    }
}

/// Runs `work(worker)` on four threads and returns how many of its calls were charged. Asserts that the
/// others were refused.
fn race(work: impl Fn(usize) -> Vec<ChargeOutcome> + Sync) -> usize {
    let (barrier, charged) = (Barrier::new(WORKERS), AtomicUsize::new(0));
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (barrier, charged, work) = (&barrier, &charged, &work);
            scope.spawn(move || {
                barrier.wait();
                for outcome in work(worker) {
                    match outcome {
                        ChargeOutcome::Charged { .. } => _ = charged.fetch_add(1, Ordering::SeqCst),
                        ChargeOutcome::Refused { retry_after_seconds: Some(1..), .. } => {}
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    charged.into_inner()
}

#[test]
fn four_workers_making_400_calls_charge_exactly_a_limit_of_100() {
    for round in 0..20 {
        let (store, place) = (MemoryStore::new(), global("rate"));
        let charges = [Charge { place: &place, amount: Amount::ONE, max: calls(100) }];
        let charged = race(|_| (0..100).map(|_| charge(&store, NOW, &charges)).collect());
        assert_eq!((charged, used(&store, &place)), (100, calls(100)), "round {round}");
    }
}

#[test]
fn a_refused_call_never_takes_room_from_another_limit_even_briefly() {
    // `both` calls charge two limits; the tight one refuses most of them. `wide` calls need exactly the
    // remaining room of the wide limit, so only a charge that is later withdrawn could refuse them. The names
    // differ between the two rounds, so that in one of them the wide limit's key comes first.
    for (wide, tight) in [("one", "two"), ("two", "one"), ("three", "four"), ("four", "three")] {
        let (store, wide, tight) = (MemoryStore::new(), global(wide), global(tight));
        let one = |place, max| Charge { place, amount: Amount::ONE, max: calls(max) };
        let charged = race(|worker| {
            (0..100)
                .map(|_| match worker {
                    0 => {
                        let outcome = charge(&store, NOW, &[one(&wide, 150)]);
                        assert!(matches!(outcome, ChargeOutcome::Charged { .. }), "{outcome:?}");
                        outcome
                    }
                    _ => charge(&store, NOW, &[one(&wide, 150), one(&tight, 50)]),
                })
                .collect()
        });
        assert_eq!((charged, used(&store, &wide), used(&store, &tight)), (150, calls(150), calls(50)));
    }
}

#[test]
fn sessions_of_four_workers_fill_a_bucket_exactly() {
    let (store, layout) = (MemoryStore::new(), Layout::new([3; 16], NonZeroU32::new(64).unwrap()));
    let charged = AtomicUsize::new(0);
    let charge_session = |worker: usize, number: usize| {
        let session = format!("{worker}-{number}");
        let scope = Scope::Session { grant: "g", session: session.as_bytes() };
        let place = layout.place(&counter("rate", scope));
        charge(&store, NOW, &[Charge { place: &place, amount: Amount::ONE, max: calls(9) }])
    };
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (charged, charge_session) = (&charged, &charge_session);
            scope.spawn(move || {
                for number in 0..50 {
                    if let ChargeOutcome::Charged { .. } = charge_session(worker, number) {
                        charged.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(charged.into_inner(), 64);
}

#[test]
fn a_flood_of_sessions_stays_within_the_capacity() {
    let (store, layout) = (MemoryStore::new(), Layout::new([3; 16], NonZeroU32::new(1024).unwrap()));
    let mut charged = 0;
    for number in 0..20_000 {
        let session = format!("session {number}");
        let scope = Scope::Session { grant: "g", session: session.as_bytes() };
        let place = layout.place(&counter("rate", scope));
        let charges = [Charge { place: &place, amount: Amount::ONE, max: Amount::ONE }];
        if let ChargeOutcome::Charged { .. } = charge(&store, NOW, &charges) {
            charged += 1;
        }
    }
    let (keys, bytes) = store.size();
    assert_eq!((charged, keys), (1024, 16), "a bucket is not full");
    assert!(bytes < 1024 * 250, "{bytes}");
}
