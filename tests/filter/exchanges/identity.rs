//! Who calls, as the filter learns it from the host, and for how long a grant is in force.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use prost::Message;
use serde_json::{Value, json};

use super::{GET, POST, SECOND, WAYS, call, code, envoy, post, refused, with, worker};
use crate::proxy::exchange::{End, Exchange, Sent};
use crate::proxy::{Call, Proxy};
use mcp_policy_filter::{Flow, Worker};

const PEER: &str = "filter_state.io.istio.peer_principal";

fn document(identity: &Value, grants: &Value) -> Value {
    json!({ "version": "1", "server": "shop", "default": "allow", "identity": identity, "grants": grants })
}

fn record(exchange: &Exchange) -> Value {
    serde_json::from_str(&exchange.record().unwrap()).unwrap()
}

/// Posts a call with attributes of the stream.
fn post_with(proxy: &Arc<Proxy>, worker: &Rc<Worker>, attributes: &[(&str, &[u8])]) -> Exchange {
    let mut exchange = Exchange::open(proxy, Some(worker));
    for (path, value) in attributes {
        exchange.know(path, value);
    }
    exchange.request(&Sent::new(POST, &[call("a").as_bytes()], End::WithLast));
    exchange
}

#[test]
fn a_grant_that_expires_before_the_body_has_arrived_allows_nothing() {
    let grants = json!([{ "name": "short", "match": "any", "expires": "2024-10-04T00:00:10Z" }]);
    for (way, wait) in WAYS.iter().flat_map(|way| [9, 10].map(|wait| (way, wait))) {
        let proxy = envoy();
        let mut policy = document(&json!([]), &grants);
        policy["request_headers"] = json!(way);
        let worker = worker(&proxy, &policy);
        let mut exchange = Exchange::open(&proxy, Some(&worker));
        let body = call("a");
        let (start, rest) = body.as_bytes().split_at(20);
        exchange.request(&Sent::new(POST, &[start], End::Never));
        proxy.advance(wait * SECOND);
        let flow = exchange.more(rest, true);
        let (decision, expected) = if wait < 10 { ("allow", None) } else { ("deny", Some("grant_expired")) };
        assert_eq!(exchange.reply().as_ref().map(code), expected, "{way} {wait}");
        assert_eq!(flow == Flow::Continue, expected.is_none(), "{way} {wait}");
        let record = record(&exchange);
        assert_eq!((&record["decision"], &record["target"]), (&json!(decision), &json!("a")));
        if let Some(reply) = exchange.reply() {
            let answer: Value = serde_json::from_str(&reply.body).unwrap();
            assert_eq!((reply.status, &answer["id"]), (403, &json!(7)));
        }
    }
}

#[test]
fn in_shadow_mode_a_grant_that_expires_meanwhile_is_only_recorded() {
    let proxy = envoy();
    let grants = json!([{ "name": "short", "match": "any", "expires": "2024-10-04T00:00:10Z" }]);
    let mut policy = document(&json!([]), &grants);
    policy["mode"] = json!("shadow");
    let worker = worker(&proxy, &policy);
    let mut exchange = Exchange::open(&proxy, Some(&worker));
    exchange.request(&Sent::new(POST, &[], End::Never));
    proxy.advance(10 * SECOND);
    assert_eq!(exchange.more(call("a").as_bytes(), true), Flow::Continue);
    let record = record(&exchange);
    assert_eq!((&record["decision"], &record["code"]), (&json!("would_deny"), &json!("grant_expired")));
}

#[test]
fn a_policy_without_times_asks_for_the_time_of_the_record_alone() {
    let proxy = envoy();
    let worker = worker(&proxy, &document(&json!([]), &json!([{ "name": "all", "match": "any" }])));
    post(&proxy, &worker, &call("a"));
    proxy.calls();
    post(&proxy, &worker, &call("a"));
    assert_eq!(proxy.calls().iter().filter(|call| **call == Call::Clock).count(), 1);
}

