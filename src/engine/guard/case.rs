//! One call on its way from its body to its verdict.
//!
//! A case that asks outside keeps what it has learnt, not the bytes it learnt it from: what the rules say, what
//! the limits are charged, and what the reply and the record need of the message. Nothing is judged twice.

use super::approve::{self, Consultation};
use super::conclude::Facts;
use super::{Conclusion, Environment, Request, charge, unreadable};
use crate::approval;
use crate::decide::{self, Decision};
use crate::denial::{Code, Denial};
use crate::identity;
use crate::json::Document;
use crate::mcp::message::{Body, Call, Message};
use crate::mcp::rounds;
use crate::mcp::summary::Summary;
use crate::policy::Mode;

/// What comes next in a case.
#[derive(Debug)]
pub enum Step {
    /// The request has to be changed; then [`Changing::done`] goes on
    Change(Change, Box<Changing>),
    /// Somebody outside has to be asked; then [`Asking::answered`] goes on
    Ask(Box<Asking>),
    /// The verdict
    Conclude(Conclusion),
}

/// How a request has to be changed before it goes on. This comes before anything is asked or charged, since it
/// can fail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// The answer has to come uncompressed
    pub plain_answer: bool,
    /// What goes on in place of the body, where something in it was for this filter
    pub body: Option<Vec<u8>>,
}

/// What of a request could not be changed as it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchanged {
    /// Its headers
    Headers,
    /// Its body, while its length may have been changed already
    Body,
}

/// What is asked outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The approval service, by a request with this body
    Approval(String),
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The approval service's answer, or why there is none
    Approval(Result<approval::Answer, approval::Cause>),
}

/// A case with what is known of it.
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
    /// Takes a case to its end where every change succeeds and `answer` answers every question.
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
    /// Decides on a message, and takes the first step.
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
            case.decision.soften(call.method.as_str(), &call.target);
        }
        let consultation = case.consult(request, call, document.text().len(), environment);
        if case.decision.denial.is_some() {
            return case.conclude(request);
        }
        let change = Change {
            plain_answer: request.list(&case.facts).is_some(),
            // A policy without approvals puts nothing into a call, so there is nothing to take out. Where
            // headers go ahead, the length of the body has gone with them.
            body: request.policy.approvals.as_ref().and_then(|_| rounds::without_own(document.text(), call)),
        };
        if change != Change::default() {
            let case = case.keep(request);
            return Step::Change(change, Box::new(Changing { case, consultation }));
        }
        case.ask_or_charge(request, consultation, environment)
    }

    /// Prepares the question to a person where a rule wants one asked and nothing else refuses the call.
    fn consult<E: Environment>(
        &mut self,
        request: &Request,
        call: &Call<'_>,
        size: usize,
        environment: &E,
    ) -> Option<Consultation> {
        let rule = self.decision.approval.clone().filter(|_| self.decision.denial.is_none())?;
        let prepared = approve::consult(request, rule, call, size, self, environment);
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
                let case = self.keep(request);
                let record = approve::record_of_asking(request, &case, &consultation);
                Step::Ask(Box::new(Asking { case, consultation, record }))
            }
            None => self.charge(request, environment),
        }
    }

    /// Charges the limits, which is the last that can refuse a call.
    fn charge<E: Environment>(mut self, request: &Request, environment: &E) -> Step {
        charge::charge(request, &mut self, environment);
        self.conclude(request)
    }

    fn conclude(self, request: &Request) -> Step {
        Step::Conclude(request.conclude(self.decision, &self.facts))
    }

    /// Detaches the case from the bytes of the body.
    fn keep(self, request: &Request) -> Case<'static> {
        Case { facts: self.facts.keep(request.policy.audit), decision: self.decision }
    }
}

impl Changing {
    /// Goes on after the request was changed, or refuses it where it could not be. A body of another length than
    /// its headers tell is two requests to a server, so that not even shadow mode lets one go on.
    pub fn done<E: Environment>(
        self,
        request: &Request,
        done: Result<(), Unchanged>,
        environment: &E,
    ) -> Step {
        let Self { case, consultation } = self;
        match done {
            Ok(()) => case.ask_or_charge(request, consultation, environment),
            Err(Unchanged::Headers) => Step::Conclude(request.refuse(unreadable("headers"))),
            Err(Unchanged::Body) => {
                let reason = "the body cannot be taken to the server as it has to be";
                let denial = Denial::protocol(Code::Denied, reason);
                Step::Conclude(request.deny(denial, &case.decision, &case.facts))
            }
        }
    }
}

impl Asking {
    /// Returns what is asked.
    #[must_use]
    pub fn question(&self) -> &Question {
        &self.consultation.question
    }

    /// Returns the record to keep while the case waits: if the client disconnects before there is an answer, this
    /// record remains.
    #[must_use]
    pub fn record(&self) -> &str {
        &self.record
    }

    /// Returns about how many bytes of memory the case takes while it waits.
    #[must_use]
    pub fn size(&self) -> usize {
        self.case.facts.size().saturating_add(self.record.len())
    }

    /// Goes on with the answer.
    pub fn answered<E: Environment>(self, request: &Request, answer: Answer, environment: &E) -> Step {
        let Self { mut case, consultation, .. } = self;
        let Answer::Approval(answer) = answer;
        let mut denial = approve::heed(consultation, answer, &mut case.facts).err();
        // A grant can expire while a person is asked.
        let grant = request.caller.grant(&request.policy);
        if let Some(expired) = grant.and_then(|grant| identity::expired(grant, environment.now_ns())) {
            case.facts.lead = None;
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
