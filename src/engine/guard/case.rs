//! One call from its body to its verdict.
//!
//! A case that waits keeps the decision, the charges, and the parts of the message that the reply and the
//! record need. It does not keep the body, and nothing is decided twice.

use super::approve::{self, Consultation};
use super::facts::Facts;
use super::question::{Answer, Question};
use super::{Conclusion, Environment, Request, charge, unreadable};
use crate::decide::{self, Decision};
use crate::denial::{Code, Denial};
use crate::identity;
use crate::json::Document;
use crate::mcp::message::{Body, Call, Message};
use crate::mcp::rounds;
use crate::mcp::summary::Summary;
use crate::policy::Mode;

/// The next step of a case.
#[derive(Debug)]
pub enum Step {
    /// Change the request, then call [`Changing::done`]
    Change(Change, Box<Changing>),
    /// Ask an outside service, then call [`Asking::answered`]
    Ask(Box<Asking>),
    /// The verdict is reached
    Conclude(Conclusion),
}

/// How to change a request before it is forwarded. This is done before anything is asked or charged, because
/// it can fail.
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

/// What is known about a case.
#[derive(Debug)]
pub struct Case<'d> {
    pub(super) facts: Facts<'d>,
    pub(super) decision: Decision,
}

/// A case that waits for its request to be changed.
#[derive(Debug)]
pub struct Changing {
    case: Case<'static>,
    consultation: Option<Consultation>,
}

/// A case that waits for an answer.
#[derive(Debug)]
pub struct Asking {
    case: Case<'static>,
    consultation: Consultation,
    record: String,
}

impl Step {
    /// Runs a case to its conclusion. Every change succeeds, and `answer` answers every question.
    pub fn conclude<E: Environment>(
        self,
        request: &Request,
        environment: &E,
        mut answer: impl FnMut(&Question) -> Answer,
    ) -> Conclusion {
        let mut step = self;
        loop {
            step = match step {
                Self::Change(_, changing) => changing.done(request, Ok(()), environment),
                Self::Ask(asking) => {
                    let answer = answer(asking.question());
                    asking.answered(request, answer, environment)
                }
                Self::Conclude(conclusion) => return conclusion,
            };
        }
    }
}

impl<'d> Case<'d> {
    /// Decides on a message and takes the first step.
    pub(super) fn open<E: Environment>(
        request: &Request,
        document: &Document<'_>,
        message: &Message<'d>,
        environment: &E,
    ) -> Step {
        let mut case = Self { facts: Facts::of(Summary::of(message)), decision: Decision::default() };
        let Body::Call(call) = &message.body else { return case.conclude(request) };
        case.decision = decide::decide(&request.policy, &request.caller, call);
        if request.policy.mode == Mode::Shadow {
            case.decision.shadow(call.method.as_str(), &call.target);
        }
        let consultation = case.prepare_consultation(request, call, document.text().len(), environment);
        if case.decision.denial.is_some() {
            return case.conclude(request);
        }
        let change = Change {
            plain_answer: request.list(&case.facts).is_some(),
            // Only a policy with approvals puts anything into a call that has to be removed again. With any
            // other policy the body must stay as it is: in stream mode its length was sent with the headers.
            body: request.policy.approvals.as_ref().and_then(|_| rounds::without_own(document.text(), call)),
        };
        if change != Change::default() {
            let case = case.into_owned(request);
            return Step::Change(change, Box::new(Changing { case, consultation }));
        }
        case.ask_or_charge(request, consultation, environment)
    }

    /// Prepares the question to the approval service if a rule requires approval and nothing else refuses the
    /// call.
    fn prepare_consultation<E: Environment>(
        &mut self,
        request: &Request,
        call: &Call<'_>,
        size: usize,
        environment: &E,
    ) -> Option<Consultation> {
        let rule = self.decision.approval.clone().filter(|_| self.decision.denial.is_none())?;
        let prepared =
            approve::prepare(request, rule, call, size, &mut self.facts, &self.decision.charges, environment);
        prepared.map_err(|denial| self.decision.denial = Some(denial)).ok()
    }

    fn ask_or_charge<E: Environment>(
        self,
        request: &Request,
        consultation: Option<Consultation>,
        environment: &E,
    ) -> Step {
        match consultation {
            Some(consultation) => {
                let case = self.into_owned(request);
                let record = consultation.record_of_asking(request, &case.decision, &case.facts);
                Step::Ask(Box::new(Asking { case, consultation, record }))
            }
            None => self.charge(request, environment),
        }
    }

    /// Charges the limits. Nothing after this can refuse the call.
    fn charge<E: Environment>(mut self, request: &Request, environment: &E) -> Step {
        charge::charge(request, &mut self.facts, &mut self.decision, environment);
        self.conclude(request)
    }

    fn conclude(self, request: &Request) -> Step {
        Step::Conclude(request.conclude(self.decision, &self.facts))
    }

    /// Copies what the case borrows from the body.
    fn into_owned(self, request: &Request) -> Case<'static> {
        Case { facts: self.facts.into_owned(request.policy.audit), decision: self.decision }
    }
}

impl Changing {
    /// Continues after the request was changed, or refuses it if that failed. If the body does not have the
    /// length that the headers declare, the server could read it as two requests. It is therefore refused in
    /// shadow mode too.
    pub fn done<E: Environment>(
        self,
        request: &Request,
        done: Result<(), ChangeFailure>,
        environment: &E,
    ) -> Step {
        let Self { case, consultation } = self;
        match done {
            Ok(()) => case.ask_or_charge(request, consultation, environment),
            Err(ChangeFailure::Headers) => Step::Conclude(request.refuse(unreadable("headers"))),
            Err(ChangeFailure::Body) => {
                let reason = "the request's body could not be changed as it has to be";
                let denial = Denial::protocol(Code::Denied, reason);
                Step::Conclude(request.deny(denial, &case.decision, &case.facts))
            }
        }
    }
}

impl Asking {
    /// Returns the question.
    #[must_use]
    pub fn question(&self) -> &Question {
        &self.consultation.question
    }

    /// Returns the record to keep while the case waits. If the client disconnects before the answer, this
    /// record remains.
    #[must_use]
    pub fn record(&self) -> &str {
        &self.record
    }

    /// Returns roughly how many bytes of memory the case takes while it waits.
    #[must_use]
    pub fn size(&self) -> usize {
        self.case.facts.size().saturating_add(self.record.len())
    }

    /// Continues with the answer.
    pub fn answered<E: Environment>(self, request: &Request, answer: Answer, environment: &E) -> Step {
        let Self { mut case, consultation, .. } = self;
        let Answer::Approval(answer) = answer;
        let mut denial = approve::apply_answer(consultation, answer, &mut case.facts).err();
        // The grant may have expired while the case waited.
        let grant = request.caller.grant(&request.policy);
        if let Some(expired) = grant.and_then(|grant| identity::expired(grant, environment.now_ns())) {
            case.facts.elicitation = None;
            denial = Some(expired);
        }
        match denial {
            Some(denial) => {
                case.decision.denial = Some(denial);
                case.conclude(request)
            }
            None => case.charge(request, environment),
        }
    }
}
