//! Answers to list requests on their way to the client.

use std::rc::Rc;
use std::sync::Arc;

use super::{
    ANSWER, GET, LIST, POST, SECOND, SHOWN, WAYS, answer, call, envoy, policy, policy_with, post, with,
    worker,
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
fn an_unreadable_list_is_not_shown() {
    for (headers, body) in [
        (answer("application/json", &[("content-encoding", "gzip")]), ANSWER),
        (answer("text/event-stream", &[("content-encoding", "gzip")]), ANSWER),
        (answer("application/json", &[("content-type", "text/event-stream")]), ANSWER),
        (answer("text/event-stream; charset=utf-16", &[]), ANSWER),
        (answer("text/html", &[]), ANSWER),
        (vec![(":status", "200")], ANSWER),
        (vec![(":status", "500"), ("content-encoding", "gzip")], ANSWER),
        (answer("application/json", &[]), &ANSWER[..60]),
        (answer("application/json", &[]), r#"{"id":7,"result":{"tools":[],"tools":[{"name":"danger"}]}}"#),
        (answer("application/json", &[]), r#"{"id":7,"result":{"tools":{"name":"danger"}}}"#),
    ] {
        for end in End::ALL {
            let proxy = envoy();
            let mut exchange = post(&proxy, &worker(&proxy, &policy()), LIST);
            exchange.respond(&Sent::cut(&headers, body, 11, end));
            let client = exchange.client().unwrap();
            let at = format!("{headers:?} {body} {end:?}");
            let shown: Value =
                serde_json::from_slice(&client.body).unwrap_or_else(|_| panic!("{at}: {client:?}"));
            assert_eq!((&shown["id"], &shown["error"]["code"]), (&json!(7), &json!(-32603)), "{at}");
            assert!(client.whole && !client.text().contains("danger"), "{at}");
            assert_eq!(client.header("content-type"), Some("application/json"), "{at}");
            assert_eq!(
                (client.header("content-encoding"), client.header("content-length")),
                (None, None),
                "{at}"
            );
        }
    }
}

#[test]
fn an_event_stream_cut_off_within_an_event_shows_no_list() {
    for end in End::ALL {
        let proxy = envoy();
        let mut exchange = post(&proxy, &worker(&proxy, &policy()), LIST);
        let cut = format!("data: {}", &ANSWER[..60]);
        exchange.respond(&Sent::cut(&answer("text/event-stream", &[]), &cut, 9, end));
        let client = exchange.client().unwrap();
        assert!(!client.text().contains("danger"), "{client:?}");
    }
}

#[test]
fn an_answer_without_a_body_to_a_list_request_still_ends() {
    for content_type in ["application/json", "text/event-stream", "text/html"] {
        for (end, shows_error) in [(End::After, content_type != "text/event-stream"), (End::Trailers, false)]
        {
            let proxy = envoy();
            let mut exchange = post(&proxy, &worker(&proxy, &policy()), LIST);
            exchange.respond(&Sent::new(&answer(content_type, &[]), &[], end));
            let client = exchange.client().unwrap();
            let at = format!("{content_type} {end:?} {client:?}");
            assert_eq!((client.whole, client.text().contains("-32603")), (true, shows_error), "{at}");
            assert_eq!(client.body.is_empty(), !shows_error, "{at}");
        }
    }
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
        for (body, expected) in [
            (ANSWER, SHOWN),
            ("<html>", "<html>"),
            ("\u{feff}<html>", "\u{feff}<html>"),
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
fn what_takes_too_much_work_to_judge_is_not_shown_counted_and_recorded() {
    let condition = json!({ "path": "tool", "op": "regex", "value": "[a-f]{1,40}x" });
    let rule = json!({ "deny_if": vec![condition; 100] });
    let policy = policy_with(json!({ "default": "allow", "all_tools": rule }));
    let tools = |count: usize| {
        let tools: Vec<Value> = (0..count).map(|number| json!({ "name": format!("t{number}") })).collect();
        json!({ "id": 7, "result": { "tools": tools } }).to_string()
    };
    for (count, cause) in [(10, None), (5_000, Some("work"))] {
        let proxy = envoy();
        let worker = worker(&proxy, &policy);
        let mut exchange = post(&proxy, &worker, LIST);
        let body = tools(count);
        exchange.respond(&Sent::new(&answer("application/json", &[]), &[body.as_bytes()], End::After));
        let shown: Value = serde_json::from_str(exchange.client().unwrap().text()).unwrap();
        let shown = shown["result"]["tools"].as_array().unwrap().len();
        assert!(shown > 0 && (shown < count) == cause.is_some(), "{shown} of {count}");
        let record: Value = serde_json::from_str(&exchange.record().unwrap()).unwrap();
        assert_eq!(record["list"].as_str(), cause);
        let counted = proxy.metrics("mcp_policy.lists.unreadable.cause.work");
        assert_eq!(counted.len(), cause.into_iter().count());
    }
}

#[test]
fn what_is_not_shown_is_counted_logged_and_recorded() {
    let twice = r#"{"name":"few","name":"few"}"#;
    for (body, content_type, cause) in [
        (
            format!(r#"{{"id":7,"result":{{"tools":[{{"name":"safe"}},{twice}]}}}}"#),
            "application/json",
            "duplicate_key",
        ),
        (r#"{"id":7,"result":{"tools":7}}"#.to_owned(), "application/json", "wrong_type"),
        (r#"{"id":7,"result":{"tools":["#.to_owned(), "application/json", "malformed"),
        (ANSWER.to_owned(), "application/json; charset=utf-16", "encoding"),
        ("data: {\"id\":7,\"Result\":{\"tools\":[]}}\n\n".to_owned(), "text/event-stream", "key_spelling"),
    ] {
        let proxy = envoy();
        let worker = worker(&proxy, &policy());
        for count in [1, 2] {
            let mut exchange = post(&proxy, &worker, LIST);
            exchange.respond(&Sent::cut(&answer(content_type, &[]), &body, 9, End::After));
            let record: Value = serde_json::from_str(&exchange.record().unwrap()).unwrap();
            assert_eq!((&record["decision"], &record["list"]), (&json!("allow"), &json!(cause)), "{body}");
            let counted = proxy.metrics("mcp_policy.lists.unreadable.cause.");
            assert_eq!(counted, [(format!("{cause}.server.default"), count)], "{body}");
        }
        let log = proxy.log();
        assert!(
            log.len() == 2
                && log[1].starts_with("Warn: server `default`: an answer is not shown as the server sent it"),
            "{log:?}"
        );
        proxy.advance(10 * SECOND);
        post(&proxy, &worker, LIST).respond(&Sent::cut(&answer(content_type, &[]), &body, 9, End::After));
        assert_eq!(proxy.log().len(), 3);
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
