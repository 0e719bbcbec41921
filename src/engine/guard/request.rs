//! One request before its body is read.

use std::rc::Rc;
use std::sync::Arc;

use super::case::{Case, Step};
use super::facts::Facts;
use super::{Conclusion, Environment, admit};
use crate::audit;
use crate::decide::Decision;
use crate::denial::Denial;
use crate::identity::{self, Caller, Credentials};
use crate::mcp::headers::Headers;
use crate::mcp::message::{self, Message, Rejection};
use crate::mcp::summary::Summary;
use crate::policy::{Mode, Policy};
use crate::work::{self, Work};

/// A request whose caller is not known yet. It can only be refused or identified.
#[derive(Debug)]
pub struct Arrival(Request);

/// A request and its policy: what is known before the body, the caller included.
#[derive(Debug)]
pub struct Request {
    /// The policy. It stays the same until the verdict, even if the configuration is updated
    pub policy: Arc<Policy>,
    /// The headers
    pub headers: Headers,
    /// The caller
    pub caller: Caller,
    /// The id of the decision, which the reply and the record contain
    pub decision_id: String,
    /// The session id as a digest, see [`audit::session`]
    pub session: Option<String>,
    /// Why the caller would be refused outside of shadow mode
    pub(super) would_deny: Option<Denial>,
}

impl Arrival {
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
        let caller = Caller::default();
        Self(Request { policy, headers, caller, decision_id, session, would_deny: None })
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        let Self(request) = self;
        &request.headers
    }

    /// Returns the request with a caller that is known already.
    #[must_use]
    pub fn of(self, caller: Caller) -> Request {
        let Self(request) = self;
        Request { caller, ..request }
    }

    /// Checks the request's origin, and identifies the caller at the time `now_ns` (see
    /// [`Environment::now_ns`]). In shadow mode a caller who would be refused continues without a grant.
    ///
    /// # Errors
    /// The conclusion of the request if its origin is not allowed, or if the caller has no identity, no grant, or
    /// a grant that is not in force.
    pub fn identify(
        self,
        credentials: &impl Credentials,
        now_ns: Option<u64>,
    ) -> Result<Request, Box<Conclusion>> {
        self.identify_with(|Request { policy, headers, .. }, work| {
            identity::identify_within(policy, headers, credentials, now_ns, work)
        })
    }

    /// Identifies the caller like [`Arrival::identify`]: `identify` gives the caller, and why it is refused, and
    /// spends the budget of work.
    ///
    /// # Errors
    /// As for [`Arrival::identify`].
    pub fn identify_with(
        self,
        identify: impl FnOnce(&Request, &Work) -> (Caller, Option<Denial>),
    ) -> Result<Request, Box<Conclusion>> {
        let Self(mut request) = self;
        let shadow = request.policy.mode == Mode::Shadow;
        let work = Work::new(work::IDENTIFIED);
        match admit::refuse_origin(&request.policy, &request.headers, &work) {
            Some(denial) if shadow => request.would_deny = Some(denial),
            Some(denial) => return Err(Box::new(request.refuse(denial))),
            None => {}
        }
        if admit::needs_no_identity(&request.headers) {
            return Ok(request);
        }
        let identified = identify(&request, &work);
        request.identified(identified)
    }

    /// Finds the grant of a caller whose principal, source and claims are known already, for tools that judge recorded
    /// requests. The origin is not checked.
    ///
    /// # Errors
    /// As for [`identify`](Self::identify).
    pub fn name(self, caller: Caller, now_ns: Option<u64>) -> Result<Request, Box<Conclusion>> {
        let Self(request) = self;
        let named = if caller.principal.is_some() { Ok(caller) } else { Err(identity::NO_CREDENTIAL) };
        let identified = identity::grant(&request.policy, named, now_ns, &Work::new(work::IDENTIFIED));
        request.identified(identified)
    }

    /// Refuses the request before its caller is identified. In shadow mode it is forwarded.
    #[must_use]
    pub fn refuse(self, denial: Denial) -> Conclusion {
        let Self(request) = self;
        request.refuse(denial)
    }
}

impl Request {
    fn identified(mut self, (caller, denial): (Caller, Option<Denial>)) -> Result<Self, Box<Conclusion>> {
        self.caller = caller;
        match denial {
            None => Ok(self),
            Some(denial) if self.policy.mode == Mode::Shadow => {
                self.caller.grant = None;
                self.would_deny.get_or_insert(denial);
                Ok(self)
            }
            Some(denial) => Err(Box::new(self.refuse(denial))),
        }
    }

    /// Returns whether it is known what the caller may use. Without a grant it is not if the policy has grants: the rules of
    /// the document alone show more than any grant.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        self.policy.grants.is_empty() || self.caller.grant.is_some()
    }

    /// Tells whether the request reads the metadata of the resource, for which no identity is needed.
    #[must_use]
    pub fn reads_metadata(&self) -> bool {
        self.headers.method.once() == Some(b"GET") && admit::needs_no_identity(&self.headers)
    }

    /// Refuses the request before its body is read. In shadow mode it is forwarded.
    #[must_use]
    pub fn refuse(&self, denial: Denial) -> Conclusion {
        self.reject(Rejection { id: None, denial })
    }

    /// Forwards a request without a body.
    #[must_use]
    pub fn pass(&self) -> Conclusion {
        self.conclude(Decision::default(), Facts::default())
    }

    /// Reads the body and returns the first step of its case.
    pub fn start_case<E: Environment>(self: &Rc<Self>, body: &[u8], environment: &E) -> Step {
        let document = match message::parse(body) {
            Ok(document) => document,
            Err(rejection) => return Step::Conclude(self.reject(rejection)),
        };
        let message = match Message::read(&document, &self.headers) {
            Ok(message) => message,
            Err(rejection) => return Step::Conclude(self.reject(rejection)),
        };
        if let Some(denial) = self.not_in_force(environment) {
            let decision = Decision { denial: Some(denial), ..Decision::default() };
            return Step::Conclude(self.conclude(decision, Facts::of(Summary::of(&message))));
        }
        Case::open(self, &document, &message, environment)
    }

    /// Returns a denial if the caller's grant is not in force any more: a body can arrive, and an answer from
    /// outside too, long after the headers.
    pub(super) fn not_in_force<E: Environment>(&self, environment: &E) -> Option<Denial> {
        let grant = self.caller.grant(&self.policy).filter(|grant| grant.has_term())?;
        identity::not_in_force(grant, environment.now_ns())
    }

    /// Returns whether calls can have to wait for an approval. In shadow mode nobody is asked.
    pub(super) fn asks(&self) -> bool {
        self.policy.approvals.is_some() && self.policy.mode == Mode::Enforce
    }

    fn reject(&self, rejection: Rejection) -> Conclusion {
        let decision = Decision { denial: Some(rejection.denial), ..Decision::default() };
        self.conclude(decision, Facts::of(Summary::unread(rejection.id)))
    }
}
