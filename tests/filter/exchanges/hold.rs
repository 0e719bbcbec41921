//! Detection of an Envoy that cannot hold headers.

use super::{POST, SECOND, call, envoy, policy, policy_with, post, worker};
use crate::proxy::exchange::{End, Exchange, Sent};
use serde_json::json;

#[test]
fn an_envoy_that_cannot_hold_headers_is_logged_once() {
    let proxy = envoy();
    let worker = worker(&proxy, &policy());
    assert_eq!(proxy.tick_ms(), 1000);
    let mut exchange = Exchange::open_without_flag(&proxy, &worker);
    exchange.request(&Sent::cut(POST, &call("safe"), 7, End::WithLast));
    assert_eq!((exchange.upstream(), exchange.client()), (None, None), "no body arrives");
    for (after, lines, tick) in [(1, 0, 1000), (1, 1, 0), (10, 1, 0)] {
        proxy.advance(after * SECOND);
        worker.tick(&proxy.stream());
        assert_eq!((proxy.warnings().len(), proxy.tick_ms()), (lines, tick), "{:?}", proxy.warnings());
    }
    assert!(
        proxy.warnings()[0].starts_with("Error: server `default`: no request body reaches the policy filter")
    );
    assert!(proxy.warnings()[0].contains("allow_on_headers_stop_iteration"));
}

#[test]
fn an_envoy_that_holds_headers_is_not_watched_after_the_first_body() {
    let proxy = envoy();
    let worker = worker(&proxy, &policy());
    let mut abandoned = Exchange::open_without_flag(&proxy, &worker);
    abandoned.request(&Sent::cut(POST, &call("safe"), 7, End::WithLast));
    drop(abandoned);
    proxy.advance(10 * SECOND);
    worker.tick(&proxy.stream());
    assert_eq!(
        (proxy.warnings().len(), proxy.tick_ms()),
        (0, 1000),
        "a request that has ended is still watched"
    );

    post(&proxy, &worker, &call("safe"));
    worker.tick(&proxy.stream());
    assert_eq!((proxy.warnings().len(), proxy.tick_ms()), (0, 0));
}

#[test]
fn nothing_is_watched_when_headers_go_ahead() {
    let proxy = envoy();
    worker(&proxy, &policy_with(json!({ "request_headers": "stream" })));
    assert_eq!(proxy.tick_ms(), 0);
}
