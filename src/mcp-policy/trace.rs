//! How a policy reaches its verdict on a request, step by step.
//!
//! The verdict itself is the engine's. Each step is found by the engine's own functions too: this only asks them one by
//! one, where the filter needs no more than the first denial.

mod callers;
mod clauses;
mod layers;
mod model;
mod rules;
mod texts;

use std::sync::Arc;

use mcp_policy_engine::guard::{self, Conclusion};
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::message::{self, Body, Message};
use mcp_policy_engine::policy::Policy;

pub use model::{Caller, Check, Entry, Grant, Layer, Other, Outcome, Read, Rule, Source, Subject};
pub use texts::Texts;

use crate::judge::{Arrived, Sender, Sent};

/// A request whose way through a policy is traced.
pub struct Tracing<'t> {
    /// The policy
    pub policy: &'t Arc<Policy>,
    /// What the policy's document says of conditions
    pub texts: &'t Texts,
    /// The request
    pub sent: &'t Sent,
    /// Who sends it
    pub sender: &'t Sender,
    /// When, in nanoseconds since the Unix epoch
    pub now_ns: u64,
}

impl Tracing<'_> {
    /// Returns how the caller is identified.
    pub fn caller(&self) -> Caller {
        let pairs = self.sent.headers.iter().map(|(name, value)| (name, value));
        let headers = Headers::from_pairs(pairs, &self.policy.header_names());
        callers::caller(self, &headers)
    }

    /// Returns how the message is read, and how each layer of rules decides on it. There are no layers if the request is
    /// refused before its rules are looked at, or has no message.
    pub fn message(&self, arrived: &Arrived, conclusion: Option<&Conclusion>) -> (Option<Read>, Vec<Layer>) {
        let Arrived::Known(request) = arrived else { return (None, Vec::new()) };
        let Ok(Some(body)) = guard::readable(request, self.sent.body.as_deref()) else {
            return (None, Vec::new());
        };
        let Ok(document) = message::parse(body) else { return (None, Vec::new()) };
        let Ok(message) = Message::read(&document, &request.headers) else { return (None, Vec::new()) };
        let read = Read::of(&message);
        let Body::Call(call) = &message.body else { return (Some(read), Vec::new()) };
        (Some(read), layers::layers(self, request, call, conclusion))
    }
}
