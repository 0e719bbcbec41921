//! Calls that no server has received: Envoy answers, and their charges are given back.

use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_filter::Worker;
use serde_json::{Value, json};

use super::{POST, WAYS, call, envoy, policy_with, post, worker};
use crate::proxy::exchange::{End, Exchange, Sent};
use crate::proxy::{Call, Proxy};

/// Flags of Envoy's responses.
const UH: u64 = 0x2;
const UT: u64 = 0x4;
const UF: u64 = 0x20;
const UC: u64 = 0x40;
const UO: u64 = 0x80;
const NR: u64 = 0x100;
const NC: u64 = 0x100_0000;

const REFUSED: &str = "upstream_reset_before_response_started{remote_connection_failure|Connection_refused}";

/// Tells the filter that the response is Envoy's own, and why.
fn respond(exchange: &mut Exchange, flags: u64, details: &str, attempts: Option<u64>) {
    exchange.know("response.flags", &flags.to_le_bytes());
    exchange.know("response.code_details", details.as_bytes());
    if let Some(attempts) = attempts {
        exchange.know("upstream.request_attempt_count", &attempts.to_le_bytes());
    }
    exchange.respond(&Sent::new(&[(":status", "503")], &[b"no healthy upstream"], End::WithLast));
}

fn limited(way: &str, limits: Value) -> Value {
    policy_with(json!({ "request_headers": way, "tools": { "few": { "limits": limits } } }))
}

fn few(max: u64) -> Value {
    json!([{ "counter": "few", "window": "hour", "max": max }])
}

/// Makes calls until one is refused, each answered by a server. Returns how many passed.
fn left(proxy: &Arc<Proxy>, worker: &Rc<Worker>) -> usize {
    (0..99).take_while(|_| post(proxy, worker, &call("few")).reply().is_none()).count()
}

fn record(exchange: &Exchange) -> Value {
    serde_json::from_str(&exchange.record().unwrap()).unwrap()
}

#[test]
fn a_call_is_charged_unless_envoy_could_not_send_it() {
    let reset = |reason: &str| format!("upstream_reset_before_response_started{{{reason}}}");
    for (flags, details, attempts, given_back) in [
        (UH, "no_healthy_upstream".to_owned(), Some(1), true),
        (UH, "no_healthy_upstream".to_owned(), None, true),
        (NR, "route_not_found".to_owned(), None, true),
        (NC, "cluster_not_found".to_owned(), None, true),
        (UO, "maintenance_mode".to_owned(), None, true),
        (UO, reset("overflow"), Some(1), true),
        (UF, REFUSED.to_owned(), Some(1), true),
        (UF, reset("connection_failure"), Some(1), true),
        (UF, reset("local_connection_failure"), Some(1), true),
        (UF, reset("connection_timeout"), Some(1), true),
        // A server has answered, or may have received the call.
        (0, "via_upstream".to_owned(), Some(1), false),
        (0, "no_healthy_upstream".to_owned(), Some(1), false),
        (UO, "via_upstream".to_owned(), Some(1), false),
        (UO | UC, reset("connection_termination"), Some(1), false),
        (UC, reset("connection_termination"), Some(1), false),
        (UT, "response_timeout".to_owned(), Some(1), false),
        (UF, REFUSED.to_owned(), Some(2), false),
        (UH, "no_healthy_upstream".to_owned(), Some(3), false),
        (UF, String::new(), Some(1), false),
        (0, "direct_response".to_owned(), None, false),
    ] {
        for way in WAYS {
            let at = format!("{way} {flags:x} {details} {attempts:?}");
            let proxy = envoy();
            let worker = worker(&proxy, &limited(way, few(2)));
            let mut exchange = post(&proxy, &worker, &call("few"));
            assert!(exchange.upstream().is_some());
            respond(&mut exchange, flags, &details, attempts);
            let said = record(&exchange)["given_back"].clone();
            assert_eq!(said, if given_back { json!(true) } else { Value::Null }, "{at}");
            assert_eq!(left(&proxy, &worker), if given_back { 2 } else { 1 }, "{at}");
            let counted = proxy.metrics("mcp_policy.counters.given_back");
            assert_eq!(counted.len(), usize::from(given_back), "{at}: {counted:?}");
        }
    }
}

