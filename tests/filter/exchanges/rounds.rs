//! Clients that are sent to the approval's page, and what reaches the server when they return.

use super::{POST, WAYS, envoy, policy_with, refused, with, worker};
use crate::proxy::exchange::{Arrived, End, Exchange, Sent};
use crate::proxy::{Call, Proxy};
use mcp_policy_filter::Worker;
use serde_json::{Value, json};
use std::rc::Rc;
use std::sync::Arc;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}}}}"#;
const PENDING: &str = r#"{"status":"pending","id":"a1","url":"https://a.example/approvals/a1"}"#;
const APPROVED: &str = r#"{"status":"approved","id":"a1"}"#;
const OWN: &str = r#""mcp-policy.approval":{"action":"accept"}"#;

fn asking(way: &str) -> (Arc<Proxy>, Rc<Worker>) {
    let proxy = envoy();
    proxy.know("approvals");
    let worker = worker(&proxy, &policy_with(json!({ "request_headers": way, "max_body_bytes": 5000 })));
    (proxy, worker)
}

fn post(proxy: &Arc<Proxy>, worker: &Rc<Worker>, body: &str, end: End) -> Exchange {
    let mut exchange = Exchange::open(proxy, Some(worker));
    let length = body.len().to_string();
    exchange.request(&Sent::cut(&with(POST, &[("content-length", &length)]), body, 64, end));
    exchange
}

/// Writes a tool call with these members in its params after the name.
fn message(tool: &str, members: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{tool}",{members}}}}}"#)
}

/// Runs a call up to its first answer, which sends the client to the page. Returns the filter's state.
#[track_caller]
fn led(exchange: &mut Exchange) -> String {
    exchange.answer(Some(("200", PENDING)));
    let (reply, body) = refused(exchange, false, "pending");
    assert_eq!((reply.status, super::code(&reply), &body["id"]), (200, "approval_required", &json!(7)));
    let result = &body["result"];
    assert_eq!(result["resultType"], "input_required", "{body}");
    let request = &result["inputRequests"]["mcp-policy.approval"];
    assert_eq!(request["method"], "elicitation/create");
    assert_eq!(
        (&request["params"]["mode"], &request["params"]["url"]),
        (&json!("url"), &json!("https://a.example/approvals/a1"))
    );
    assert!(request["params"]["message"].as_str().unwrap().contains("`asked`"), "{request}");
    assert_eq!(result["_meta"]["dev.mcp-policy/decision"]["code"], "approval_required");
    let state = result["requestState"].as_str().unwrap();
    assert!(state.starts_with("mcp-policy."));
    state.to_owned()
}

