//! Identity in the guard: which requests need one, what a grant allows, and what a record names.

use std::sync::Arc;

use mcp_policy_engine::denial::Denial;
use mcp_policy_engine::guard::{self, Arrival, Conclusion, Verdict};
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::policy::Policy;
use serde_json::{Value, json};

use super::known::Given::{self, Head, Token};
use super::known::Known;
use super::{NOW_NS, document, narrowing, policy};

fn identified(
    policy: &Arc<Policy>,
    pairs: &[(&'static str, &'static str)],
) -> (bool, Caller, Option<Denial>) {
    let given: Vec<Given> = pairs.iter().map(|(name, value)| Head(name, value)).collect();
    let known = Known::new(policy, &given);
    let arrival = Arrival::new(Arc::clone(policy), known.headers.clone(), "1".to_owned());
    let (caller, refusal) = match arrival.identify(&known, Some(NOW_NS)) {
        Ok(request) => (request.caller, None),
        Err(conclusion) => (Caller::default(), conclusion.verdict.denial().cloned()),
    };
    (guard::is_exempt(policy, &known.headers), caller, refusal)
}

#[test]
fn every_method_but_options_needs_an_identity_except_on_exempt_paths() {
    let mut document = document();
    document["exempt_paths"] = json!(["/healthz"]);
    let policy = policy(&document);
    for (method, needs) in [
        ("POST", true),
        ("GET", true),
        ("DELETE", true),
        ("PUT", true),
        ("options", true),
        ("OPTIONS", false),
    ] {
        let (exempt, _, refusal) = identified(&policy, &[(":method", method), (":path", "/mcp")]);
        assert!(!exempt, "{method}");
        assert_eq!(refusal.is_some(), needs, "{method}");
        let (_, _, refusal) = identified(&policy, &[(":method", method), ("x-agent-id", "agent-1")]);
        assert_eq!(refusal, None, "{method}");
    }
    for (path, passes) in
        [("/healthz", true), ("/healthz?x", true), ("/healthz/", false), ("//healthz", false)]
    {
        let (exempt, _, _) = identified(&policy, &[(":method", "GET"), (":path", path)]);
        assert_eq!(exempt, passes, "{path}");
    }
}

#[test]
fn a_grant_with_any_section_denies_what_it_does_not_name() {
    for (grant, tool, prompt) in [
        (json!({}), true, true),
        (json!({"hide": ["b"]}), true, true),
        (json!({"all_tools": {"require": [{"path": "args.a", "op": "exists"}]}}), false, true),
        (json!({"default": "deny"}), false, false),
        (json!({"tools": {}}), false, false),
        (json!({"tools": {"b": {}}}), false, false),
        (json!({"tools": {"a": {}}}), true, false),
        (json!({"prompts": {"a": {}}}), false, true),
        (json!({"resources": {"a": {}}}), false, false),
        (json!({"methods": {"ping": "deny"}}), false, false),
        (json!({"tools": {"b": {}}, "default": "allow"}), true, true),
        (json!({"tools": {"a": {"action": "deny"}}, "default": "allow"}), false, true),
    ] {
        let mut grant = grant;
        grant["name"] = json!("all");
        grant["match"] = json!("any");
        let policy = policy(&json!({"version": "1", "default": "allow", "grants": [&grant]}));
        assert_eq!(
            [narrowing::allows_alone(&policy, 0), narrowing::allows_alone(&policy, 3)],
            [tool, prompt],
            "{grant}"
        );
    }
}

fn record(judgement: &Conclusion) -> Value {
    serde_json::from_str(&judgement.record).unwrap()
}

#[test]
fn a_record_names_the_refused_caller_and_a_grant_only_if_one_applied() {
    let policy = policy(&document());
    let rows: [(&[Given], Value, Value, &str); 4] = [
        (&[], Value::Null, Value::Null, "identity"),
        (&[Head("x-agent-id", "stranger")], json!("stranger"), Value::Null, "grants"),
        (&[Token(r#"{"sub":"old-1"}"#)], json!("old-1"), json!("old"), "grants[0].expires"),
        (&[Head("x-api-key", "very secret")], json!("sha256:VERY"), Value::Null, "grants"),
    ];
    for (given, principal, grant, rule) in rows {
        let known = Known::new(&policy, given);
        let arrival = Arrival::new(Arc::clone(&policy), known.headers.clone(), "1".to_owned());
        let judgement = *arrival.identify(&known, Some(NOW_NS)).unwrap_err();
        let record = record(&judgement);
        let principal = match principal.as_str() {
            Some("sha256:VERY") => json!("sha256:546bb0a05a36cf11"),
            _ => principal,
        };
        assert_eq!((&record["principal"], &record["grant"]), (&principal, &grant), "{given:?}");
        assert_eq!(record["rule"], rule);
        assert!(!judgement.record.contains("very secret"));
        let Verdict::Deny { reply, .. } = judgement.verdict else { panic!("{given:?} is forwarded") };
        assert!(!reply.body.contains("stranger") && !reply.body.contains("secret"), "{}", reply.body);
        let asked = reply
            .headers
            .iter()
            .any(|(name, value)| (*name, value.as_str()) == ("www-authenticate", "Bearer"));
        assert_eq!((reply.status, asked), if rule == "identity" { (401, true) } else { (403, false) });
    }
}
