//! Calls under limits that a rate limit service counts for several proxies.

mod failures;

use super::{NOW, POST, SECOND, call, code, envoy, policy_with, refused, with, worker};
use crate::proxy::exchange::{End, Exchange, Sent};
use crate::proxy::rates::{Limit, RateLimitRequest, Service};
use crate::proxy::{Call, Called, Proxy};
use mcp_policy_filter::Worker;
use prost::Message as _;
use serde_json::{Value, json};
use std::rc::Rc;
use std::sync::Arc;

/// Returns a policy with shared limits, and some keys set.
fn policy(changes: Value) -> Value {
    let spend = json!({ "counter": "spend", "window": "day", "max": 25, "type": "calendar", "shared": true,
                        "scope": "principal", "amount": "args.usd" });
    let calls =
        json!({ "counter": "calls", "window": "minute", "max": 3, "type": "calendar", "shared": true });
    let own = json!({ "counter": "own", "window": "hour", "max": 2 });
    let usd = json!({ "type": "object", "properties": { "usd": { "type": "number", "multipleOf": 0.01 } } });
    let mut policy = policy_with(json!({
        "server": "shop",
        "identity": [{ "header": { "name": "x-agent-id" } }],
        "shared_limits": { "cluster": "ratelimit", "authority": "rl.internal", "domain": "fleet", "timeout_ms": 70 },
        "tools": {
            "calls": { "limits": [calls] },
            "pay": { "arguments": usd, "limits": [spend, calls] },
            "both": { "limits": [own, calls] },
            "asked": { "action": "require_approval", "limits": [calls] },
            "tried": { "mode": "shadow", "limits": [{ "counter": "calls", "window": "minute", "max": 1,
                                                       "type": "calendar", "shared": true }] },
        },
    }));
    for (key, value) in changes.as_object().unwrap() {
        policy[key] = value.clone();
    }
    policy
}

fn proxy_with(changes: Value) -> (Arc<Proxy>, Rc<Worker>) {
    let proxy = envoy();
    proxy.know("ratelimit");
    proxy.know("approvals");
    let worker = worker(&proxy, &policy(changes));
    (proxy, worker)
}

fn sent(body: &str) -> Sent {
    Sent::new(&with(POST, &[("x-agent-id", "bob@corp.example")]), &[body.as_bytes()], End::WithLast)
}

fn post(proxy: &Arc<Proxy>, worker: &Rc<Worker>, body: &str) -> Exchange {
    let mut exchange = Exchange::open(proxy, Some(worker));
    exchange.request(&sent(body));
    exchange
}

fn paying(usd: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"pay","arguments":{{"usd":{usd}}}}}}}"#
    )
}

/// Posts a body and answers the question about it with a service's answer at `now_s`.
fn counted(
    proxy: &Arc<Proxy>,
    worker: &Rc<Worker>,
    body: &str,
    service: &mut Service,
    now_s: u64,
) -> Exchange {
    let mut exchange = post(proxy, worker, body);
    let Called { message, .. } = exchange.called().expect("a question");
    exchange.rate(Ok(service.answer(&message, now_s).encode_to_vec()));
    exchange
}

/// Returns the verdict of an exchange and its counters, from the record.
fn recorded(exchange: &Exchange) -> Value {
    let record: Value = serde_json::from_str(&exchange.record().unwrap()).unwrap();
    json!([record["decision"], record["code"], record["cause"], record["counters"]])
}

fn passes(exchange: &Exchange) -> bool {
    exchange.upstream().is_some_and(|arrived| arrived.whole)
}

#[test]
fn a_question_has_the_limits_and_only_digests_of_callers() {
    let (proxy, worker) = proxy_with(json!({}));
    let exchange = post(&proxy, &worker, &paying("7.5"));
    let Called { to, message, timeout_ms, .. } = exchange.called().unwrap();
    let service = "envoy.service.ratelimit.v3.RateLimitService";
    assert_eq!(
        (to.each_ref().map(|part| &**part), timeout_ms),
        (["ratelimit", "rl.internal", service, "ShouldRateLimit"], 70)
    );
    let request = RateLimitRequest::decode(&*message).unwrap();
    assert_eq!((&*request.domain, request.hits_addend), ("fleet", 750));
    let told: Vec<_> =
        request.descriptors.iter().map(|one| (one.limit.unwrap(), one.hits_addend.unwrap().value)).collect();
    let limit = |requests_per_unit, unit| Limit { requests_per_unit, unit };
    assert_eq!(told, [(limit(2500, 4), 750), (limit(3, 2), 1)]);
    for entry in request.descriptors.iter().flat_map(|one| &one.entries) {
        let hex = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(hex(&entry.key) && hex(&entry.value), "{entry:?}");
    }
    assert!(!passes(&exchange) && exchange.reply().is_none(), "the call waits");
    assert_eq!(recorded(&exchange), json!(["deny", "limiter_unavailable", "unfinished", []]));
}

