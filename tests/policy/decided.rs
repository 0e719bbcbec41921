//! What a policy decides on a call of a tool.

use mcp_policy_engine::decide::{Decision, decide};
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::json;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::message::{Body, Message};
use mcp_policy_engine::policy::Policy;
use serde_json::{Value, json};

/// 2027-01-15T08:00:00Z
const NOW_NS: u64 = 1_800_000_000_000_000_000;

/// Decides on a call by a caller. Nothing is charged: limits are those of the decision.
#[track_caller]
pub fn decided(policy: &Policy, caller: &Caller, tool: &str, arguments: &Value) -> Decision {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": arguments } })
    .to_string();
    let document = json::read(body.as_bytes()).unwrap();
    let message = Message::read(&document, &Headers::default()).unwrap();
    let Body::Call(call) = &message.body else { panic!("{body}") };
    decide(policy, caller, call, &|| Some(NOW_NS))
}
