//! Charges the limits of a case, or checks them without charging.

use std::borrow::Cow;
use std::sync::Arc;

use super::facts::Facts;
use super::{Environment, Request};
use crate::audit::CounterUsage;
use crate::decide::{self, Decision, Due};
use crate::denial::{Code, Denial};
use crate::identity::Principal;
use crate::limit::{self, Charge, ChargeOutcome, Counter, Few, Place, Places, Usage};
use crate::mcp::headers::Field;
use crate::policy::{Limit, Scope};

/// [`limit::charge`] or [`limit::look`].
type Operation<S> = fn(&S, u64, &[Charge<'_>]) -> ChargeOutcome;

/// Charges the limits of a case. If all have room, charges the limits of rules in shadow mode as well. A
/// limit without room sets the decision's `denial`, or its `would_deny` for a rule in shadow mode.
pub(super) fn charge<E: Environment>(
    request: &Request,
    facts: &mut Facts<'_>,
    decision: &mut Decision,
    environment: &E,
) {
    decision.denial = run(request, limit::charge, &decision.charges, facts, environment);
    if decision.denial.is_none() {
        let would_deny = run(request, limit::charge, &decision.shadow_charges, facts, environment);
        decision.would_deny = decision.would_deny.take().or(would_deny);
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
    let (now_ns, places) = match (environment.now_ns(), environment.places()) {
        (Some(now_ns), Some(places)) => (now_ns, places),
        (now_ns, _) => {
            facts.counting.failure = Some(if now_ns.is_none() { "clock" } else { "secret" });
            return Some(unavailable(first));
        }
    };
    let places = find(request, dues, places);
    let charges: Few<Charge<'_>> = dues
        .iter()
        .zip(&places)
        .map(|(due, place)| Charge { place, amount: due.amount, max: due.limit.max })
        .collect();
    let outcome = operation(environment.store(), now_ns, &charges);
    facts.counting.retries = facts.counting.retries.saturating_add(outcome.retries());
    let counters = &mut facts.counters;
    let mut note = |usages: Few<Usage>| {
        let named = dues.iter().zip(usages);
        counters.extend(named.map(|(due, usage)| CounterUsage { limit: Arc::clone(&due.limit), usage }));
    };
    match outcome {
        ChargeOutcome::Charged { usages, receipts, .. } => {
            note(usages);
            facts.charged.add(now_ns, receipts);
            None
        }
        ChargeOutcome::Refused { index, retry_after_seconds, usages, .. } => {
            note(usages);
            Some(used_up(dues.get(index).unwrap_or(first), facts, retry_after_seconds))
        }
        ChargeOutcome::Unavailable { index, why, .. } => {
            facts.counting.failure = Some(why.as_str());
            Some(unavailable(dues.get(index).unwrap_or(first)))
        }
    }
}

/// Finds the place of each tally, which depends on the caller and the session.
fn find<'p>(request: &'p Request, dues: &'p [Due], places: &'p Places) -> Few<Cow<'p, Place>> {
    let grant = request.caller.grant_name(&request.policy);
    let principal = request.caller.principal.as_ref().map(Principal::name);
    let place = |due: &'p Due| {
        let Limit { counter, number, window, scope, .. } = &*due.limit;
        let scope = match (scope, &principal, &request.headers.session_id) {
            (Scope::Global, _, _) => limit::Scope::Global,
            (Scope::Principal, Some(name), _) => {
                limit::Scope::Principal { grant, principal: name.as_bytes() }
            }
            (Scope::Session, _, Field::Once(session)) => limit::Scope::Session { grant, session },
            (Scope::Grant | Scope::Principal | Scope::Session, _, _) => limit::Scope::Grant(grant),
        };
        let counter = Counter { server: &request.policy.server, name: counter, window: *window, scope };
        places.place(&counter, *number, request.caller.grant)
    };
    dues.iter().map(place).collect()
}

fn used_up(due: &Due, facts: &Facts<'_>, retry_after_seconds: Option<u64>) -> Denial {
    let because = due.limit.reason.as_deref().map_or(String::new(), |reason| format!(" ({reason})"));
    let called =
        facts.summary.call.as_ref().map(|call| decide::describe_target(call.method.as_str(), &call.target));
    let called = called.unwrap_or_default();
    let counter = &due.limit.counter;
    let reason = match retry_after_seconds {
        Some(1) => format!("{called} is over its limit `{counter}`{because}: retry in 1 second"),
        Some(seconds) => {
            format!("{called} is over its limit `{counter}`{because}: retry in {seconds} seconds")
        }
        None => format!(
            "this call alone is more than the limit `{counter}` allows{because}: ask for less, waiting does not help"
        ),
    };
    Denial { retry_after_seconds, ..Denial::by(due.limit.path.to_string(), Code::RateLimited, reason) }
}

fn unavailable(due: &Due) -> Denial {
    let counter = &due.limit.counter;
    let reason = format!("the call cannot be counted against the limit `{counter}` now, so it is denied");
    Denial::by(due.limit.path.to_string(), Code::LimiterUnavailable, reason)
}
