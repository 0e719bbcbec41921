//! Judges a request that has arrived as a whole, without a proxy.

use std::rc::Rc;
use std::sync::Arc;

use super::admit::{announces_too_large, is_exempt, only_a_post_has_a_body, too_large};
use super::question::{Answer, Question};
use super::{Admission, Arrival, Conclusion, Environment, Request, admit};
use crate::audit;
use crate::denial::Denial;
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
    let arrival = arrive(policy, request.headers, decision_id)?;
    let mut conclusion = match arrival.identify(credentials, environment.now_ns()) {
        Ok(known) => judge_known(&Rc::new(known), request.body, environment, answer),
        Err(conclusion) => *conclusion,
    };
    audit::add_time(&mut conclusion.record, environment.now_ns());
    Some(conclusion)
}

/// Reads the headers of a request; their names are in lower case. `None` if the path is exempt.
#[must_use]
pub fn arrive(policy: &Arc<Policy>, headers: &[(String, String)], decision_id: String) -> Option<Arrival> {
    let pairs = headers.iter().map(|(name, value)| (name, value));
    let headers = Headers::from_pairs(pairs, &policy.header_names());
    (!is_exempt(policy, &headers)).then(|| Arrival::new(Arc::clone(policy), headers, decision_id))
}

/// Judges a request whose caller is known, like [`judge`].
pub fn judge_known<E: Environment>(
    known: &Rc<Request>,
    body: Option<&[u8]>,
    environment: &E,
    answer: impl FnMut(&Question) -> Answer,
) -> Conclusion {
    match readable(known, body) {
        Ok(Some(body)) => known.start_case(body, environment).conclude(environment, answer),
        Ok(None) => known.pass(),
        Err(denial) => known.refuse(denial),
    }
}

/// Returns the body that is read of a request; `None` if its method has no use for one.
///
/// # Errors
/// Why the request is refused before its body is read.
pub fn readable<'b>(request: &Request, body: Option<&'b [u8]>) -> Result<Option<&'b [u8]>, Denial> {
    let policy = &request.policy;
    match (admit(&request.headers), body) {
        (Admission::Refuse(denial), _) => Err(denial),
        (Admission::Bodiless, None) => Ok(None),
        (Admission::Bodiless, Some(_)) => Err(only_a_post_has_a_body()),
        (Admission::Read, _) if announces_too_large(policy, &request.headers) => Err(too_large(policy)),
        (Admission::Read, body) => match body.unwrap_or_default() {
            body if body.len() > policy.max_body_bytes => Err(too_large(policy)),
            body => Ok(Some(body)),
        },
    }
}
