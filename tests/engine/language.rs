//! Several rules for one entry, rules for some calls, and groups of conditions: laws that hold for all of
//! them, what lists show, and the time.

mod generate;
mod laws;
mod time;
mod visible;

use std::sync::Arc;

use mcp_policy_engine::decide::{Decision, decide};
use mcp_policy_engine::identity::{Caller, Principal};
use mcp_policy_engine::json;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::message::{Body, Message};
use mcp_policy_engine::policy::Policy;
use serde_json::{Value, json};

/// 2027-01-15T08:00:00Z, a Friday
const NOW_NS: u64 = 1_800_000_000_000_000_000;

#[track_caller]
fn policy(document: &Value) -> Policy {
    let mut document = document.clone();
    document["version"] = json!("1");
    document["approvals"] = json!({ "cluster": "nobody" });
    document["identity"] = json!([{ "jwt": { "payload": "p" } }]);
    let read = Policy::from_bytes(document.to_string().as_bytes());
    read.unwrap_or_else(|faults| panic!("{document}:\n{faults}"))
}

/// A caller whom a token names.
fn bob() -> Caller {
    let claims = r#"{"sub":"bob","team":"sre","scope":"mcp:run mcp:read"}"#;
    Caller {
        principal: Some(Principal::Jwt("bob".into())),
        claims: Some(claims.into()),
        source: Some(0),
        ..Caller::default()
    }
}

/// Decides on a call of the tool `t` at a time.
fn decided(policy: &Policy, caller: &Caller, arguments: &Value, clock: &dyn Fn() -> Option<u64>) -> Decision {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "t", "arguments": arguments } })
    .to_string();
    let document = json::read(body.as_bytes()).unwrap();
    let message = Message::read(&document, &Headers::default()).unwrap();
    let Body::Call(call) = &message.body else { panic!("{body}") };
    decide(policy, caller, call, clock)
}

/// Describes a decision as `allow` or `approve` with the rule, or `denied` with the rule and the reason.
fn told(policy: &Policy, arguments: &Value) -> String {
    let decision = decided(policy, &bob(), arguments, &|| Some(NOW_NS));
    match (&decision.denial, &decision.approval) {
        (Some(denial), _) => format!("denied {} {}", denial.rule, denial.reason),
        (None, Some(rule)) => format!("approve {}", rule.path),
        (None, None) => format!("allow {}", decision.rule.unwrap()),
    }
}

#[test]
fn a_named_rule_is_read_once_and_shared() {
    let policy = policy(&json!({
        "rules": { "used": {}, "idle": { "action": "deny" }, "all": {} },
        "all_tools": "all", "tools": { "a": "used", "b": [{}, "used"] },
        "grants": [{ "name": "g", "match": "any", "tools": { "*": ["used"] } }],
    }));
    let rules: Vec<_> = policy.all_rules().filter(|rule| &*rule.path == "rules.used").collect();
    assert_eq!(rules.len(), 3);
    assert!(rules.iter().all(|rule| Arc::ptr_eq(rule, rules[0])));
    let unused: Vec<&str> = policy.unused_rules().map(|rule| &*rule.path).collect();
    assert_eq!(unused, ["rules.idle"]);
}