#[test]
fn proxies_count_together_until_the_window_ends() {
    let first = proxy_with(json!({}));
    let second = proxy_with(json!({ "description": "another document, another worker" }));
    let (mut service, now_s) = (Service::default(), NOW / SECOND + 50);
    let mut passed = 0;
    for number in 0..8 {
        let (proxy, worker) = if number % 2 == 0 { &first } else { &second };
        let exchange = counted(proxy, worker, &call("calls"), &mut service, now_s);
        passed += i32::from(passes(&exchange));
        let used = passed.min(3);
        if number < 3 {
            let counter =
                json!({ "counter": "calls", "used": used, "max": 3, "resets_in": 10, "shared": true });
            assert_eq!(recorded(&exchange), json!(["allow", null, null, [counter]]));
        } else {
            let (reply, body) = refused(&exchange, true, "over");
            assert_eq!(code(&reply), "rate_limited");
            let decision = &body["result"]["_meta"]["dev.mcp-policy/decision"];
            assert_eq!(decision["retryAfterSeconds"], 10);
            let text = "the tool `calls` is over its limit `calls`: retry in 10 seconds";
            assert_eq!(body["result"]["content"][0]["text"], text);
        }
    }
    assert_eq!(passed, 3);
    let (proxy, worker) = &first;
    assert!(passes(&counted(proxy, worker, &call("calls"), &mut service, now_s + 10)));
    let outcomes = proxy.metrics("mcp_policy.shared_limits.");
    let named = |name: &str, value| (format!("{name}.server.shop"), value);
    assert_eq!(outcomes, [named("asked", 5), named("outcome.ok", 3), named("outcome.over_limit", 2)]);
}

#[test]
fn what_can_be_refused_alone_is_not_asked() {
    let (proxy, worker) = proxy_with(json!({}));
    for (body, expected) in [
        (paying("7.505"), "arguments_invalid"),
        (paying("43000000"), "arguments_invalid"),
        (paying("25.01"), "rate_limited"),
        (paying("-1"), "arguments_invalid"),
    ] {
        let exchange = post(&proxy, &worker, &body);
        assert!(exchange.called().is_none(), "{body}");
        let (reply, answer) = refused(&exchange, true, &body);
        assert_eq!(code(&reply), expected, "{body}");
        if expected == "rate_limited" {
            let text = "this call alone is more than the limit `spend` allows: ask for less, at most 25: waiting does not help";
            assert_eq!(answer["result"]["content"][0]["text"], text);
        }
    }
    // The local limit of `both` has room for two calls.
    let mut service = Service::default();
    for _ in 0..2 {
        assert!(passes(&counted(&proxy, &worker, &call("both"), &mut service, NOW / SECOND)));
    }
    let exchange = post(&proxy, &worker, &call("both"));
    assert!(exchange.called().is_none());
    assert_eq!(code(&refused(&exchange, true, "local").0), "rate_limited");
    // The two calls are all that the service has counted.
    assert!(passes(&counted(&proxy, &worker, &call("calls"), &mut service, NOW / SECOND)));
    assert!(!passes(&counted(&proxy, &worker, &call("calls"), &mut service, NOW / SECOND)));
}

#[test]
fn an_amount_of_nothing_adds_nothing() {
    let (proxy, worker) = proxy_with(json!({}));
    let exchange = post(&proxy, &worker, &paying("0"));
    let request = RateLimitRequest::decode(&*exchange.called().unwrap().message).unwrap();
    let added: Vec<_> = request.descriptors.iter().map(|one| one.hits_addend.unwrap().value).collect();
    assert_eq!(added, [0, 1]);
}

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
