//! One request from its bytes to its outcome: read, decide, charge, answer, record.
//!
//! What Envoy's filter does with a request, a native tool can do with a file: the store, the time
//! and the ids are arguments.

mod charge;

use crate::audit::{Counted, Outcome, Record};
use crate::decide::{self, Decision};
use crate::denial::{Code, Denial, Invalid};
use crate::identity::{self, Caller, Credentials};
use crate::limit::{Layout, Store};
use crate::mcp::answer::{Asked, Form, Refusal, Reply};
use crate::mcp::headers::Headers;
use crate::mcp::list::ListKind;
use crate::mcp::media;
use crate::mcp::message::{self, Body, Message, Rejection, Target};
use crate::policy::{Mode, Policy};

/// What the headers alone decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It passes unread and unrecorded
    Pass,
    /// It may go on if it has no body, which its method has no meaning for
    Bodiless,
    /// Its body decides
    Read,
    /// It is refused
    Refuse(Denial),
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on as it is; an answer to a list request is filtered
    Forward(Option<ListRequest>),
    /// It is answered here
    Refuse(Reply),
}

/// A request for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// Of what
    pub kind: ListKind,
    /// The request's id, as JSON text
    pub id: String,
}

/// A verdict, and what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What becomes of the request
    pub verdict: Verdict,
    /// The audit record, as JSON
    pub record: String,
    /// The record's decision, for metrics
    pub outcome: Outcome,
    /// Why it was refused, or would have been but for shadow mode
    pub denial: Option<Denial>,
    /// How counting went
    pub counting: Counting,
}

/// How counting went, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counting {
    /// Writes that were lost to other workers and made again
    pub retries: u32,
    /// Why it could not be counted
    pub failure: Option<&'static str>,
}

/// Where the calls of a policy are counted.
#[derive(Debug)]
pub struct Tally<'a, S: ?Sized> {
    /// The shared counters
    pub store: &'a S,
    /// Where each of them is; `None` while the proxy's secret cannot be had
    pub layout: Option<&'a Layout>,
    /// Nanoseconds since the Unix epoch
    pub now_ns: u64,
}

/// One request under a policy, as far as it is known before its body.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The policy
    pub policy: &'a Policy,
    /// Who sends it
    pub caller: &'a Caller,
    /// Its headers
    pub headers: &'a Headers,
    /// The decision's own id, in the answer and the record
    pub decision_id: &'a str,
    /// Why it would have been refused already, but for shadow mode
    pub advice: Option<&'a Denial>,
}

/// Judges the headers.
#[must_use]
pub fn admit(policy: &Policy, headers: &Headers) -> Admission {
    let path = headers.path_without_query();
    if policy.exempt_paths.iter().any(|exempt| Some(exempt.as_bytes()) == path) {
        return Admission::Pass;
    }
    Admission::Refuse(match headers.method.once() {
        _ if headers.upgrade.is_present() => Denial::protocol(
            Code::InvalidRequest(Invalid::Request),
            "an upgraded connection cannot be read: send MCP over HTTP",
        ),
        Some(b"POST") => match media::fault(&headers.content_type, &headers.content_encoding) {
            Some(fault) => Denial::protocol(Code::UnsupportedMediaType, fault).because_of("media_type"),
            None => return Admission::Read,
        },
        Some(b"GET" | b"DELETE" | b"OPTIONS") => return Admission::Bodiless,
        _ => Denial::protocol(Code::MethodNotAllowed, "use POST, GET, DELETE or OPTIONS"),
    })
}

/// Finds out who sends a request, where its method needs to know, and why it is refused: without an
/// identity, a grant, or one that has not expired.
pub fn identify(
    policy: &Policy,
    headers: &Headers,
    credentials: &impl Credentials,
    now_ns: impl FnOnce() -> Option<u64>,
) -> (Caller, Option<Denial>) {
    // A browser asks with OPTIONS before it may send any credential (CORS preflight).
    if headers.method.once() == Some(b"OPTIONS") {
        return (Caller::default(), None);
    }
    identity::identify(policy, credentials, now_ns)
}

/// Refuses a request that came to a filter without a policy.
#[must_use]
pub fn refuse_without_policy() -> Reply {
    refuse_at_once("the policy filter has no policy")
}

/// Refuses a request whose record cannot be kept.
#[must_use]
pub fn refuse_unrecorded() -> Reply {
    refuse_at_once("the decision cannot be recorded")
}

fn refuse_at_once(reason: &str) -> Reply {
    let denial = Denial::protocol(Code::Denied, reason);
    Refusal { denial: &denial, asked: Asked::Other, id: None, form: Form::Http, decision_id: "", policy: "" }
        .reply()
}

