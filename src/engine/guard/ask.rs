//! What a call owes to a person who has to approve it.

use super::{Judgement, Known, Request, Tally, Verdict};
use crate::approval::{Answer, Bound, Outcome, Question, Status, Told, Unbound};
use crate::decide::{self, Decision};
use crate::denial::{Code, Denial};
use crate::identity::Principal;
use crate::limit::Store;
use crate::mcp::answer::Lead;
use crate::mcp::message::Call;
use crate::mcp::rounds::Rounds;
use crate::policy::{Approvals, Rule};

impl Request<'_> {
    /// Puts the question whether a call may go on.
    ///
    /// # Errors
    /// What denies it without asking.
    pub(super) fn ask<S: Store + ?Sized>(
        &self,
        rule: &Rule,
        call: &Call<'_>,
        decision: &Decision<'_>,
        known: &mut Known<'_>,
        tally: &Tally<'_, S>,
    ) -> Result<String, Denial> {
        let needed = || decide::needs_approval(rule, call);
        // The loader refuses a policy that has nobody to ask.
        let Approvals { expires_seconds, wait_seconds, .. } =
            self.policy.approvals.as_ref().ok_or_else(needed)?;
        if known.id.is_none() {
            let denial = needed();
            let reason = format!("{} Send a request: nobody waits for a notification.", ended(denial.reason));
            return Err(Denial { reason, ..denial });
        }
        let bound = Bound::read(call).map_err(|unbound| unapprovable(rule, call, unbound))?;
        let (counters, counting, denial) = self.look(decision, call, tally);
        (known.counters, known.counting) = (counters, counting);
        if let Some(denial) = denial {
            return Err(denial);
        }
        let principal = self.caller.principal.as_ref().map(Principal::name);
        let request_id = self.headers.request_id.once().map(String::from_utf8_lossy);
        let question = Question {
            server: &self.policy.server,
            policy: &self.policy.digest,
            grant: self.caller.grant_name(self.policy),
            principal: principal.as_deref(),
            rule: &rule.path,
            reason: rule.reason.as_deref(),
            expires_seconds: *expires_seconds,
            wait_seconds: *wait_seconds,
            decision_id: self.decision_id,
            request_id: request_id.as_deref(),
        };
        Ok(question.json(&bound))
    }

    /// Judges a call that waits: should nothing come of it, it is on record as not approved.
    pub(super) fn wait(
        &self,
        question: String,
        mut decision: Decision<'_>,
        mut known: Known<'_>,
        call: &Call<'_>,
    ) -> Judgement {
        decision.denial = decision.approval.map(|rule| decide::needs_approval(rule, call));
        known.approval = Some(Told { outcome: Outcome::Asked, id: None, cause: None });
        known.counters.clear();
        let judgement = self.conclude(decision, known);
        Judgement { verdict: Verdict::Ask(question), ..judgement }
    }

    /// Reads what the approval service has answered: nothing where the call may go on.
    pub(super) fn heed<'k>(
        &self,
        rule: &Rule,
        call: &Call<'_>,
        answer: Result<&'k Answer, &'k str>,
        known: &mut Known<'k>,
    ) -> Option<Denial> {
        let needed = decide::needs_approval(rule, call);
        let Answer { status, id, url, reason } = match answer {
            Ok(answer) => answer,
            Err(cause) => {
                known.approval = Some(Told { outcome: Outcome::Unavailable, id: None, cause: Some(cause) });
                let reason = format!("{} Nobody can be asked now: try again later.", ended(needed.reason));
                return Some(Denial::by(needed.rule, Code::ApprovalUnavailable, reason));
            }
        };
        known.approval = Some(Told { outcome: (*status).into(), id: Some(id), cause: None });
        match status {
            Status::Approved => None,
            Status::Denied => {
                let because = reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
                let subject = decide::subject(call);
                let refused =
                    format!("a person has refused this call of {subject} (approval `{id}`){because}");
                let reason = format!("{} Repeating it does not help.", ended(refused));
                Some(Denial::by(needed.rule, Code::ApprovalDenied, reason))
            }
            Status::Pending => {
                let url = url.as_deref().unwrap_or_default();
                let rounds = Rounds::read(call);
                if rounds.can_lead(known.size, self.policy.max_body_bytes) {
                    let message = format!("{} (approval `{id}`)", needed.reason);
                    known.lead = Some(Lead { rounds, url, message });
                }
                let waits =
                    format!("It waits as `{id}`. Once it is approved at {url} repeat this same call.");
                let reason = format!("{} {waits}", ended(needed.reason));
                Some(Denial::by(needed.rule, Code::ApprovalRequired, reason))
            }
        }
    }
}

/// Denies a call of which nothing can be approved.
fn unapprovable(rule: &Rule, call: &Call<'_>, unbound: Unbound) -> Denial {
    let why = match unbound {
        Unbound::Inexact => {
            "which cannot be bound to a number that doubles change: send large integers and long decimals as \
             strings, or rounded"
        }
        Unbound::Name => "which cannot be bound to a tool that is named like a method",
    };
    let reason = format!("{} needs the approval of a person, {why}", decide::subject(call));
    Denial::by(rule.path.clone(), Code::ArgumentsInvalid, reason)
}

/// Ends a sentence that may have its end already, in a rule's or a person's words.
fn ended(mut sentence: String) -> String {
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}
