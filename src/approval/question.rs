//! What the approval service is asked.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::canonical::{self, Canonical};
use crate::json::Value;
use crate::mcp::message::{Call, Target};

/// Params that are no part of what is approved: what is about the request, and what a call brings of
/// its earlier rounds.
const NOT_BOUND: [&str; 3] = ["_meta", "requestState", "inputResponses"];

/// What an approval is bound to, beside who asks under which policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The tool's name; of another request than a tool call its method
    pub tool: String,
    /// The arguments in canonical form; of another request its params
    pub arguments: String,
}

impl Bound {
    /// Reads what an approval of `call` is bound to; `None` where that cannot be told exactly, as a number
    /// in it is none of a double's.
    #[must_use]
    pub fn read(call: &Call<'_>) -> Option<Self> {
        let (tool, form) = match &call.target {
            Target::Tool(name) => (name.as_ref(), call.arguments().map(Canonical::of)),
            _ => {
                let params = call.params.into_iter().flat_map(Value::entries);
                let bound = params.filter(|(key, _)| !NOT_BOUND.contains(&key.as_ref()));
                (call.method.as_ref(), Some(Canonical::of_members(bound)))
            }
        };
        if form.as_ref().is_some_and(|form| !form.is_exact()) {
            return None;
        }
        let arguments = form.map_or_else(|| "{}".to_owned(), Canonical::into_text);
        Some(Self { tool: tool.to_owned(), arguments })
    }
}

/// A question to the approval service, as the members of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Question<'q> {
    /// The protected server
    pub server: &'q str,
    /// The policy's digest
    pub policy: &'q str,
    /// Under which grant it is called
    pub grant: &'q str,
    /// Who calls, where anybody knows
    pub principal: Option<&'q str>,
    /// What is called
    pub tool: &'q str,
    /// The rule that asks, as a path into the document
    pub rule: &'q str,
    /// Why it asks
    pub reason: Option<&'q str>,
    /// For how long the question, or its answer, stands
    pub expires_seconds: u32,
    /// How long the service may hold its answer back
    pub wait_seconds: u32,
    /// The decision's own id
    pub decision_id: &'q str,
    /// `x-request-id`
    pub request_id: Option<&'q str>,
}

impl Question<'_> {
    /// Writes the request's body. `arguments` are an object in canonical form.
    #[must_use]
    pub fn json(&self, arguments: &str) -> String {
        let Self { server, policy, grant, principal, tool, .. } = *self;
        let fingerprint = fingerprint(server, policy, grant, principal, tool, arguments);
        // These members are strings and numbers alone, whose writing cannot fail.
        let members = serde_json::to_string(self).unwrap_or_default();
        let members = members.strip_prefix('{').unwrap_or_default();
        format!(r#"{{"fingerprint":"{fingerprint}","arguments":{arguments},{members}"#)
    }
}

/// Returns what an approval is bound to: the SHA-256, in hex, of the canonical form (RFC 8785) of an
/// object with these members. `arguments` are an object in canonical form.
#[must_use]
pub fn fingerprint(
    server: &str,
    policy: &str,
    grant: &str,
    principal: Option<&str>,
    tool: &str,
    arguments: &str,
) -> String {
    let mut text = format!(r#"{{"arguments":{arguments}"#);
    let members = [("grant", Some(grant)), ("policy", Some(policy)), ("principal", principal)];
    for (key, value) in members.into_iter().chain([("server", Some(server)), ("tool", Some(tool))]) {
        text.push_str(",\"");
        text.push_str(key);
        text.push_str("\":");
        match value {
            Some(value) => canonical::string(&mut text, value),
            None => text.push_str("null"),
        }
    }
    text.push('}');
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
