//! Calls that wait for a person: the question, and the effect of each answer.

use super::{NOW, POST, SECOND, WAYS, call, code, envoy, forwarded, policy_with, refused, with, worker};
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
fn a_call_that_takes_too_much_work_to_ask_about_is_refused() {
    let proxy = envoy();
    proxy.know("approvals");
    let changes = json!({
        "max_body_bytes": 1 << 20,
        "approvals": { "cluster": "approvals" },
        "tools": { "asked": { "action": "require_approval" } },
    });
    let worker = worker(&proxy, &policy_with(changes));
    for (count, fits) in [(10_000, true), (200_000, false)] {
        let list = vec!["1.5"; count].join(",");
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"asked","arguments":{{"a":[{list}]}}}}}}"#
        );
        let exchange = post(&proxy, &worker, &body);
        assert_eq!(exchange.question().is_some(), fits, "{count}");
        if !fits {
            assert_eq!(code(&exchange.reply().unwrap()), "arguments_invalid");
            assert_eq!(proxy.metrics("mcp_policy.strict_refusals.cause.work").len(), 1);
        }
    }
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
fn an_approved_call_that_cannot_be_resumed_is_denied_and_costs_nothing() {
    for way in WAYS {
        for (tool, given_back) in [("asked", None), ("once", Some(true))] {
            let (proxy, worker) = asking(way);
            let mut exchange = post(&proxy, &worker, &call(tool));
            proxy.fail(Call::Resume);
            exchange.answer(Some(("200", &said("approved"))));
            let record: Value = serde_json::from_str(&exchange.record().unwrap()).unwrap();
            let found = json!([record["decision"], record["code"], record["rule"], record["target"]]);
            assert_eq!(found, json!(["deny", "denied", "protocol", tool]), "{way}");
            assert_eq!(record["approval"], json!({ "id": "a1", "outcome": "approved" }), "{way}");
            assert_eq!(record["given_back"].as_bool(), given_back, "{way} {tool}");
            // The limit allows one call, so another is still asked about.
            assert!(post(&proxy, &worker, &call(tool)).question().is_some(), "{way} {tool}");
        }
    }
}

#[test]
fn a_call_that_is_denied_anyway_asks_no_question() {
    let (proxy, worker) = asking("hold");
    let forced = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"never","arguments":{"force":true}}}"#;
    let inexact = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"asked","arguments":{"id":9007199254740993}}}"#;
    let named =
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"prompts/get","arguments":{}}}"#;
    let notification = call("asked").replace(r#""id":7,"#, "");
    for (body, expected) in [
        (forced, "condition_failed"),
        (inexact, "arguments_invalid"),
        (named, "arguments_invalid"),
        (&*notification, "approval_required"),
    ] {
        let exchange = post(&proxy, &worker, body);
        assert!(exchange.question().is_none());
        let (reply, _) = refused(&exchange, true, expected);
        assert_eq!(code(&reply), expected);
    }
    let exchange = post(&proxy, &worker, &call("tried"));
    forwarded(&exchange, &sent(&call("tried")), "a rule in shadow mode");
    assert_eq!(recorded(&exchange)[0], "would_deny");
}

#[test]
fn limits_are_checked_before_the_question_and_charged_after_the_approval() {
    let (proxy, worker) = asking("hold");
    let mut exchanges = [0, 1].map(|_| post(&proxy, &worker, &call("once")));
    let used = |exchange: &Exchange| {
        let record: Value = serde_json::from_str(&exchange.record().unwrap()).unwrap();
        record["counters"][0]["used"].clone()
    };
    let [first, second] = &mut exchanges;
    assert!(first.question().is_some() && second.question().is_some(), "asking charged the limit");
    first.answer(Some(("200", &said("approved"))));
    assert_eq!((recorded(first)[0].as_str(), used(first)), (Some("allow"), json!(1)));
    // The limit has been used up in the meantime: an approval does not bypass it.
    second.answer(Some(("200", &said("approved"))));
    let (reply, _) = refused(second, true, "over");
    assert_eq!(code(&reply), "rate_limited");
    let third = post(&proxy, &worker, &call("once"));
    assert!(third.question().is_none(), "a call over its limit was asked about");
    assert_eq!(code(&refused(&third, true, "over").0), "rate_limited");
}

#[test]
fn a_grant_may_expire_while_a_call_waits() {
    let body = call("asked");
    for (wait, expected) in [(9, None), (10, Some("grant_expired"))] {
        let (proxy, worker) = asking("hold");
        assert_eq!(NOW % (86_400 * SECOND), 0);
        let mut exchange = Exchange::open(&proxy, Some(&worker));
        exchange.request(&Sent::new(
            &with(POST, &[("x-agent-id", "eve")]),
            &[body.as_bytes()],
            End::WithLast,
        ));
        assert_eq!(exchange.question().unwrap().1["grant"], "short");
        proxy.advance(wait * SECOND);
        exchange.answer(Some(("200", &said("approved"))));
        assert_eq!(exchange.reply().as_ref().map(code), expected);
        assert_eq!(exchange.upstream().is_some(), expected.is_none());
        // The record shows the approval, whatever happened afterwards.
        assert_eq!(recorded(&exchange)[3], json!({ "id": "a1", "outcome": "approved" }));
        assert_eq!(proxy.metrics("mcp_policy.approvals.outcome."), [("approved.server.shop".to_owned(), 1)]);
        if expected.is_some() {
            let answer: Value = serde_json::from_str(&exchange.reply().unwrap().body).unwrap();
            assert_eq!(answer["id"], 7);
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

#[test]
fn an_early_answer_to_a_waiting_call_shows_no_list() {
    let (proxy, worker) = asking("stream");
    let mut exchange = post(&proxy, &worker, &call("asked"));
    let list = r#"{"id":7,"result":{"tools":[{"name":"hidden_one"}]}}"#;
    exchange.respond(&Sent::new(
        &[(":status", "200"), ("content-type", "application/json")],
        &[list.as_bytes()],
        End::WithLast,
    ));
    assert!(!exchange.client().unwrap().text().contains("hidden_one"));
}
