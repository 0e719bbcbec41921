//! What a call owes to a person who has to approve it.

use super::{Judgement, Known, Request, Tally, Verdict};
use crate::approval::{Answer, Bound, Outcome, Question, Status};
use crate::decide::{self, Decision};
use crate::denial::{Code, Denial};
use crate::identity::Principal;
use crate::limit::Store;
use crate::mcp::answer::Lead;
use crate::mcp::message::Call;
use crate::mcp::rounds::Rounds;
use crate::policy::{Approvals, Rule};

impl Request<'_> {
    /// Puts the question whether a call may go on, unless something denies it without asking.
    pub(super) fn ask<S: Store + ?Sized>(
        &self,
        rule: &Rule,
        call: &Call<'_>,
        decision: &mut Decision<'_>,
        known: &mut Known<'_>,
        tally: &Tally<'_, S>,
    ) -> Option<String> {
        let Some(Approvals { expires_seconds, wait_seconds, .. }) = self.policy.approvals else {
            decision.denial = Some(decide::needs_approval(rule, call));
            return None;
        };
        if known.id.is_none() {
            let denial = decide::needs_approval(rule, call);
            let reason = format!("{} Send a request: nobody waits for a notification.", ended(denial.reason));
            decision.denial = Some(Denial { reason, ..denial });
            return None;
        }
        let Some(bound) = Bound::read(call) else {
            let subject = decide::subject(call);
            let reason = format!(
                "{subject} needs the approval of a person, which cannot be bound to a number that doubles \
                 change: send large integers and long decimals as strings, or rounded"
            );
            decision.denial = Some(Denial::by(rule.path.clone(), Code::ArgumentsInvalid, reason));
            return None;
        };
        (known.counters, known.counting) = self.look(decision, call, tally);
        if decision.denial.is_some() {
            return None;
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
            expires_seconds,
            wait_seconds,
            decision_id: self.decision_id,
            request_id: request_id.as_deref(),
        };
        Some(question.json(&bound))
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
        known.approval = Some((Outcome::Asked, None));
        known.counters.clear();
        let judgement = self.conclude(decision, known);
        Judgement { verdict: Verdict::Ask(question), ..judgement }
    }

    /// Does what the approval service has answered.
    pub(super) fn heed<'k>(
        &self,
        rule: &Rule,
        call: &Call<'_>,
        answer: Option<&'k Answer>,
        decision: &mut Decision<'_>,
        known: &mut Known<'k>,
    ) {
        let Some(answer) = answer else {
            known.approval = Some((Outcome::Unavailable, None));
            let Denial { rule, reason, .. } = decide::needs_approval(rule, call);
            let reason = format!("{} Nobody can be asked now: try again later.", ended(reason));
            decision.denial = Some(Denial::by(rule, Code::ApprovalUnavailable, reason));
            return;
        };
        let Answer { status, id, url, reason } = answer;
        known.approval = Some(((*status).into(), Some(id)));
        decision.denial = match status {
            Status::Approved => None,
            Status::Denied => {
                let because = reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
                let subject = decide::subject(call);
                let refused =
                    format!("a person has refused this call of {subject} (approval `{id}`){because}");
                let reason = format!("{} Repeating it does not help.", ended(refused));
                Some(Denial::by(rule.path.clone(), Code::ApprovalDenied, reason))
            }
            Status::Pending => {
                let url = url.as_deref().unwrap_or_default();
                let denial = decide::needs_approval(rule, call);
                let rounds = Rounds::read(call);
                if rounds.can_lead(known.size, self.policy.max_body_bytes) {
                    let message = format!("{} (approval `{id}`)", denial.reason);
                    known.lead = Some(Lead { rounds, url, message });
                }
                let reason = format!(
                    "{} It waits as `{id}`. Once it is approved at {url} repeat this same call.",
                    ended(denial.reason)
                );
                Some(Denial { reason, ..denial })
            }
        };
    }
}

/// Ends a sentence that may have its end already, in a rule's or a person's words.
fn ended(mut sentence: String) -> String {
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}
