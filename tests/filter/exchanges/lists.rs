//! Answers to list requests on their way to the client.

use super::{ANSWER, LIST, POST, SHOWN, WAYS, answer, envoy, policy, policy_with, post, with, worker};
use crate::proxy::exchange::{End, Exchange, Sent};
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
            // A text that has not ended is known to be cut off only at the trailers, where nothing can be added.
            if end == End::Trailers && body.len() == 60 {
                assert_eq!((client.text(), client.whole), ("", true), "{at}");
                continue;
            }
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

#[test]
fn lists_in_a_resumed_stream_are_filtered() {
    for method in ["GET", "DELETE"] {
        let proxy = envoy();
        let worker = worker(&proxy, &policy());
        let resume =
            [(":method", method), (":path", "/mcp"), ("last-event-id", "3"), ("accept-encoding", "gzip")];
        for (content_type, body, expected) in [
            ("text/event-stream", format!("data: {ANSWER}\n\n"), format!("data: {SHOWN}\n\n")),
            ("application/json", ANSWER.to_owned(), SHOWN.to_owned()),
        ] {
            for size in [1, 1000] {
                let mut exchange = Exchange::open(&proxy, Some(&worker));
                exchange.request(&Sent::bare(&resume));
                let arrived = exchange.upstream().unwrap();
                assert_eq!(arrived.header("accept-encoding"), Some("identity"));
                exchange.respond(&Sent::cut(&answer(content_type, &[]), &body, size, End::After));
                assert_eq!(exchange.client().unwrap().text(), expected);
            }
        }
    }
}
