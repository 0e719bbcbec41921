//! Shadow mode of a policy and of a rule.

use super::{
    ANSWER, GET, LIST, POST, WAYS, answer, call, code, envoy, forwarded, policy, policy_with, post, refused,
    with, worker,
};
use crate::proxy::exchange::{End, Exchange, Sent};
use serde_json::json;

#[test]
fn in_shadow_mode_everything_passes_and_calls_are_still_counted() {
    let headers = with(POST, &[("content-type", "text/plain"), ("content-encoding", "gzip")]);
    let put = [(":method", "PUT"), (":path", "/mcp")];
    for way in WAYS {
        let proxy = envoy();
        let shadow = worker(&proxy, &policy_with(json!({ "mode": "shadow", "request_headers": way })));
        for (headers, body) in [
            (POST, call("danger")),
            (POST, call("secret")),
            (POST, call("asked")),
            (POST, "{".to_owned()),
            (POST, " ".repeat(400)),
            (&headers, call("safe")),
            (&put, call("safe")),
            (GET, call("safe")),
            (POST, call("few")),
            (POST, call("few")),
            (POST, call("few")),
        ] {
            for end in End::ALL {
                let mut exchange = Exchange::open(&proxy, Some(&shadow));
                let sent = Sent::cut(headers, &body, 7, end);
                exchange.request(&sent);
                forwarded(&exchange, &sent, &format!("{headers:?} {body} {end:?}"));
            }
        }
        let enforcing = worker(&proxy, &policy());
        // What shadow mode has counted takes no room from a policy that has effect.
        for number in 0..3 {
            let exchange = post(&proxy, &enforcing, &call("few"));
            assert_eq!(exchange.upstream().is_some(), number < 2, "{way} {number}");
        }

        let mut exchange = post(&proxy, &shadow, LIST);
        exchange.respond(&Sent::cut(&answer("application/json", &[]), ANSWER, 7, End::After));
        assert_eq!(exchange.client().unwrap().text(), ANSWER);
    }
}

#[test]
fn a_rule_in_shadow_mode_refuses_nothing_while_other_rules_do() {
    let few = json!({ "limits": [{ "counter": "few", "window": "hour", "max": 1 }], "mode": "shadow" });
    let limits = json!([{ "counter": "all", "window": "hour", "max": 3 }]);
    let tools = json!({ "danger": { "action": "deny", "mode": "shadow" }, "few": few, "other": {} });
    let proxy = envoy();
    let changes = json!({ "tools": tools, "all_tools": { "limits": limits } });
    let worker = worker(&proxy, &policy_with(changes));
    for tool in ["danger", "few", "few"] {
        assert!(post(&proxy, &worker, &call(tool)).upstream().is_some(), "{tool}");
    }
    for tool in ["danger", "few", "other"] {
        let exchange = post(&proxy, &worker, &call(tool));
        assert_eq!(code(&refused(&exchange, true, tool).0), "rate_limited", "{tool}");
    }
}
