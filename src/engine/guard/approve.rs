//! Approvals: makes the question about a case, and applies the answer.

use std::sync::Arc;

use super::facts::Facts;
use super::question::Question;
use super::{Environment, Request, charge};
use crate::approval::{
    Answer, BoundCall, Cause, Outcome, Question as Members, Recorded, Status, Unapprovable,
};
use crate::decide::{self, Decision, Due};
use crate::denial::{Code, Denial};
use crate::identity::Principal;
use crate::json::{self, canonical};
use crate::mcp::answer::Elicitation;
use crate::mcp::headers::{AUTHORITY, Field};
use crate::mcp::message::Call;
use crate::mcp::rounds::Rounds;
use crate::policy::{Approvals, Rule};
use crate::work::{self, Work};

/// A question to the approval service, and what is needed to apply its answer.
#[derive(Debug)]
pub(super) struct Consultation {
    /// The rule that requires approval
    rule: Arc<Rule>,
    /// The question
    question: String,
    /// The description of the call, for the caller
    called: String,
    /// How to ask the client's user to open the approval's page; `None` if the client cannot do that
    rounds: Option<Rounds>,
}

/// A call as an approval sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The call as it arrived
    pub call: &'a Call<'a>,
    /// Its size in bytes
    pub size: usize,
    /// The body that the server will receive, if it is not the one that arrived
    pub body: Option<&'a [u8]>,
}

/// Prepares the question about a call, within the rest of the budget `work`. Checks the limits without charging them.
///
/// # Errors
/// The denial if the call is refused without asking.
pub(super) fn prepare<E: Environment>(
    request: &Request,
    rule: Arc<Rule>,
    asked: Asked<'_>,
    facts: &mut Facts<'_>,
    charges: &[Due],
    work: &Work,
    environment: &E,
) -> Result<Consultation, Denial> {
    let policy = &request.policy;
    let Asked { call, size, .. } = asked;
    let called = decide::describe_target(call.method.as_str(), &call.target);
    let needed = || decide::needs_approval(&rule, &called);
    // A policy that requires approval always has this: the loader ensures it.
    let approvals = policy.approvals.as_ref().ok_or_else(needed)?;
    if facts.summary.id.is_none() {
        let denial = needed();
        let reason = format!("{} Send a request: a notification gets no answer.", ended(denial.reason));
        return Err(Denial { reason, ..denial });
    }
    if !work.spend(asked.work()) {
        let reason = format!(
            "{called} needs the approval of a person, but it takes more work to ask than one request may cause"
        );
        let denial = Denial::by(rule.path.to_string(), Code::ArgumentsInvalid, reason);
        return Err(denial.because_of(work::CAUSE));
    }
    let bound = asked.bound(approvals).and_then(|bound| {
        let host = address(request.headers.credential(AUTHORITY))?.map(without_port);
        Ok((bound, host, address(&request.headers.path)?))
    });
    let (bound, host, path) = bound.map_err(|unapprovable| not_approvable(&rule, &called, unapprovable))?;
    if let Some(denial) = charge::look(request, charges, facts, environment) {
        return Err(denial);
    }
    let rules = decide::digest(policy, &request.caller, call).ok_or_else(needed)?;
    let principal = request.caller.principal.as_ref().map(Principal::name);
    let request_id = request.headers.request_id.once().map(String::from_utf8_lossy);
    let members = Members {
        server: &policy.server,
        rules: &rules,
        policy: &policy.digest,
        grant: request.caller.grant_name(policy),
        principal: principal.as_deref(),
        source: request.caller.source_name(policy),
        host,
        path,
        rule: &rule.path,
        reason: rule.reason.as_deref(),
        expires_seconds: approvals.expires_seconds,
        wait_seconds: approvals.wait_seconds,
        decision_id: &request.decision_id,
        request_id: request_id.as_deref(),
    };
    let question = members.json(&bound);
    let rounds = Some(Rounds::read(call)).filter(|rounds| rounds.can_elicit(size, policy.max_body_bytes));
    Ok(Consultation { rule, question, called, rounds })
}

