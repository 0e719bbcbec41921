//! Envoy's shared data as the store, in an in-memory proxy.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use mcp_policy_engine::limit::{
    Amount, Charge, ChargeOutcome, Counter, Kind, Layout, Place, Scope, Store, Unavailable, Why, Window,
    charge,
};
use mcp_policy_filter::counters::{SharedData, secret};

use super::contract;
use crate::proxy::{Call, Proxy, Stream};

const NOW: u64 = 1_728_000_000_000_000_000;
const WORKERS: usize = 4;

/// A worker of a proxy, used as a store.
struct Worker(Stream);

impl Store for Worker {
    type Version = u32;

    fn read(&self, key: &str) -> Result<(Option<Vec<u8>>, u32), Unavailable> {
        SharedData(&self.0).read(key)
    }

    fn swap(&self, key: &str, value: &[u8], version: u32) -> Result<bool, Unavailable> {
        SharedData(&self.0).swap(key, value, version)
    }
}

fn place(name: &str) -> Place {
    let window = Window::new(3600, Kind::Sliding).unwrap();
    let counter = Counter::new("workers", name, window, Scope::Global);
    Layout::new([5; 16], NonZeroU32::MIN).place(&counter)
}

fn up_to(place: &Place, max: u64) -> [Charge<'_>; 1] {
    [Charge { place, amount: Amount::ONE, max: Amount::from_micros(max * 1_000_000) }]
}

/// Runs `work` in four workers of `proxy` at once and returns their results.
fn race<T: Send>(proxy: &Arc<Proxy>, work: impl Fn(&Worker) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(WORKERS);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                scope.spawn(|| {
                    let worker = Worker(proxy.stream());
                    barrier.wait();
                    work(&worker)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    })
}

#[test]
fn shared_data_keeps_the_contract() {
    contract::hold(|| Worker(Proxy::new(NOW).stream()));
}

#[test]
fn the_second_of_two_first_writers_finds_the_key_taken() {
    let proxy = Proxy::new(NOW);
    // Envoy's tokens count up from 1 over all keys, so the first write gets a different token.
    for key in ["one", "two", "three"] {
        let (one, two) = (Worker(proxy.stream()), Worker(proxy.stream()));
        let (absent, both) = (one.read(key).unwrap(), two.read(key).unwrap());
        assert_eq!((absent.0, both.0), (None, None));
        assert_eq!(one.swap(key, b"one", absent.1), Ok(true));
        assert_eq!(two.swap(key, b"two", both.1), Ok(false));
        let (value, version) = two.read(key).unwrap();
        assert_eq!(value.as_deref(), Some(&b"one"[..]));
        assert_eq!(two.swap(key, b"two", version), Ok(true));
        assert_eq!(one.swap(key, b"one", version), Ok(false));
    }
}

#[test]
fn four_simultaneous_first_calls_count_as_four() {
    let proxy = Proxy::new(NOW);
    for round in 0..500 {
        let place = place(&round.to_string());
        race(&proxy, |worker| assert_eq!(charged(&charge(worker, NOW, &up_to(&place, 100))), 1));
        let ChargeOutcome::Charged { usages, .. } = charge(&Worker(proxy.stream()), NOW, &up_to(&place, 100))
        else {
            panic!()
        };
        assert_eq!(usages[0].used, Amount::from_micros(5_000_000), "round {round}");
    }
}

#[test]
fn four_workers_making_400_calls_charge_exactly_a_limit_of_100() {
    let proxy = Proxy::new(NOW);
    for round in 0..20 {
        let (shared, own) = (place(&format!("shared {round}")), place(&format!("own {round}")));
        for charges in [up_to(&shared, 100).to_vec(), [up_to(&own, 100), up_to(&shared, 1000)].concat()] {
            let all = AtomicUsize::new(0);
            race(&proxy, |worker| {
                for _ in 0..100 {
                    all.fetch_add(charged(&charge(worker, NOW, &charges)), Ordering::SeqCst);
                }
            });
            assert_eq!(all.into_inner(), 100, "round {round}");
        }
    }
}

/// Returns 1 for a charged call and 0 for a refused one; panics on any other outcome.
#[track_caller]
fn charged(outcome: &ChargeOutcome) -> usize {
    match outcome {
        ChargeOutcome::Charged { .. } => 1,
        ChargeOutcome::Refused { retry_after_seconds: Some(1..), .. } => 0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_workers_of_a_proxy_share_one_secret() {
    for _ in 0..200 {
        let proxy = Proxy::new(NOW);
        let mut secrets = race(&proxy, |Worker(host)| secret(host).unwrap());
        secrets.push(secret(&proxy.stream()).unwrap());
        assert!(secrets.iter().all(|secret| *secret == secrets[0]), "{secrets:?}");
    }
}

#[test]
fn a_secret_of_the_wrong_length_is_rejected() {
    for value in [&b""[..], &[0; 15], &[0; 17]] {
        let proxy = Proxy::new(NOW);
        proxy.put("mcp-policy/1/secret", value);
        assert_eq!(secret(&proxy.stream()), Err(Unavailable));
    }
}

#[test]
fn failing_shared_data_denies_the_call() {
    let place = place("failing");
    for call in [Call::Shared, Call::SetShared] {
        let proxy = Proxy::new(NOW);
        proxy.fail(call);
        let worker = Worker(proxy.stream());
        let outcome = charge(&worker, NOW, &up_to(&place, 1));
        assert_eq!(outcome, ChargeOutcome::Unavailable { why: Why::Store, index: 0, retries: 0 });
        assert_eq!(secret(&worker.0), Err(Unavailable));
        proxy.mend();
        assert_eq!(charged(&charge(&worker, NOW, &up_to(&place, 1))), 1, "nothing was charged");
    }
}
