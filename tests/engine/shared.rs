//! Limits that several proxies share: never more than the maximum passes, whatever fails.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::guard::{Answer, Arrival, Asking, FixedEnvironment, Question, Step, Verdict};
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::policy::Policy;
use mcp_policy_engine::rate_limit::{self, Failure, MemoryService};
use proptest::prelude::*;
use serde_json::{Value, json};

const SECOND: u64 = 1_000_000_000;

fn document() -> Value {
    let shared = |counter: &str, window: &str, max: f64, amount: &Value| {
        json!({ "counter": counter, "window": window, "max": max, "amount": amount, "type": "calendar",
                "shared": true, "scope": "global" })
    };
    let usd = json!({ "properties": { "usd": { "multipleOf": 0.5 } } });
    json!({
        "version": "1",
        "shared_limits": { "cluster": "ratelimit" },
        "tools": {
            "call": { "limits": [shared("calls", "minute", 7.0, &json!(1))] },
            "few": { "limits": [shared("calls", "minute", 4.0, &json!(1))] },
            "pay": { "arguments": usd, "limits": [shared("usd", "hour", 12.5, &json!("args.usd")),
                                                   shared("calls", "minute", 7.0, &json!(1))] },
            "own": { "limits": [{ "counter": "own", "window": "minute", "max": 2 },
                                shared("calls", "minute", 7.0, &json!(1))] },
        },
    })
}

/// One proxy of several, with counters of its own.
struct Proxy {
    policy: Arc<Policy>,
    store: MemoryStore,
    places: Places,
}

impl Proxy {
    fn new() -> Self {
        Self::of(&document())
    }

    fn of(document: &Value) -> Self {
        let policy = Policy::from_bytes(document.to_string().as_bytes()).unwrap();
        let layout = Layout::new([7; 16], NonZeroU32::new(policy.counter_capacity).unwrap());
        let places = Places::new(layout, policy.counters, policy.grants.len());
        Self { policy: Arc::new(policy), store: MemoryStore::new(), places }
    }

    fn environment(&self, now_ns: u64) -> FixedEnvironment<'_, MemoryStore> {
        FixedEnvironment { store: &self.store, places: &self.places, now_ns }
    }

    fn start(&self, tool: &str, usd: f64, now_ns: u64) -> Step {
        let headers = [(":method", "POST"), (":path", "/mcp"), ("content-type", "application/json")];
        let headers = Headers::from_pairs(headers.iter().map(|(key, value)| (*key, value.as_bytes())), &[]);
        let arrival = Arrival::new(Arc::clone(&self.policy), headers, "0".repeat(32));
        let params = json!({ "name": tool, "arguments": { "usd": usd } });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
        Rc::new(arrival.of(Caller::default())).start_case(body.as_bytes(), &self.environment(now_ns))
    }
}

/// A call that waits for the service, and what happens to its question.
struct Waiting {
    proxy: usize,
    tool: &'static str,
    usd: f64,
    question: Rc<rate_limit::Request>,
    asking: Box<Asking>,
    fate: Fate,
}

/// What happens to a question.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is answered
    Answered,
    /// The service does not get it
    Lost,
    /// The answer does not arrive in time
    Late,
}

