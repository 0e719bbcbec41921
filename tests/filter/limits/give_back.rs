//! Charges that are given back, with other workers and failures at chosen moments.

use std::cell::Cell;
use std::num::NonZeroU32;

use mcp_policy_engine::limit::{
    Amount, Charge, ChargeOutcome, Few, GivenBack, Layout, MemoryStore, Receipt, Scope, Store, charge,
    give_back, look,
};

use super::interleaving::{Meddled, NOW, SECOND, Turn, one, place, settled, two_places};
use super::schedule::every_order;

fn layout() -> Layout {
    Layout::new([9; 16], NonZeroU32::MIN)
}

/// Charges a call and returns what is needed to give it back.
#[track_caller]
fn charged(store: &impl Store, now_ns: u64, charges: &[Charge<'_>]) -> Few<Receipt> {
    match charge(store, now_ns, charges) {
        ChargeOutcome::Charged { receipts, .. } => receipts,
        other => panic!("{other:?}"),
    }
}

fn back(charges: usize) -> GivenBack {
    GivenBack { charges, ..GivenBack::default() }
}

#[test]
fn what_is_given_back_can_be_charged_again_and_other_charges_stay() {
    let (memory, (first, last)) = (MemoryStore::new(), two_places());
    let session = place("rate", Scope::Session { grant: "g", session: b"s" });
    let all = [one(&first, 2), one(&last, 2), one(&session, 2)];
    charged(&memory, NOW, &all);
    let receipts = charged(&memory, NOW, &all);
    assert_eq!(receipts.len(), 3);
    assert_eq!(give_back(&memory, &layout(), (NOW, NOW), &receipts), back(3));
    for place in [&first, &last, &session] {
        assert_eq!(settled(&memory, place), 1, "{place:?}");
    }
    charged(&memory, NOW, &all);
    assert!(matches!(charge(&memory, NOW, &all), ChargeOutcome::Refused { .. }));
}

#[test]
fn limits_that_share_a_counter_give_back_what_was_charged_once() {
    let (memory, spend) = (MemoryStore::new(), place("spend", Scope::Global));
    let adds = |amount: u64| Charge { amount: Amount::from_micros(amount * 1_000_000), ..one(&spend, 10) };
    charged(&memory, NOW, &[adds(1)]);
    let receipts = charged(&memory, NOW, &[adds(2), adds(5), adds(0)]);
    assert_eq!((receipts.len(), settled(&memory, &spend)), (1, 6));
    assert_eq!(give_back(&memory, &layout(), (NOW, NOW), &receipts), back(1));
    assert_eq!(settled(&memory, &spend), 1);
    assert!(charged(&memory, NOW, &[adds(0)]).is_empty(), "nothing is charged, so nothing comes back");
}

#[test]
fn a_charge_that_has_left_its_window_is_not_taken_from_later_ones() {
    let (memory, counter) = (MemoryStore::new(), place("one", Scope::Global));
    let receipts = charged(&memory, NOW, &[one(&counter, 9)]);
    let later = NOW + 2 * 3600 * SECOND;
    charged(&memory, later, &[one(&counter, 9)]);
    assert_eq!(give_back(&memory, &layout(), (NOW, later), &receipts), back(1));
    let usages = match look(&memory, later, &[one(&counter, 9)]) {
        ChargeOutcome::Charged { usages, .. } => usages,
        other => panic!("{other:?}"),
    };
    assert_eq!(usages[0].used, Amount::from_micros(2_000_000), "the later charge and this look");
}

#[test]
fn a_charge_of_an_earlier_slot_is_given_back_from_its_own_slot() {
    let (memory, counter) = (MemoryStore::new(), place("one", Scope::Global));
    let receipts = charged(&memory, NOW, &[one(&counter, 2)]);
    let later = NOW + 1000 * SECOND;
    charged(&memory, later, &[one(&counter, 2)]);
    assert_eq!(give_back(&memory, &layout(), (NOW, later), &receipts), back(1));
    let window = |at: u64| matches!(charge(&memory, at, &[one(&counter, 1)]), ChargeOutcome::Refused { .. });
    assert!(window(NOW + 3970 * SECOND), "the later charge still counts after the first would not");
}

#[test]
fn nothing_is_given_back_if_the_clock_was_stepped_back() {
    let (memory, counter) = (MemoryStore::new(), place("one", Scope::Global));
    let receipts = charged(&memory, NOW, &[one(&counter, 2)]);
    let failed = GivenBack { failed: 1, ..GivenBack::default() };
    for step in [1, 3 * 3600 * SECOND] {
        assert_eq!(give_back(&memory, &layout(), (NOW, NOW - step), &receipts), failed);
    }
    assert_eq!(settled(&memory, &counter), 1);
    // The tally is from a clock that was far ahead. It must be moved, and the receipt is of no use then.
    let earlier = NOW - 3 * 3600 * SECOND;
    assert_eq!(give_back(&memory, &layout(), (earlier, earlier), &receipts), failed);
}

#[test]
fn a_charge_that_the_store_cannot_give_back_stands() {
    let (memory, (first, last)) = (MemoryStore::new(), two_places());
    for verb in ["read", "swap"] {
        let receipts = charged(&memory, NOW, &[one(&first, 9), one(&last, 9)]);
        let before = (settled(&memory, &first), settled(&memory, &last));
        let failing = format!("{verb} {} 1", first.key());
        let store = Meddled::new(&memory, |_, access| if access == failing { Turn::Fail } else { Turn::Go });
        let given = give_back(&store, &layout(), (NOW, NOW), &receipts);
        assert_eq!(given, GivenBack { charges: 1, failed: 1, retries: 0 }, "{verb}");
        assert_eq!((settled(&memory, &first), settled(&memory, &last)), (before.0, before.1 - 1), "{verb}");
    }
}

#[test]
fn a_lost_write_is_made_again_and_no_other_charge_is_lost() {
    let (memory, counter) = (MemoryStore::new(), place("one", Scope::Global));
    let receipts = charged(&memory, NOW, &[one(&counter, 9)]);
    let lost = Cell::new(0);
    let store = Meddled::new(&memory, |memory, access| {
        if access.starts_with("swap") && lost.get() < 3 {
            lost.set(lost.get() + 1);
            charged(memory, NOW, &[one(&counter, 9)]);
        }
        Turn::Go
    });
    let given = give_back(&store, &layout(), (NOW, NOW), &receipts);
    assert_eq!(given, GivenBack { charges: 1, failed: 0, retries: 3 });
    assert_eq!(settled(&memory, &counter), 3);
}

#[test]
fn in_every_order_each_charge_counts_unless_it_was_given_back() {
    let (first, last) = two_places();
    let both = [one(&first, 2), one(&last, 2)];
    let one_key = [one(&first, 1)];
    for (calls, orders) in [([&one_key[..], &one_key[..]], 10..100), ([&both[..], &one_key[..]], 30..9000)] {
        let mut seen = std::collections::BTreeSet::new();
        let tried = every_order(
            2,
            |worker, store| {
                let outcome = charge(store, NOW, calls[worker]);
                if let (0, ChargeOutcome::Charged { receipts, .. }) = (worker, &outcome) {
                    give_back(store, &layout(), (NOW, NOW), receipts);
                }
                outcome
            },
            |memory, outcomes| {
                let stays = matches!(outcomes[1], ChargeOutcome::Charged { .. });
                assert_eq!(settled(memory, &first), u64::from(stays), "{outcomes:?}");
                assert_eq!(settled(memory, &last), 0, "{outcomes:?}");
                seen.insert(
                    outcomes
                        .iter()
                        .map(|outcome| matches!(outcome, ChargeOutcome::Charged { .. }))
                        .collect::<Vec<_>>(),
                );
            },
        );
        assert!(orders.contains(&tried), "{tried} orders");
        // Until it is given back, a charge counts for others.
        assert!(seen.contains(&vec![true, true]), "{seen:?}");
    }
}
