//! What the approval service is asked.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::json::Value;
use crate::json::canonical::{self, Canonical};
use crate::mcp::message::{Call, Target};
use crate::mcp::method::Method;
use crate::text::hex;

/// Params that are no part of what is approved: what is about the request, and what a call brings of
/// its earlier rounds.
const NOT_BOUND: [&str; 3] = ["_meta", "requestState", "inputResponses"];

/// Why nothing can be approved of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbound {
    /// A number in it is none of a double's, so that another call would have its fingerprint
    Inexact,
    /// Its tool is named like a method, so that a call of that method would have its fingerprint
    Name,
}

/// What an approval is bound to, beside who asks under which policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The tool's name; of another request than a tool call its method
    pub tool: String,
    /// The arguments as they were sent, for a person to see; of another request its params
    pub arguments: String,
    /// The same in canonical form
    canonical: String,
}

impl Bound {
    /// Reads what an approval of `call` is bound to.
    ///
    /// # Errors
    /// [`Unbound`] where an approval of it would be one of another call as well.
    pub fn read(call: &Call<'_>) -> Result<Self, Unbound> {
        let (tool, arguments, form) = match &call.target {
            Target::Tool(name) if name.contains('/') && is_method(name) => return Err(Unbound::Name),
            Target::Tool(name) => match call.arguments() {
                Some(value) => (name.as_ref(), value.raw().to_owned(), Canonical::of(value)),
                None => (name.as_ref(), "{}".to_owned(), Canonical::of_members(std::iter::empty())),
            },
            _ => {
                let bound = |key: &str| !NOT_BOUND.contains(&key);
                let members = call.params.into_iter().flat_map(Value::entries);
                let form = Canonical::of_members(members.filter(|(key, _)| bound(key)));
                (call.method.as_str(), sent(call.params, bound), form)
            }
        };
        if !form.is_exact() {
            return Err(Unbound::Inexact);
        }
        Ok(Self { tool: tool.to_owned(), arguments, canonical: form.into_text() })
    }
}

/// Tells whether a rule can have a person asked about this method.
fn is_method(name: &str) -> bool {
    Method::new(name).section().is_some()
}

/// Writes an object of some members of another as they stand there.
fn sent(params: Option<Value<'_>>, bound: impl Fn(&str) -> bool) -> String {
    let Some(params) = params else { return "{}".to_owned() };
    let start = params.span().start;
    let members = params.members().filter(|(key, ..)| bound(key)).filter_map(|(_, span, _)| {
        params.raw().get(span.start.checked_sub(start)?..span.end.checked_sub(start)?)
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
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
    /// Writes the request's body.
    #[must_use]
    pub fn json(&self, bound: &Bound) -> String {
        let Self { server, policy, grant, principal, .. } = *self;
        let fingerprint = fingerprint(server, policy, grant, principal, &bound.tool, &bound.canonical);
        let mut tool = String::new();
        canonical::string(&mut tool, &bound.tool);
        // These members are strings and numbers alone, whose writing cannot fail.
        let members = serde_json::to_string(self).unwrap_or_default();
        let members = members.strip_prefix('{').unwrap_or_default();
        let arguments = &bound.arguments;
        format!(r#"{{"fingerprint":"{fingerprint}","tool":{tool},"arguments":{arguments},{members}"#)
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
    hex(&Sha256::digest(text))
}
