//! Requests without a body.

use crate::exchanges::{GET, POST, WAYS, code, envoy, forwarded, policy, policy_with, refused, with, worker};
use crate::proxy::exchange::{End, Exchange, Sent};
use serde_json::json;

#[test]
fn a_request_without_a_body_is_judged_by_its_method() {
    let proxy = envoy();
    let worker = worker(&proxy, &policy());
    for (method, refusal) in [
        ("GET", None),
        ("DELETE", None),
        ("OPTIONS", None),
        ("POST", Some((400, "invalid_request"))),
        ("HEAD", Some((405, "method_not_allowed"))),
        ("PUT", Some((405, "method_not_allowed"))),
        ("get", Some((405, "method_not_allowed"))),
        ("CONNECT", Some((405, "method_not_allowed"))),
    ] {
        for end in [End::WithLast, End::After] {
            // The answer to a GET may be a stream with lists, so it must not be compressed.
            let plain = with(&POST[1..], &[("accept-encoding", "identity")]);
            let sent = Sent::new(&with(&[(":method", method)], &plain), &[], end);
            let mut exchange = Exchange::open(&proxy, Some(&worker));
            exchange.request(&sent);
            match refusal {
                None => forwarded(&exchange, &sent, method),
                Some(expected) => {
                    let (reply, _) = refused(&exchange, true, method);
                    assert_eq!((reply.status, code(&reply)), expected, "{method}");
                    let allow = reply.headers.contains(&("allow", "GET, POST, DELETE, OPTIONS".to_owned()));
                    assert_eq!(allow, expected.0 == 405, "{method}");
                }
            }
        }
    }
}

#[test]
fn a_get_waits_for_its_end_and_goes_on_if_it_has_no_body() {
    for way in WAYS {
        let proxy = envoy();
        let worker = worker(&proxy, &policy_with(json!({ "request_headers": way })));
        for end in [End::After, End::Trailers] {
            let sent = Sent::new(&with(GET, &[("accept-encoding", "identity")]), &[b"", b""], end);
            let mut exchange = Exchange::open(&proxy, Some(&worker));
            exchange.request(&sent);
            let arrived = exchange.upstream().unwrap();
            assert_eq!((&arrived.headers, arrived.whole), (&sent.headers, true), "{way}");
        }
    }
}
