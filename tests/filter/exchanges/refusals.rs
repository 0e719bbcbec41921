//! What a client is told.

use super::{call, envoy, policy, policy_with, post, refused, worker};
use serde_json::{Value, json};

#[test]
fn denials_have_the_form_that_the_policy_configures() {
    for (form, tool, times, status, error) in [
        ("result", "danger", 1, 200, None),
        ("error", "danger", 1, 200, Some(-31403)),
        ("http", "danger", 1, 403, Some(-31403)),
        ("result", "few", 3, 200, None),
        ("error", "few", 3, 200, Some(-31429)),
        ("http", "few", 3, 429, Some(-31429)),
        ("result", "secret", 1, 200, Some(-32602)),
        ("error", "secret", 1, 200, Some(-32602)),
        ("http", "secret", 1, 403, Some(-32602)),
    ] {
        let proxy = envoy();
        let worker = worker(&proxy, &policy_with(json!({ "denials": form })));
        let mut exchange = post(&proxy, &worker, &call(tool));
        for _ in 1..times {
            exchange = post(&proxy, &worker, &call(tool));
        }
        let at = format!("{form} {tool}");
        let (reply, answer) = refused(&exchange, true, &at);
        assert_eq!((reply.status, answer["id"].as_i64()), (status, Some(7)), "{at}");
        let decision = match error {
            Some(code) => {
                assert_eq!(answer["error"]["code"], code, "{at}");
                &answer["error"]["data"]
            }
            None => {
                assert_eq!(answer["result"]["isError"], true, "{at}");
                assert_eq!(answer["result"]["resultType"], "complete", "{at}");
                &answer["result"]["_meta"]["dev.mcp-policy/decision"]
            }
        };
        let retry = reply.headers.iter().find(|(name, _)| *name == "retry-after").map(|(_, value)| &**value);
        match tool {
            // The answer does not reveal that the tool exists.
            "secret" => assert_eq!((decision, retry), (&Value::Null, None), "{at}"),
            "few" => {
                assert_eq!((&decision["code"], retry), (&json!("rate_limited"), Some("3744")), "{at}");
                assert_eq!(decision["retryAfterSeconds"], 3744, "{at}");
                assert_eq!(decision["rule"], "tools.few.limits[0]", "{at}");
            }
            _ => {
                assert_eq!((&decision["code"], retry), (&json!("denied"), None), "{at}");
                assert_eq!(decision["policy"], worker.plugin.policy.digest, "{at}");
                assert_eq!(decision["id"].as_str().unwrap().len(), 32, "{at}");
                assert!(decision["reason"].as_str().unwrap().contains("it deletes"), "{at}");
            }
        }
    }
}

#[test]
fn an_id_is_echoed_byte_for_byte() {
    let proxy = envoy();
    let worker = worker(&proxy, &policy());
    for id in ["0", "-7", "9007199254740993", r#""""#, r#""a\"b\u00e9\/""#, "\"é\""] {
        let body = call("danger").replace("\"id\":7", &format!("\"id\": {id} "));
        let (reply, _) = refused(&post(&proxy, &worker, &body), true, id);
        assert!(reply.body.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{id},"#)), "{}", reply.body);
    }
}
