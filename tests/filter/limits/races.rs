//! Workers that race for the last room, in every order of all steps.

use std::collections::BTreeSet;

use mcp_policy_engine::limit::{Charge, ChargeOutcome, MemoryStore, Scope, charge};

use super::interleaving::{NOW, one, place, settled, two_places};
use super::schedule::every_order;

/// Runs workers, each with the limits of its one call, in every order of their steps. Asserts that each
/// result is one that sequential calls can have.
#[track_caller]
fn every_order_is_like_one_after_another(workers: &[Vec<Charge<'_>>], orders: std::ops::Range<usize>) {
    let places: Vec<_> = workers.iter().flatten().map(|charge| charge.place).collect();
    let result = |memory: &MemoryStore, outcomes: Vec<ChargeOutcome>| {
        let outcomes: Vec<_> = outcomes
            .into_iter()
            .map(|outcome| match outcome {
                ChargeOutcome::Charged { .. } => "charged",
                // Which limit refuses first may differ.
                ChargeOutcome::Refused { .. } => "refused",
                ChargeOutcome::Unavailable { why, .. } => why.as_str(),
            })
            .collect();
        (outcomes, places.iter().map(|place| settled(memory, place)).collect::<Vec<_>>())
    };

    let mut serial = BTreeSet::new();
    for order in permutations(workers.len()) {
        let memory = MemoryStore::new();
        let mut outcomes: Vec<_> =
            order.iter().map(|worker| (*worker, charge(&memory, NOW, &workers[*worker]))).collect();
        outcomes.sort_by_key(|(worker, _)| *worker);
        serial.insert(result(&memory, outcomes.into_iter().map(|(_, outcome)| outcome).collect()));
    }

    let mut seen = BTreeSet::new();
    let tried = every_order(
        workers.len(),
        |worker, store| charge(store, NOW, &workers[worker]),
        |memory, outcomes| {
            let result = result(memory, outcomes);
            assert!(serial.contains(&result), "{result:?} is not one of {serial:#?}");
            seen.insert(result);
        },
    );
    println!("{tried} orders");
    assert!(orders.contains(&tried), "{tried} orders");
    assert_eq!(seen, serial, "some sequential results never occurred");
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    match count.checked_sub(1) {
        None => vec![vec![]],
        Some(last) => permutations(last)
            .into_iter()
            .flat_map(|shorter| {
                (0..count).map(move |at| {
                    let mut longer = shorter.clone();
                    longer.insert(at, last);
                    longer
                })
            })
            .collect(),
    }
}

#[test]
fn two_workers_race_for_the_last_call_of_one_limit() {
    let (first, _) = two_places();
    every_order_is_like_one_after_another(&[vec![one(&first, 1)], vec![one(&first, 1)]], 6..20);
}

#[test]
fn two_workers_race_for_the_last_call_of_two_limits() {
    let (first, last) = two_places();
    let both = || vec![one(&first, 1), one(&last, 1)];
    every_order_is_like_one_after_another(&[both(), both()], 50..20_000);
}

#[test]
fn a_worker_races_with_one_on_each_of_its_limits() {
    let (first, last) = two_places();
    let both = vec![one(&first, 1), one(&last, 1)];
    every_order_is_like_one_after_another(&[both, vec![one(&first, 1)], vec![one(&last, 1)]], 100..20_000);
}

#[test]
fn two_workers_race_for_the_last_entry_of_the_table() {
    let (own, _) = two_places();
    let (x, y) = (
        place("rate", Scope::Session { grant: "g", session: b"x" }),
        place("rate", Scope::Session { grant: "g", session: b"y" }),
    );
    let call = |session| vec![one(&own, 2), one(session, 1)];
    every_order_is_like_one_after_another(&[call(&x), call(&y)], 50..20_000);
}
