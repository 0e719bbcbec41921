//! Lists that cannot be read, or are not complete, or take too much work to judge: they are not shown.

use crate::exchanges::{ANSWER, GET, LIST, SECOND, answer, call, envoy, policy, policy_with, post, worker};
use crate::proxy::exchange::{End, Exchange, Sent};
use serde_json::{Value, json};

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
fn an_answer_to_a_call_in_another_encoding_is_replaced_whatever_its_type_is() {
    let units: Vec<u16> = ANSWER.encode_utf16().collect();
    let [little, big] = [u16::to_le_bytes, u16::to_be_bytes]
        .map(|bytes| -> Vec<u8> { units.iter().flat_map(|unit| bytes(*unit)).collect() });
    let wide: Vec<u8> = ANSWER.chars().flat_map(|char| u32::from(char).to_be_bytes()).collect();
    let mark = |mark: &[u8], text: &[u8]| [mark, text].concat();
    for (name, body) in [
        ("UTF-16LE", mark(b"", &little)),
        ("UTF-16LE with a mark", mark(b"\xff\xfe", &little)),
        ("UTF-16BE", mark(b"", &big)),
        ("UTF-16BE with a mark", mark(b"\xfe\xff", &big)),
        ("UTF-32BE", mark(b"", &wide)),
        ("UTF-32BE with a mark", mark(b"\0\0\xfe\xff", &wide)),
    ] {
        for content_type in ["text/plain", "text/html; charset=utf-16", "application/octet-stream", ""] {
            for size in [1, 3, 1000] {
                let at = format!("{name} {content_type} {size}");
                let proxy = envoy();
                let mut exchange = post(&proxy, &worker(&proxy, &policy()), &call("safe"));
                let chunks: Vec<&[u8]> = body.chunks(size).collect();
                exchange.respond(&Sent::new(&answer(content_type, &[]), &chunks, End::After));
                assert_replaced(&exchange, &at);
            }
        }
    }
}

/// Checks that the client gets an error in place of the answer.
#[track_caller]
fn assert_replaced(exchange: &Exchange, at: &str) {
    let client = exchange.client().unwrap();
    let error: Value = serde_json::from_slice(&client.body).unwrap_or_else(|_| panic!("{at}: {client:?}"));
    assert_eq!((&error["id"], &error["error"]["code"]), (&json!(7), &json!(-32603)), "{at}");
    assert!(client.whole, "{at}");
}

#[test]
fn an_answer_to_a_call_that_is_packed_or_a_part_is_replaced_but_not_a_file_or_an_error() {
    for encoding in ["gzip", "none", "", "utf-8"] {
        for (status, found) in [("200", true), ("206", true), ("502", false)] {
            let headers =
                [(":status", status), ("content-type", "text/plain"), ("content-encoding", encoding)];
            let headers = if status == "206" { &headers[..2] } else { &headers };
            let sent = || Sent::cut(headers, ANSWER, 9, End::After);
            let proxy = envoy();
            let worker = worker(&proxy, &policy());
            let mut exchange = post(&proxy, &worker, &call("safe"));
            exchange.respond(&sent());
            match found {
                true => assert_replaced(&exchange, &format!("{headers:?}")),
                false => assert_eq!(exchange.client().unwrap().text(), ANSWER, "{headers:?}"),
            }
            let mut exchange = Exchange::open(&proxy, Some(&worker));
            exchange.request(&Sent::bare(GET));
            exchange.respond(&sent());
            assert_eq!(exchange.client().unwrap().text(), ANSWER, "{headers:?}");
        }
    }
}

#[test]
fn a_list_in_events_under_another_type_is_not_shown_with_any_status_of_success() {
    let event = format!("data: {ANSWER}\n\n");
    for status in ["200", "201", "202", "203", "204", "205", "206", "226", "299"] {
        for content_type in ["text/plain", "application/json", "application/problem+json", ""] {
            for length in [false, true] {
                let size = event.len().to_string();
                let mut headers = vec![(":status", status), ("content-type", content_type)];
                headers.extend(length.then_some(("content-length", &*size)));
                headers.retain(|(_, value)| !value.is_empty());
                for end in End::ALL {
                    let at = format!("{headers:?} {end:?}");
                    let proxy = envoy();
                    let mut exchange = post(&proxy, &worker(&proxy, &policy()), LIST);
                    exchange.respond(&Sent::cut(&headers, &event, 9, end));
                    let client = exchange.client().unwrap();
                    assert!(client.whole && !client.text().contains("danger"), "{at}: {client:?}");
                    let shown: Value =
                        serde_json::from_str(client.text()).unwrap_or_else(|_| panic!("{at}: {client:?}"));
                    assert_eq!((&shown["id"], &shown["error"]["code"]), (&json!(7), &json!(-32603)), "{at}");
                }
            }
        }
    }
}

#[test]
fn a_status_without_a_body_stays_as_it_is() {
    for status in ["202", "204"] {
        for content_type in ["text/plain", "application/json", ""] {
            for (body, end) in [
                (LIST, End::WithLast),
                (LIST, End::After),
                (LIST, End::Trailers),
                (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, End::After),
            ] {
                let mut headers = vec![(":status", status), ("content-type", content_type)];
                headers.retain(|(_, value)| !value.is_empty());
                let sent = Sent::new(&headers, &[], end);
                let proxy = envoy();
                let mut exchange = post(&proxy, &worker(&proxy, &policy()), body);
                exchange.respond(&sent);
                let client = exchange.client().unwrap();
                let at = format!("{headers:?} {body} {end:?} {client:?}");
                assert!(client.whole && client.body.is_empty() && client.headers == sent.headers, "{at}");
                assert!(!exchange.record().unwrap().contains(r#""list""#), "{at}");
            }
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
