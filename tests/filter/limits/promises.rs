//! What windows promise, checked against a log of every charge. A sliding window promises two things: charges
//! within its length never exceed `max`, and a call is refused only if it exceeds `max` together with the
//! charges of the last 1.04 windows.

use std::num::NonZeroU32;

use mcp_policy_engine::limit::{
    Amount, Charge, ChargeOutcome, Counter, Kind, Layout, MemoryStore, Place, Scope, Window, charge, look,
};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;
/// A time near the start of a slot for windows of any length.
const START: u64 = 1_728_000_000 * SECOND;

fn place(window: Window) -> Place {
    let counter = Counter::new("promises", "n", window, Scope::Global);
    Layout::new([5; 16], NonZeroU32::MIN).place(&counter)
}

/// How much time passes before a call, in a window of `seconds`: none, a moment, longer, or until just
/// before, at or just after the end of a slot or a window.
fn passing(seconds: u64) -> impl Strategy<Value = u64> {
    let part = seconds * SECOND / 25;
    prop_oneof![
        3 => Just(0),
        3 => 0..1000_u64,
        3 => 0..part,
        3 => 0..seconds * SECOND,
        1 => 0..3 * seconds * SECOND,
        2 => (0..53_u64, 0..3_u64).prop_map(move |(slots, off)| (slots * part + off).saturating_sub(1)),
    ]
}

#[derive(Debug, Clone)]
struct Call {
    passes: u64,
    micros: u64,
    /// In one test, how far the clock steps back before the call; in another, how old the worker's reading of
    /// the clock is.
    back: u64,
}

/// A window's length, a limit's `max`, and calls whose amounts have up to six decimals.
fn history(back: impl Fn(u64) -> BoxedStrategy<u64>) -> impl Strategy<Value = (u64, u64, Vec<Call>)> {
    prop::sample::select(vec![1_u64, 2, 3, 7, 60, 86_400]).prop_flat_map(move |seconds| {
        let micros = prop_oneof![3 => Just(1_000_000), 2 => 1..4_000_000_u64, 1 => 0..12_000_000_u64];
        let call = (passing(seconds), micros, back(seconds)).prop_map(|(passes, micros, back)| Call {
            passes,
            micros,
            back,
        });
        (Just(seconds), 1..10_000_000_u64, prop::collection::vec(call, 1..80))
    })
}

/// Returns the sum of all charges from `since` to `until`, inclusive.
fn sum(log: &[(u64, u64)], since: u64, until: u64) -> u64 {
    log.iter().filter(|(at, _)| (since..=until).contains(at)).map(|(_, micros)| micros).sum()
}

/// Charges a call. If it is refused, checks its retry time: the call fits then, and does not fit a second
/// earlier.
fn call(store: &MemoryStore, place: &Place, now_ns: u64, micros: u64, max: u64) -> bool {
    let (amount, max) = (Amount::from_micros(micros), Amount::from_micros(max));
    let charges = [Charge { place, amount, max }];
    match charge(store, now_ns, &charges) {
        ChargeOutcome::Charged { usages, .. } => {
            assert!(usages[0].used <= max);
            true
        }
        ChargeOutcome::Refused { retry_after_seconds: None, .. } => {
            assert!(amount > max, "a call that could fit was refused forever");
            false
        }
        ChargeOutcome::Refused { retry_after_seconds: Some(seconds), .. } => {
            assert!(amount <= max && seconds > 0);
            let at = |seconds| look(store, now_ns + seconds * SECOND, &charges);
            assert!(matches!(at(seconds), ChargeOutcome::Charged { .. }), "the retry does not fit");
            assert!(matches!(at(seconds - 1), ChargeOutcome::Refused { .. }), "an earlier retry fits");
            false
        }
        other => panic!("{other:?}"),
    }
}

