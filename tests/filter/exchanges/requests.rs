//! What happens to a request on its way to the upstream.

mod bodiless;
mod sizes;

use super::{
    GET, POST, WAYS, answer, call, code, envoy, forwarded, policy, policy_with, post, refused, with, worker,
};
use crate::proxy::exchange::{End, Exchange, Sent};
use mcp_policy_filter::Flow;
use serde_json::json;

#[test]
fn an_allowed_call_arrives_unchanged_and_only_after_it_was_judged() {
    for way in WAYS {
        let proxy = envoy();
        let worker = worker(&proxy, &policy_with(json!({ "request_headers": way })));
        for end in End::ALL {
            for size in [1, 7, 1000] {
                let at = format!("{way}, {end:?}, {size}");
                let sent = Sent::cut(POST, &format!(" {} ", call("safe")), size, end);
                let mut exchange = Exchange::open(&proxy, Some(&worker));
                exchange.request(&sent);
                forwarded(&exchange, &sent, &at);
                let whole = sent.chunks.concat().len();
                let progress = &exchange.upstream().unwrap().progress;
                match way {
                    "hold" => assert_eq!(progress, &[whole], "{at}"),
                    _ => assert_eq!(progress, &[0, whole], "{at}"),
                }
            }
        }
    }
}

#[test]
fn an_answer_to_a_call_passes_unchanged() {
    let proxy = envoy();
    let worker = worker(&proxy, &policy());
    let listing = r#"{"id":7,"result":{"content":[{"tools":[{"name":"danger"}]}]}}"#;
    for end in End::ALL {
        let length = listing.len().to_string();
        let headers = answer("application/json", &[("content-length", &length)]);
        let sent = Sent::cut(&headers, listing, 5, end);
        let mut exchange = post(&proxy, &worker, &call("safe"));
        exchange.respond(&sent);
        let client = exchange.client().unwrap();
        assert_eq!((&client.headers, client.text(), client.whole), (&sent.headers, listing, true));
        assert!(client.progress.len() > sent.chunks.len(), "{:?}", client.progress);
    }
}

