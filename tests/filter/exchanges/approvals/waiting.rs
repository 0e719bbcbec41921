//! What happens while a call waits for a person: limits are used up, grants expire, and hosts fail.

use super::{asking, post, recorded, said};
use crate::exchanges::{NOW, POST, SECOND, WAYS, call, code, refused, with};
use crate::proxy::Call;
use crate::proxy::exchange::{End, Exchange, Sent};
use serde_json::{Value, json};

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

#[test]
fn an_early_answer_to_a_waiting_call_goes_on_after_the_approval() {
    let json = [(":status", "401"), ("content-type", "application/json")];
    let list = r#"{"id":7,"result":{"tools":[{"name":"hidden_one"}]}}"#;
    for (body, shown) in [
        (r#"{"error":"invalid_token"}"#, r#"{"error":"invalid_token"}"#),
        (list, r#"{"id":7,"result":{"tools":[]}}"#),
    ] {
        for end in End::ALL {
            for before in [0, 5] {
                let (proxy, worker) = asking("stream");
                let mut exchange = post(&proxy, &worker, &call("asked"));
                let (first, rest) = body.as_bytes().split_at(before);
                exchange.respond(&Sent::new(&json, &[first][..before.min(1)], End::Never));
                exchange.answer(Some(("200", &said("approved"))));
                assert!(exchange.upstream().unwrap().whole);
                exchange.respond_more(&Sent::new(&[], &[rest], end));
                let client = exchange.client().unwrap();
                assert_eq!((client.text(), client.whole), (shown, true), "{end:?} {before}");
            }
        }
    }
}

#[test]
fn an_answer_to_a_call_that_cannot_be_resumed_shows_no_list() {
    let headers = [(":status", "200"), ("content-type", "application/json")];
    let list = r#"{"id":7,"result":{"tools":[{"name":"hidden_one"}]}}"#;
    for begins_before in [true, false] {
        let (proxy, worker) = asking("stream");
        let mut exchange = post(&proxy, &worker, &call("asked"));
        if begins_before {
            exchange.respond(&Sent::new(&headers, &[], End::Never));
        }
        proxy.fail(Call::Resume);
        exchange.answer(Some(("200", &said("approved"))));
        proxy.mend();
        if !begins_before {
            exchange.respond(&Sent::new(&headers, &[], End::Never));
        }
        exchange.respond_more(&Sent::new(&[], &[list.as_bytes()], End::WithLast));
        let client = exchange.client().unwrap();
        assert!(client.whole && !client.text().contains("hidden_one"), "{begins_before}: {client:?}");
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