/// Checks both promises of a sliding window while the clock is not stepped back. `now` takes the time of a
/// call and its `back`, and returns the time that the worker has read. A charge is counted at that time, or
/// at the time of the latest charge if that is later.
fn keeps_both(seconds: u64, max: u64, calls: &[Call], now: impl Fn(u64, u64) -> u64) {
    let window = seconds * SECOND;
    let (store, place) = (MemoryStore::new(), place(Window::new(seconds, Kind::Sliding).unwrap()));
    let (mut time, mut latest, mut log) = (START, 0, Vec::new());
    for Call { passes, micros, back } in calls {
        time += passes;
        let now_ns = now(time, *back);
        let at = latest.max(now_ns);
        if call(&store, &place, now_ns, *micros, max) {
            log.push((at, *micros));
            assert!(sum(&log, at - window, at) <= max, "more than max in a window");
            // A charge of zero is not written.
            latest = if *micros > 0 { at } else { latest };
        } else {
            let within = sum(&log, at - window - window / 25, at);
            assert!(within + micros > max, "refused although it fits");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sliding_window_keeps_its_two_promises((seconds, max, calls) in history(|_| Just(0).boxed())) {
        keeps_both(seconds, max, &calls, |time, _| time);
    }

    #[test]
    fn a_sliding_window_keeps_its_promises_when_workers_read_the_clock_late(
        (seconds, max, calls) in history(|seconds| prop_oneof![3 => Just(0), 1 => 0..seconds * SECOND / 2].boxed())
    ) {
        keeps_both(seconds, max, &calls, |time, back| time - back);
    }

    #[test]
    fn a_sliding_window_never_exceeds_max_when_the_clock_steps_back(
        (seconds, max, calls) in history(|seconds| prop_oneof![
            12 => Just(0),
            1 => 0..seconds * SECOND,
            1 => 0..4 * seconds * SECOND,
        ].boxed())
    ) {
        let window = seconds * SECOND;
        let (store, place) = (MemoryStore::new(), place(Window::new(seconds, Kind::Sliding).unwrap()));
        let (mut time, mut stepped, mut log) = (START, 0, Vec::new());
        for Call { passes, micros, back } in &calls {
            time += passes;
            stepped += back;
            if call(&store, &place, time - stepped, *micros, max) {
                log.push((time, *micros));
                assert!(sum(&log, time - window, time) <= max, "more than max in a window");
            }
        }
        // However far the clock was stepped back, the limit has room again after three windows.
        let later = time - stepped + 3 * window;
        assert!(call(&store, &place, later, max, max), "it heals");
    }

    #[test]
    fn no_call_waits_longer_than_the_window_and_four_percent((seconds, max, calls) in history(|_| Just(0).boxed())) {
        let (store, place) = (MemoryStore::new(), place(Window::new(seconds, Kind::Sliding).unwrap()));
        let mut time = START;
        for Call { passes, micros, .. } in &calls {
            time += passes;
            call(&store, &place, time, *micros, max);
            let max = Amount::from_micros(max);
            if let ChargeOutcome::Refused { retry_after_seconds, .. } =
                look(&store, time, &[Charge { place: &place, amount: max, max }])
            {
                let wait = retry_after_seconds.unwrap();
                prop_assert!(wait <= (seconds * 104).div_ceil(100), "{wait} s");
            }
        }
    }

    #[test]
    fn a_refused_call_is_told_the_first_second_in_which_it_fits(
        limits in prop::collection::vec((1..100_u64, any::<bool>(), 1..20_u64), 1..5),
        calls in prop::collection::vec((0..40 * SECOND, prop::collection::vec(0..8_u64, 5)), 1..40),
    ) {
        let layout = Layout::new([5; 16], NonZeroU32::new(256).unwrap());
        let places: Vec<_> = limits.iter().enumerate().map(|(number, (seconds, calendar, _))| {
            let kind = if *calendar { Kind::Calendar } else { Kind::Sliding };
            layout.place(&Counter::new("s", &number.to_string(), Window::new(*seconds, kind).unwrap(), Scope::Global))
        }).collect();
        let store = MemoryStore::new();
        let mut time = START;
        for (passes, amounts) in calls {
            time += passes;
            let charges: Vec<_> = places.iter().zip(&limits).zip(amounts).map(|((place, (.., max)), amount)| Charge {
                place, amount: Amount::from_micros(amount), max: Amount::from_micros(*max),
            }).collect();
            match charge(&store, time, &charges) {
                ChargeOutcome::Charged { .. } => {}
                ChargeOutcome::Refused { retry_after_seconds: None, .. } => {
                    prop_assert!(charges.iter().any(|charge| charge.amount > charge.max));
                }
                ChargeOutcome::Refused { retry_after_seconds: Some(wait), .. } => {
                    let fits = |wait| matches!(
                        look(&store, time + wait * SECOND, &charges), ChargeOutcome::Charged { .. }
                    );
                    // What counts only becomes less, so nothing fits before the second before.
                    prop_assert!(wait > 0 && fits(wait) && !fits(wait - 1), "{wait}");
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }

    #[test]
    fn a_calendar_window_holds_exactly_max((seconds, max, calls) in history(|_| Just(0).boxed())) {
        let window = seconds * SECOND;
        let (store, place) = (MemoryStore::new(), place(Window::new(seconds, Kind::Calendar).unwrap()));
        let (mut time, mut log) = (START, Vec::new());
        for Call { passes, micros, .. } in &calls {
            time += passes;
            let used = sum(&log, time / window * window, time);
            let fits = used + micros <= max;
            prop_assert_eq!(call(&store, &place, time, *micros, max), fits);
            if fits {
                log.push((time, *micros));
            }
        }
    }

    #[test]
    fn limits_are_charged_together_or_not_at_all(
        maxima in prop::collection::vec(1..20_u64, 2..5),
        calls in prop::collection::vec((0..16_usize, 0..4_u64), 1..60),
    ) {
        let window = Window::new(60, Kind::Sliding).unwrap();
        let layout = Layout::new([5; 16], NonZeroU32::new(256).unwrap());
        let names: Vec<_> = (0..maxima.len()).map(|number| format!("counter {number}")).collect();
        let scopes = [Scope::Global, Scope::Session { grant: "g", session: b"s" }];
        let places: Vec<_> = names.iter().zip(scopes.iter().cycle())
            .map(|(name, scope)| layout.place(&Counter::new("s", name, window, *scope)))
            .collect();
        let store = MemoryStore::new();
        let mut used = vec![0; maxima.len()];
        for (chosen, amount) in calls {
            let chosen: Vec<_> = (0..maxima.len()).filter(|at| chosen & (1 << at) != 0).collect();
            let charges: Vec<_> = chosen.iter().map(|at| Charge {
                place: &places[*at], amount: Amount::from_micros(amount), max: Amount::from_micros(maxima[*at]),
            }).collect();
            let refusing = chosen.iter().position(|at| used[*at] + amount > maxima[*at]);
            match (charge(&store, START, &charges), refusing) {
                (ChargeOutcome::Charged { usages, .. }, None) => {
                    chosen.iter().for_each(|at| used[*at] += amount);
                    for (at, usage) in chosen.iter().zip(usages) {
                        prop_assert_eq!(usage.used.micros(), used[*at]);
                    }
                }
                (ChargeOutcome::Refused { index, usages, .. }, Some(refusing)) => {
                    prop_assert_eq!(index, refusing);
                    for (at, usage) in chosen.iter().zip(usages) {
                        prop_assert_eq!(usage.used.micros(), used[*at]);
                    }
                }
                (outcome, refusing) => prop_assert!(false, "{:?} {:?}", outcome, refusing),
            }
        }
    }
}
