//! The expected form of a refusal, given its code, its request and the policy's `denials`.

use mcp_policy_engine::mcp::answer::Reply;
use proptest::prelude::*;
use proptest::sample::select;

use super::oracle::Tree;
use super::readings::Reading;

/// How a policy answers denied tool calls.
pub fn forms() -> impl Strategy<Value = &'static str> {
    select(vec!["result", "error", "http"])
}

/// Compares a refusal of `body` with the table of answers.
#[track_caller]
pub fn check(reply: &Reply, body: &[u8], form: &str) {
    let header = |wanted: &str| {
        let mut found =
            reply.headers.iter().filter(|(name, _)| *name == wanted).map(|(_, value)| value.clone());
        let first = found.next();
        assert_eq!(found.next(), None, "`{wanted}` twice");
        first
    };
    let answer: serde_json::Value = serde_json::from_str(&reply.body).expect("JSON");
    let asked = Tree::read(body).ok();
    let code = header("x-mcp-policy").expect("a code");
    assert_eq!(header("content-type").as_deref(), Some("application/json"));
    assert_eq!(answer["jsonrpc"], "2.0");

    let (error, result) = (&answer["error"], &answer["result"]);
    let decision =
        if error.is_object() { &error["data"] } else { &result["_meta"]["dev.mcp-policy/decision"] };
    assert!(code == "hidden" || decision["code"] == code.as_str(), "{decision}");
    let seconds = decision["retryAfterSeconds"].as_u64();
    assert_eq!(header("retry-after"), seconds.map(|seconds| seconds.to_string()));

    let strict = Reading { last: true, folds: false };
    let method = asked.as_ref().and_then(|asked| strict.get(asked, "method"));
    let id = asked.as_ref().and_then(|asked| strict.get(asked, "id"));
    let shape = (reply.status, error["code"].as_i64(), result["isError"].as_bool());
    let is_call = method == Some(&Tree::Text("tools/call".to_owned()));
    let expected: &[_] = match (code.as_str(), id) {
        ("invalid_request", _) => {
            &[(400, Some(-32700), None), (400, Some(-32600), None), (400, Some(-32602), None)]
        }
        ("headers_disagree", _) => &[(400, Some(-32020), None)],
        ("hidden", Some(_)) if form != "http" => &[(200, Some(-32602), None)],
        ("hidden", _) => &[(403, Some(-32602), None)],
        ("rate_limited", Some(_)) if form == "http" => &[(429, Some(-31429), None)],
        ("denied" | "not_listed" | "arguments_invalid", Some(_)) if form == "http" => {
            &[(403, Some(-31403), None)]
        }
        // Notifications are not retried.
        ("denied" | "not_listed" | "arguments_invalid" | "rate_limited", None) => {
            &[(403, Some(-31403), None)]
        }
        ("denied" | "not_listed" | "arguments_invalid" | "rate_limited", Some(_))
            if is_call && form == "result" =>
        {
            &[(200, None, Some(true))]
        }
        ("rate_limited", Some(_)) => &[(200, Some(-31429), None)],
        ("denied" | "not_listed" | "arguments_invalid", Some(_)) => &[(200, Some(-31403), None)],
        other => panic!("a refusal cannot be {other:?}"),
    };
    assert!(expected.contains(&shape), "{code} as {shape:?} in the form `{form}`");

    let echoed = Tree::read(reply.body.as_bytes()).expect("JSON");
    let echoed = strict.get(&echoed, "id");
    let ids = match &asked {
        Some(Tree::Object(entries)) => entries.iter().filter(|(key, _)| key == "id").count(),
        _ => 0,
    };
    match (&asked, id) {
        // The oracle cannot read the request; an id that the filter found must be in it.
        (None, _) => assert!(matches!(echoed, Some(Tree::Null | Tree::Text(_) | Tree::Integer(_)))),
        (Some(_), Some(Tree::Text(_) | Tree::Integer(_))) if ids == 1 => assert_eq!(echoed, id),
        // The oracle cannot tell `-0`, an integer, from `-0.0`.
        (Some(_), Some(Tree::Float(-0.0))) if echoed == id => {}
        (Some(_), None) if !code.starts_with("invalid") && code != "headers_disagree" => {
            assert_eq!(echoed, None)
        }
        (Some(_), _) => assert_eq!(echoed, Some(&Tree::Null)),
    }
}
