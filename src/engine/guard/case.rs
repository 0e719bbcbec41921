//! One message from its body to its verdict.
//!
//! A case that waits keeps the decision, the charges, and the parts of the message that the reply and the
//! record need. It does not keep the body, and nothing is decided twice.

use std::rc::Rc;

use super::approve::{self, Asked, Consultation};
use super::facts::Facts;
use super::question::{Answer, Question};
use super::{Conclusion, Environment, Request, charge, unreadable};
use crate::decide::{self, Decision};
use crate::denial::{Code, Denial};
use crate::json::Document;
use crate::mcp::headers::Compression;
use crate::mcp::message::{Body, Message};
use crate::mcp::rounds;
use crate::mcp::summary::Summary;
use crate::policy::Mode;
use crate::work::{self, Work};

/// The next step of a case.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "most steps are conclusions, and a box would be one more allocation"
)]
pub enum Step {
    /// Change the request, then call [`Changing::done`]
    Change(Change, Box<Changing>),
    /// Ask an outside service, then call [`Asking::answered`]
    Ask(Ask, Box<Asking>),
    /// The verdict is reached
    Conclude(Conclusion),
}

/// How to change a request before it is forwarded. The change is made before a question is asked or a limit
/// is charged, because it can fail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// The response must not be compressed, because the filter has to read it
    pub plain_answer: bool,
    /// The new body, if the body contained something for this filter
    pub body: Option<Vec<u8>>,
}

/// Which part of a request could not be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeFailure {
    /// The headers
    Headers,
    /// The body; its `content-length` may already be changed
    Body,
}

/// A case: its request, the facts that were read from its message, and the decision.
#[derive(Debug)]
pub struct Case<'d> {
    request: Rc<Request>,
    facts: Facts<'d>,
    decision: Decision,
}

/// A case that waits for its request to be changed.
#[derive(Debug)]
pub struct Changing {
    case: Case<'static>,
    consultation: Option<Consultation>,
}

/// What to do while a case waits. A case does not keep it, because both texts can be as large as a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The question
    pub question: Question,
    /// The record to keep while the case waits. If the client disconnects before the answer, it remains
    pub record: String,
}

/// A case that waits for an answer.
#[derive(Debug)]
pub struct Asking {
    case: Case<'static>,
    consultation: Consultation,
}

impl Step {
    /// Runs a case to its conclusion without a proxy. Reports every change as successful, and calls `answer`
    /// for every question.
    pub fn conclude<E: Environment>(
        self,
        environment: &E,
        mut answer: impl FnMut(&Question) -> Answer,
    ) -> Conclusion {
        let mut step = self;
        loop {
            step = match step {
                Self::Change(_, changing) => changing.done(Ok(()), environment),
                Self::Ask(ask, asking) => asking.answered(answer(&ask.question), environment),
                Self::Conclude(conclusion) => return conclusion,
            };
        }
    }
}

impl<'d> Case<'d> {
    /// Decides on a message and takes the first step.
    pub(super) fn open<E: Environment>(
        request: &Rc<Request>,
        document: &Document<'_>,
        message: &Message<'d>,
        environment: &E,
    ) -> Step {
        let facts = Facts::of(Summary::of(message));
        let mut case = Self { request: Rc::clone(request), facts, decision: Decision::default() };
        let Body::Call(call) = &message.body else { return case.conclude() };
        let (policy, caller) = (&request.policy, &request.caller);
        let (work, shadow) = (Work::new(work::ENFORCED), Work::new(work::SHADOW));
        case.decision = decide::decide_within(policy, caller, call, &|| environment.now_ns(), &work, &shadow);
        case.decision.compare_headers(policy, caller, call, &request.headers, [&work, &shadow]);
        case.decision.compare_definitions(policy, caller, call, environment.store());
        if request.policy.mode == Mode::Shadow {
            case.decision.shadow(call.method.as_str(), &call.target);
        }
        // A call can contain state of this filter only if the policy has approvals. That state is removed. With
        // any other policy the body must not change: in stream mode its length was sent with the headers. In shadow
        // mode the state is that of another filter on the same request.
        let body = request.asks().then(|| rounds::without_own(document.text(), call)).flatten();
        let asked = Asked { call, size: document.text().len(), body: body.as_deref() };
        let consultation = case.prepare_consultation(asked, &work, environment);
        if case.decision.denial.is_some() {
            return case.conclude();
        }
        // With another value it was set at the headers.
        let plain_answer = request.headers.compression == Compression::Unsaid
            && request.policy.mode == Mode::Enforce
            && request.awaited(&case.facts).is_some_and(|awaited| awaited.list);
        let change = Change { plain_answer, body };
        if change != Change::default() {
            let case = case.into_owned();
            return Step::Change(change, Box::new(Changing { case, consultation }));
        }
        case.ask_or_charge(consultation, environment)
    }

