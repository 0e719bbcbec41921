//! Judges a request that has arrived as a whole, without a proxy.

use std::rc::Rc;
use std::sync::Arc;

use super::admit::{announces_too_large, is_exempt, only_a_post_has_a_body, too_large};
use super::question::{Answer, Question};
use super::{Admission, Arrival, Conclusion, Environment, admit};
use crate::audit;
use crate::identity::Credentials;
use crate::mcp::headers::Headers;
use crate::policy::Policy;

/// A request as its client sent it.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'r> {
    /// The headers, with lower-case names as Envoy keeps them; `:method` and `:path` are among them
    pub headers: &'r [(String, String)],
    /// The body; `None` if there is none
    pub body: Option<&'r [u8]>,
}

/// Judges a request as the filter does, in one step. `answer` answers the questions to outside services. `None` if the
/// path is exempt: such a request is forwarded unread and leaves no record.
pub fn judge<E: Environment>(
    policy: &Arc<Policy>,
    request: Whole<'_>,
    credentials: &impl Credentials,
    decision_id: String,
    environment: &E,
    answer: impl FnMut(&Question) -> Answer,
) -> Option<Conclusion> {
    let mut conclusion = conclude(policy, request, credentials, decision_id, environment, answer)?;
    audit::add_time(&mut conclusion.record, environment.now_ns());
    Some(conclusion)
}

fn conclude<E: Environment>(
    policy: &Arc<Policy>,
    request: Whole<'_>,
    credentials: &impl Credentials,
    decision_id: String,
    environment: &E,
    answer: impl FnMut(&Question) -> Answer,
) -> Option<Conclusion> {
    let pairs = request.headers.iter().map(|(name, value)| (name, value));
    let headers = Headers::from_pairs(pairs, &policy.header_names());
    if is_exempt(policy, &headers) {
        return None;
    }
    let arrival = Arrival::new(Arc::clone(policy), headers, decision_id);
    let known = match arrival.identify(credentials, environment.now_ns()) {
        Ok(known) => Rc::new(known),
        Err(conclusion) => return Some(*conclusion),
    };
    Some(match (admit(&known.headers), request.body) {
        (Admission::Refuse(denial), _) => known.refuse(denial),
        (Admission::Bodiless, None) => known.pass(),
        (Admission::Bodiless, Some(_)) => known.refuse(only_a_post_has_a_body()),
        (Admission::Read, body) => match body.unwrap_or_default() {
            _ if announces_too_large(policy, &known.headers) => known.refuse(too_large(policy)),
            body if body.len() > policy.max_body_bytes => known.refuse(too_large(policy)),
            body => known.start_case(body, environment).conclude(environment, answer),
        },
    })
}
