//! One request before its body is read.

use std::sync::Arc;

use super::case::{Case, Step};
use super::facts::Facts;
use super::{Conclusion, Environment};
use crate::audit;
use crate::decide::Decision;
use crate::denial::Denial;
use crate::identity::{self, Caller, Credentials};
use crate::mcp::headers::Headers;
use crate::mcp::message::{self, Message, Rejection};
use crate::mcp::summary::Summary;
use crate::policy::{Mode, Policy};

/// A request and its policy: what is known before the body.
#[derive(Debug)]
pub struct Request {
    /// The policy. It stays the same until the verdict, even if the configuration is updated
    pub policy: Arc<Policy>,
    /// The headers
    pub headers: Headers,
    /// The caller; without a principal until [`identify`](Self::identify) is called
    pub caller: Caller,
    /// The id of the decision, which the reply and the record contain
    pub decision_id: String,
    /// The session id as a digest, see [`audit::session`]
    pub session: Option<String>,
    /// Why the caller would be refused outside of shadow mode
    pub(super) would_deny: Option<Denial>,
}

impl Request {
    /// Makes a request of an unknown caller.
    #[must_use]
    pub fn new(policy: Arc<Policy>, headers: Headers, decision_id: String) -> Self {
        let session = headers.session_id.once().map(audit::session);
        Self::with_session(policy, headers, decision_id, session)
    }

    /// Makes a request of an unknown caller from a session id that is hashed already, see [`audit::session`].
    #[must_use]
    pub fn with_session(
        policy: Arc<Policy>,
        headers: Headers,
        decision_id: String,
        session: Option<String>,
    ) -> Self {
        Self { policy, headers, caller: Caller::default(), decision_id, session, would_deny: None }
    }

    /// Identifies the caller at the time `now_ns` (see [`Environment::now_ns`]). In shadow mode a caller who
    /// would be refused continues without a grant.
    ///
    /// # Errors
    /// The denial if the caller has no identity, no grant, or an expired grant.
    pub fn identify(&mut self, credentials: &impl Credentials, now_ns: Option<u64>) -> Result<(), Denial> {
        // Browsers send CORS preflight requests (OPTIONS) without credentials.
        if self.headers.method.once() == Some(b"OPTIONS") {
            return Ok(());
        }
        let (caller, denial) = identity::identify(&self.policy, &self.headers, credentials, now_ns);
        self.caller = caller;
        match denial {
            None => Ok(()),
            Some(denial) if self.policy.mode == Mode::Shadow => {
                self.caller.grant = None;
                self.would_deny = Some(denial);
                Ok(())
            }
            Some(denial) => Err(denial),
        }
    }

    /// Refuses the request before its body is read. In shadow mode it is forwarded.
    #[must_use]
    pub fn refuse(&self, denial: Denial) -> Conclusion {
        self.reject(Rejection { id: None, denial })
    }

    /// Forwards a request without a body.
    #[must_use]
    pub fn pass(&self) -> Conclusion {
        self.conclude(Decision::default(), &Facts::default())
    }

    /// Reads the body and returns the first step of its case.
    pub fn start_case<E: Environment>(&self, body: &[u8], environment: &E) -> Step {
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
