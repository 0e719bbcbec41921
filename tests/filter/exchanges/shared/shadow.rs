//! Shared limits in shadow mode, of a rule and of the whole policy, beside those in force.

use super::{counted, passes, policy, post, proxy_with, recorded};
use crate::exchanges::{NOW, SECOND, call};
use crate::proxy::exchange::Exchange;
use crate::proxy::rates::Service;
use prost::Message as _;
use serde_json::json;

#[test]
fn shadow_mode_counts_apart_and_refuses_nothing() {
    let (mut service, now_s) = (Service::default(), NOW / SECOND);
    let (proxy, worker) = proxy_with(json!({}));
    let decisions = |exchange: &Exchange| {
        assert!(passes(exchange));
        recorded(exchange)[0].clone()
    };
    // A rule in shadow mode, then the whole document.
    for expected in ["allow", "would_deny", "would_deny"] {
        let exchange = counted(&proxy, &worker, &call("tried"), &mut service, now_s);
        assert_eq!(decisions(&exchange), expected);
    }
    let (proxy, worker) = proxy_with(json!({ "mode": "shadow" }));
    for expected in ["allow", "allow", "allow", "would_deny"] {
        let exchange = counted(&proxy, &worker, &call("calls"), &mut service, now_s);
        assert_eq!(decisions(&exchange), expected);
    }
    let mut exchange = post(&proxy, &worker, &call("calls"));
    assert_eq!(recorded(&exchange), json!(["would_deny", "limiter_unavailable", "unfinished", []]));
    exchange.rate(Err(14));
    assert_eq!(decisions(&exchange), "would_deny");
    assert_eq!(recorded(&exchange), json!(["would_deny", "limiter_unavailable", "unanswered", []]));
    // The policy in force has all of its room.
    let (proxy, worker) = proxy_with(json!({}));
    for expected in [true, true, true, false] {
        assert_eq!(passes(&counted(&proxy, &worker, &call("calls"), &mut service, now_s)), expected);
    }
}

#[test]
fn a_limit_in_force_is_charged_even_if_one_of_a_shadow_rule_is_over() {
    let tried =
        json!({ "counter": "tried", "window": "minute", "max": 1, "type": "calendar", "shared": true });
    let mixed = json!([policy(json!({}))["tools"]["calls"], { "mode": "shadow", "limits": [tried] }]);
    let (proxy, worker) = proxy_with(json!({ "tools": { "mixed": mixed } }));
    let mut service = Service::default();
    assert!(passes(&counted(&proxy, &worker, &call("mixed"), &mut service, NOW / SECOND)));
    for (charges, expected) in [
        (true, json!(["would_deny", "rate_limited", null])),
        (false, json!(["deny", "limiter_unavailable", "not_applied"])),
    ] {
        let mut exchange = post(&proxy, &worker, &call("mixed"));
        let mut answer = service.answer(&exchange.called().unwrap().message, NOW / SECOND);
        assert_eq!((answer.statuses[0].code, answer.statuses[1].code), (1, 2));
        if !charges {
            // A service can be set up to charge nothing if any tally is over.
            answer.statuses[0].limit_remaining = 3;
        }
        exchange.rate(Ok(answer.encode_to_vec()));
        let record = recorded(&exchange);
        assert_eq!(json!([record[0], record[1], record[2]]), expected);
        assert_eq!(passes(&exchange), charges);
    }
}
