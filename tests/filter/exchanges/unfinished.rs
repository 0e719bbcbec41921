//! Requests that reach a server in part: each has a record before.

use serde_json::{Value, json};

use super::{GET, POST, WAYS, call, code, envoy, policy_with, refused, with, worker};
use crate::proxy::Call;
use crate::proxy::exchange::{End, Exchange, Sent};

const STREAM: &str = "stream";

fn record(exchange: &Exchange) -> [Value; 2] {
    let record: Value = serde_json::from_str(&exchange.record().expect("a record")).unwrap();
    [record["decision"].clone(), record["code"].clone()]
}

#[test]
fn a_request_whose_headers_go_ahead_is_recorded_before() {
    for mode in ["enforce", "shadow"] {
        let proxy = envoy();
        let worker = worker(&proxy, &policy_with(json!({ "request_headers": STREAM, "mode": mode })));
        let unfinished = if mode == "shadow" { "would_deny" } else { "deny" };
        for (method, expected) in [
            ("GET", [json!("allow"), Value::Null]),
            ("DELETE", [json!("allow"), Value::Null]),
            ("OPTIONS", [json!("allow"), Value::Null]),
            ("POST", [json!(unfinished), json!("invalid_request")]),
        ] {
            for chunks in [&[][..], &[&b""[..]], &[&b"{\"jsonrpc\""[..]]] {
                if method != "POST" && chunks.iter().any(|chunk| !chunk.is_empty()) {
                    continue;
                }
                let mut exchange = Exchange::open(&proxy, Some(&worker));
                let headers = with(&[(":method", method)], &POST[1..]);
                exchange.request(&Sent::new(&headers, chunks, End::Never));
                let arrived = exchange.upstream().expect("the headers");
                assert!(arrived.body.is_empty() && !arrived.whole, "{method}");
                assert_eq!(record(&exchange), expected, "{mode} {method} {chunks:?}");
                // The server answers before the request has ended.
                exchange.respond(&Sent::new(&[(":status", "404")], &[b"no"], End::WithLast));
                assert_eq!(record(&exchange), expected, "{mode} {method}");
            }
        }
    }
}

#[test]
fn a_complete_request_replaces_the_record_of_its_headers() {
    for (body, expected) in [
        (call("safe"), [json!("allow"), Value::Null]),
        (call("danger"), [json!("deny"), json!("denied")]),
        ("{".to_owned(), [json!("deny"), json!("invalid_request")]),
    ] {
        let proxy = envoy();
        let worker = worker(&proxy, &policy_with(json!({ "request_headers": STREAM })));
        for end in End::ALL {
            let mut exchange = Exchange::open(&proxy, Some(&worker));
            exchange.request(&Sent::cut(POST, &body, 7, end));
            assert_eq!(record(&exchange), expected, "{body} {end:?}");
        }
        let decisions: u64 = proxy.metrics("mcp_policy.decisions.").iter().map(|(_, count)| count).sum();
        assert_eq!(decisions, 3, "each request is one decision");
    }
}

#[test]
fn a_get_that_ends_after_its_headers_went_ahead_is_decided_once() {
    for end in [End::After, End::Trailers] {
        let proxy = envoy();
        let worker = worker(&proxy, &policy_with(json!({ "request_headers": STREAM })));
        let mut exchange = Exchange::open(&proxy, Some(&worker));
        exchange.request(&Sent::new(GET, &[b""], end));
        assert!(exchange.upstream().unwrap().whole);
        let decided = proxy.metrics("mcp_policy.decisions.");
        assert_eq!(decided, [("decision.allow.code.none.grant.default.server.default".to_owned(), 1)]);
    }
}

#[test]
fn a_get_in_chunks_is_refused_before_its_headers_go_ahead() {
    for (protocol, passes) in
        [("HTTP/1.1", false), ("HTTP/1.0", false), ("", false), ("HTTP/2", true), ("HTTP/3", true)]
    {
        let proxy = envoy();
        let worker = worker(&proxy, &policy_with(json!({ "request_headers": STREAM })));
        for method in ["GET", "DELETE", "OPTIONS"] {
            let mut exchange = Exchange::open(&proxy, Some(&worker));
            exchange.know("request.protocol", protocol.as_bytes());
            exchange.request(&Sent::new(&with(&[(":method", method)], &GET[1..]), &[], End::Never));
            if passes {
                assert!(exchange.upstream().is_some(), "{protocol}");
            } else {
                assert_eq!(code(&refused(&exchange, true, protocol).0), "invalid_request", "{protocol}");
            }
        }
    }
}

#[test]
fn headers_do_not_go_ahead_without_a_record() {
    let proxy = envoy();
    let worker = worker(&proxy, &policy_with(json!({ "request_headers": STREAM })));
    proxy.fail(Call::SetState);
    for headers in [GET, POST] {
        let mut exchange = Exchange::open(&proxy, Some(&worker));
        exchange.request(&Sent::new(headers, &[], End::Never));
        assert_eq!(code(&refused(&exchange, true, "no record").0), "denied", "{headers:?}");
    }
}

#[test]
fn a_method_without_a_body_that_announces_one_is_refused_at_its_headers() {
    for way in WAYS {
        let proxy = envoy();
        let worker = worker(&proxy, &policy_with(json!({ "request_headers": way })));
        for method in ["GET", "DELETE", "OPTIONS"] {
            for (announced, passes) in [
                (&[("transfer-encoding", "chunked")][..], false),
                (&[("transfer-encoding", "identity")], false),
                (&[("content-length", "1")], false),
                (&[("content-length", "x")], false),
                (&[("content-length", "0"), ("content-length", "0")], false),
                (&[("content-length", "0")], true),
                (&[], true),
            ] {
                let at = format!("{way} {method} {announced:?}");
                let mut exchange = Exchange::open(&proxy, Some(&worker));
                let headers = with(&[(":method", method), (":path", "/mcp")], announced);
                exchange.request(&Sent::new(&headers, &[], if passes { End::WithLast } else { End::Never }));
                if passes {
                    assert!(exchange.upstream().is_some(), "{at}");
                } else {
                    assert_eq!(code(&refused(&exchange, true, &at).0), "invalid_request", "{at}");
                }
            }
        }
    }
}
