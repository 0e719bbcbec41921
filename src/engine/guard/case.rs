//! One message from its body to its verdict.
//!
//! A case that waits keeps the decision, the charges, and the parts of the message that the reply and the
//! record need. It does not keep the body, and nothing is decided twice.

mod asking;

use std::rc::Rc;

use super::approve::{self, Asked, Consultation};
use super::facts::Facts;
use super::question::{Answer, Question};
use super::shared::Shared;
use super::{Conclusion, Environment, Request, charge, unreadable};
use crate::decide::{self, Decision};
use crate::denial::{Code, Denial};
use crate::json::Document;
use crate::mcp::headers::Compression;
use crate::mcp::message::{Body, Message};
use crate::mcp::rounds;
use crate::mcp::summary::Summary;
use crate::policy::Mode;
use crate::rate_limit::{self, Failure};
use crate::work::{self, Work};
use asking::Purpose;

pub use asking::Asking;

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
    shared: Option<Box<Shared>>,
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
        let decision = Decision::default();
        let mut case = Self { request: Rc::clone(request), facts, decision, shared: None };
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
        if case.decision.denial.is_none() {
            case.shared = Shared::take(request, &mut case.decision, &case.facts, environment).map(Box::new);
        }
        let consultation = case.prepare_consultation(asked, &work, environment);
        if case.decision.denial.is_some() {
            return case.conclude();
        }
        // With another value it was set at the headers.
        let plain_answer = request.headers.compression == Compression::Unsaid
            && request.policy.mode == Mode::Enforce
            && request.awaited(&case.facts).is_some_and(|awaited| awaited.list.is_some());
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
        let Self { request, facts, decision, .. } = self;
        let prepared = approve::prepare(request, rule, asked, facts, &decision.charges, work, environment);
        prepared.map_err(|denial| self.decision.denial = Some(denial)).ok()
    }

    fn ask_or_charge<E: Environment>(self, consultation: Option<Consultation>, environment: &E) -> Step {
        match consultation {
            // A person should not be asked about a call that has no room, and an approval is used up once it is given.
            Some(consultation) => match self.shared.as_ref().filter(|shared| shared.has_effect()) {
                Some(shared) => {
                    let question = shared.look();
                    self.ask_rates(Rc::clone(&question), Purpose::Look(consultation, question))
                }
                None => self.ask_approval(consultation),
            },
            None => self.count(environment),
        }
    }

    fn ask_approval(self, mut consultation: Consultation) -> Step {
        let case = self.into_owned();
        let record = consultation.record_of_asking(&case.request, &case.decision, &case.facts);
        let ask = Ask { question: consultation.take_question(), record };
        Step::Ask(ask, Box::new(Asking { case, purpose: Purpose::Approval(consultation) }))
    }

    /// Asks the rate limit service, which charges the shared limits; then charges the others. Nothing that this proxy
    /// can refuse alone is asked.
    fn count<E: Environment>(mut self, environment: &E) -> Step {
        let Some(shared) = &self.shared else { return self.charge(environment) };
        let question = shared.question();
        let Self { request, facts, decision, .. } = &mut self;
        match charge::look(request, &decision.charges, facts, environment) {
            Some(denial) => {
                decision.refuse_count(request.policy.mode, denial);
                self.conclude()
            }
            None => self.ask_rates(question, Purpose::Charge),
        }
    }

    fn ask_rates(self, question: Rc<rate_limit::Request>, purpose: Purpose) -> Step {
        let mut case = self.into_owned();
        if case.facts.told.is_none() {
            case.facts.told = Some(Box::new(case.request.tell(&case.facts)));
        }
        let first = case.shared.as_ref().and_then(|shared| shared.first());
        let record = first.map_or(String::new(), |due| {
            // A record has no reason.
            let denial = Denial::by(due.limit.path.to_string(), Code::LimiterUnavailable, String::new());
            let denial = denial.because_of("unfinished");
            case.request.record_of_counting(&denial, case.decision.rule.as_deref(), &case.facts)
        });
        Step::Ask(Ask { question: Question::Rates(question), record }, Box::new(Asking { case, purpose }))
    }

    /// Applies the answer to the question whether shared limits have room.
    fn apply_look<E: Environment>(
        &mut self,
        question: &rate_limit::Request,
        answer: Result<rate_limit::Answer, Failure>,
        environment: &E,
    ) -> Option<Denial> {
        let Self { request, facts, shared, .. } = self;
        shared.as_ref()?.apply_look(request, question, answer, facts, environment)
    }

    /// Continues after the rate limit service was asked to charge.
    fn charge_after<E: Environment>(
        mut self,
        answer: Result<rate_limit::Answer, Failure>,
        environment: &E,
    ) -> Step {
        let Self { request, facts, decision, shared } = &mut self;
        if let Some(shared) = shared.take() {
            shared.apply(request, answer, decision, facts, environment);
        }
        // While the case waited, the grant may have expired, and the tool may have been listed otherwise.
        let expired = request.not_in_force(environment);
        if let Some(denial) = expired.or_else(|| decision.definition_changed(environment.store())) {
            decision.refuse_count(request.policy.mode, denial);
        }
        self.charge(environment)
    }

    /// Charges the limits that this proxy counts. Nothing after this can refuse the call.
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
        let Self { request, facts, decision, shared } = self;
        let facts = facts.into_owned(request.policy.audit);
        Case { request, facts, decision, shared }
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
