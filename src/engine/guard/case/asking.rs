//! A case that waits for an answer.

use std::rc::Rc;

use super::{Case, Step};
use crate::guard::Environment;
use crate::guard::approve::{self, Consultation};
use crate::guard::question::Answer;
use crate::rate_limit;

/// A case that waits for an answer.
#[derive(Debug)]
pub struct Asking {
    pub(super) case: Case<'static>,
    pub(super) purpose: Purpose,
}

/// What a case waits for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// Whether shared limits have room, before a person is asked
    Look(Consultation, Rc<rate_limit::Request>),
    /// An approval
    Approval(Consultation),
    /// The charges of shared limits
    Charge,
}

impl Asking {
    /// Returns roughly how many bytes of memory the case takes while it waits.
    #[must_use]
    pub fn size(&self) -> usize {
        let Case { facts, decision, shared, .. } = &self.case;
        let consultation = match &self.purpose {
            Purpose::Look(consultation, _) | Purpose::Approval(consultation) => consultation.size(),
            Purpose::Charge => 0,
        };
        [decision.size(), shared.as_ref().map_or(0, |shared| shared.size()), consultation]
            .into_iter()
            .fold(facts.size(), usize::saturating_add)
    }

    /// Continues with the answer.
    pub fn answered<E: Environment>(self, answer: Answer, environment: &E) -> Step {
        let Self { mut case, purpose } = self;
        let mut next = None;
        let denial = match purpose {
            Purpose::Look(consultation, question) => {
                next = Some(consultation);
                case.apply_look(&question, answer.of_rates(), environment)
            }
            Purpose::Approval(consultation) => {
                approve::apply_answer(consultation, answer.of_approval(), &mut case.facts).err()
            }
            Purpose::Charge => return case.charge_after(answer.of_rates(), environment),
        };
        // While the case waited, the grant may have expired, and the tool may have been listed otherwise.
        let denial = case.request.not_in_force(environment).or(denial);
        match denial.or_else(|| case.decision.definition_changed(environment.store())) {
            Some(denial) => {
                case.decision.denial = Some(denial);
                case.conclude()
            }
            None => match next {
                Some(consultation) => case.ask_approval(consultation),
                None => case.count(environment),
            },
        }
    }
}
