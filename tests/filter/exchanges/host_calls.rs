//! Calls to the host, and what happens to a request if they fail.

use super::{
    ANSWER, GET, LIST, POST, WAYS, answer, call, code, envoy, policy, policy_with, post, refused, with,
    worker,
};
use crate::proxy::Call;
use crate::proxy::exchange::{End, Exchange, Sent};
use serde_json::{Value, json};

#[test]
fn a_request_makes_only_the_host_calls_that_its_policy_needs() {
    use Call::{Clock, RequestBody, RequestHeaders, SetRequestHeader, SetShared, SetState, Shared};
    let proxy = envoy();
    let plain = worker(&proxy, &policy_with(json!({ "tools": { "safe": {} } })));
    let limited = worker(&proxy, &policy());
    for worker in [&plain, &limited] {
        // The first request finds out whether headers can be held; the first that counts reads the proxy's
        // secret.
        post(&proxy, worker, &call("safe"));
    }
    post(&proxy, &limited, &call("few"));
    proxy.calls();
    for (worker, body, expected) in [
        (&plain, call("safe"), &[RequestHeaders, RequestBody, Clock, SetState][..]),
        (&plain, LIST.to_owned(), &[RequestHeaders, RequestBody, SetRequestHeader, Clock, SetState]),
        (&limited, call("safe"), &[RequestHeaders, RequestBody, Clock, SetState]),
        (&limited, call("few"), &[RequestHeaders, RequestBody, Clock, Shared, SetShared, SetState]),
        (&limited, call("few"), &[RequestHeaders, RequestBody, Clock, Shared, SetState, Call::Reply]),
    ] {
        let _ = post(&proxy, worker, &body);
        assert_eq!(proxy.calls(), expected, "{body}");
    }
}

#[test]
fn no_unjudged_request_goes_on_whichever_host_call_fails() {
    use Call::{Clock, RequestBody, RequestHeaders, SetRequestHeader, SetShared, SetTick, Shared};
    let resume = with(GET, &[("last-event-id", "3")]);
    let (sent, listed) =
        (Sent::cut(POST, &call("few"), 30, End::After), Sent::cut(POST, LIST, 30, End::Trailers));
    let resumed = Sent::bare(&resume);
    for (sent, failing, expected) in [
        (&sent, RequestHeaders, Some("invalid_request")),
        (&sent, RequestBody, Some("invalid_request")),
        (&sent, Clock, Some("limiter_unavailable")),
        (&sent, Shared, Some("limiter_unavailable")),
        (&sent, SetShared, Some("limiter_unavailable")),
        (&sent, Call::SetState, Some("denied")),
        (&sent, SetTick, None),
        (&listed, RequestHeaders, Some("invalid_request")),
        (&listed, RequestBody, Some("invalid_request")),
        (&listed, SetRequestHeader, Some("invalid_request")),
        (&listed, Shared, None),
        (&resumed, RequestHeaders, Some("invalid_request")),
        (&resumed, SetRequestHeader, Some("invalid_request")),
    ] {
        for way in WAYS {
            for fresh in [true, false] {
                let at = format!("{sent:?} {failing:?} {way} {fresh}");
                let proxy = envoy();
                let limit = json!({ "counter": "few", "window": "hour", "max": 3 });
                let tools = json!({ "few": { "limits": [limit] }, "safe": {} });
                let worker = worker(&proxy, &policy_with(json!({ "request_headers": way, "tools": tools })));
                if !fresh {
                    post(&proxy, &worker, &call("few"));
                }
                proxy.fail(failing);
                let mut exchange = Exchange::open(&proxy, Some(&worker));
                exchange.request(sent);
                match expected {
                    Some(expected) => {
                        let (reply, _) = refused(&exchange, way == "hold", &at);
                        assert_eq!(code(&reply), expected, "{at}");
                    }
                    None => assert!(exchange.upstream().is_some_and(|arrived| arrived.whole), "{at}"),
                }
                proxy.mend();
                let answer = post(&proxy, &worker, &call("few"));
                assert!(
                    answer.upstream().is_some_and(|arrived| arrived.whole),
                    "{at}: it goes on afterwards"
                );
            }
        }
    }
}