/// One thing that happens: a call at a proxy, seconds that pass, or that waiting calls go on.
#[derive(Debug, Clone)]
enum Event {
    Call { proxy: usize, tool: &'static str, halves: u8, fate: Fate },
    Pass(u64),
    GoOn(usize),
}

/// Returns a record without what a limit and its verdict add: from the decision's id up to the counters, and from the
/// policy's digest on.
fn common(record: &str) -> (&str, &str) {
    let (_, rest) = record.split_once(r#","id":"#).unwrap();
    let (before, rest) = rest.split_once(r#","counters":["#).unwrap();
    let (_, after) = rest.split_once(r#""request_id":"#).unwrap();
    (before, after)
}

#[test]
fn both_records_of_a_call_that_waits_say_what_one_says_that_does_not_wait() {
    let shared = Proxy::new();
    let mut without = document();
    without["tools"]["pay"]["limits"] = json!([]);
    let without = Proxy::of(&without);
    let Step::Conclude(at_once) = without.start("pay", 1.5, SECOND) else { panic!("it waits") };
    let Step::Ask(ask, asking) = shared.start("pay", 1.5, SECOND) else { panic!("it does not wait") };
    let Question::Rates(question) = &ask.question else { panic!("{ask:?}") };
    let answer = Answer::Rates(Ok(MemoryService::new().answer(question, SECOND)));
    let Step::Conclude(waited) = asking.answered(answer, &shared.environment(SECOND)) else {
        panic!("it waits")
    };
    assert!(at_once.record.contains(r#""target":"pay""#) && at_once.record.contains("arguments_sha256"));
    assert_eq!(common(&ask.record), common(&at_once.record));
    assert_eq!(common(&waited.record), common(&at_once.record));
    for record in [&ask.record, &waited.record] {
        assert!(serde_json::from_str::<Value>(record).is_ok(), "{record}");
    }
}

fn event() -> impl Strategy<Value = Event> {
    let tool = prop::sample::select(vec!["call", "few", "pay", "own"]);
    let fate = prop_oneof![6 => Just(Fate::Answered), 1 => Just(Fate::Lost), 1 => Just(Fate::Late)];
    let call = (0..3_usize, tool, 0..12_u8, fate);
    prop_oneof![
        8 => call.prop_map(|(proxy, tool, halves, fate)| Event::Call { proxy, tool, halves, fate }),
        1 => (1..50_u64).prop_map(Event::Pass),
        4 => (0..8_usize).prop_map(Event::GoOn),
    ]
}

/// What has passed in one window: calls, and spend in halves.
#[derive(Default)]
struct Passed {
    calls: HashMap<u64, u32>,
    few: HashMap<u64, u32>,
    usd: HashMap<u64, f64>,
}

fn go_on(waiting: Waiting, proxies: &[Proxy], service: &MemoryService, now_ns: u64, passed: &mut Passed) {
    let Waiting { proxy, tool, usd, question, asking, fate } = waiting;
    // The service counts when the question arrives. In this test that is when the call goes on.
    let answer = match fate {
        Fate::Lost => Err(Failure::Unanswered),
        Fate::Late => {
            let _ = service.answer(&question, now_ns);
            Err(Failure::Unanswered)
        }
        Fate::Answered => Ok(service.answer(&question, now_ns)),
    };
    let step = asking.answered(Answer::Rates(answer), &proxies[proxy].environment(now_ns));
    let Step::Conclude(conclusion) = step else { panic!("it asks once") };
    if matches!(conclusion.verdict, Verdict::Forward { .. }) {
        assert!(matches!(fate, Fate::Answered), "no call passes uncounted");
        let (minute, hour) = (now_ns / SECOND / 60, now_ns / SECOND / 3_600);
        *passed.calls.entry(minute).or_default() += 1;
        *passed.few.entry(minute).or_default() += u32::from(tool == "few");
        *passed.usd.entry(hour).or_default() += if tool == "pay" { usd } else { 0.0 };
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn never_more_than_the_maximum_passes(events in prop::collection::vec(event(), 1..120)) {
        let proxies = [Proxy::new(), Proxy::new(), Proxy::new()];
        let (service, mut passed) = (MemoryService::new(), Passed::default());
        let (mut now_ns, mut waiting) = (1_800_000_000 * SECOND, Vec::new());
        for event in events {
            match event {
                Event::Pass(seconds) => now_ns += seconds * SECOND,
                Event::Call { proxy, tool, halves, fate } => {
                    let usd = f64::from(halves) / 2.0;
                    match proxies[proxy].start(tool, usd, now_ns) {
                        Step::Ask(ask, asking) => {
                            let Question::Rates(question) = ask.question else { panic!("another question") };
                            waiting.push(Waiting { proxy, tool, usd, question, asking, fate });
                        }
                        Step::Conclude(conclusion) => {
                            let refused = matches!(conclusion.verdict, Verdict::Deny { .. });
                            prop_assert!(refused, "{tool} passes without a question");
                        }
                        Step::Change(..) => panic!("nothing to change"),
                    }
                }
                Event::GoOn(at) if at < waiting.len() => {
                    go_on(waiting.remove(at), &proxies, &service, now_ns, &mut passed);
                }
                Event::GoOn(_) => {}
            }
        }
        for one in waiting {
            go_on(one, &proxies, &service, now_ns, &mut passed);
        }
        prop_assert!(passed.calls.values().all(|calls| *calls <= 7), "{:?}", passed.calls);
        prop_assert!(passed.few.values().all(|calls| *calls <= 4), "{:?}", passed.few);
        prop_assert!(passed.usd.values().all(|usd| *usd <= 12.5), "{:?}", passed.usd);
    }
}
