//! Calls that wait for a person: the question, and the effect of each answer.

mod unasked;
mod waiting;

use super::{POST, WAYS, call, code, envoy, policy_with, refused, with, worker};
use crate::proxy::exchange::{End, Exchange, Sent};
use crate::proxy::{Call, Proxy};
use mcp_policy_filter::Worker;
use serde_json::{Value, json};
use std::rc::Rc;
use std::sync::Arc;

const URL: &str = "https://approvals.example/approvals/a1";

fn asking(way: &str) -> (Arc<Proxy>, Rc<Worker>) {
    let proxy = envoy();
    proxy.know("approvals");
    let limit = json!({ "counter": "asked", "window": "hour", "max": 1 });
    let worker = worker(
        &proxy,
        &policy_with(json!({
            "server": "shop",
            "request_headers": way,
            "identity": [{ "header": { "name": "x-agent-id" } }],
            "approvals": { "cluster": "approvals", "authority": "a.internal", "path": "/ask",
                           "timeout_ms": 500, "wait_seconds": 2, "expires_seconds": 60 },
            "tools": {
                "asked": { "action": "require_approval", "reason": "it pays" },
                "once": { "action": "require_approval", "limits": [limit] },
                "never": { "action": "require_approval",
                           "deny_if": [{ "path": "args.force", "op": "eq", "value": true }] },
                "tried": { "action": "require_approval", "mode": "shadow" },
                "prompts/get": { "action": "require_approval" },
            },
            "resources": { "memo://a": { "action": "require_approval" } },
            "grants": [
                { "name": "short", "match": [{ "header": "eve" }], "expires": "2024-10-04T00:00:10Z" },
                { "name": "all", "match": "any" },
            ],
        })),
    );
    (proxy, worker)
}

fn sent(body: &str) -> Sent {
    let length = body.len().to_string();
    Sent::new(
        &with(POST, &[("x-agent-id", "bob"), ("content-length", &length)]),
        &[body.as_bytes()],
        End::WithLast,
    )
}

fn post(proxy: &Arc<Proxy>, worker: &Rc<Worker>, body: &str) -> Exchange {
    let mut exchange = Exchange::open(proxy, Some(worker));
    exchange.request(&sent(body));
    exchange
}

fn said(status: &str) -> String {
    json!({ "status": status, "id": "a1", "url": URL, "reason": "not today" }).to_string()
}

/// Returns the members of a record that concern the approval.
fn recorded(exchange: &Exchange) -> Value {
    let record: Value = serde_json::from_str(&exchange.record().unwrap()).unwrap();
    json!([record["decision"], record["code"], record["rule"], record["approval"]])
}

#[test]
fn a_call_waits_until_its_question_is_answered() {
    for (way, end) in WAYS.iter().flat_map(|way| End::ALL.map(|end| (way, end))) {
        let (proxy, worker) = asking(way);
        let body = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"asked","arguments":{"b":1.0,"a":"\u00e9"}}}"#;
        let mut exchange = Exchange::open(&proxy, Some(&worker));
        exchange.request(&Sent::cut(
            &with(POST, &[("x-agent-id", "bob"), ("x-request-id", "r"), (":authority", "mcp.example")]),
            body,
            40,
            end,
        ));
        let (to, question, timeout_ms) = exchange.question().unwrap();
        assert_eq!((&*to[0], &*to[1], &*to[2], timeout_ms), ("approvals", "a.internal", "/ask", 2500));
        let record: Value = serde_json::from_str(&exchange.record().unwrap()).unwrap();
        let digest = |text: String| {
            use sha2::Digest as _;
            sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let policy = worker.plugin.policy.digest.as_str();
        let rules = question["rules"].as_str().unwrap();
        assert_eq!(rules.len(), 64);
        let bound = format!(
            r#"{{"arguments":{{"a":"é","b":1}},"grant":"all","host":"mcp.example","params":{{}},"path":"/mcp","principal":"bob","rules":"{rules}","server":"shop","source":"header","tool":"asked"}}"#
        );
        let expected = json!({
            "fingerprint": digest(bound), "server": "shop", "grant": "all", "principal": "bob", "source": "header",
            "tool": "asked", "arguments": { "b": 1.0, "a": "é" }, "params": {}, "host": "mcp.example", "path": "/mcp",
            "rules": rules, "rule": "tools.asked", "reason": "it pays", "policy": policy,
            "expires_seconds": 60, "wait_seconds": 2, "decision_id": record["id"], "request_id": "r",
        });
        assert_eq!(question, expected, "{way} {end:?}");
        let nothing = exchange.upstream().is_none_or(|arrived| arrived.body.is_empty() && !arrived.whole);
        assert!(nothing && exchange.client().is_none(), "{way} {end:?}");
        // If the client disconnects now, this record remains.
        let waits = json!(["deny", "approval_required", "tools.asked", { "id": null, "outcome": "asked" }]);
        assert_eq!(recorded(&exchange), waits);

        exchange.answer(Some(("200", &said("approved"))));
        let arrived = exchange.upstream().unwrap();
        assert_eq!((arrived.text(), arrived.whole), (body, true), "{way} {end:?}");
        assert!(exchange.client().is_none());
        let went = json!(["allow", null, "tools.asked", { "id": "a1", "outcome": "approved" }]);
        assert_eq!(recorded(&exchange), went);
    }
}