/// The denial of a body larger than the policy allows.
#[must_use]
pub fn too_large(policy: &Policy) -> Denial {
    let reason = format!("the body is larger than {} bytes", policy.max_body_bytes);
    Denial::by("max_body_bytes", Code::TooLarge, reason)
}

impl Request<'_> {
    /// Refuses the request by what is known before its body; in shadow mode it goes on.
    #[must_use]
    pub fn refuse(&self, denial: Denial) -> Judgement {
        self.reject(Rejection { id: None, denial })
    }

    /// Lets a request without a body go on.
    #[must_use]
    pub fn pass(&self) -> Judgement {
        self.conclude(None, None, Decision::default(), &[], Counting::default())
    }

    /// Judges the bytes of the body, and charges what is due.
    pub fn judge<S: Store + ?Sized>(&self, body: &[u8], tally: &Tally<'_, S>) -> Judgement {
        let document = match message::parse(body) {
            Ok(document) => document,
            Err(rejection) => return self.reject(rejection),
        };
        let message = match Message::read(&document, self.headers) {
            Ok(message) => message,
            Err(rejection) => return self.reject(rejection),
        };
        let Body::Call(call) = &message.body else {
            return self.conclude(Some(&message), message.id, Decision::default(), &[], Counting::default());
        };
        let mut decision = decide::decide(self.policy, self.caller, call);
        if self.policy.mode == Mode::Shadow {
            decision.soften();
        }
        let (counters, counting) = self.charge(&mut decision, call, tally);
        self.conclude(Some(&message), message.id, decision, &counters, counting)
    }

    fn reject(&self, rejection: Rejection) -> Judgement {
        let decision = Decision { denial: Some(rejection.denial), ..Decision::default() };
        self.conclude(None, rejection.id.as_deref(), decision, &[], Counting::default())
    }

    /// Makes the answer and the record of a decision.
    fn conclude(
        &self,
        message: Option<&Message<'_>>,
        id: Option<&str>,
        mut decision: Decision<'_>,
        counters: &[Counted],
        counting: Counting,
    ) -> Judgement {
        if self.policy.mode == Mode::Shadow {
            decision.soften();
        }
        if let Some(advice) = self.advice {
            decision.would_deny = Some(advice.clone());
        }
        let (outcome, denial) = match (decision.denial, decision.would_deny) {
            (Some(denial), _) => (Outcome::Deny, Some(denial)),
            (None, Some(denial)) => (Outcome::WouldDeny, Some(denial)),
            (None, None) => (Outcome::Allow, None),
        };
        let verdict = match &denial {
            Some(denial) if outcome == Outcome::Deny => Verdict::Refuse(self.answer(denial, message, id)),
            _ => Verdict::Forward(message.and_then(|message| self.list(message))),
        };
        let record = Record {
            outcome,
            denial: denial.as_ref(),
            rule: decision.rule,
            id: self.decision_id,
            policy: self.policy,
            caller: self.caller,
            headers: self.headers,
            message: message.map(|message| &message.body),
            request: id,
            counters,
        }
        .json();
        Judgement { verdict, record, outcome, denial, counting }
    }

    fn answer(&self, denial: &Denial, message: Option<&Message<'_>>, id: Option<&str>) -> Reply {
        let asked = match message.map(|message| &message.body) {
            Some(_) if id.is_none() => Asked::Notification,
            Some(Body::Call(call)) => match &call.target {
                Target::Tool(name) => Asked::Tool(name),
                _ => Asked::Other,
            },
            _ => Asked::Other,
        };
        let (form, policy) = (self.policy.denials, self.policy.digest.as_str());
        Refusal { denial, asked, id, form, decision_id: self.decision_id, policy }.reply()
    }

    /// Tells whether the answer is a list. One of what shadow mode would deny stays whole: nobody is
    /// denied any of it.
    fn list(&self, message: &Message<'_>) -> Option<ListRequest> {
        let Body::Call(call) = &message.body else { return None };
        let kind = ListKind::from_method(&call.method).filter(|_| self.policy.mode == Mode::Enforce)?;
        // Some servers answer what should have had an id: their list is filtered as well.
        Some(ListRequest { kind, id: message.id.unwrap_or("null").to_owned() })
    }
}

impl Decision<'_> {
    /// Makes advice of everything, as if every rule were in shadow mode.
    fn soften(&mut self) {
        self.would_deny = self.denial.take().or(self.would_deny.take());
        self.shadow_charges.append(&mut self.charges);
    }
}
