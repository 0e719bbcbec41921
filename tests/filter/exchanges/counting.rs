//! Limits in the whole filter.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{POST, SECOND, call, code, envoy, policy, policy_with, post, refused, with, worker};
use crate::proxy::Proxy;
use crate::proxy::exchange::{End, Exchange, Sent};
use mcp_policy_filter::Worker;
use serde_json::json;

#[test]
fn a_limit_is_shared_by_all_workers_and_survives_new_configurations() {
    let proxy = envoy();
    let workers = [
        worker(&proxy, &policy()),
        worker(&proxy, &policy()),
        worker(&proxy, &policy_with(json!({ "description": "another document", "denials": "error" }))),
    ];
    for (number, worker) in workers.iter().cycle().take(7).enumerate() {
        let exchange = post(&proxy, worker, &call("few"));
        assert_eq!(exchange.upstream().is_some(), number < 2, "{number}");
    }
    let other = worker(&proxy, &policy_with(json!({ "server": "other" })));
    assert!(post(&proxy, &other, &call("few")).upstream().is_some(), "servers share tallies");
    proxy.advance(3_744 * SECOND);
    assert!(post(&proxy, &workers[0], &call("few")).upstream().is_some());
}

#[test]
fn four_workers_together_allow_exactly_the_maximum_of_a_limit() {
    let limits = json!([
        { "counter": "shared", "window": "hour", "max": 100 }, { "counter": "own", "window": "hour", "max": 1000 }
    ]);
    for limits in [json!([limits[0]]), limits] {
        let proxy = envoy();
        let policy = policy_with(json!({ "tools": { "few": { "limits": limits } } }));
        let arrived = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let worker = worker(&proxy, &policy);
                    for _ in 0..100 {
                        let exchange = post(&proxy, &worker, &call("few"));
                        if exchange.upstream().is_some() {
                            arrived.fetch_add(1, Ordering::SeqCst);
                        } else {
                            assert_eq!(code(&refused(&exchange, true, "few").0), "rate_limited");
                        }
                    }
                });
            }
        });
        assert_eq!(arrived.into_inner(), 100);
    }
}

#[test]
fn each_session_has_its_own_tally_and_calls_without_a_session_use_the_grants() {
    let limit = json!({ "counter": "few", "window": "hour", "max": 1, "scope": "session" });
    let proxy = envoy();
    let changes = json!({ "tools": { "few": { "limits": [limit] } }, "counters": { "capacity": 2 } });
    let worker = worker(&proxy, &policy_with(changes));
    for (sessions, expected) in [
        (&["a"][..], None),
        (&["a"], Some("rate_limited")),
        (&["b"], None),
        (&[], None),
        (&[], Some("rate_limited")),
        (&["a", "b"], Some("headers_disagree")),
        (&["c"], Some("limiter_unavailable")),
    ] {
        let headers: Vec<_> = sessions.iter().map(|session| ("mcp-session-id", *session)).collect();
        let mut exchange = Exchange::open(&proxy, Some(&worker));
        exchange.request(&Sent::new(&with(POST, &headers), &[call("few").as_bytes()], End::WithLast));
        assert_eq!(exchange.reply().as_ref().map(code), expected, "{sessions:?}");
    }
}