#[test]
fn any_answer_but_an_approval_denies_the_call() {
    let long = json!({ "status": "approved", "id": "a1", "more": "x".repeat(70_000) }).to_string();
    for way in WAYS {
        for (answer, expected, outcome, says) in [
            (
                Some(("200", &*said("denied"))),
                "approval_denied",
                "denied",
                "(approval `a1`): not today. Repeating it does not help.",
            ),
            (
                Some(("202", &*said("pending"))),
                "approval_required",
                "pending",
                "it pays. It waits as `a1`. Once it is approved at https://approvals.example/approvals/a1 repeat this same call.",
            ),
            (Some(("500", &*said("approved"))), "approval_unavailable", "unavailable", "try again later"),
            (Some(("200", "{}")), "approval_unavailable", "unavailable", "Nobody can be asked now"),
            (Some(("200", &*long)), "approval_unavailable", "unavailable", "Nobody can be asked now"),
            (
                None,
                "approval_unavailable",
                "unavailable",
                "it pays. Nobody can be asked now: try again later.",
            ),
        ] {
            let (proxy, worker) = asking(way);
            let mut exchange = post(&proxy, &worker, &call("asked"));
            exchange.answer(answer);
            let (reply, body) = refused(&exchange, way == "hold", expected);
            assert_eq!((code(&reply), reply.status), (expected, 200));
            let told = body["result"]["content"][0]["text"].as_str().unwrap();
            assert!(told.contains(says) && told.contains("`asked`"), "{told}");
            let approval = match (outcome, answer) {
                ("unavailable", answer) => {
                    let cause = match answer {
                        None => "no answer in time, or no connection",
                        Some(("500", _)) => "status 500",
                        Some((_, "{}")) => "`status` is none of `approved`, `denied` and `pending`",
                        Some(_) => "more than 64 KiB, or nothing that can be had",
                    };
                    let line = format!("cluster `approvals`, gave no answer: {cause}");
                    assert!(proxy.log().iter().any(|told| told.ends_with(&line)), "{:?}", proxy.log());
                    json!({ "id": null, "outcome": outcome, "cause": cause })
                }
                _ => json!({ "id": "a1", "outcome": outcome }),
            };
            assert_eq!(recorded(&exchange), json!(["deny", expected, "tools.asked", approval]));
            assert_eq!(
                proxy.metrics("mcp_policy.approvals.outcome."),
                [(format!("{outcome}.server.shop"), 1)]
            );
        }
    }
}

#[test]
fn the_call_is_denied_if_the_host_cannot_ask() {
    for way in WAYS {
        for failing in [Call::Post, Call::Posted, Call::SetState, Call::Resume] {
            let (proxy, worker) = asking(way);
            proxy.fail(failing);
            let mut exchange = post(&proxy, &worker, &call("asked"));
            if exchange.question().is_some() {
                exchange.answer(Some(("200", &said("approved"))));
            }
            let arrived = exchange.upstream();
            assert!(arrived.is_none_or(|arrived| arrived.body.is_empty()), "{way} {failing:?}");
            // If Envoy cannot resume the request, it does not answer it either.
            assert_eq!(exchange.reply().is_some(), failing != Call::Resume, "{way} {failing:?}");
        }
    }
}

#[test]
fn approval_of_other_requests_covers_all_their_params() {
    let (proxy, worker) = asking("hold");
    let body = r#"{"jsonrpc":"2.0","id":7,"method":"resources/read","params":{"uri":"memo://a","_meta":{"progressToken":1}}}"#;
    let mut exchange = post(&proxy, &worker, body);
    let (_, question, _) = exchange.question().unwrap();
    assert_eq!(
        (&question["tool"], &question["arguments"]),
        (&json!("resources/read"), &json!({ "uri": "memo://a" }))
    );
    exchange.answer(Some(("200", &said("pending"))));
    let (reply, body) = refused(&exchange, true, "pending");
    assert_eq!((code(&reply), &body["error"]["code"]), ("approval_required", &json!(-31403)));
}