    /// Prepares the question to the approval service if a rule requires approval and nothing else refuses the
    /// call.
    fn prepare_consultation<E: Environment>(
        &mut self,
        asked: Asked<'_>,
        work: &Work,
        environment: &E,
    ) -> Option<Consultation> {
        let rule = self.decision.approval.clone().filter(|_| self.decision.denial.is_none())?;
        let Self { request, facts, decision } = self;
        let prepared = approve::prepare(request, rule, asked, facts, &decision.charges, work, environment);
        prepared.map_err(|denial| self.decision.denial = Some(denial)).ok()
    }

    fn ask_or_charge<E: Environment>(self, consultation: Option<Consultation>, environment: &E) -> Step {
        match consultation {
            Some(mut consultation) => {
                let case = self.into_owned();
                let record = consultation.record_of_asking(&case.request, &case.decision, &case.facts);
                let ask = Ask { question: consultation.take_question(), record };
                Step::Ask(ask, Box::new(Asking { case, consultation }))
            }
            None => self.charge(environment),
        }
    }

    /// Charges the limits. Nothing after this can refuse the call.
    fn charge<E: Environment>(mut self, environment: &E) -> Step {
        if self.decision.denial.is_none() {
            charge::charge(&self.request, &mut self.facts, &mut self.decision, environment);
        }
        self.conclude()
    }

    fn conclude(self) -> Step {
        Step::Conclude(self.request.conclude(self.decision, self.facts))
    }

    /// Copies what the case borrows from the body.
    fn into_owned(self) -> Case<'static> {
        let Self { request, facts, decision } = self;
        let facts = facts.into_owned(request.policy.audit);
        Case { request, facts, decision }
    }
}

impl Changing {
    /// Continues after the request was changed, or refuses it if that failed. If the body does not have the
    /// length that the headers declare, the server could read it as two requests, so the request is refused
    /// in shadow mode too.
    pub fn done<E: Environment>(self, done: Result<(), ChangeFailure>, environment: &E) -> Step {
        let Self { case, consultation } = self;
        let denial = match done {
            Ok(()) => return case.ask_or_charge(consultation, environment),
            Err(ChangeFailure::Headers) => unreadable("headers"),
            Err(ChangeFailure::Body) => {
                Denial::protocol(Code::Denied, "the request's body could not be changed as it has to be")
            }
        };
        Step::Conclude(case.request.deny(denial, &case.decision, case.facts))
    }
}

impl Asking {
    /// Returns roughly how many bytes of memory the case takes while it waits.
    #[must_use]
    pub fn size(&self) -> usize {
        let Case { facts, decision, .. } = &self.case;
        facts.size().saturating_add(decision.size()).saturating_add(self.consultation.size())
    }

    /// Continues with the answer.
    pub fn answered<E: Environment>(self, answer: Answer, environment: &E) -> Step {
        let Self { mut case, consultation } = self;
        let Answer::Approval(answer) = answer;
        let mut denial = approve::apply_answer(consultation, answer, &mut case.facts).err();
        // The grant may have expired while the case waited.
        if let Some(expired) = case.request.not_in_force(environment) {
            denial = Some(expired);
        }
        match denial {
            Some(denial) => {
                case.decision.denial = Some(denial);
                case.conclude()
            }
            None => case.charge(environment),
        }
    }
}