#[test]
fn the_log_says_now_and_then_why_callers_are_unknown() {
    let proxy = envoy();
    let identity = json!([{ "api_key": { "header": "x-api-key" } }]);
    let worker = worker(&proxy, &document(&identity, &json!([{ "name": "all", "match": "any" }])));
    let lines = |cause: &str| {
        let log = proxy.log();
        assert!(log.iter().all(|line| !line.contains("s3cr3t")), "{log:?}");
        log.iter().filter(|line| line.ends_with(cause) && line.contains("server `shop`")).count()
    };
    let keys = with(POST, &[("x-api-key", "s3cr3t"), ("x-api-key", "s3cr3t")]);
    for (headers, wait, no_credential, ambiguous) in
        [(POST.to_vec(), 0, 1, 0), (keys.clone(), 9, 1, 0), (keys, 1, 1, 1), (POST.to_vec(), 9, 1, 1)]
    {
        proxy.advance(wait * SECOND);
        let mut exchange = Exchange::open(&proxy, Some(&worker));
        exchange.request(&Sent::new(&headers, &[call("a").as_bytes()], End::WithLast));
        assert_eq!(refused(&exchange, true, "401").0.status, 401);
        let counted = (lines("no_credential"), lines("credential_ambiguous"));
        assert_eq!(counted, (no_credential, ambiguous), "{:?}", proxy.log());
    }
    // A caller who is not known is not a body that cannot be read.
    assert_eq!(proxy.metrics("mcp_policy.strict_refusals."), []);
}

#[test]
fn a_caller_without_a_grant_leaves_no_line_in_the_log() {
    let proxy = envoy();
    let identity = json!([{ "api_key": { "header": "x-api-key" } }]);
    let worker = worker(&proxy, &document(&identity, &json!([{ "name": "all", "match": "any" }])));
    let mut exchange = Exchange::open(&proxy, Some(&worker));
    exchange.request(&Sent::bare(&with(GET, &[("x-api-key", "s3cr3t")])));
    assert_eq!(refused(&exchange, true, "403").0.status, 403);
    assert_eq!(record(&exchange)["cause"], "key_unknown");
    assert!(proxy.log().iter().all(|line| !line.contains("401")), "{:?}", proxy.log());
}

