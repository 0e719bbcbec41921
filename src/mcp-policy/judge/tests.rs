//! A proxy judges like the engine does in one step.

#![allow(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use mcp_policy_engine::guard::{self, Answer, FixedEnvironment, Question, Whole};
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::policy::Policy;

use super::{Known, Proxy, Sent};

const POLICY: &str = r#"{
  "version": "1", "default": "deny", "exempt_paths": ["/health"], "identity": [{"header": {"name": "x-agent"}}],
  "grants": [{"name": "a", "match": [{"header": "a"}]}],
  "tools": {"run": {"limits": [{"counter": "c", "window": "day", "max": 1}]}}
}"#;

fn nobody(_: &Question) -> Answer {
    Answer::Approval(Err("nobody answers".into()))
}

#[test]
fn a_proxy_judges_like_the_engine_in_one_step() {
    let policy = Arc::new(Policy::from_bytes(POLICY.as_bytes()).expect("a policy"));
    let proxy = Proxy::new(Arc::clone(&policy));
    let (store, layout) = (MemoryStore::new(), Layout::new([0; 16], std::num::NonZeroU32::MIN));
    let places = Places::new(layout, policy.counters, policy.grants.len());
    let environment = FixedEnvironment { store: &store, places: &places, now_ns: 1 };
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"run"}}"#;
    let mut verdicts = Vec::new();
    for (method, path, agent, body) in [
        ("POST", "/mcp", "a", Some(call)),
        ("POST", "/mcp", "a", Some(call)),
        ("POST", "/mcp", "b", Some(call)),
        ("POST", "/health", "b", Some(call)),
        ("GET", "/mcp", "a", None),
        ("GET", "/mcp", "a", Some(call)),
        ("POST", "/mcp", "a", Some("{")),
    ] {
        let headers =
            [(":method", method), (":path", path), ("content-type", "application/json"), ("x-agent", agent)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let sent = Sent { headers, body: body.map(|body| body.as_bytes().to_vec()) };
        let whole = Whole { headers: &sent.headers, body: sent.body.as_deref() };
        let known = Known::default();
        let expected = guard::judge(&policy, whole, &known, "d".to_owned(), &environment, nobody);
        let found = proxy.judge(&sent, &known, "d", 1, nobody);
        let record = |conclusion: Option<guard::Conclusion>| conclusion.map(|conclusion| conclusion.record);
        let (found, expected) = (record(found), record(expected));
        assert_eq!(found, expected);
        verdicts.push(found.and_then(|record| Some(record.split('"').nth(3)?.to_owned())));
    }
    let expected = ["allow", "deny", "deny", "none", "allow", "deny", "deny"];
    let verdicts: Vec<&str> = verdicts.iter().map(|verdict| verdict.as_deref().unwrap_or("none")).collect();
    assert_eq!(verdicts, expected);
}
