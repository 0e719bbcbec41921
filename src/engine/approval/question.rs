//! The question to the approval service.

use super::bound::{Bound, BoundCall};
use crate::json::ObjectWriter;

/// A question to the approval service. These are members of the request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'q> {
    /// The protected server
    pub server: &'q str,
    /// The digest of the rules that decide
    pub rules: &'q str,
    /// The policy's digest
    pub policy: &'q str,
    /// The caller's grant
    pub grant: &'q str,
    /// The caller's principal, if known
    pub principal: Option<&'q str>,
    /// The identity source that named the principal, if it has a name
    pub source: Option<&'q str>,
    /// The host that the request is for, without its port
    pub host: Option<&'q str>,
    /// The request's path with its query
    pub path: Option<&'q str>,
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
    pub fn json(&self, call: &BoundCall) -> String {
        let Self { server, rules, grant, principal, source, host, path, .. } = *self;
        let (arguments, params) = (&call.canonical_arguments, &call.canonical_params);
        let bound = Bound {
            server,
            rules,
            grant,
            principal,
            source,
            tool: &call.tool,
            arguments,
            params,
            host,
            path,
        };
        let mut object = ObjectWriter::default();
        object.string("fingerprint", &bound.fingerprint());
        object.string("tool", &call.tool);
        object.json("arguments", &call.arguments);
        object.json("params", &call.params);
        object.string("server", server);
        object.string("rules", rules);
        object.string("policy", self.policy);
        object.string("grant", grant);
        object.string_or_null("principal", principal);
        object.string_or_null("source", source);
        object.string_or_null("host", host);
        object.string_or_null("path", path);
        object.string("rule", self.rule);
        object.string_or_null("reason", self.reason);
        object.number("expires_seconds", self.expires_seconds.into());
        object.number("wait_seconds", self.wait_seconds.into());
        object.string("decision_id", self.decision_id);
        object.string_or_null("request_id", self.request_id);
        object.finish()
    }
}