#[test]
fn an_answer_to_a_caller_who_is_not_known_shows_nothing_of_lists() {
    let metadata = [(":method", "GET"), (":path", "/.well-known/oauth-protected-resource/mcp")];
    let preflight = with(
        &[(":method", "OPTIONS"), (":path", "/mcp")],
        &[("origin", "https://a.example"), ("access-control-request-method", "POST")],
    );
    let identity = json!([{ "header": { "name": "x-agent-id" } }]);
    let granted = document(&identity, &json!([{ "name": "few", "match": "any", "tools": { "echo": {} } }]));
    let ungranted =
        json!({ "version": "1", "default": "allow", "tools": { "danger": { "action": "deny" } } });
    let list = |names: &str| format!(r#"{{"id":7,"result":{{"tools":[{names}]}}}}"#);
    let (echo, danger) = (r#"{"name":"echo"}"#, r#"{"name":"danger"}"#);
    let sent = list(&[echo, danger].join(","));
    for (policy, way) in [&granted, &ungranted].into_iter().flat_map(|policy| WAYS.map(|way| (policy, way))) {
        let mut policy = policy.clone();
        policy["request_headers"] = json!(way);
        let knows = policy.get("grants").is_none();
        for headers in [&metadata[..], &preflight] {
            for named in [false, true] {
                let agent = named.then_some(("x-agent-id", "bob"));
                let proxy = envoy();
                let mut exchange = Exchange::open(&proxy, Some(&worker(&proxy, &policy)));
                exchange.request(&Sent::bare(&with(headers, agent.as_slice())));
                let upstream = exchange.upstream().unwrap();
                assert!(upstream.whole, "{headers:?}");
                // A server that takes the path for its own would open a stream for `*/*`.
                let accept = (headers == metadata).then_some("application/json");
                assert_eq!(upstream.header("accept"), accept, "{headers:?}");
                for (kind, text) in
                    [("application/json", sent.clone()), ("text/event-stream", format!("data: {sent}\n\n"))]
                {
                    let mut exchange = Exchange::open(&proxy, Some(&worker(&proxy, &policy)));
                    exchange.request(&Sent::bare(&with(headers, agent.as_slice())));
                    exchange.respond(&Sent::cut(&super::answer(kind, &[]), &text, 9, End::After));
                    // Nobody is identified by such a request, even if it names somebody.
                    let shown = list(if knows { echo } else { "" });
                    let expected = text.replace(&sent, &shown);
                    assert_eq!(exchange.client().unwrap().text(), expected, "{headers:?} {way} {kind}");
                }
            }
        }
    }
}

/// `envoy.config.core.v3.Metadata` with values that are not read yet.
#[derive(Message)]
struct Map {
    #[prost(btree_map = "string, bytes", tag = "1")]
    fields: BTreeMap<String, Vec<u8>>,
}

fn map(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Map { fields }.encode_to_vec()
}

/// Encodes `{"sub": …}` as a `google.protobuf.Value`.
fn token(subject: &str) -> Vec<u8> {
    let kind = |kind| prost_types::Value { kind: Some(kind) };
    let name = kind(prost_types::value::Kind::StringValue(subject.to_owned()));
    let fields = [("sub".to_owned(), name)].into();
    kind(prost_types::value::Kind::StructValue(prost_types::Struct { fields })).encode_to_vec()
}

/// Encodes lists within lists, deeper than a decoder of protobuf follows.
fn deep() -> Vec<u8> {
    let mut value = prost_types::Value { kind: Some(prost_types::value::Kind::BoolValue(true)) };
    for _ in 0..200 {
        let list = prost_types::ListValue { values: vec![value] };
        value = prost_types::Value { kind: Some(prost_types::value::Kind::ListValue(list)) };
    }
    value.encode_to_vec()
}

#[test]
fn nothing_that_is_wrong_with_other_metadata_matters() {
    let proxy = envoy();
    let identity = json!([
        { "name": "corp", "jwt": { "payload": "corp" } }, { "name": "partner", "jwt": { "payload": "partner" } },
    ]);
    let worker = worker(&proxy, &document(&identity, &json!([{ "name": "all", "match": "any" }])));
    let (jwt_authn, broken) = ("envoy.filters.http.jwt_authn", vec![0xff, 0xff]);
    for (metadata, principal) in [
        (map(&[(jwt_authn, map(&[("corp", token("a"))]))]), Some("a")),
        (map(&[(jwt_authn, map(&[("corp", token("a")), ("partner", broken.clone())]))]), Some("a")),
        (map(&[(jwt_authn, map(&[("corp", token("a")), ("partner", deep())]))]), Some("a")),
        (map(&[(jwt_authn, map(&[("corp", token("a"))])), ("other", broken.clone())]), Some("a")),
        (map(&[(jwt_authn, map(&[("corp", token("a"))])), ("other", deep())]), Some("a")),
        (map(&[(jwt_authn, map(&[("partner", token("b"))]))]), Some("b")),
        // What the first source reads has to be readable.
        (map(&[(jwt_authn, map(&[("corp", broken.clone()), ("partner", token("b"))]))]), None),
        (map(&[(jwt_authn, map(&[("corp", deep()), ("partner", token("b"))]))]), None),
        (map(&[(jwt_authn, broken.clone())]), None),
        (broken, None),
    ] {
        let exchange = post_with(&proxy, &worker, &[("metadata", &metadata)]);
        let record = record(&exchange);
        assert_eq!(record["principal"].as_str(), principal, "{record}");
        let cause = principal.is_none().then_some("credential_unreadable");
        assert_eq!(record["cause"].as_str(), cause, "{record}");
    }
}

#[test]
fn an_attribute_is_text_or_the_caller_is_refused() {
    let identity = json!([
        { "attribute": ["filter_state", "io.istio.peer_principal"] }, { "header": { "name": "x-agent-id" } },
    ]);
    let policy = document(&identity, &json!([{ "name": "all", "match": "any" }]));
    for (value, principal, cause) in [
        (&b"spiffe://mesh/ns/a"[..], Some("spiffe://mesh/ns/a"), None),
        ("spiffe://mesh/é".as_bytes(), Some("spiffe://mesh/é"), None),
        (b"", None, Some("no_credential")),
        (b"\xff\xfe", None, Some("credential_unreadable")),
        (b"\x01\0\0\0\0\0\0\0", None, Some("credential_unreadable")),
        (b"a\nb", None, Some("credential_unreadable")),
    ] {
        let proxy = envoy();
        let exchange = post_with(&proxy, &worker(&proxy, &policy), &[(PEER, value)]);
        let record = record(&exchange);
        assert_eq!((record["principal"].as_str(), record["cause"].as_str()), (principal, cause), "{value:?}");
    }
    let proxy = envoy();
    let worker = worker(&proxy, &policy);
    proxy.fail(Call::Attribute);
    let exchange = post_with(&proxy, &worker, &[(PEER, b"spiffe://mesh/ns/a")]);
    assert_eq!(record(&exchange)["cause"], "credential_unreadable");
}
