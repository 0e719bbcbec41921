//! The shared limits of a case: the question to the rate limit service, and what follows from its answer.

mod adding;

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use super::charge;
use super::facts::Facts;
use super::refusal::{self, Left};
use super::{Environment, Request};
use crate::audit::{Counted, CounterUsage};
use crate::decide::{Decision, Due};
use crate::denial::Denial;
use crate::limit::{Amount, Usage};
use crate::policy::{OnFailure, Scope};
use crate::rate_limit::{self, Answer, Descriptor, Failure, Outcome, Standing};
use adding::Adding;

/// The shared limits of a case.
#[derive(Debug)]
pub(super) struct Shared {
    /// Those that have effect, then those of rules in shadow mode
    dues: Vec<SharedDue>,
    /// The number of those that have effect
    effective: usize,
    /// The question that charges all of them
    question: Rc<rate_limit::Request>,
}

/// What is charged to one shared limit.
#[derive(Debug)]
struct SharedDue {
    due: Due,
    /// The scope that applies to the caller
    scope: Scope,
    /// The index of its tally among the descriptors
    tally: usize,
}

impl Shared {
    /// Takes the shared limits out of a decision. `None` if nothing is to be asked: there are none, or the case is
    /// refused without asking, which the decision then says.
    pub fn take<E: Environment>(
        request: &Request,
        decision: &mut Decision,
        facts: &Facts<'_>,
        environment: &E,
    ) -> Option<Self> {
        let to = request.policy.shared_limits.as_ref()?;
        let mut effective = split(&mut decision.charges);
        let mut shadow = split(&mut decision.shadow_charges);
        // What is refused, or would be, is not charged.
        if request.would_deny.is_some() {
            effective.clear();
        }
        if request.would_deny.is_some() || decision.would_deny.is_some() {
            shadow.clear();
        }
        if effective.is_empty() && shadow.is_empty() {
            return None;
        }
        let tallies = environment.tallies();
        let mut all = Adding { request, tallies, dues: Vec::new(), descriptors: Vec::new() };
        if let Err(denial) = all.add(effective, facts) {
            decision.refuse_count(request.policy.mode, denial);
            return None;
        }
        let effective = all.dues.len();
        if let Err(denial) = all.add(shadow, facts) {
            decision.would_deny.get_or_insert(denial);
            all.dues.truncate(effective);
            all.descriptors.truncate(tallies_of(&all.dues));
        }
        let Adding { dues, descriptors, .. } = all;
        if descriptors.is_empty() {
            return None;
        }
        let question = Rc::new(rate_limit::Request { domain: to.domain.clone(), descriptors });
        Some(Self { dues, effective, question })
    }

    /// Returns whether a limit has effect. Otherwise all of them belong to rules in shadow mode.
    pub fn has_effect(&self) -> bool {
        self.effective > 0
    }

    /// Returns the question that charges all limits.
    pub fn question(&self) -> Rc<rate_limit::Request> {
        Rc::clone(&self.question)
    }

    /// Returns the question whether the limits that have effect have room, which charges nothing.
    pub fn look(&self) -> Rc<rate_limit::Request> {
        let tallies = tallies_of(self.dues.get(..self.effective).unwrap_or_default());
        let descriptors = self.question.descriptors.iter().take(tallies).cloned();
        let descriptors = descriptors.map(|descriptor| Descriptor { charges: false, ..descriptor }).collect();
        Rc::new(rate_limit::Request { domain: self.question.domain.clone(), descriptors })
    }

    /// Returns the first limit, for a denial without an answer.
    pub fn first(&self) -> Option<&Due> {
        self.dues.first().map(|shared| &shared.due)
    }

    /// Returns roughly how many bytes of memory it takes.
    pub fn size(&self) -> usize {
        let due = |shared: &SharedDue| size_of::<SharedDue>().saturating_add(shared.due.size());
        self.dues.iter().map(due).fold(self.question.size(), usize::saturating_add)
    }

    /// Applies the answer to the question whether there is room. Returns the denial if there is none. Notes nothing
    /// otherwise, because nothing is charged.
    pub fn apply_look<E: Environment>(
        &self,
        request: &Request,
        asked: &rate_limit::Request,
        answer: Result<Answer, Failure>,
        facts: &mut Facts<'_>,
        environment: &E,
    ) -> Option<Denial> {
        let standings = match answer.and_then(|answer| asked.standings(&answer)) {
            Ok(standings) => standings,
            Err(failure) => {
                facts.rates = Some(Outcome::Failed(failure));
                if on_failure(request) == OnFailure::Deny {
                    return self.first().map(|due| unanswered(due, failure));
                }
                let dues: Vec<Due> = self.dues(0..self.effective).cloned().collect();
                return charge::look(request, &dues, facts, environment);
            }
        };
        let denial = self.judge(0..self.effective, request, &standings, facts, environment);
        facts.rates = Some(if denial.is_some() { Outcome::OverLimit } else { Outcome::Ok });
        if denial.is_none() {
            facts.counters.clear();
        }
        denial
    }

