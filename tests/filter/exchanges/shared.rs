//! Calls under limits that a rate limit service counts for several proxies.

mod failures;
mod shadow;
mod waiting;

use super::{NOW, POST, SECOND, call, code, envoy, policy_with, refused, with, worker};
use crate::proxy::exchange::{End, Exchange, Sent};
use crate::proxy::rates::{Limit, RateLimitRequest, Service};
use crate::proxy::{Called, Proxy};
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