#[test]
fn a_refused_request_does_not_reach_the_upstream() {
    let text = &[("content-type", "text/plain")];
    let packed = &[("content-encoding", "gzip")];
    let disagreeing = &[("mcp-method", "tools/list")];
    let upgrade = &[("upgrade", "websocket")];
    let bare = &[(":method", "POST"), (":path", "/mcp")];
    let put = &[(":method", "PUT"), (":path", "/mcp"), ("content-type", "application/json")];
    let notified =
        json!({ "jsonrpc": "2.0", "method": "tools/call", "params": { "name": "danger" } }).to_string();
    let long = format!("{}{}", call("safe"), " ".repeat(300));
    for (headers, body, status, expected) in [
        (POST.to_vec(), call("danger"), 200, "denied"),
        (POST.to_vec(), call("other"), 200, "not_listed"),
        (POST.to_vec(), call("secret"), 200, "hidden"),
        (POST.to_vec(), call("asked"), 200, "approval_unavailable"),
        (POST.to_vec(), r#"{"jsonrpc":"2.0","id":7,"method":"x/y"}"#.to_owned(), 200, "not_listed"),
        (POST.to_vec(), notified, 403, "denied"),
        (POST.to_vec(), format!("[{}]", call("safe")), 400, "invalid_request"),
        (POST.to_vec(), "{".to_owned(), 400, "invalid_request"),
        (POST.to_vec(), String::new(), 400, "invalid_request"),
        (POST.to_vec(), call("safe").replace("safe", "\u{1}"), 400, "invalid_request"),
        (with(POST, disagreeing), call("safe"), 400, "headers_disagree"),
        (with(POST, packed), call("safe"), 415, "unsupported_media_type"),
        (with(POST, text), call("safe"), 415, "unsupported_media_type"),
        (with(bare, text), call("safe"), 415, "unsupported_media_type"),
        (bare.to_vec(), call("safe"), 415, "unsupported_media_type"),
        (POST.to_vec(), long, 413, "too_large"),
        (put.to_vec(), call("safe"), 405, "method_not_allowed"),
        (with(GET, upgrade), String::new(), 400, "invalid_request"),
        (GET.to_vec(), call("safe"), 400, "invalid_request"),
    ] {
        for way in WAYS {
            let proxy = envoy();
            let worker = worker(&proxy, &policy_with(json!({ "request_headers": way })));
            for end in End::ALL {
                for size in [1, 7, 1000] {
                    let at = format!("{body}, {way}, {end:?}, {size}");
                    let mut exchange = Exchange::open(&proxy, Some(&worker));
                    exchange.request(&Sent::cut(&headers, &body, size, end));
                    let (reply, answer) = refused(&exchange, way == "hold", &at);
                    assert_eq!((reply.status, code(&reply)), (status, expected), "{at}");
                    if status == 200 {
                        assert_eq!(answer["id"], 7, "{at}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_refused_request_stays_refused_whatever_follows() {
    let proxy = envoy();
    for way in WAYS {
        let worker = worker(&proxy, &policy_with(json!({ "request_headers": way })));
        for (headers, body) in [(POST, call("danger")), (GET, call("safe")), (POST, "x".repeat(301))] {
            let mut exchange = Exchange::open(&proxy, Some(&worker));
            exchange.request(&Sent::new(headers, &[body.as_bytes()], End::WithLast));
            assert!(exchange.reply().is_some());
            for end in [false, true] {
                assert_eq!(exchange.more(call("safe").as_bytes(), end), Flow::Pause, "{way}, {body}");
            }
            assert_eq!(exchange.trailers(), Flow::Pause);
        }
    }
}

#[test]
fn an_exempt_path_passes_unread_only_in_its_exact_spelling() {
    let proxy = envoy();
    let worker = worker(&proxy, &policy());
    for (path, passes) in [
        ("/healthz", true),
        ("/healthz?x=1", true),
        ("/healthz/", false),
        ("/Healthz", false),
        ("/x/../healthz", false),
        ("/health%7a", false),
        ("//healthz", false),
        ("/healthz#x", false),
        ("/healthz;x", false),
    ] {
        let mut exchange = Exchange::open(&proxy, Some(&worker));
        let sent = Sent::cut(&[(":method", "PUT"), (":path", path)], "anything", 3, End::After);
        exchange.request(&sent);
        if passes {
            forwarded(&exchange, &sent, path);
            assert_eq!(exchange.upstream().unwrap().progress, [0, 3, 6, 8, 8], "{path}");
        } else {
            refused(&exchange, true, path);
        }
    }
    let mut twice = Exchange::open(&proxy, Some(&worker));
    twice.request(&Sent::bare(&with(GET, &[(":path", "/healthz"), (":method", "PUT")])));
    refused(&twice, true, "a path that stands twice is none");
}

#[test]
fn a_header_value_that_is_not_utf_8_does_no_harm() {
    let proxy = envoy();
    let worker = worker(&proxy, &policy());
    for (name, passes) in
        [("x-any", true), ("mcp-session-id", true), ("content-type", false), (":path", true)]
    {
        let mut sent = Sent::new(POST, &[call("safe").as_bytes()], End::WithLast);
        sent.headers.retain(|(known, _)| known != name);
        sent.headers.push((name.to_owned(), b"\xff\x00".to_vec()));
        let mut exchange = Exchange::open(&proxy, Some(&worker));
        exchange.request(&sent);
        match passes {
            true => forwarded(&exchange, &sent, name),
            false => _ = refused(&exchange, true, name),
        }
    }
}

#[test]
fn without_a_policy_everything_is_refused() {
    let proxy = envoy();
    for sent in [
        Sent::bare(GET),
        Sent::bare(&[(":method", "OPTIONS"), (":path", "/healthz")]),
        Sent::cut(POST, &call("safe"), 7, End::After),
        Sent::cut(POST, &call("safe"), 7, End::Trailers),
    ] {
        let mut exchange = Exchange::open(&proxy, None);
        exchange.request(&sent);
        let (reply, answer) = refused(&exchange, true, "no policy");
        assert_eq!((reply.status, &answer["error"]["code"]), (403, &json!(-31403)));
        for end in [false, true] {
            assert_eq!(exchange.more(b"{}", end), Flow::Pause);
        }
        assert_eq!(exchange.trailers(), Flow::Pause);
    }
}

#[test]
fn every_record_says_when_the_verdict_was_reached() {
    let put = with(POST, &[("content-encoding", "gzip")]);
    for sent in [
        Sent::cut(POST, &call("safe"), 30, End::After),
        Sent::cut(POST, &call("danger"), 30, End::After),
        Sent::cut(POST, "{", 30, End::After),
        Sent::new(POST, &[], End::Never),
        Sent::bare(GET),
        Sent::bare(&put),
    ] {
        for way in WAYS {
            let proxy = envoy();
            let worker = worker(&proxy, &policy_with(json!({ "request_headers": way })));
            let mut exchange = Exchange::open(&proxy, Some(&worker));
            exchange.request(&sent);
            let Some(record) = exchange.record() else { continue };
            // The proxy's clock stands.
            assert!(record.ends_with(r#","time":"2024-10-04T00:00:00.000Z"}"#), "{sent:?} {way}: {record}");
        }
    }
}
