//! One request, as far as it is known before its body.

use std::sync::Arc;

use super::case::{Case, Step};
use super::conclude::Facts;
use super::{Conclusion, Environment};
use crate::audit;
use crate::decide::Decision;
use crate::denial::Denial;
use crate::identity::{self, Caller, Credentials};
use crate::mcp::headers::Headers;
use crate::mcp::message::{self, Message, Rejection};
use crate::mcp::summary::Summary;
use crate::policy::{Mode, Policy};

/// A request under a policy: what is known of it before its body.
#[derive(Debug)]
pub struct Request {
    /// The policy, which stays the same until the verdict
    pub policy: Arc<Policy>,
    /// Its headers
    pub headers: Headers,
    /// Who sends it; nobody until [`identify`](Self::identify)
    pub caller: Caller,
    /// The decision's own id, which the reply and the record name
    pub decision_id: String,
    /// The session id, as [`audit::session`] has it
    pub session: Option<String>,
    /// Why the caller would have been refused, but for shadow mode
    pub(super) advice: Option<Denial>,
}

impl Request {
    /// Opens a request of an unknown caller.
    #[must_use]
    pub fn new(policy: Arc<Policy>, headers: Headers, decision_id: String) -> Self {
        let session = headers.session_id.once().map(audit::session);
        Self::with_session(policy, headers, decision_id, session)
    }

    /// Opens a request whose session id was hashed before.
    #[must_use]
    pub fn with_session(
        policy: Arc<Policy>,
        headers: Headers,
        decision_id: String,
        session: Option<String>,
    ) -> Self {
        Self { policy, headers, caller: Caller::default(), decision_id, session, advice: None }
    }

    /// Finds out who sends the request, at `now_ns` (see [`Environment`]). In shadow mode a caller who would be
    /// refused is judged as if the policy had no grants.
    ///
    /// # Errors
    /// Why the caller is refused: without an identity, without a grant, or with an expired one.
    pub fn identify(&mut self, credentials: &impl Credentials, now_ns: Option<u64>) -> Result<(), Denial> {
        // A browser sends OPTIONS before it may send any credential (CORS preflight).
        if self.headers.method.once() == Some(b"OPTIONS") {
            return Ok(());
        }
        let (caller, denial) = identity::identify(&self.policy, &self.headers, credentials, now_ns);
        self.caller = caller;
        match denial {
            None => Ok(()),
            Some(denial) if self.policy.mode == Mode::Shadow => {
                self.caller.grant = None;
                self.advice = Some(denial);
                Ok(())
            }
            Some(denial) => Err(denial),
        }
    }

    /// Refuses the request by what is known before its body; in shadow mode it goes on.
    #[must_use]
    pub fn refuse(&self, denial: Denial) -> Conclusion {
        self.reject(Rejection { id: None, denial })
    }

    /// Lets a request without a body go on.
    #[must_use]
    pub fn pass(&self) -> Conclusion {
        self.conclude(Decision::default(), &Facts::default())
    }

    /// Judges the bytes of the body: the first step of a case.
    pub fn judge<E: Environment>(&self, body: &[u8], environment: &E) -> Step {
        let document = match message::parse(body) {
            Ok(document) => document,
            Err(rejection) => return Step::Conclude(self.reject(rejection)),
        };
        let message = match Message::read(&document, &self.headers) {
            Ok(message) => message,
            Err(rejection) => return Step::Conclude(self.reject(rejection)),
        };
        Case::open(self, &document, &message, environment)
    }

    fn reject(&self, rejection: Rejection) -> Conclusion {
        let decision = Decision { denial: Some(rejection.denial), ..Decision::default() };
        self.conclude(decision, &Facts::of(Summary::unread(rejection.id)))
    }
}
