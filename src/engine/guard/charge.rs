//! What a call owes to its limits.

use super::{Counting, Request, Tally};
use crate::audit::Counted;
use crate::decide::{self, Decision, Due};
use crate::denial::{Code, Denial};
use crate::identity::Principal;
use crate::limit::{self, Charge, ChargeOutcome, Counter, Few, Layout, Place, Store, Usage};
use crate::mcp::headers::Field;
use crate::mcp::message::Call;
use crate::policy::Scope;

/// Charges, or only looks.
type How<S> = fn(&S, u64, &[Charge<'_>]) -> ChargeOutcome;

impl Request<'_> {
    /// Charges what a call owes unless it is refused already; then, where that had room, what it owes
    /// to rules in shadow mode. A limit without room becomes the decision's denial, or its advice.
    pub(super) fn charge<S: Store + ?Sized>(
        &self,
        decision: &mut Decision<'_>,
        call: &Call<'_>,
        tally: &Tally<'_, S>,
    ) -> (Vec<Counted>, Counting) {
        let mut counters = Vec::new();
        let mut counting = Counting::default();
        if decision.denial.is_none() {
            let dues = &decision.charges;
            decision.denial = self.charge_all(limit::charge, dues, call, tally, &mut counters, &mut counting);
        }
        if decision.denial.is_none() {
            let dues = &decision.shadow_charges;
            let advice = self.charge_all(limit::charge, dues, call, tally, &mut counters, &mut counting);
            decision.would_deny = decision.would_deny.take().or(advice);
        }
        (counters, counting)
    }

    /// Tells what refuses a call that its limits have no room for, and charges nothing.
    pub(super) fn look<S: Store + ?Sized>(
        &self,
        decision: &Decision<'_>,
        call: &Call<'_>,
        tally: &Tally<'_, S>,
    ) -> (Vec<Counted>, Counting, Option<Denial>) {
        let (mut counters, mut counting) = Default::default();
        let dues = &decision.charges;
        let denial = self.charge_all(limit::look, dues, call, tally, &mut counters, &mut counting);
        (counters, counting, denial)
    }

    fn charge_all<S: Store + ?Sized>(
        &self,
        how: How<S>,
        dues: &[Due<'_>],
        call: &Call<'_>,
        tally: &Tally<'_, S>,
        counters: &mut Vec<Counted>,
        counting: &mut Counting,
    ) -> Option<Denial> {
        let first = dues.first()?;
        let Some(layout) = tally.layout else {
            counting.failure = Some("secret");
            return Some(unavailable(first));
        };
        let places = self.places(dues, layout);
        let charges: Few<Charge<'_>> = dues
            .iter()
            .zip(&places)
            .map(|(due, place)| Charge { place, amount: due.amount, max: due.limit.max })
            .collect();
        let outcome = how(tally.store, tally.now_ns, &charges);
        counting.retries = counting.retries.saturating_add(outcome.retries());
        let mut told = |usages: Few<Usage>| {
            let named = dues.iter().zip(usages);
            counters.extend(named.map(|(due, usage)| Counted { counter: due.limit.counter.clone(), usage }));
        };
        match outcome {
            ChargeOutcome::Charged { usages, .. } => {
                told(usages);
                None
            }
            ChargeOutcome::Refused { index, retry_after_seconds, usages, .. } => {
                told(usages);
                Some(used_up(dues.get(index).unwrap_or(first), call, retry_after_seconds))
            }
            ChargeOutcome::Unavailable { index, why, .. } => {
                counting.failure = Some(why.as_str());
                Some(unavailable(dues.get(index).unwrap_or(first)))
            }
        }
    }

    /// Finds the tally of each limit: whose it is depends on the caller.
    fn places(&self, dues: &[Due<'_>], layout: &Layout) -> Few<Place> {
        let grant = self.caller.grant_name(self.policy);
        let principal = self.caller.principal.as_ref().map(Principal::name);
        let place = |due: &Due<'_>| {
            let scope = match (due.limit.scope, &principal, &self.headers.session_id) {
                (Scope::Global, _, _) => limit::Scope::Global,
                (Scope::Principal, Some(name), _) => {
                    limit::Scope::Principal { grant, principal: name.as_bytes() }
                }
                (Scope::Session, _, Field::Once(session)) => limit::Scope::Session { grant, session },
                (Scope::Grant | Scope::Principal | Scope::Session, _, _) => limit::Scope::Grant(grant),
            };
            let (server, name) = (self.policy.server.as_str(), due.limit.counter.as_str());
            layout.place(&Counter { server, name, window: due.limit.window, scope })
        };
        dues.iter().map(place).collect()
    }
}

fn used_up(due: &Due<'_>, call: &Call<'_>, retry_after_seconds: Option<u64>) -> Denial {
    let because = due.reason.map_or(String::new(), |reason| format!(" ({reason})"));
    let subject = decide::subject(call);
    let counter = &due.limit.counter;
    let reason = match retry_after_seconds {
        Some(1) => format!("{subject} is over its limit `{counter}`{because}: retry in 1 second"),
        Some(seconds) => {
            format!("{subject} is over its limit `{counter}`{because}: retry in {seconds} seconds")
        }
        None => format!(
            "this call alone is more than the limit `{counter}` allows{because}: ask for less, waiting does not help"
        ),
    };
    Denial { retry_after_seconds, ..Denial::by(due.limit.path.clone(), Code::RateLimited, reason) }
}

fn unavailable(due: &Due<'_>) -> Denial {
    let counter = &due.limit.counter;
    let reason = format!("the call cannot be counted against the limit `{counter}` now, so it is denied");
    Denial::by(due.limit.path.clone(), Code::LimiterUnavailable, reason)
}
