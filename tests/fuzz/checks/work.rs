//! A policy and a message, as a JSON array of the two: judging ends within the budget of work, a call beyond it is refused, and
//! what rules in shadow mode take changes no verdict.
//!
//! How long a unit of work may take is not checked here but by libFuzzer's limit of time for one input.

use mcp_policy_engine::decide::{Decision, decide_within};
use mcp_policy_engine::guard::Question;
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::json::{self, Value};
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::message::{self, Body, Call, Message};
use mcp_policy_engine::policy::Policy;
use mcp_policy_engine::work::{ENFORCED, SHADOW, Work};

use crate::guarded::{Guarded, NOW_NS};

/// Values for the mutation. Most come from the corpus.
pub use crate::document::FRAGMENTS;

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let Ok(document) = json::read(bytes) else { return };
    let parts: Vec<Value<'_>> = document.root().elements().collect();
    let [policy, body] = parts.as_slice() else { return };
    let Ok(guarded) = Guarded::new(policy.raw().as_bytes()) else { return };
    let body = body.raw().as_bytes();
    guarded.judge(body, |_: &Question| None);
    let Ok(document) = message::parse(body) else { return };
    let Ok(Message { body: Body::Call(call), .. }) = Message::read(&document, &Headers::default()) else {
        return;
    };
    let policy = &guarded.policy;
    let (whole, needed) = decide(policy, &call, ENFORCED, SHADOW);
    // A budget of which nothing is left counts as exhausted.
    let (same, _) = decide(policy, &call, needed + 1, SHADOW);
    assert_eq!(denied(&same), denied(&whole), "what is needed does not suffice");
    let (apart, _) = decide(policy, &call, ENFORCED, 0);
    assert_eq!(denied(&apart), denied(&whole), "shadow mode changes the verdict");
    for part in [0, 1, 2, 5, 9] {
        let budget = needed / 10 * part;
        let (less, spent) = decide(policy, &call, budget, SHADOW);
        assert!(spent <= budget);
        if budget < needed {
            assert!(less.denial.is_some(), "it passes with {budget} of {needed} units");
        }
    }
}

fn decide(policy: &Policy, call: &Call<'_>, enforced: u64, shadow: u64) -> (Decision, u64) {
    let (work, shadow) = (Work::new(enforced), Work::new(shadow));
    let claims = Some(r#"{"sub":"caller","team":"sre","scope":"read write","list":[{"k":1}]}"#.to_owned());
    let caller = Caller { claims, ..Caller::default() };
    let decision = decide_within(policy, &caller, call, &|| Some(NOW_NS), &work, &shadow);
    (decision, work.spent())
}

fn denied(decision: &Decision) -> Option<String> {
    decision.denial.as_ref().map(|denial| format!("{denial:?}"))
}
