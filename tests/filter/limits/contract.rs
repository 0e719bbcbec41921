//! What limits promise, as data (`tests/cases/limits.json`), for every store and for a whole proxy.
//!
//! A case names its limits and has steps. Each step is a call, what it charges, and the expected outcome.
//! [`hold`] runs all cases on a [`Store`]; [`Case::run`] runs one on any [`Limiter`], such as a proxy that is
//! called over HTTP. A case with `"clock": "any"` does not depend on time: its windows are at least an hour
//! long.

mod case;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use mcp_policy_engine::limit::{
    Amount, Charge, ChargeOutcome, Counter, Few, Kind, Layout, Of, Scope, Store, Why, Window, charge, look,
};
use serde_json::Number;

pub use case::{Case, Clock, Expect, Limit, Step};

/// When a case starts: a midnight in UTC, in seconds.
pub const START: u64 = 20_000 * 86_400;

/// A call that a step makes.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    pub now_ns: u64,
    pub grant: &'a str,
    pub principal: Option<&'a str>,
    pub session: Option<String>,
    pub charge: &'a [(String, Number)],
    pub values: &'a BTreeMap<String, String>,
}

/// What was observed. `None` means that it cannot be observed and is not compared.
#[derive(Debug)]
pub struct Seen {
    pub outcome: Expect,
    pub used: Option<Vec<String>>,
    pub by: Option<String>,
    /// Seconds, or `null` for never.
    pub retry: Option<Option<u64>>,
    pub why: Option<String>,
}

/// Something that limits calls.
pub trait Limiter {
    fn call(&mut self, call: &Call<'_>) -> Seen;
}

/// Reads all cases.
pub fn cases() -> Vec<Case> {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../cases/limits.json")).unwrap();
    for case in cases.iter().filter(|case| case.clock == Clock::Any) {
        let timeless = case.steps.iter().all(|step| amount(&step.at) == Amount::ZERO);
        assert!(timeless && case.limits.values().all(|limit| limit.window >= 3600), "{}", case.name);
    }
    cases
}

/// Runs all cases, each on a new store from `make`, and checks what else every store guarantees.
pub fn hold<S: Store>(make: impl Fn() -> S) {
    for case in cases() {
        case.run(&mut Stored { store: make(), layout: Layout::new([1; 16], case.capacity), case: &case });
    }
    what_cannot_be_read_is_not_taken_for_empty(&make());
    looking_charges_nothing(&make());
    a_call_without_charges_is_charged(&make());
}

impl Case {
    /// Runs the steps.
    pub fn run(&self, limiter: &mut dyn Limiter) {
        for (number, step) in self.steps.iter().enumerate() {
            let sessions: Vec<_> = match step.sessions {
                Some(count) => (0..count).map(|session| Some(format!("s-{session}"))).collect(),
                None => vec![step.session.clone()],
            };
            for session in sessions {
                for _ in 0..step.times {
                    let call = Call {
                        now_ns: START * 1_000_000_000 + amount(&step.at).micros() * 1000,
                        grant: &step.grant,
                        principal: step.principal.as_deref(),
                        session: session.clone(),
                        charge: &step.charge,
                        values: &step.values,
                    };
                    step.check(&limiter.call(&call), &format!("{}, step {number}: {call:?}", self.name));
                }
            }
        }
    }
}

impl Step {
    fn check(&self, seen: &Seen, at: &str) {
        assert_eq!(seen.outcome, self.expect, "{at}: {seen:?}");
        if let (Some(expected), Some(seen)) = (&self.used, &seen.used) {
            assert_eq!(seen, &expected.iter().map(Number::to_string).collect::<Vec<_>>(), "used, {at}");
        }
        if let (Some(_), Some(_)) = (&self.by, &seen.by) {
            assert_eq!(seen.by, self.by, "{at}");
        }
        if let (Some(expected), Some(seen)) = (&self.retry, seen.retry) {
            assert!(expected == "never" || expected.is_u64(), "{at}");
            assert_eq!(seen, expected.as_u64(), "retry, {at}");
        }
        if let (Some(_), Some(_)) = (&self.why, &seen.why) {
            assert_eq!(seen.why, self.why, "{at}");
        }
    }
}

/// A store as a limiter.
struct Stored<'a, S> {
    store: S,
    layout: Layout,
    case: &'a Case,
}