impl Asked<'_> {
    /// Returns how many units of work it takes at most to bind an approval to the call.
    fn work(&self) -> usize {
        self.call.params.map_or(0, canonical::work).saturating_add(self.size)
    }

    /// Reads the part of the call that an approval is bound to, from the body that the server will receive.
    fn bound(&self, approvals: &Approvals) -> Result<BoundCall, Unapprovable> {
        let Some(body) = self.body else {
            return BoundCall::read(self.call, self.call.params, &approvals.ignored_meta);
        };
        let document = json::read(body).map_err(|_| Unapprovable::Inexact)?;
        BoundCall::read(self.call, document.root().get("params"), &approvals.ignored_meta)
    }
}

/// Reads the path or the host of a request. A question must contain exactly what Envoy routes by.
fn address(field: &Field) -> Result<Option<&str>, Unapprovable> {
    match field {
        Field::Absent => Ok(None),
        Field::Once(value) => str::from_utf8(value).map(Some).map_err(|_| Unapprovable::Address),
        Field::Repeated => Err(Unapprovable::Address),
    }
}

/// Returns a host without its port. The port only tells at which of several proxies a client asks.
fn without_port(host: &str) -> &str {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (!name.contains(':') || name.ends_with(']')) => name,
        _ => host,
    }
}

impl Consultation {
    /// Takes the question out.
    pub fn take_question(&mut self) -> Question {
        Question::Approval(std::mem::take(&mut self.question))
    }

    /// Returns roughly how many bytes of memory the consultation takes.
    pub fn size(&self) -> usize {
        let rounds = self.rounds.as_ref().map_or(0, Rounds::size);
        size_of::<Self>()
            .saturating_add(self.question.capacity())
            .saturating_add(self.called.capacity())
            .saturating_add(rounds)
    }

    /// Writes the record to keep while the case waits for the answer: denied, because it is not approved.
    pub fn record_of_asking(&self, request: &Request, decision: &Decision, facts: &Facts<'_>) -> String {
        let denial = decide::needs_approval(&self.rule, &self.called);
        request.record_of_asking(&denial, decision.rule.as_deref(), facts)
    }
}

/// Applies the answer of the approval service, or the reason why there is none.
///
/// # Errors
/// The denial, unless the call is approved.
pub(super) fn apply_answer(
    consultation: Consultation,
    answer: Result<Answer, Cause>,
    facts: &mut Facts<'_>,
) -> Result<(), Denial> {
    let Consultation { rule, called, rounds, .. } = consultation;
    let needed = decide::needs_approval(&rule, &called);
    let Answer { status, id, url, reason } = match answer {
        Ok(answer) => answer,
        Err(cause) => {
            facts.approval = Some(Recorded { outcome: Outcome::Unavailable, id: None, cause: Some(cause) });
            let reason = format!("{} Nobody can be asked now: try again later.", ended(needed.reason));
            return Err(Denial::by(needed.rule, Code::ApprovalUnavailable, reason));
        }
    };
    facts.approval = Some(Recorded { outcome: status.into(), id: Some(id.clone()), cause: None });
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
                facts.elicitation = Some(Elicitation { rounds, url, message });
            }
            let reason = format!("{} {waits}", ended(needed.reason));
            Err(Denial::by(needed.rule, Code::ApprovalRequired, reason))
        }
    }
}

/// Makes the denial of a call that cannot be approved.
fn not_approvable(rule: &Rule, called: &str, unapprovable: Unapprovable) -> Denial {
    let why = match unapprovable {
        Unapprovable::Inexact => {
            "which cannot be bound to a number that doubles change: send large integers and long decimals as \
             strings, or rounded"
        }
        Unapprovable::Name => "which cannot be bound to a tool that is named like a method",
        Unapprovable::Address => "which cannot be bound to a path or host that is not one text in UTF-8",
    };
    let reason = format!("{called} needs the approval of a person, {why}");
    Denial::by(rule.path.to_string(), Code::ArgumentsInvalid, reason)
}

/// Adds a full stop unless the sentence, which a rule or a person wrote, already ends.
fn ended(mut sentence: String) -> String {
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_without_its_port() {
        for (host, expected) in [
            ("mcp.example", "mcp.example"),
            ("mcp.example:443", "mcp.example"),
            ("mcp.example:", "mcp.example"),
            ("mcp.example:x", "mcp.example:x"),
            ("127.0.0.1:8000", "127.0.0.1"),
            ("[::1]:8000", "[::1]"),
            ("[::1]", "[::1]"),
            ("::1", "::1"),
            ("", ""),
        ] {
            assert_eq!(without_port(host), expected, "{host}");
        }
    }
}
