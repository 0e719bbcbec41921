//! Calls that wait for the rate limit service, and for a person too.

use super::{counted, passes, policy, post, proxy_with, recorded};
use crate::exchanges::{NOW, SECOND, call, code, refused};
use crate::proxy::rates::{RateLimitRequest, Service};
use crate::proxy::{Call, Called};
use prost::Message as _;
use serde_json::json;

#[test]
fn a_person_is_asked_only_about_a_call_that_has_room() {
    let (proxy, worker) = proxy_with(json!({ "approvals": { "cluster": "approvals" } }));
    let (mut service, now_s) = (Service::default(), NOW / SECOND);
    let approved = json!({ "status": "approved", "id": "a1" }).to_string();
    for _ in 0..3 {
        let mut exchange = post(&proxy, &worker, &call("asked"));
        let Called { message, .. } = exchange.called().unwrap();
        let look = RateLimitRequest::decode(&*message).unwrap();
        assert_eq!(look.descriptors[0].hits_addend.unwrap().value, 0, "it only looks");
        exchange.rate(Ok(service.answer(&message, now_s).encode_to_vec()));
        assert!(exchange.question().is_some() && !passes(&exchange));
        exchange.answer(Some(("200", &approved)));
        let Called { message, .. } = exchange.called().unwrap();
        let charge = RateLimitRequest::decode(&*message).unwrap();
        assert_eq!(charge.descriptors[0].hits_addend.unwrap().value, 1);
        exchange.rate(Ok(service.answer(&message, now_s).encode_to_vec()));
        assert!(passes(&exchange));
    }
    let mut exchange = post(&proxy, &worker, &call("asked"));
    let Called { message, .. } = exchange.called().unwrap();
    exchange.rate(Ok(service.answer(&message, now_s).encode_to_vec()));
    assert!(exchange.question().is_none());
    assert_eq!(code(&refused(&exchange, true, "no room").0), "rate_limited");
    // The look has charged nothing.
    assert!(passes(&counted(&proxy, &worker, &call("calls"), &mut service, now_s + 60)));
}

#[test]
fn a_grant_that_expires_during_the_wait_refuses() {
    let grants = json!([{ "name": "short", "match": "any", "expires": "2024-10-04T00:00:10Z" }]);
    let (proxy, worker) = proxy_with(json!({ "grants": grants }));
    let mut exchange = post(&proxy, &worker, &call("calls"));
    let Called { message, .. } = exchange.called().unwrap();
    proxy.advance(10 * SECOND);
    exchange.rate(Ok(Service::default().answer(&message, NOW / SECOND).encode_to_vec()));
    assert_eq!(code(&refused(&exchange, true, "expired").0), "grant_expired");
}

#[test]
fn a_call_that_cannot_be_resumed_is_recorded_as_denied() {
    let (proxy, worker) = proxy_with(json!({}));
    let mut exchange = post(&proxy, &worker, &call("calls"));
    let Called { message, .. } = exchange.called().unwrap();
    proxy.fail(Call::Resume);
    exchange.rate(Ok(Service::default().answer(&message, NOW / SECOND).encode_to_vec()));
    assert!(!passes(&exchange));
    assert_eq!(recorded(&exchange)[0], "deny");
}

#[test]
fn hundreds_of_calls_of_one_caller_can_wait() {
    let (proxy, worker) = proxy_with(json!({}));
    let (mut service, now_s) = (Service::default(), NOW / SECOND);
    let mut waiting: Vec<_> = (0..400).map(|_| post(&proxy, &worker, &call("calls"))).collect();
    let mut passed = 0;
    for exchange in &mut waiting {
        let Called { message, .. } = exchange.called().expect("a question");
        exchange.rate(Ok(service.answer(&message, now_s).encode_to_vec()));
        passed += i32::from(passes(exchange));
    }
    assert_eq!(passed, 3);
}

#[test]
fn calls_that_wait_for_an_approval_leave_room_for_those_that_are_counted() {
    let (proxy, worker) = proxy_with(json!({
        "approvals": { "cluster": "approvals" }, "audit": { "arguments": "full" }, "identity": [], "max_body_bytes": 1_048_576,
        "tools": { "held": { "action": "require_approval" }, "calls": policy(json!({}))["tools"]["calls"] },
    }));
    let held = |size| {
        let text = "x".repeat(size);
        let arguments = format!(r#"{{"text":"{text}"}}"#);
        format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"held","arguments":{arguments}}}}}"#
        )
    };
    let mut waiting = Vec::new();
    for body in [1_000_000, 100_000, 10_000, 1_000, 100, 1].map(held) {
        // Calls of this size wait until there is no room for another one.
        let full = (0..200).any(|_| {
            waiting.push(post(&proxy, &worker, &body));
            waiting.last().is_some_and(|last| last.question().is_none())
        });
        assert!(full, "{} calls wait", waiting.len());
    }
    assert!(post(&proxy, &worker, &call("calls")).called().is_some());
}
