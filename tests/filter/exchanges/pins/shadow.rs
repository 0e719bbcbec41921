//! Pins in shadow mode, of a rule and of the whole policy: changes are noted, and nothing is taken out or refused.

use super::{CHANGED, EVIL, RUN, digest, list, listing, pinned, record};
use crate::exchanges::{LIST, POST, answer, call, envoy, forwarded, post, with, worker};
use crate::proxy::Call;
use crate::proxy::exchange::{End, Exchange, Sent};
use serde_json::json;

#[test]
fn a_rule_in_shadow_mode_takes_nothing_out_and_refuses_nothing() {
    let rule = json!({ "definition": digest(RUN), "mode": "shadow", "reason": "ask the owners" });
    let proxy = envoy();
    let worker = worker(&proxy, &pinned(json!({ "tools": { "run": rule } })));
    assert_eq!(list(&proxy, &worker, &[EVIL]), listing(&[EVIL]));
    let sent = Sent::new(POST, &[call("run").as_bytes()], End::WithLast);
    let mut exchange = Exchange::open(&proxy, Some(&worker));
    exchange.request(&sent);
    forwarded(&exchange, &sent, "run");
    let record = record(&exchange);
    assert_eq!(json!([record["decision"], record["code"]]), json!(["would_deny", "definition_changed"]));
    assert_eq!(proxy.metrics(CHANGED).len(), 1);
}

#[test]
fn a_policy_in_shadow_mode_reads_lists_and_changes_nothing() {
    let evil = listing(&[EVIL, EVIL]);
    let length = evil.len().to_string();
    for (headers, seen) in [
        (answer("application/json", &[("content-length", &length), ("x-own", "1")]), true),
        (answer("application/json", &[("content-encoding", "gzip")]), false),
        (answer("text/html", &[]), false),
        (answer("application/json", &[("content-type", "application/json")]), false),
    ] {
        for failing in [
            None,
            Some(Call::ResponseHeaders),
            Some(Call::ResponseBody),
            Some(Call::Shared),
            Some(Call::SetShared),
        ] {
            for end in End::ALL {
                let at = format!("{headers:?} {failing:?} {end:?}");
                let proxy = envoy();
                let worker = worker(&proxy, &pinned(json!({ "mode": "shadow" })));
                let mut exchange = Exchange::open(&proxy, Some(&worker));
                let packed = with(POST, &[("accept-encoding", "gzip")]);
                let sent = Sent::new(&packed, &[LIST.as_bytes()], End::WithLast);
                exchange.request(&sent);
                forwarded(&exchange, &sent, &at);
                failing.into_iter().for_each(|call| proxy.fail(call));
                let answered = Sent::cut(&headers, &evil, 50, end);
                exchange.respond(&answered);
                let client = exchange.client().unwrap();
                assert_eq!(
                    (&client.headers, client.text(), client.whole),
                    (&answered.headers, &*evil, true),
                    "{at}"
                );
                proxy.mend();
                let judged = record(&post(&proxy, &worker, &call("run")));
                let told = judged["code"] == "definition_changed";
                assert_eq!(told, seen && failing.is_none(), "{at}");
                let counted: Vec<_> = proxy.metrics(CHANGED).into_iter().map(|(labels, _)| labels).collect();
                let labels = "tool.run.server.default.mode.shadow";
                assert_eq!(counted, if told { vec![labels.to_owned()] } else { Vec::new() }, "{at}");
            }
        }
    }
}
