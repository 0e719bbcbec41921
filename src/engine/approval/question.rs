//! The question to the approval service.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::json::Value;
use crate::json::canonical::{self, Canonical};
use crate::mcp::message::{Call, Target};
use crate::mcp::method::Method;
use crate::text::hex;

/// The params that an approval does not cover: they describe the request, or belong to an earlier round of
/// the call.
const NOT_BOUND: [&str; 3] = ["_meta", "requestState", "inputResponses"];

/// Why a call cannot be approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unapprovable {
    /// A number in it is not exact as a double, so another call could have the same fingerprint
    Inexact,
    /// Its tool has the name of a method, so a request with that method could have the same fingerprint
    Name,
}

/// The part of a fingerprint that comes from the call. The rest is the caller, the server and the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundCall {
    /// The tool's name; for a request that is not a tool call, its method
    pub tool: String,
    /// The arguments as sent, for a person to read; for a request that is not a tool call, its params
    pub arguments: String,
    /// The arguments in canonical form
    canonical: String,
}

impl BoundCall {
    /// Reads the part of `call` that an approval is bound to.
    ///
    /// # Errors
    /// [`Unapprovable`] if the approval could also apply to another call.
    pub fn read(call: &Call<'_>) -> Result<Self, Unapprovable> {
        let (tool, arguments, form) = match &call.target {
            Target::Tool(name) if name.contains('/') && is_method(name) => return Err(Unapprovable::Name),
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
            return Err(Unapprovable::Inexact);
        }
        Ok(Self { tool: tool.to_owned(), arguments, canonical: form.into_text() })
    }
}

/// Returns whether rules apply to a method of this name, so that it can require approval.
fn is_method(name: &str) -> bool {
    Method::new(name).section().is_some()
}

/// Returns an object with those members of `params` that `bound` accepts, byte for byte as they were sent.
fn sent(params: Option<Value<'_>>, bound: impl Fn(&str) -> bool) -> String {
    let Some(params) = params else { return "{}".to_owned() };
    let start = params.span().start;
    let members = params.members().filter(|(key, ..)| bound(key)).filter_map(|(_, span, _)| {
        params.raw().get(span.start.checked_sub(start)?..span.end.checked_sub(start)?)
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// A question to the approval service. These are members of the request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Question<'q> {
    /// The protected server
    pub server: &'q str,
    /// The policy's digest
    pub policy: &'q str,
    /// The caller's grant
    pub grant: &'q str,
    /// The caller's principal, if known
    pub principal: Option<&'q str>,
    /// The name of the source of identity that named the principal
    pub source: Option<&'q str>,
    /// The rule that requires approval, as a path in the document
    pub rule: &'q str,
    /// The rule's reason
    pub reason: Option<&'q str>,
    /// How long the question and its answer are valid
    pub expires_seconds: u32,
    /// How long the service may wait for a decision before it answers
    pub wait_seconds: u32,
    /// The id of the decision
    pub decision_id: &'q str,
    /// `x-request-id`
    pub request_id: Option<&'q str>,
}

impl Question<'_> {
    /// Writes the request's body.
    #[must_use]
    pub fn json(&self, bound: &BoundCall) -> String {
        let Self { server, policy, grant, principal, source, .. } = *self;
        let caller = (principal, source);
        let fingerprint = fingerprint(server, policy, grant, caller, &bound.tool, &bound.canonical);
        let mut tool = String::new();
        canonical::string(&mut tool, &bound.tool);
        // Serializing strings and numbers cannot fail.
        let members = serde_json::to_string(self).unwrap_or_default();
        let members = members.strip_prefix('{').unwrap_or_default();
        let arguments = &bound.arguments;
        format!(r#"{{"fingerprint":"{fingerprint}","tool":{tool},"arguments":{arguments},{members}"#)
    }
}

/// Returns the fingerprint that an approval is bound to: the SHA-256, in hex, of the canonical form (RFC
/// 8785) of an object with these members. `arguments` must already be an object in canonical form. The members
/// `principal` and `source` are those of the caller.
#[must_use]
pub fn fingerprint(
    server: &str,
    policy: &str,
    grant: &str,
    (principal, source): (Option<&str>, Option<&str>),
    tool: &str,
    arguments: &str,
) -> String {
    let mut text = format!(r#"{{"arguments":{arguments}"#);
    let members = [("grant", Some(grant)), ("policy", Some(policy)), ("principal", principal)];
    // Without a principal there is no source, and the member is left out.
    let source = source.map(|source| ("source", Some(source)));
    let members = members.into_iter().chain([("server", Some(server))]).chain(source);
    for (key, value) in members.chain([("tool", Some(tool))]) {
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
