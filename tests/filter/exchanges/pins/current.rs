//! Which lists open a tool again: those that show what the server has now.

use super::*;
use crate::proxy::Call;

/// Lets the tool be listed otherwise, then answers a request. Returns whether calls pass afterwards.
#[track_caller]
fn opens(request: &Sent, content_type: &str, body: &str) -> bool {
    let proxy = envoy();
    let worker = worker(&proxy, &pinned(json!({})));
    list(&proxy, &worker, &[EVIL]);
    let mut exchange = Exchange::open(&proxy, Some(&worker));
    exchange.request(request);
    exchange.respond(&Sent::cut(&answer(content_type, &[]), body, 1000, End::WithLast));
    assert!(exchange.client().unwrap().text().contains(RUN), "{body}");
    refusal(&proxy, &worker, "run").is_none()
}

#[test]
fn only_an_answer_to_a_request_for_the_tools_opens_a_tool_again() {
    let with_id = |id: &str| listing(&[RUN]).replace(r#""id":7"#, id);
    let asked = |message: &str| Sent::new(POST, &[message.as_bytes()], End::WithLast);
    let ask = |id: &str| asked(&LIST.replace('7', id));
    let long = format!("\"{}\"", "x".repeat(300));
    for (request, body, expected) in [
        (ask("7"), listing(&[RUN]), true),
        (ask("7"), with_id(r#""id":7.0"#), true),
        (ask("7"), format!(r#"[{{"method":"m"}},{}]"#, listing(&[RUN])), true),
        (ask(r#""7""#), with_id(r#""id":"7""#), true),
        (ask(r#""é""#), with_id(r#""id":"\u00e9""#), true),
        // Answers to other requests, and to none.
        (ask("7"), with_id(r#""id":8"#), false),
        (ask("7"), with_id(r#""id":"7""#), false),
        (ask(r#""7""#), with_id(r#""id":7"#), false),
        (ask("7"), with_id(r#""id":null"#), false),
        (ask("7"), with_id(r#""x":7"#), false),
        (ask("7"), with_id(r#""id":7,"Id":8"#), false),
        (ask(&long), with_id(&format!(r#""id":{long}"#)), false),
        (asked(&LIST.replace("tools/", "prompts/")), listing(&[RUN]), false),
        (asked(&LIST.replace("tools/list", "ping")), listing(&[RUN]), false),
        (asked(&call("other")), listing(&[RUN]), false),
    ] {
        assert_eq!(opens(&request, "application/json", &body), expected, "{request:?} {body}");
        let event = format!("id: 3\ndata: {body}\n\n");
        assert_eq!(opens(&request, "text/event-stream", &event), expected, "{request:?} {body}");
    }
}

#[test]
fn a_stream_that_is_resumed_opens_no_tool_because_its_lists_may_be_old() {
    let event = format!("id: 3\ndata: {}\n\n", listing(&[RUN]));
    for headers in [with(GET, &[("last-event-id", "3")]), GET.to_vec()] {
        assert!(!opens(&Sent::bare(&headers), "text/event-stream", &event), "{headers:?}");
    }
    // A server may replay events in the answer to any request.
    let resumed = with(POST, &[("last-event-id", "3")]);
    let request = Sent::new(&resumed, &[LIST.as_bytes()], End::WithLast);
    assert!(!opens(&request, "text/event-stream", &event));
    assert!(!opens(&request, "application/json", &listing(&[RUN])));
}

#[test]
fn an_answer_behind_an_old_list_in_its_stream_opens_the_tool() {
    let old = listing(&[EVIL]).replace(r#""id":7"#, r#""id":6"#);
    for (first, opened) in [(old.as_str(), false), (r#"{"method":"m"}"#, true)] {
        let body = format!("data: {first}\n\ndata: {}\n\n", listing(&[RUN]));
        let request = Sent::new(POST, &[LIST.as_bytes()], End::WithLast);
        // All of it arrives at once, so the change counts.
        assert_eq!(opens(&request, "text/event-stream", &body), opened, "{first}");
    }
}

#[test]
fn an_answer_that_a_client_holds_back_opens_no_tool_that_has_changed_since_it_was_asked_for() {
    let policy = pinned(json!({}));
    for (content_type, body) in [
        ("application/json", listing(&[RUN])),
        ("text/event-stream", format!("id: 3\ndata: {}\n\n", listing(&[RUN]))),
    ] {
        for end in End::ALL {
            let at = format!("{content_type} {end:?}");
            let proxy = envoy();
            let [one, two] = [worker(&proxy, &policy), worker(&proxy, &policy)];
            let headers = answer(content_type, &[]);
            let held_back = |list: &dyn Fn()| {
                let mut exchange = post(&proxy, &one, LIST);
                exchange.respond(&Sent::cut(&headers, &body[..body.len() - 9], 50, End::Never));
                list();
                exchange.respond_more(&Sent::cut(&headers, &body[body.len() - 9..], 50, end));
                assert!(exchange.client().unwrap().text().contains(RUN), "{at}");
                refusal(&proxy, &two, "run")
            };
            let changed = Some("definition_changed");
            let evil = || drop(list(&proxy, &two, &[EVIL]));
            assert_eq!(held_back(&evil).as_deref(), changed, "{at}");
            // It has changed before and once more.
            assert_eq!(held_back(&evil).as_deref(), changed, "{at}");
            assert_eq!(held_back(&|| ()), None, "{at}");
        }
    }
}

#[test]
fn an_answer_opens_nothing_if_its_request_could_not_learn_which_changes_were_before_it() {
    let proxy = envoy();
    let worker = worker(&proxy, &pinned(json!({})));
    list(&proxy, &worker, &[EVIL]);
    for mended_in_time in [false, true] {
        if !mended_in_time {
            proxy.fail(Call::Shared);
        }
        let mut exchange = post(&proxy, &worker, LIST);
        proxy.mend();
        let headers = answer("application/json", &[]);
        exchange.respond(&Sent::cut(&headers, &listing(&[RUN]), 1000, End::WithLast));
        assert_eq!(exchange.client().unwrap().text(), listing(&[RUN]));
        assert_eq!(refusal(&proxy, &worker, "run").is_none(), mended_in_time);
    }
}

#[test]
fn a_list_in_an_answer_that_begins_before_its_request_is_judged_closes_a_tool_and_opens_none() {
    let policy = pinned(json!({ "request_headers": "stream" }));
    for (content_type, body) in [
        ("application/json", listing(&[EVIL, OTHER])),
        ("text/event-stream", format!("data: {}\n\n", listing(&[EVIL, OTHER]))),
        // It cannot be read.
        ("text/plain", format!("data: {}\n\n", listing(&[EVIL, OTHER]))),
    ] {
        let proxy = envoy();
        let worker = worker(&proxy, &policy);
        let early = |body: &str| {
            let mut exchange = Exchange::open(&proxy, Some(&worker));
            exchange.request(&Sent::new(POST, &[], End::Never));
            exchange.respond(&Sent::new(&answer(content_type, &[]), &[], End::Never));
            exchange.request_more(&Sent::new(&[], &[LIST.as_bytes()], End::WithLast));
            exchange.respond_more(&Sent::cut(&[], body, 30, End::WithLast));
            exchange.client().unwrap().text().to_owned()
        };
        let changed = || refusal(&proxy, &worker, "run");
        assert!(!early(&body).contains("ssh"), "{content_type}");
        assert_eq!(changed().as_deref(), Some("definition_changed"), "{content_type}");
        let _ = early(&body.replace(EVIL, RUN));
        assert_eq!(changed().as_deref(), Some("definition_changed"), "{content_type}");
        assert_eq!(list(&proxy, &worker, &[RUN]), listing(&[RUN]), "{content_type}");
        assert_eq!(changed(), None, "{content_type}");
    }
}
