//! Charges the limits of a case, or checks them without charging.

use std::borrow::Cow;
use std::sync::Arc;

use super::facts::Facts;
use super::refusal::{self, Left};
use super::{Environment, Request};
use crate::audit::{Counted, CounterUsage};
use crate::decide::{Decision, Due};
use crate::denial::{Code, Denial};
use crate::limit::{self, Charge, ChargeOutcome, Counter, Few, Place, Places, Usage};
use crate::mcp::headers::Field;
use crate::policy::{Limit, Mode, Scope};

/// [`limit::charge`] or [`limit::look`].
type Operation<S> = fn(&S, u64, &[Charge<'_>]) -> ChargeOutcome;

/// Charges the limits of a case. If all have room and nothing would refuse the case, charges the limits of rules
/// in shadow mode as well. A limit without room sets the decision's `denial`, or its `would_deny` for a rule or a
/// document in shadow mode.
pub(super) fn charge<E: Environment>(
    request: &Request,
    facts: &mut Facts<'_>,
    decision: &mut Decision,
    environment: &E,
) {
    if request.would_deny.is_some() {
        return;
    }
    let denial = run(request, limit::charge, &decision.charges, facts, environment);
    match request.policy.mode {
        Mode::Enforce => decision.denial = denial,
        // A limit comes after everything else, but what only a rule in shadow mode refuses comes last.
        Mode::Shadow => decision.would_deny = denial.or(decision.would_deny.take()),
    }
    if decision.denial.is_none() && decision.would_deny.is_none() {
        decision.would_deny = run(request, limit::charge, &decision.shadow_charges, facts, environment);
    }
}

/// Checks the limits of a case and charges nothing. Returns the denial if one has no room.
pub(super) fn look<E: Environment>(
    request: &Request,
    charges: &[Due],
    facts: &mut Facts<'_>,
    environment: &E,
) -> Option<Denial> {
    let denial = run(request, limit::look, charges, facts, environment);
    if denial.is_none() {
        // Nothing is charged yet, so a record must not list these limits.
        facts.counters.clear();
    }
    denial
}

fn run<E: Environment>(
    request: &Request,
    operation: Operation<E::Store>,
    dues: &[Due],
    facts: &mut Facts<'_>,
    environment: &E,
) -> Option<Denial> {
    let first = dues.first()?;
    let ready = environment.now_ns().ok_or("clock").and_then(|now_ns| Ok((now_ns, environment.places()?)));
    let (now_ns, places) = match ready {
        Ok(ready) => ready,
        Err(why) => {
            facts.counting.failure = Some(why);
            return Some(unavailable(first));
        }
    };
    let places = find(request, dues, places);
    let charges: Few<Charge<'_>> = dues
        .iter()
        .zip(&places)
        .map(|(due, (place, _))| Charge { place, amount: due.amount, max: due.limit.max })
        .collect();
    let outcome = operation(environment.store(), now_ns, &charges);
    facts.counting.retries = facts.counting.retries.saturating_add(outcome.retries());
    let counters = &mut facts.counters;
    let mut note = |usages: &Few<Usage>| {
        let named = dues.iter().zip(usages).zip(&places);
        counters.extend(named.map(|((due, usage), (_, scope))| CounterUsage {
            limit: Arc::clone(&due.limit),
            usage: *usage,
            scope: *scope,
            // A shared limit comes here only if the service gave no valid answer.
            counted: if due.limit.shared { Counted::Alone } else { Counted::Here },
        }));
    };
    match outcome {
        ChargeOutcome::Charged { usages, receipts, .. } => {
            note(&usages);
            facts.charged.add(now_ns, receipts);
            None
        }
        ChargeOutcome::Refused { index, retry_after_seconds, usages, .. } => {
            note(&usages);
            let due = dues.get(index).unwrap_or(first);
            let left = Left::of(index, dues, &usages);
            Some(refusal::used_up(&due.limit, left, facts, retry_after_seconds))
        }
        ChargeOutcome::Unavailable { index, why, .. } => {
            facts.counting.failure = Some(why.as_str());
            Some(unavailable(dues.get(index).unwrap_or(first)))
        }
    }
}

/// Finds the place of each tally, which depends on the caller and the session, and the scope that applies to the
/// caller.
fn find<'p>(request: &'p Request, dues: &'p [Due], places: &'p Places) -> Few<(Cow<'p, Place>, Scope)> {
    let principal = request.caller.principal_key(&request.policy);
    let place = |due: &'p Due| {
        let (counter, scope) = counter(request, principal.as_deref(), due);
        (places.place(&counter, due.limit.number, request.caller.grant), scope)
    };
    dues.iter().map(place).collect()
}

/// Identifies the tally of a charge, and returns the scope that applies to the caller, whose key is `principal`.
pub(super) fn counter<'c>(
    request: &'c Request,
    principal: Option<&'c str>,
    due: &'c Due,
) -> (Counter<'c>, Scope) {
    let grant = request.caller.grant_name(&request.policy);
    let Limit { counter, window, scope, by, shadow, .. } = &*due.limit;
    let (used, scope) = match (scope, principal, &request.headers.session_id) {
        (Scope::Global, _, _) => (Scope::Global, limit::Scope::Global),
        (Scope::Session, _, Field::Once(session)) => {
            (Scope::Session, limit::Scope::Session { grant, session })
        }
        (Scope::Principal | Scope::Session, Some(name), _) => {
            (Scope::Principal, limit::Scope::Principal { grant, principal: name.as_bytes() })
        }
        (Scope::Grant | Scope::Principal | Scope::Session, _, _) => {
            (Scope::Grant, limit::Scope::Grant(grant))
        }
    };
    let of = by.as_ref().zip(due.of.as_ref());
    let of = of.map(|(path, value)| limit::Of { path: path.as_str(), value: value.as_bytes() });
    let shadow = limit::Shadow { document: request.policy.mode == Mode::Shadow, rule: *shadow };
    (Counter { of, shadow, ..Counter::new(&request.policy.server, counter, *window, scope) }, used)
}

/// Makes the denial of a call that cannot be counted against a limit.
pub(super) fn unavailable(due: &Due) -> Denial {
    let counter = &due.limit.counter;
    let reason = format!("the call cannot be counted against the limit `{counter}` now, so it is denied");
    Denial::by(due.limit.path.to_string(), Code::LimiterUnavailable, reason)
}

impl Decision {
    /// Refuses a case because of a limit, before the local limits are charged. In shadow mode it only would be refused,
    /// and is not charged.
    pub(super) fn refuse_count(&mut self, mode: Mode, denial: Denial) {
        match mode {
            Mode::Enforce => self.denial = Some(denial),
            Mode::Shadow => {
                self.would_deny = Some(denial);
                self.charges.clear();
                self.shadow_charges.clear();
            }
        }
    }
}