#[test]
fn an_amount_that_cannot_be_counted_is_refused_and_charges_nothing() {
    let limit = json!({ "counter": "spend", "window": "hour", "max": 10, "amount": "args.amount" });
    let count = json!({ "counter": "calls", "window": "hour", "max": 2 });
    let proxy = envoy();
    let worker = worker(&proxy, &policy_with(json!({ "tools": { "pay": { "limits": [limit, count] } } })));
    for (arguments, expected) in [
        (r#"{}"#, Some("arguments_invalid")),
        (r#"{"amount":null}"#, Some("arguments_invalid")),
        (r#"{"amount":"5"}"#, Some("arguments_invalid")),
        (r#"{"amount":-1}"#, Some("arguments_invalid")),
        (r#"{"amount":1e-7}"#, Some("arguments_invalid")),
        (r#"{"amount":1e300}"#, Some("arguments_invalid")),
        (r#"{"amount":[5]}"#, Some("arguments_invalid")),
        (r#"{"amount":true}"#, Some("arguments_invalid")),
        (r#"{"amount":10.000001}"#, Some("rate_limited")),
        (r#"{"amount":9.5}"#, None),
        (r#"{"amount":1}"#, Some("rate_limited")),
        (r#"{"amount":50e-2}"#, None),
    ] {
        let body = call("pay").replace("{}", arguments);
        let exchange = post(&proxy, &worker, &body);
        assert_eq!(exchange.reply().as_ref().map(code), expected, "{arguments}");
    }
}

/// Sends a call of `session`, and returns the code of its refusal.
fn in_session(proxy: &Arc<Proxy>, worker: &Rc<Worker>, session: &str) -> Option<String> {
    let mut exchange = Exchange::open(proxy, Some(worker));
    let headers = with(POST, &[("mcp-session-id", session)]);
    exchange.request(&Sent::new(&headers, &[call("few").as_bytes()], End::WithLast));
    exchange.reply().as_ref().map(|reply| code(reply).to_owned())
}

fn with_capacity(max: u64, capacity: u64) -> serde_json::Value {
    let limit = json!({ "counter": "few", "window": "hour", "max": max, "scope": "session" });
    policy_with(json!({ "tools": { "few": { "limits": [limit] } }, "counters": { "capacity": capacity } }))
}

#[test]
fn filters_with_different_capacities_count_together() {
    for capacities in [[16_384, 1000], [1000, 16_384], [64, 16_384], [16_384, 1], [128, 30_000], [100, 127]] {
        let proxy = envoy();
        let workers = capacities.map(|capacity| worker(&proxy, &with_capacity(100, capacity)));
        for session in ["a", "b", "c"] {
            let allowed = workers
                .iter()
                .cycle()
                .take(200)
                .filter(|worker| in_session(&proxy, worker, session).is_none())
                .count();
            assert_eq!(allowed, 100, "{capacities:?}");
        }
    }
}

#[test]
fn a_new_capacity_loses_no_count() {
    let proxy = envoy();
    let sessions: Vec<String> = (0..200).map(|number| format!("session {number}")).collect();
    let before = worker(&proxy, &with_capacity(2, 16_384));
    for session in &sessions {
        assert_eq!(in_session(&proxy, &before, session), None);
    }
    for (capacity, expected) in [(65_536, None), (1, Some("rate_limited")), (1_000_000, Some("rate_limited"))]
    {
        let after = worker(&proxy, &with_capacity(2, capacity));
        for session in &sessions {
            assert_eq!(in_session(&proxy, &after, session).as_deref(), expected, "{capacity}");
        }
    }
}

#[test]
fn a_table_that_cannot_grow_so_much_denies_calls_under_limits_and_says_so() {
    let proxy = envoy();
    let first = worker(&proxy, &with_capacity(2, 1));
    assert_eq!(in_session(&proxy, &first, "a"), None);
    let larger = with_capacity(2, 16_385);
    for worker in [worker(&proxy, &larger), worker(&proxy, &larger)] {
        assert_eq!(in_session(&proxy, &worker, "a").as_deref(), Some("limiter_unavailable"));
    }
    assert_eq!(proxy.metrics("mcp_policy.counters.unavailable.why.capacity").len(), 1);
    let told = proxy.log().iter().filter(|line| line.contains("`counters.capacity`")).count();
    assert_eq!(told, 1, "{:?}", proxy.log());
    assert_eq!(in_session(&proxy, &first, "a"), None, "the first one goes on");
    assert_eq!(in_session(&proxy, &first, "a").as_deref(), Some("rate_limited"));
    // A policy whose tallies the document determines needs no table.
    let mut no_table = larger;
    no_table["tools"] = policy()["tools"].clone();
    assert!(post(&proxy, &worker(&proxy, &no_table), &call("few")).upstream().is_some());
}

#[test]
fn a_limit_that_is_used_up_within_a_second_is_published_at_once() {
    let proxy = envoy();
    let limits = json!([{ "counter": "burst", "window": "hour", "max": 3 }]);
    let worker = worker(&proxy, &policy_with(json!({ "tools": { "few": { "limits": limits } } })));
    let gauge = || {
        proxy.metrics("mcp_policy.limit_used_ratio").into_iter().map(|(_, value)| value).collect::<Vec<_>>()
    };
    for (calls, expected) in [(1, 33), (1, 33), (1, 100), (1, 100)] {
        (0..calls).for_each(|_| drop(post(&proxy, &worker, &call("few"))));
        assert_eq!(gauge(), [expected]);
    }
    proxy.advance(SECOND);
    post(&proxy, &worker, &call("few"));
    assert_eq!(gauge(), [100]);
}