#[test]
fn a_request_refused_by_a_failing_host_is_not_recorded_or_counted_as_allowed() {
    let resume = with(GET, &[("last-event-id", "3")]);
    for (sent, failing, code, record) in [
        (Sent::cut(POST, LIST, 30, End::After), Call::SetRequestHeader, "invalid_request", true),
        (Sent::bare(&resume), Call::SetRequestHeader, "invalid_request", true),
        (Sent::cut(POST, &call("safe"), 30, End::After), Call::SetState, "denied", false),
        (Sent::bare(GET), Call::SetState, "denied", false),
    ] {
        for way in WAYS {
            let at = format!("{sent:?} {failing:?} {way}");
            let proxy = envoy();
            let worker = worker(&proxy, &policy_with(json!({ "request_headers": way })));
            proxy.fail(failing);
            let mut exchange = Exchange::open(&proxy, Some(&worker));
            exchange.request(&sent);
            refused(&exchange, way == "hold", &at);
            let told: Option<Value> = exchange.record().map(|record| serde_json::from_str(&record).unwrap());
            let told = told.map(|told| [told["decision"].clone(), told["code"].clone()]);
            assert_eq!(told, record.then(|| [json!("deny"), json!(code)]), "{at}");
            let counted = proxy.metrics("mcp_policy.decisions.");
            assert_eq!(
                counted,
                [(format!("decision.deny.code.{code}.grant.default.server.default"), 1)],
                "{at}"
            );
        }
    }
}

#[test]
fn nothing_passes_if_the_host_rejects_a_refusal() {
    for way in WAYS {
        let proxy = envoy();
        let worker = worker(&proxy, &policy_with(json!({ "request_headers": way })));
        proxy.fail(Call::Reply);
        for (plugin, headers, body) in [
            (Some(&worker), POST, call("danger")),
            (Some(&worker), POST, "{".to_owned()),
            (Some(&worker), GET, call("safe")),
            (Some(&worker), &[(":method", "PUT")], call("safe")),
            (None, POST, call("safe")),
        ] {
            for end in End::ALL {
                let mut exchange = Exchange::open(&proxy, plugin);
                exchange.request(&Sent::cut(headers, &body, 7, end));
                let arrived = exchange.upstream();
                assert!(
                    arrived.is_none_or(|arrived| arrived.body.is_empty() && !arrived.whole),
                    "{body} {arrived:?}"
                );
                assert!(exchange.client().is_none());
            }
        }
    }
}

#[test]
fn no_list_is_shown_if_the_host_fails() {
    for failing in [Call::ResponseHeaders, Call::SetResponseHeader, Call::ResponseBody, Call::SetResponseBody]
    {
        for content_type in ["application/json", "text/event-stream", "text/html"] {
            for end in End::ALL {
                let proxy = envoy();
                let mut exchange = post(&proxy, &worker(&proxy, &policy()), LIST);
                proxy.fail(failing);
                let body = format!("data: {ANSWER}\n\n");
                let headers = answer(content_type, &[("content-length", "1")]);
                exchange.respond(&Sent::cut(&headers, &body, 16, end));
                let client = exchange.client().unwrap();
                // The body to replace is not read.
                let replaced = failing == Call::ResponseBody && content_type == "text/html";
                assert_eq!(client.whole, replaced, "{failing:?} {content_type} {end:?}");
                assert!(!client.text().contains("danger"), "{failing:?} {content_type} {client:?}");
            }
        }
    }
}

#[test]
fn foreign_values_in_shared_data_deny_the_call() {
    let limit = json!({ "counter": "few", "window": "hour", "max": 2, "by": "args.a" });
    let in_table = policy_with(json!({ "tools": { "few": { "limits": [limit] } } }));
    let short = &b"short"[..];
    let secret = "mcp-policy/1/secret";
    let table = "mcp-policy/2/table";
    for (policy, key, value) in [
        (policy(), secret, short),
        (policy(), secret, b""),
        (in_table.clone(), secret, b""),
        (in_table.clone(), table, short),
        (in_table.clone(), table, b""),
        (in_table.clone(), table, &[0, 0, 0, 0]),
        (in_table.clone(), table, &[3, 0, 0, 0]),
        (in_table, table, &[255; 4]),
    ] {
        let proxy = envoy();
        proxy.put(key, value);
        let body = call("few").replace("{}", r#"{"a":1}"#);
        let exchange = post(&proxy, &worker(&proxy, &policy), &body);
        assert_eq!(code(&refused(&exchange, true, key).0), "limiter_unavailable");
    }
}
