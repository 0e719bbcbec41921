//! Answers on their way to the client, and the lists in them.

mod unreadable;

use std::rc::Rc;
use std::sync::Arc;

use super::{
    ANSWER, GET, LIST, POST, SHOWN, WAYS, answer, call, envoy, policy, policy_with, post, with, worker,
};
use crate::proxy::Proxy;
use crate::proxy::exchange::{End, Exchange, Sent};
use mcp_policy_filter::Worker;
use serde_json::{Value, json};

#[test]
fn a_list_shows_what_the_caller_can_use_in_any_format_and_chunking() {
    let event = format!("id: 3\r\ndata: {ANSWER}\r\n\r\n: on\n\n");
    let shown = format!("id: 3\r\ndata: {SHOWN}\r\n\r\n: on\n\n");
    for (content_type, body, expected) in [
        ("application/json", ANSWER, SHOWN),
        ("application/json; charset=utf-8", ANSWER, SHOWN),
        ("text/event-stream", &event, &shown),
    ] {
        for way in WAYS {
            let proxy = envoy();
            let worker = worker(&proxy, &policy_with(json!({ "request_headers": way })));
            for end in End::ALL {
                for size in [1, 7, 1000] {
                    let at = format!("{content_type}, {way}, {end:?}, {size}");
                    let mut exchange = Exchange::open(&proxy, Some(&worker));
                    let packed = with(POST, &[("accept-encoding", "gzip"), ("accept-encoding", "br")]);
                    exchange.request(&Sent::new(&packed, &[LIST.as_bytes()], End::WithLast));
                    let arrived = exchange.upstream().unwrap();
                    assert_eq!(arrived.header("accept-encoding"), Some("identity"), "{at}");

                    let length = body.len().to_string();
                    let headers = answer(content_type, &[("content-length", &length), ("x-own", "1")]);
                    exchange.respond(&Sent::cut(&headers, body, size, end));
                    let client = exchange.client().unwrap();
                    assert_eq!((client.text(), client.whole), (expected, true), "{at}");
                    assert_eq!(client.header("content-length"), None, "{at}");
                    assert_eq!(client.header("x-own"), Some("1"), "{at}");
                    assert_eq!(client.header("content-type"), Some(content_type), "{at}");
                }
            }
        }
    }
}

#[test]
fn an_event_is_forwarded_as_soon_as_it_is_complete() {
    let proxy = envoy();
    let mut exchange = post(&proxy, &worker(&proxy, &policy()), LIST);
    let progress = r#"{"method":"notifications/progress"}"#;
    let event = format!("data: {progress}\n\n");
    exchange.respond(&Sent::new(
        &answer("text/event-stream", &[]),
        &[event.as_bytes(), format!("data: {ANSWER}").as_bytes(), b"\n\n"],
        End::After,
    ));
    let whole = event.len() + format!("data: {SHOWN}\n\n").len();
    assert_eq!(exchange.client().unwrap().progress, [0, event.len(), event.len(), whole, whole]);
}

#[test]
fn an_error_page_instead_of_a_list_passes() {
    let proxy = envoy();
    let worker = worker(&proxy, &policy());
    for sent in [
        Sent::cut(&[(":status", "503"), ("content-type", "text/plain")], "no upstream", 4, End::After),
        Sent::cut(&[(":status", "404")], "gone", 4, End::Trailers),
        Sent::bare(&[(":status", "401"), ("www-authenticate", "Bearer")]),
        Sent::bare(&[(":status", "202")]),
    ] {
        let mut exchange = post(&proxy, &worker, LIST);
        exchange.respond(&sent);
        let client = exchange.client().unwrap();
        assert_eq!(
            (&client.headers, &client.body, client.whole),
            (&sent.headers, &sent.chunks.concat(), true)
        );
    }
}

/// Opens answers in every way, and returns the exchanges by name.
fn opened(proxy: &Arc<Proxy>, worker: &Rc<Worker>) -> Vec<(String, Exchange)> {
    let bare = |headers: &[(&str, &str)]| {
        let mut exchange = Exchange::open(proxy, Some(worker));
        exchange.request(&Sent::bare(headers));
        exchange
    };
    let mut opened = Vec::new();
    for method in ["GET", "DELETE", "OPTIONS"] {
        let headers = [(":method", method), (":path", "/mcp"), ("accept-encoding", "gzip")];
        opened.push((method.to_owned(), bare(&headers)));
        opened.push((format!("{method}, resumed"), bare(&with(&headers, &[("last-event-id", "3")]))));
    }
    let packed = with(POST, &[("accept-encoding", "gzip")]);
    for method in ["ping", "prompts/list", "tasks/get", "notifications/initialized", "other/method"] {
        let message = json!({ "jsonrpc": "2.0", "id": 7, "method": method });
        let mut exchange = Exchange::open(proxy, Some(worker));
        exchange.request(&Sent::new(&packed, &[message.to_string().as_bytes()], End::WithLast));
        opened.push((method.to_owned(), exchange));
    }
    let mut exchange = Exchange::open(proxy, Some(worker));
    exchange.request(&Sent::new(&packed, &[call("safe").as_bytes()], End::WithLast));
    opened.push(("a call".to_owned(), exchange));
    opened
}