impl<S: Store> Limiter for Stored<'_, S> {
    fn call(&mut self, call: &Call<'_>) -> Seen {
        let limits: Vec<_> = call.charge.iter().map(|(name, _)| (name, &self.case.limits[name])).collect();
        let places: Vec<_> =
            limits.iter().map(|(name, limit)| self.layout.place(&limit.counter(name, call))).collect();
        let charges: Vec<_> = call
            .charge
            .iter()
            .zip(&limits)
            .zip(&places)
            .map(|(((_, adds), (_, limit)), place)| Charge {
                place,
                amount: amount(adds),
                max: amount(&limit.max),
            })
            .collect();

        let looked = look(&self.store, call.now_ns, &charges);
        let outcome = charge(&self.store, call.now_ns, &charges);
        let mut told = outcome.clone();
        if let ChargeOutcome::Charged { receipts, .. } = &mut told {
            receipts.clear();
        }
        assert_eq!(looked, told, "peeking and charging differ");
        let name = |index: usize| Some(call.charge[index].0.clone());
        let mut seen = Seen { outcome: Expect::Charged, used: None, by: None, retry: None, why: None };
        match outcome {
            ChargeOutcome::Charged { usages, .. } => {
                seen.used = Some(usages.iter().map(|usage| usage.used.to_string()).collect());
            }
            ChargeOutcome::Refused { index, retry_after_seconds, usages, .. } => {
                seen.outcome = Expect::Refused;
                seen.used = Some(usages.iter().map(|usage| usage.used.to_string()).collect());
                seen.by = name(index);
                seen.retry = Some(retry_after_seconds);
            }
            ChargeOutcome::Unavailable { why, .. } => {
                seen.outcome = Expect::Unavailable;
                seen.why = Some(why.as_str().to_owned());
            }
        }
        seen
    }
}

impl Limit {
    fn counter<'a>(&'a self, name: &'a str, call: &'a Call<'_>) -> Counter<'a> {
        let name = self.counter.as_deref().unwrap_or(name);
        let of = self.by.as_deref().map(|path| {
            let argument = path.strip_prefix("args.").unwrap();
            Of { path, value: call.values[argument].as_bytes() }
        });
        Counter { of, ..Counter::new("cases", name, self.window(), self.scope(call)) }
    }

    fn window(&self) -> Window {
        let kind = match &*self.kind {
            "sliding" => Kind::Sliding,
            "calendar" => Kind::Calendar,
            other => panic!("unknown type `{other}`"),
        };
        Window::new(self.window, kind).unwrap()
    }

    fn scope<'a>(&self, call: &'a Call<'_>) -> Scope<'a> {
        let grant = call.grant;
        match (&*self.scope, call.principal, &call.session) {
            ("global", ..) => Scope::Global,
            ("principal", Some(principal), _) => Scope::Principal { grant, principal: principal.as_bytes() },
            ("session", _, Some(session)) => Scope::Session { grant, session: session.as_bytes() },
            ("grant" | "principal" | "session", ..) => Scope::Grant(grant),
            (other, ..) => panic!("unknown scope `{other}`"),
        }
    }
}

fn what_cannot_be_read_is_not_taken_for_empty(store: &impl Store) {
    let place = hourly("unreadable");
    let charges = [Charge { place: &place, amount: Amount::ONE, max: Amount::ONE }];
    for value in [&b""[..], b"\x02", b"\x01rubbish", b"{}"] {
        let (_, version) = store.read(place.key()).ok().unwrap();
        assert_eq!(store.swap(place.key(), value, version), Ok(true));
        let unreadable = ChargeOutcome::Unavailable { why: Why::Unreadable, index: 0, retries: 0 };
        assert_eq!(look(store, START, &charges), unreadable);
        assert_eq!(charge(store, START, &charges), unreadable);
        assert_eq!(store.read(place.key()).ok().unwrap().0.as_deref(), Some(value), "the value was changed");
    }
}

fn looking_charges_nothing(store: &impl Store) {
    let place = hourly("looked at");
    let charges = [Charge { place: &place, amount: Amount::ONE, max: Amount::ONE }];
    for _ in 0..3 {
        assert!(
            matches!(look(store, START, &charges), ChargeOutcome::Charged { usages, .. } if usages[0].used == Amount::ONE)
        );
    }
    assert_eq!(store.read(place.key()).ok().unwrap().0, None);
}

fn a_call_without_charges_is_charged(store: &impl Store) {
    assert_eq!(
        charge(store, START, &[]),
        ChargeOutcome::Charged { usages: Few::new(), receipts: Few::new(), retries: 0 }
    );
}

fn hourly(name: &str) -> mcp_policy_engine::limit::Place {
    let window = Window::new(3600, Kind::Sliding).unwrap();
    Layout::new([1; 16], NonZeroU32::MIN).place(&Counter::new("cases", name, window, Scope::Global))
}

fn amount(number: &Number) -> Amount {
    Amount::from_decimal(&number.to_string()).unwrap()
}