#[test]
fn a_client_that_can_open_pages_is_sent_to_the_page_and_its_retry_arrives_clean() {
    for (way, end) in WAYS.iter().flat_map(|way| End::ALL.map(|end| (way, end))) {
        // The server's own state in the first call, in the retry, and in what arrives.
        for (before, retry, arrives) in [
            ("", r#","requestState":"S","inputResponses":{OWN}"#, ""),
            ("", r#","inputResponses":{OWN},"requestState":"S""#, ""),
            ("", r#","requestState":"S""#, ""),
            (
                r#","requestState":"theirs""#,
                r#","requestState":"S","inputResponses":{OWN}"#,
                r#","requestState":"theirs""#,
            ),
            (
                r#","requestState":"th\u00e9irs","inputResponses":{"q" : 1}"#,
                r#","requestState":"S","inputResponses":{OWN}"#,
                r#","requestState":"th\u00e9irs","inputResponses":{"q" : 1}"#,
            ),
            (
                r#","requestState":"t","inputResponses":{"q":1}"#,
                r#","requestState":"S""#,
                r#","requestState":"t","inputResponses":{"q":1}"#,
            ),
            (r#","inputResponses":{"q":1}"#, r#","requestState":"S""#, r#","inputResponses":{"q":1}"#),
            (
                "",
                r#","requestState":"S","inputResponses":{"q":1, OWN ,"r":2}"#,
                r#","inputResponses":{"q":1 ,"r":2}"#,
            ),
        ] {
            let (proxy, worker) = asking(way);
            let arguments = r#""arguments": {"a" : 1}"#;
            let first = message("asked", &format!("{arguments}{before},{META}"));
            let state = led(&mut post(&proxy, &worker, &first, end));
            let retry = retry.replace("\"S\"", &format!("\"{state}\"")).replace("OWN", OWN);
            let mut exchange =
                post(&proxy, &worker, &message("asked", &format!("{arguments}{retry},{META}")), end);
            let (_, question, _) = exchange.question().unwrap();
            assert_eq!(question["arguments"], json!({ "a": 1 }));
            exchange.answer(Some(("200", APPROVED)));
            let arrived = exchange.upstream().unwrap();
            let expected = message("asked", &format!("{arguments}{arrives},{META}"));
            assert_eq!((arrived.text(), arrived.whole), (&*expected, true), "{way} {end:?}");
            let length = expected.len().to_string();
            assert_eq!(
                arrived.header("content-length"),
                (*way == "hold").then_some(&*length),
                "{way} {end:?}"
            );
        }
    }
}

#[test]
fn the_filters_state_never_reaches_a_server() {
    for way in WAYS {
        let (proxy, worker) = asking(way);
        for (sent, arrives) in [
            (r#""arguments":{},"requestState":"mcp-policy.forged!""#, r#""arguments":{}"#),
            (r#""requestState":"mcp-policy.","arguments":{}"#, r#""arguments":{}"#),
            (
                r#""inputResponses":{"mcp-policy.approval":{"action":"accept"}},"arguments":{}"#,
                r#""arguments":{}"#,
            ),
            (
                r#""inputResponses":{"mcp-policy.x":1,"mine":2},"requestState":"mine""#,
                r#""inputResponses":{"mine":2},"requestState":"mine""#,
            ),
            (r#""inputResponses":{},"requestState":"mine""#, r#""inputResponses":{},"requestState":"mine""#),
            (
                r#""arguments":{"requestState":"mcp-policy.x"}"#,
                r#""arguments":{"requestState":"mcp-policy.x"}"#,
            ),
        ] {
            let exchange = post(&proxy, &worker, &message("safe", sent), End::WithLast);
            assert_eq!(exchange.upstream().unwrap().text(), message("safe", arrives), "{sent}");
        }
    }
}

#[test]
fn a_state_forged_by_a_client_is_not_trusted() {
    use base64::Engine as _;
    let (proxy, worker) = asking("hold");
    for (kept, arrives) in [
        (r#"{"params":{"requestState":"mcp-policy.x","inputResponses":{"mcp-policy.y":1}}}"#, ""),
        (r#"{"params":{"requestState":"a","requestState":"b"}}"#, ""),
        (r#"{"params":{"requestState":{},"inputResponses":[]}}"#, ""),
        (r#"{"params":{"inputResponses":{"a":1,"a":2}}}"#, ""),
        (r#"{"params":{"inputResponses":{"__proto__":{"force":true}}}}"#, ""),
        (r#"{"params":{"inputResponses":{"a":[{"constructor":{"prototype":{"force":true}}}]}}}"#, ""),
        (&format!(r#"{{"params":{{"inputResponses":{{"a":{}{}}}}}}}"#, "[".repeat(98), "]".repeat(98)), ""),
        (r#"{"requestState":"a"}"#, ""),
        (r#"["params"]"#, ""),
        ("{", ""),
        (r#"{"params":{"requestState":"a"}}"#, r#","requestState":"a""#),
    ] {
        let state = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(kept);
        let sent = message("safe", &format!(r#""arguments":{{}},"requestState":"mcp-policy.{state}""#));
        let exchange = post(&proxy, &worker, &sent, End::WithLast);
        let expected = message("safe", &format!(r#""arguments":{{}}{arrives}"#));
        assert_eq!(exchange.upstream().unwrap().text(), expected, "{kept}");
    }
}

#[test]
fn a_policy_without_approvals_changes_no_body() {
    for way in WAYS {
        let proxy = envoy();
        let document = json!({ "version": "1", "request_headers": way, "tools": { "safe": {} } });
        let worker = worker(&proxy, &document);
        for member in [
            r#""requestState":"mcp-policy.eyJudW1iZXIiOjF9""#,
            r#""inputResponses":{"mcp-policy.approval":{}}"#,
        ] {
            let sent = message("safe", member);
            let exchange = post(&proxy, &worker, &sent, End::WithLast);
            let arrived = exchange.upstream().unwrap();
            assert_eq!(arrived.text(), sent, "{way}");
            assert_eq!(arrived.header("content-length"), Some(&*sent.len().to_string()), "{way}");
        }
    }
}

#[test]
fn a_body_that_cannot_be_changed_is_not_forwarded_with_a_wrong_length() {
    for (way, mode) in WAYS.iter().flat_map(|way| ["enforce", "shadow"].map(|mode| (*way, mode))) {
        // Only a held request has its headers changed.
        for failing in [Call::SetRequestBody, Call::SetRequestHeader] {
            let proxy = envoy();
            let worker = worker(&proxy, &policy_with(json!({ "request_headers": way, "mode": mode })));
            let body = message("safe", r#""arguments":{},"requestState":"mcp-policy.""#);
            let mut exchange = Exchange::open(&proxy, Some(&worker));
            proxy.fail(failing);
            let length = body.len().to_string();
            exchange.request(&Sent::new(
                &with(POST, &[("content-length", &length)]),
                &[body.as_bytes()],
                End::WithLast,
            ));
            // In shadow mode nothing is changed.
            let fits = |arrived: &Arrived| {
                arrived.text() == body && arrived.header("content-length") == Some(&*length)
            };
            let arrived = exchange.upstream().filter(|arrived| !arrived.body.is_empty());
            assert_eq!(
                arrived.map(fits),
                (mode == "shadow").then_some(true),
                "{way} {mode} {failing:?}: {arrived:?}"
            );
        }
    }
}

#[test]
fn a_client_that_cannot_or_will_not_open_the_page_gets_a_plain_refusal() {
    let (proxy, worker) = asking("hold");
    let capable = |version: &str, capabilities: &str| {
        format!(
            r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"{version}","io.modelcontextprotocol/clientCapabilities":{capabilities}}}"#
        )
    };
    let first = message("asked", &format!(r#""arguments":{{}},{META}"#));
    let state = led(&mut post(&proxy, &worker, &first, End::WithLast));
    for members in [
        "\"arguments\":{}".to_owned(),
        capable("2026-07-28", "{}"),
        capable("2026-07-28", r#"{"elicitation":{}}"#),
        capable("2026-07-28", r#"{"elicitation":{"form":{}}}"#),
        capable("2026-07-28", r#"{"elicitation":{"url":true}}"#),
        capable("2025-11-25", r#"{"elicitation":{"url":{}}}"#),
        capable("zzzz", r#"{"elicitation":{"url":{}}}"#),
        format!(
            r#""requestState":"{state}","inputResponses":{{"mcp-policy.approval":{{"action":"decline"}}}},{META}"#
        ),
        format!(
            r#""requestState":"{state}","inputResponses":{{"mcp-policy.approval":{{"action":"cancel"}}}},{META}"#
        ),
    ] {
        let mut exchange = post(&proxy, &worker, &message("asked", &members), End::WithLast);
        exchange.answer(Some(("200", PENDING)));
        let (_, body) = refused(&exchange, true, &members);
        assert_eq!(body["result"]["resultType"], "complete", "{members}: {body}");
        assert_eq!(body["result"]["isError"], true, "{members}: {body}");
    }
}

#[test]
fn a_call_is_not_sent_to_the_page_forever() {
    let (proxy, worker) = asking("hold");
    let mut members = format!(r#""arguments":{{}},{META}"#);
    for round in 1..=9 {
        let mut exchange = post(&proxy, &worker, &message("asked", &members), End::WithLast);
        if round <= 8 {
            let state = led(&mut exchange);
            members = format!(r#""requestState":"{state}","inputResponses":{{{OWN}}},{META}"#);
            continue;
        }
        exchange.answer(Some(("200", PENDING)));
        let (_, body): (_, Value) = refused(&exchange, true, "the last round");
        assert_eq!(body["result"]["isError"], true);
    }
}