#[test]
fn lists_are_filtered_whatever_opened_the_answer() {
    let event = format!(": on\n\ndata: {ANSWER}\n\n");
    let shown = format!(": on\n\ndata: {SHOWN}\n\n");
    for way in WAYS {
        for (content_type, body, expected) in [
            ("text/event-stream", &*event, &*shown),
            ("application/json", ANSWER, SHOWN),
            ("application/json; charset=utf8", ANSWER, SHOWN),
        ] {
            for size in [1, 1000] {
                let proxy = envoy();
                let changes = json!({ "request_headers": way, "methods": { "other/method": "allow" } });
                let worker = worker(&proxy, &policy_with(changes));
                for (name, mut exchange) in opened(&proxy, &worker) {
                    let at = format!("{name} {way} {content_type} {size}");
                    let arrived = exchange.upstream().unwrap_or_else(|| panic!("{at}"));
                    assert_eq!(arrived.header("accept-encoding"), Some("identity"), "{at}");
                    exchange.respond(&Sent::cut(&answer(content_type, &[]), body, size, End::After));
                    assert_eq!(exchange.client().unwrap().text(), expected, "{at}");
                }
            }
        }
    }
}

#[test]
fn json_is_filtered_whatever_type_is_announced_and_nothing_else_changes() {
    for content_type in ["text/plain", "text/html; charset=utf-8", "image/png", ""] {
        let marked = |text: &str| format!("\u{feff}{text}");
        for (body, expected) in [
            (ANSWER, SHOWN),
            (&*marked(ANSWER), &*marked(SHOWN)),
            (&*marked(&format!(" \n{ANSWER}")), &*marked(&format!(" \n{SHOWN}"))),
            ("<html>", "<html>"),
            (&*marked("<html>"), &*marked("<html>")),
            ("\u{feff}", "\u{feff}"),
            ("\u{1}PNG\r\n\u{1a}\n{", "\u{1}PNG\r\n\u{1a}\n{"),
            (" no upstream", " no upstream"),
        ] {
            for size in [1, 7, 1000] {
                let proxy = envoy();
                let mut exchange = post(&proxy, &worker(&proxy, &policy()), &call("safe"));
                exchange.respond(&Sent::cut(&answer(content_type, &[]), body, size, End::After));
                let client = exchange.client().unwrap();
                assert_eq!((client.text(), client.whole), (expected, true), "{content_type} {size}");
            }
        }
    }
}

#[test]
fn where_no_list_was_asked_for_the_announced_length_stays_true() {
    let short = r#"{"result":{"tools":1}}"#;
    let length = ANSWER.len().to_string();
    for (body, expected) in [(ANSWER, SHOWN), (short, "")] {
        for size in [1, 1000] {
            let proxy = envoy();
            let mut exchange = post(&proxy, &worker(&proxy, &policy()), &call("safe"));
            let headers = answer("application/json", &[("content-length", &length)]);
            exchange.respond(&Sent::cut(&headers, body, size, End::WithLast));
            let client = exchange.client().unwrap();
            assert_eq!((client.text().trim_end(), client.body.len()), (expected, body.len()));
            assert_eq!(client.header("content-length"), Some(&*length));
        }
    }
}

#[test]
fn a_stream_of_the_old_transport_is_refused_and_the_record_says_so() {
    for mode in ["enforce", "shadow"] {
        let proxy = envoy();
        let worker = worker(&proxy, &policy_with(json!({ "mode": mode })));
        let mut exchange = Exchange::open(&proxy, Some(&worker));
        exchange.request(&Sent::bare(GET));
        let stream = "event: endpoint\r\ndata: /messages\r\n\r\ndata: {\"id\":0,\"result\":{}}\r\n\r\n";
        exchange.respond(&Sent::cut(&answer("text/event-stream", &[]), stream, 9, End::Never));
        let text = exchange.client().unwrap().text().to_owned();
        let record = exchange.record().unwrap();
        let counted = proxy.metrics("mcp_policy.strict_refusals.cause.");
        if mode == "shadow" {
            assert_eq!((&*text, counted.len()), (stream, 0));
            assert!(record.starts_with(r#"{"decision":"allow""#), "{record}");
        } else {
            assert!(
                text.starts_with("event: endpoint\r\ndata: /messages\r\n\r\ndata: {\"jsonrpc\""),
                "{text}"
            );
            assert!(
                text.contains(r#""id":0,"error":{"code":-31403"#)
                    && text.contains("connect by Streamable HTTP")
            );
            assert_eq!(counted, [("http_sse.server.default".to_owned(), 1)]);
            assert!(
                record.starts_with(r#"{"decision":"deny","code":"method_not_allowed","rule":"protocol""#),
                "{record}"
            );
        }
    }
}

#[test]
fn an_answer_like_the_old_transport_leaves_the_record_of_a_call_as_it_is() {
    for way in WAYS {
        let proxy = envoy();
        let worker =
            worker(&proxy, &policy_with(json!({ "request_headers": way, "audit": { "arguments": "hash" } })));
        let answered = |stream: &str| {
            let mut exchange = post(&proxy, &worker, &call("safe"));
            exchange.respond(&Sent::cut(&answer("text/event-stream", &[]), stream, 9, End::After));
            let record: Value = serde_json::from_str(&exchange.record().unwrap()).unwrap();
            (exchange.client().unwrap().text().to_owned(), record)
        };
        let result = "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n\n";
        let (_, expected) = answered(result);
        let (text, mut record) = answered(&format!("event: endpoint\ndata: /x\n\n{result}"));
        assert!(text.contains(r#""id":7,"error":{"code":-31403"#), "{text}");
        assert_eq!(record.as_object_mut().unwrap().remove("list"), Some(json!("http_sse")), "{way}");
        record["id"] = expected["id"].clone();
        assert!(record["arguments_sha256"].is_string() && record["target"] == "safe", "{record}");
        assert_eq!(record, expected, "{way}");
    }
}
