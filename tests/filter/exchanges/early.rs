//! Answers that begin before the request has been judged, because its headers went ahead.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{ANSWER, GET, LIST, POST, SHOWN, answer, call, envoy, policy_with, with, worker};
use crate::proxy::exchange::{End, Exchange, Sent};
use crate::proxy::{Call, Proxy};
use mcp_policy_filter::Worker;

fn streaming(proxy: &Arc<Proxy>) -> Rc<Worker> {
    worker(proxy, &policy_with(json!({ "request_headers": "stream" })))
}

/// Sends a request whose headers go ahead, and the headers of its answer before its body.
fn begin(proxy: &Arc<Proxy>, worker: &Rc<Worker>, headers: &[(&str, &str)]) -> Exchange {
    let mut exchange = Exchange::open(proxy, Some(worker));
    exchange.request(&Sent::new(POST, &[], End::Never));
    exchange.respond(&Sent::new(headers, &[], End::Never));
    assert!(exchange.client().is_some(), "{headers:?}: the headers are not held");
    exchange
}

/// Sends the body of a request, and then the body of its answer. Returns what the client gets of it.
#[track_caller]
fn finish(mut exchange: Exchange, body: &str, answer: &Sent, at: &str) -> (Exchange, String) {
    exchange.request_more(&Sent::new(&[], &[body.as_bytes()], End::WithLast));
    assert!(exchange.upstream().unwrap().whole, "{at}: the request is not forwarded");
    exchange.respond_more(answer);
    let client = exchange.client().unwrap();
    assert!(client.whole, "{at}: the answer never ends: {client:?}");
    let text = client.text().to_owned();
    (exchange, text)
}

/// Checks that the answer to a request arrives as it is.
#[track_caller]
fn arrives(headers: &[(&str, &str)], body: &str, request: &str, end: End) {
    let at = format!("{headers:?} {request} {end:?}");
    let proxy = envoy();
    let exchange = begin(&proxy, &streaming(&proxy), headers);
    let sent = match body {
        "" => Sent::new(&[], &[], if end == End::WithLast { End::After } else { end }),
        _ => Sent::cut(&[], body, 7, end),
    };
    let (exchange, text) = finish(exchange, request, &sent, &at);
    assert_eq!(text, body, "{at}");
    let kind = headers.iter().find(|(name, _)| *name == "content-type").map(|(_, kind)| *kind);
    assert_eq!(exchange.client().unwrap().header("content-type"), kind, "{at}");
}

#[test]
fn the_answer_to_an_allowed_request_arrives_whenever_it_begins() {
    let event = "data: {\"id\":7,\"result\":{}}\n\n";
    for (headers, body) in [
        (vec![(":status", "401"), ("content-type", "application/json")], r#"{"error":"invalid_token"}"#),
        (vec![(":status", "401"), ("content-type", "text/plain")], "who are you, then? no, no"),
        (vec![(":status", "503")], "no upstream"),
        (answer("application/json", &[]), r#"{"jsonrpc":"2.0","id":7,"result":{}}"#),
        (answer("text/event-stream", &[]), event),
        (vec![(":status", "202")], ""),
        (vec![(":status", "204")], ""),
    ] {
        let size = body.len().to_string();
        let measured = with(&headers, &[("content-length", &size)]);
        for request in [call("safe"), LIST.to_owned()] {
            for end in End::ALL {
                arrives(&headers, body, &request, end);
                arrives(&measured, body, &request, end);
            }
        }
    }
}

/// Returns what the client gets of an answer, and the record.
#[track_caller]
fn answered(headers: &[(&str, &str)], body: &str, request: &str, size: usize) -> (String, Value) {
    let at = format!("{headers:?} {body} {request} {size}");
    let proxy = envoy();
    let exchange = begin(&proxy, &streaming(&proxy), headers);
    let (exchange, text) = finish(exchange, request, &Sent::cut(&[], body, size, End::After), &at);
    (text, serde_json::from_str(&exchange.record().unwrap()).unwrap())
}

#[test]
fn a_list_in_an_answer_that_begins_early_is_filtered() {
    let event = format!("data: {ANSWER}\n\n");
    let shown = format!("data: {SHOWN}\n\n");
    for (headers, body, expected) in [
        (answer("application/json", &[]), ANSWER, SHOWN),
        (answer("text/event-stream", &[]), &*event, &*shown),
        (vec![(":status", "401"), ("content-type", "text/plain")], ANSWER, SHOWN),
        (vec![(":status", "401"), ("content-type", "application/json")], ANSWER, SHOWN),
    ] {
        for request in [LIST.to_owned(), call("safe")] {
            for size in [1, 9, 1000] {
                let (text, _) = answered(&headers, body, &request, size);
                assert_eq!(text, expected, "{headers:?} {body} {request} {size}");
            }
        }
    }
}

#[test]
fn an_error_replaces_an_answer_that_begins_early_and_cannot_be_read() {
    let event = format!("data: {ANSWER}\n\n");
    let gzip = ("content-encoding", "gzip");
    for (headers, body) in [
        (answer("text/plain", &[]), ANSWER),
        (answer("text/plain", &[]), &event),
        (answer("application/json", &[]), &event),
        (vec![(":status", "200")], &event),
        (vec![(":status", "202")], &event),
        (answer("text/event-stream; charset=utf-16", &[]), &event),
        (answer("text/plain", &[gzip]), ANSWER),
        (vec![(":status", "401"), ("content-type", "text/plain"), gzip], ANSWER),
    ] {
        for request in [LIST.to_owned(), call("safe")] {
            for size in [1, 9, 1000] {
                let at = format!("{headers:?} {body} {request} {size}");
                let (text, record) = answered(&headers, body, &request, size);
                let error: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{at}: {text}"));
                assert_eq!((&error["id"], &error["error"]["code"]), (&json!(7), &json!(-32603)), "{at}");
                assert!(record["list"].is_string() && record["decision"] == "allow", "{at}: {record}");
            }
        }
    }
}

#[test]
fn an_answer_that_begins_early_stays_filtered_if_the_request_is_refused() {
    let proxy = envoy();
    let mut exchange = begin(&proxy, &streaming(&proxy), &answer("application/json", &[]));
    exchange.request_more(&Sent::new(&[], &[call("danger").as_bytes()], End::WithLast));
    assert!(exchange.reply().is_some());
    // Envoy ends the response here. Should it go on, it shows no list.
    exchange.respond_more(&Sent::cut(&[], ANSWER, 9, End::After));
    assert!(!exchange.client().unwrap().text().contains("danger"));
}

#[test]
fn an_answer_to_a_request_that_is_stuck_is_filtered() {
    for (headers, body) in [(POST, call("danger")), (POST, "{".to_owned()), (GET, call("safe"))] {
        let proxy = envoy();
        let worker = streaming(&proxy);
        let mut exchange = Exchange::open(&proxy, Some(&worker));
        exchange.request(&Sent::new(headers, &[], End::Never));
        proxy.fail(Call::Reply);
        exchange.request_more(&Sent::new(&[], &[body.as_bytes()], End::WithLast));
        proxy.mend();
        assert!(exchange.reply().is_none(), "{headers:?} {body}");
        exchange.respond(&Sent::cut(&answer("application/json", &[]), ANSWER, 9, End::After));
        assert_eq!(exchange.client().unwrap().text(), SHOWN, "{headers:?} {body}");
    }
}