#[test]
fn all_limits_of_a_call_are_given_back_once_and_those_in_shadow_mode_too() {
    let limits = json!([
        { "counter": "few", "window": "hour", "max": 3 },
        { "counter": "spend", "window": "day", "max": 30, "amount": "args.price", "scope": "global" },
        { "counter": "own", "window": "minute", "max": 3, "scope": "session", "type": "calendar" },
    ]);
    for changes in [json!({}), json!({ "mode": "shadow" })] {
        let proxy = envoy();
        let mut policy = limited("hold", limits.clone());
        policy["tools"]["few"]["mode"] = changes.get("mode").cloned().unwrap_or(json!("enforce"));
        let worker = worker(&proxy, &policy);
        let body = call("few").replace("{}", r#"{"price":10}"#);
        let sent =
            Sent::new(&super::with(POST, &[("mcp-session-id", "s")]), &[body.as_bytes()], End::WithLast);
        let used = |exchange: &Exchange| -> Vec<Value> {
            record(exchange)["counters"].as_array().unwrap().iter().map(|one| one["used"].clone()).collect()
        };
        for _ in 0..5 {
            let mut exchange = Exchange::open(&proxy, Some(&worker));
            exchange.request(&sent);
            assert_eq!(used(&exchange), [1, 10, 1], "{changes}");
            respond(&mut exchange, UF, REFUSED, Some(1));
            // A second response would be a fault of the host.
            respond(&mut exchange, UF, REFUSED, Some(1));
        }
    }
}

#[test]
fn a_charge_stands_if_the_host_cannot_tell_or_cannot_give_it_back() {
    for failing in [Call::Attribute, Call::Clock, Call::Shared, Call::SetShared] {
        let proxy = envoy();
        let worker = worker(&proxy, &limited("hold", few(2)));
        let mut exchange = post(&proxy, &worker, &call("few"));
        proxy.fail(failing);
        respond(&mut exchange, UF, REFUSED, Some(1));
        proxy.mend();
        assert_eq!(record(&exchange)["given_back"], Value::Null, "{failing:?}");
        assert_eq!(left(&proxy, &worker), 1, "{failing:?}");
    }
}

#[test]
fn a_record_that_cannot_be_completed_does_not_keep_the_charge() {
    let proxy = envoy();
    let worker = worker(&proxy, &limited("hold", few(1)));
    let mut exchange = post(&proxy, &worker, &call("few"));
    proxy.fail(Call::SetState);
    respond(&mut exchange, UF, REFUSED, Some(1));
    proxy.mend();
    assert_eq!(left(&proxy, &worker), 1);
}

#[test]
fn a_call_that_cannot_be_recorded_is_refused_and_not_charged() {
    let proxy = envoy();
    let worker = worker(&proxy, &limited("hold", few(2)));
    proxy.fail(Call::SetState);
    for _ in 0..5 {
        assert!(post(&proxy, &worker, &call("few")).reply().is_some());
    }
    proxy.mend();
    assert_eq!(left(&proxy, &worker), 2);
}

#[test]
fn only_a_call_with_limits_asks_why_envoy_answers() {
    let proxy = envoy();
    let worker = worker(&proxy, &limited("hold", few(9)));
    post(&proxy, &worker, &call("few"));
    // Every answer is looked through for lists.
    let read = [Call::ResponseHeaders, Call::Attribute, Call::ResponseBody];
    let of_server = [(":status", "200"), ("x-envoy-upstream-service-time", "3")];
    let unsaid = [(":status", "200")];
    for (tool, headers, expected) in [
        ("few", &unsaid[..], &read[..]),
        ("few", &of_server[..], &[Call::ResponseHeaders, Call::ResponseBody]),
        ("other", &unsaid[..], &[]),
    ] {
        let mut exchange = post(&proxy, &worker, &call(tool));
        proxy.calls();
        exchange.respond(&Sent::new(headers, &[b"{}"], End::WithLast));
        assert_eq!(proxy.calls(), expected, "{tool} {headers:?}");
    }
}

#[test]
fn a_client_that_disconnects_before_any_response_is_charged() {
    let proxy = envoy();
    let worker = worker(&proxy, &limited("hold", few(2)));
    drop(post(&proxy, &worker, &call("few")));
    assert_eq!(left(&proxy, &worker), 1);
}
