//! Calls about which nobody is asked.

use super::{asking, post, recorded, sent};
use crate::exchanges::{call, code, envoy, forwarded, policy_with, refused, worker};
use serde_json::json;

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