    /// Applies the answer to the question that charges. What it refuses is in the decision afterwards, and what this
    /// proxy has to count alone is among its charges.
    pub fn apply<E: Environment>(
        self,
        request: &Request,
        answer: Result<Answer, Failure>,
        decision: &mut Decision,
        facts: &mut Facts<'_>,
        environment: &E,
    ) {
        let standings = match answer.and_then(|answer| self.question.standings(&answer)) {
            Ok(standings) => standings,
            Err(failure) => return self.go_without(request, failure, decision, facts),
        };
        facts.rates = Some(Outcome::Ok);
        let denial = self.judge(0..self.effective, request, &standings, facts, environment);
        if let Some(denial) = denial {
            facts.rates = Some(Outcome::OverLimit);
            decision.refuse_count(request.policy.mode, denial);
            return;
        }
        // A service may charge nothing if any tally is over. If only one of a shadow rule is, the call would pass uncounted.
        let uncounted =
            |shared: &SharedDue| standings.get(shared.tally).is_none_or(|tally| !tally.is_counted);
        if self.dues.iter().take(self.effective).any(uncounted) {
            facts.counters.clear();
            return self.go_without(request, Failure::NotApplied, decision, facts);
        }
        let denial = self.judge(self.effective..self.dues.len(), request, &standings, facts, environment);
        if let Some(denial) = denial {
            facts.rates = Some(Outcome::OverLimit);
            decision.would_deny.get_or_insert(denial);
        }
    }

    /// Refuses the case, or lets this proxy count alone, because there is no valid answer.
    fn go_without(self, request: &Request, failure: Failure, decision: &mut Decision, facts: &mut Facts<'_>) {
        facts.rates = Some(Outcome::Failed(failure));
        let effective = self.effective;
        match (on_failure(request), self.first()) {
            (OnFailure::Deny, Some(first)) if effective > 0 => {
                decision.refuse_count(request.policy.mode, unanswered(first, failure));
            }
            (OnFailure::Deny, first) => {
                decision.would_deny =
                    decision.would_deny.take().or(first.map(|due| unanswered(due, failure)));
            }
            (OnFailure::Local, _) => {
                let mut dues = self.dues.into_iter().map(|shared| shared.due);
                decision.charges.extend(dues.by_ref().take(effective));
                decision.shadow_charges.extend(dues);
            }
        }
    }

    /// Notes the use of limits, and returns the denial if one of them has no room.
    fn judge<E: Environment>(
        &self,
        range: Range<usize>,
        request: &Request,
        standings: &[Standing],
        facts: &mut Facts<'_>,
        environment: &E,
    ) -> Option<Denial> {
        let policy = &request.policy;
        let now_ns = environment.now_ns();
        let judged = self.dues.get(range).unwrap_or_default();
        let first = facts.counters.len();
        let (mut refused, mut wait) = (None, 0);
        for (index, SharedDue { due, scope, tally }) in judged.iter().enumerate() {
            let known = self.question.descriptors.get(*tally).zip(standings.get(*tally));
            let Some((descriptor, standing)) = known else { return Some(charge::unavailable(due)) };
            let (limit, scale) = (&due.limit, policy.scale(&due.limit));
            let ends =
                || now_ns.map_or(limit.window.seconds(), |now_ns| limit.window.calendar_ends_in(now_ns));
            let used = scale.amount(descriptor.most.saturating_sub(standing.remaining));
            let resets_in_seconds = match standing.resets_in_seconds {
                _ if used == Amount::ZERO => 0,
                Some(seconds) => seconds,
                None => ends(),
            };
            let usage = Usage { used, max: limit.max, resets_in_seconds };
            if !standing.has_room {
                wait = standing.resets_in_seconds.unwrap_or_else(ends).max(wait);
                // Of limits with one tally the one with the smallest maximum refuses.
                let decides = scale.hits(limit.max) == Some(descriptor.most);
                refused = match refused {
                    Some((index, true)) => Some((index, true)),
                    Some((index, false)) if !decides => Some((index, false)),
                    _ => Some((index, decides)),
                };
            }
            let counted = Counted::Shared;
            facts.counters.push(CounterUsage { limit: Arc::clone(limit), usage, scope: *scope, counted });
        }
        let (index, _) = refused?;
        let dues: Vec<Due> = judged.iter().map(|shared| shared.due.clone()).collect();
        let usages: Vec<Usage> = facts.counters.iter().skip(first).map(|counter| counter.usage).collect();
        let left = Left::of(index, &dues, &usages);
        dues.get(index).map(|due| refusal::used_up(&due.limit, left, facts, Some(wait)))
    }

    fn dues(&self, range: Range<usize>) -> impl Iterator<Item = &Due> {
        self.dues.get(range).unwrap_or_default().iter().map(|shared| &shared.due)
    }
}

/// Returns how many tallies limits have.
fn tallies_of(dues: &[SharedDue]) -> usize {
    dues.iter().map(|shared| shared.tally.saturating_add(1)).max().unwrap_or_default()
}

/// Takes the shared charges out of a list.
fn split(charges: &mut Vec<Due>) -> Vec<Due> {
    charges.extract_if(.., |due| due.limit.shared).collect()
}

fn on_failure(request: &Request) -> OnFailure {
    request.policy.shared_limits.as_ref().map(|to| to.on_failure).unwrap_or_default()
}

/// Makes the denial of a call that the rate limit service has not counted.
pub(super) fn unanswered(due: &Due, failure: Failure) -> Denial {
    charge::unavailable(due).because_of(failure.as_str())
}
