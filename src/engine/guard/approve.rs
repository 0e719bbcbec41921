//! What a call owes to a person who has to approve it.

use std::sync::Arc;

use super::case::{Case, Question};
use super::conclude::Facts;
use super::{Environment, Request, charge};
use crate::approval::{Answer, Bound, Cause, Outcome, Question as Members, Status, Told, Unbound};
use crate::decide;
use crate::denial::{Code, Denial};
use crate::identity::Principal;
use crate::mcp::answer::Lead;
use crate::mcp::message::Call;
use crate::mcp::rounds::Rounds;
use crate::policy::{Approvals, Rule};

/// A question to the approval service, and what its answer is judged by.
#[derive(Debug)]
pub(super) struct Consultation {
    /// The rule that wants a person asked
    rule: Arc<Rule>,
    /// What is asked
    pub question: Question,
    /// What the call acts on, for the caller
    called: String,
    /// How the client can be led to the approval's page, where it can be
    rounds: Option<Rounds>,
}

/// Prepares the question whether a call of `size` bytes may go on. Looks at its limits and charges nothing.
///
/// # Errors
/// What denies the call without asking.
pub(super) fn consult<E: Environment>(
    request: &Request,
    rule: Arc<Rule>,
    call: &Call<'_>,
    size: usize,
    case: &mut Case<'_>,
    environment: &E,
) -> Result<Consultation, Denial> {
    let policy = &request.policy;
    let called = decide::described(call.method.as_str(), &call.target);
    let needed = || decide::needs_approval(&rule, &called);
    // The loader refuses a policy that has nobody to ask.
    let Approvals { expires_seconds, wait_seconds, .. } = policy.approvals.as_ref().ok_or_else(needed)?;
    if case.facts.summary.id.is_none() {
        let denial = needed();
        let reason = format!("{} Send a request: nobody waits for a notification.", ended(denial.reason));
        return Err(Denial { reason, ..denial });
    }
    let bound = Bound::read(call).map_err(|unbound| unapprovable(&rule, &called, unbound))?;
    if let Some(denial) = charge::look(request, case, environment) {
        return Err(denial);
    }
    // What is looked at is not charged yet, so a record says nothing of it while the case waits.
    case.facts.counters.clear();
    let principal = request.caller.principal.as_ref().map(Principal::name);
    let request_id = request.headers.request_id.once().map(String::from_utf8_lossy);
    let members = Members {
        server: &policy.server,
        policy: &policy.digest,
        grant: request.caller.grant_name(policy),
        principal: principal.as_deref(),
        rule: &rule.path,
        reason: rule.reason.as_deref(),
        expires_seconds: *expires_seconds,
        wait_seconds: *wait_seconds,
        decision_id: &request.decision_id,
        request_id: request_id.as_deref(),
    };
    let question = Question::Approval(members.json(&bound));
    let rounds = Some(Rounds::read(call)).filter(|rounds| rounds.can_lead(size, policy.max_body_bytes));
    Ok(Consultation { rule, question, called, rounds })
}

/// Writes the record of a case while the approval service is asked: not approved.
pub(super) fn record_of_asking(
    request: &Request,
    case: &Case<'static>,
    consultation: &Consultation,
) -> String {
    request.record_of_asking(&decide::needs_approval(&consultation.rule, &consultation.called), case)
}

/// Reads the approval service's answer, or why there is none.
///
/// # Errors
/// Why the call is refused, unless it is approved.
pub(super) fn heed(
    consultation: Consultation,
    answer: Result<Answer, Cause>,
    facts: &mut Facts<'_>,
) -> Result<(), Denial> {
    let Consultation { rule, called, rounds, .. } = consultation;
    let needed = decide::needs_approval(&rule, &called);
    let Answer { status, id, url, reason } = match answer {
        Ok(answer) => answer,
        Err(cause) => {
            facts.approval = Some(Told { outcome: Outcome::Unavailable, id: None, cause: Some(cause) });
            let reason = format!("{} Nobody can be asked now: try again later.", ended(needed.reason));
            return Err(Denial::by(needed.rule, Code::ApprovalUnavailable, reason));
        }
    };
    facts.approval = Some(Told { outcome: status.into(), id: Some(id.clone()), cause: None });
    match status {
        Status::Approved => Ok(()),
        Status::Denied => {
            let because = reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
            let refused = format!("a person has refused this call of {called} (approval `{id}`){because}");
            let reason = format!("{} Repeating it does not help.", ended(refused));
            Err(Denial::by(needed.rule, Code::ApprovalDenied, reason))
        }
        Status::Pending => {
            let url = url.unwrap_or_default();
            let waits = format!("It waits as `{id}`. Once it is approved at {url} repeat this same call.");
            if let Some(rounds) = rounds {
                let message = format!("{} (approval `{id}`)", needed.reason);
                facts.lead = Some(Lead { rounds, url, message });
            }
            let reason = format!("{} {waits}", ended(needed.reason));
            Err(Denial::by(needed.rule, Code::ApprovalRequired, reason))
        }
    }
}

/// Denies a call of which nothing can be approved.
fn unapprovable(rule: &Rule, called: &str, unbound: Unbound) -> Denial {
    let why = match unbound {
        Unbound::Inexact => {
            "which cannot be bound to a number that doubles change: send large integers and long decimals as \
             strings, or rounded"
        }
        Unbound::Name => "which cannot be bound to a tool that is named like a method",
    };
    let reason = format!("{called} needs the approval of a person, {why}");
    Denial::by(rule.path.to_string(), Code::ArgumentsInvalid, reason)
}

/// Ends a sentence that may have its end already, in a rule's or a person's words.
fn ended(mut sentence: String) -> String {
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}
