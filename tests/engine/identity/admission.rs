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
fn every_method_needs_an_identity_except_on_exempt_paths() {
    let mut document = document();
    document["exempt_paths"] = json!(["/healthz"]);
    let policy = policy(&document);
    for method in ["POST", "GET", "DELETE", "PUT", "options", "OPTIONS"] {
        let (exempt, _, refusal) = identified(&policy, &[(":method", method), (":path", "/mcp")]);
        assert!(!exempt, "{method}");
        assert!(refusal.is_some(), "{method}");
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
fn only_a_browsers_preflight_request_passes_without_an_identity() {
    let policy = policy(&document());
    let (origin, asks) = (("origin", "https://a.example"), ("access-control-request-method", "POST"));
    for (method, headers, passes) in [
        ("OPTIONS", vec![origin, asks], true),
        ("OPTIONS", vec![origin], false),
        ("OPTIONS", vec![asks], false),
        ("OPTIONS", vec![], false),
        ("GET", vec![origin, asks], false),
        ("POST", vec![origin, asks], false),
        ("options", vec![origin, asks], false),
    ] {
        let pairs: Vec<_> = [(":method", method), (":path", "/mcp")].into_iter().chain(headers).collect();
        assert_eq!(identified(&policy, &pairs).2.is_none(), passes, "{pairs:?}");
    }
}

#[test]
fn the_metadata_of_a_resource_can_be_read_without_an_identity() {
    let policy = policy(&document());
    for (path, passes) in [
        ("", true),
        ("?a=1", true),
        ("?a=/../x", true),
        ("/", true),
        ("/mcp", true),
        ("/mcp/v1", true),
        ("/mcp/", true),
        ("/.../mcp", true),
        ("s", false),
        ("s/mcp", false),
        (".json", false),
        ("/..", false),
        ("/../mcp", false),
        ("/../../mcp", false),
        ("/.", false),
        ("/./mcp", false),
        ("/mcp/..", false),
        ("/%2e%2e/mcp", false),
        ("/..%2fmcp", false),
        ("/mcp%3f", false),
        ("%2fmcp", false),
        ("//mcp", false),
        ("//", false),
        ("/mcp//", false),
        ("/..;/mcp", false),
        (";/../mcp", false),
        ("/..\\mcp", false),
        ("\\..\\mcp", false),
        ("#/mcp", false),
        ("/mcp#", false),
        ("/m\u{e9}", false),
    ] {
        let path: &'static str = format!("/.well-known/oauth-protected-resource{path}").leak();
        let reads = |method| identified(&policy, &[(":method", method), (":path", path)]).2.is_none();
        assert_eq!(reads("GET"), passes, "{path}");
        for method in ["POST", "DELETE", "OPTIONS", "HEAD", "get"] {
            assert!(!reads(method), "{method} {path}");
        }
    }
    for path in ["/.well-known/OAuth-protected-resource", "//.well-known/oauth-protected-resource", "/x", ""]
    {
        assert!(identified(&policy, &[(":method", "GET"), (":path", path)]).2.is_some(), "{path}");
    }
    let path = "/.well-known/oauth-protected-resource";
    assert!(identified(&policy, &[(":method", "GET"), (":path", path), (":path", path)]).2.is_some());
}

#[test]
fn what_a_client_of_mcp_sends_to_the_path_of_the_metadata_needs_an_identity() {
    let policy = policy(&document());
    let get = [(":method", "GET"), (":path", "/.well-known/oauth-protected-resource/mcp")];
    for (headers, passes) in [
        (vec![], true),
        (vec![("accept", "application/json, */*")], true),
        (vec![("accept", "application/octet-stream")], true),
        (vec![("mcp-protocol-version", "2025-06-18")], true),
        (vec![("mcp-session-id", "s")], false),
        (vec![("mcp-session-id", "")], false),
        (vec![("mcp-session-id", "s"), ("mcp-session-id", "s")], false),
        (vec![("mcp_session_id", "s")], false),
        (vec![("last-event-id", "4")], false),
        (vec![("last_event_id", "4")], false),
        (vec![("accept", "text/event-stream")], false),
        (vec![("accept", "Text/Event-STREAM;q=0.1")], false),
        (vec![("accept", "application/json, text/event-stream")], false),
        (vec![("accept", "*/*"), ("accept", "text/event-stream")], false),
        (vec![("accept", "text/event-stream"), ("accept", "*/*")], false),
        (vec![("accept", "a-b, text/event-stream-x")], false),
        (vec![("accept", "\u{e9}-\u{e9}text/event-stream")], false),
    ] {
        let pairs: Vec<_> = get.into_iter().chain(headers).collect();
        assert_eq!(identified(&policy, &pairs).2.is_none(), passes, "{pairs:?}");
        let pairs: Vec<_> = pairs.into_iter().chain([("x-agent-id", "agent-1")]).collect();
        assert!(identified(&policy, &pairs).2.is_none(), "{pairs:?}");
    }
}

#[test]
fn a_web_page_must_be_allowed_whatever_it_asks() {
    let mut document = document();
    document["origins"] = json!(["https://*.corp.example", "http://localhost:*", "null"]);
    let checked = policy(&document);
    let unchecked = policy(&super::document());
    for (origins, allowed) in [
        (vec![], true),
        (vec!["https://app.corp.example"], true),
        (vec!["http://localhost:3000"], true),
        (vec!["null"], true),
        (vec!["https://evil.example"], false),
        (vec!["https://corp.example"], false),
        (vec!["https://app.corp.example.evil.example"], false),
        (vec!["HTTPS://app.corp.example"], false),
        (vec!["https://evil.example/.corp.example"], false),
        (vec![""], false),
        (vec!["https://app.corp.example, https://app.corp.example"], false),
        (vec!["https://app.corp.example", "https://app.corp.example"], false),
    ] {
        for method in ["POST", "GET", "DELETE", "OPTIONS"] {
            let mut pairs = vec![
                (":method", method),
                ("x-agent-id", "agent-1"),
                ("access-control-request-method", "POST"),
            ];
            pairs.extend(origins.iter().map(|origin| ("origin", *origin)));
            let (_, _, refusal) = identified(&checked, &pairs);
            let code = refusal.as_ref().map(|denial| (denial.code.as_str(), denial.rule.as_ref()));
            assert_eq!(code, (!allowed).then_some(("origin_denied", "origins")), "{pairs:?}");
            assert_eq!(identified(&unchecked, &pairs).2, None, "{pairs:?}");
        }
    }
    // An origin is checked before the caller is known.
    let (_, _, refusal) = identified(&checked, &[(":method", "POST"), ("origin", "https://evil.example")]);
    assert_eq!(refusal.unwrap().code.as_str(), "origin_denied");
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
        let asked = reply.headers.iter().any(|(name, value)| {
            let challenge = "Bearer, ApiKey header=\"x-api-key\"";
            (*name, value.as_str()) == ("www-authenticate", challenge)
        });
        assert_eq!((reply.status, asked), if rule == "identity" { (401, true) } else { (403, false) });
    }
}
