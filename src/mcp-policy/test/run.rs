//! Runs the cases of a test file.

use std::sync::Arc;

use mcp_policy_engine::approval::{self, Status};
use mcp_policy_engine::guard::{Answer, Question};
use mcp_policy_engine::policy::Policy;

use super::case::{Case, Step};
use super::circumstances::Approval;
use super::expect::Difference;
use super::found::Found;
use super::list;
use crate::judge::{Arrived, Proxy};

/// The id of every decision: a test has no use for random ones.
const DECISION_ID: &str = "00000000000000000000000000000000";

/// What a case has come to.
#[derive(Debug)]
pub struct Outcome {
    /// The first step that differs from what it expects
    pub failure: Option<Failure>,
    /// How many requests were judged
    pub requests: usize,
    /// What the last request met
    pub found: Found,
}

/// A step that differs from what it expects.
#[derive(Debug)]
pub struct Failure {
    /// The number of the step, from 0
    pub step: usize,
    /// Which of its requests it is, from 1
    pub time: u32,
    /// What differs, at least one thing
    pub differences: Vec<Difference>,
    /// What the request met
    pub found: Found,
}

/// Runs a case on a proxy of its own, up to the first step that differs.
pub fn run(policy: &Arc<Policy>, case: &Case) -> Outcome {
    let proxy = Proxy::new(Arc::clone(policy));
    let mut now_ns = case.at_ns;
    let mut outcome = Outcome { failure: None, requests: 0, found: Found::default() };
    for (number, step) in case.steps.iter().enumerate() {
        now_ns = now_ns.saturating_add(step.after_ns);
        for time in 1..=step.times {
            let found = judge(&proxy, step, now_ns);
            outcome.requests = outcome.requests.saturating_add(1);
            let differences = step.expect.differences(&found);
            outcome.found = found.clone();
            if !differences.is_empty() {
                outcome.failure = Some(Failure { step: number, time, differences, found });
                return outcome;
            }
        }
    }
    outcome
}

fn judge(proxy: &Proxy, step: &Step, now_ns: u64) -> Found {
    let arrived = proxy.arrive(&step.sent, &step.sender, DECISION_ID, now_ns);
    let conclusion = match &arrived {
        Arrived::Exempt => None,
        Arrived::Refused(_) => None,
        Arrived::Known(request) => {
            Some(proxy.judge_known(request, &step.sent, now_ns, |question| answer(question, step.approval)))
        }
    };
    let conclusion = match &arrived {
        Arrived::Refused(conclusion) => Some(&**conclusion),
        _ => conclusion.as_ref(),
    };
    let mut found = Found::of(conclusion);
    if let (Some((kind, answer)), Arrived::Known(request)) = (&step.list, &arrived)
        && found.decision != "deny"
    {
        match list::shown(request, *kind, answer, now_ns) {
            Ok(names) => found.shown = names,
            Err(why) => found.text = Some(why),
        }
    }
    found
}

/// Answers a question as the approval service does. Nobody has decided yet, unless the step says so.
pub fn answer(question: &Question, approval: Option<Approval>) -> Answer {
    let Question::Approval(_) = question;
    let status = match approval {
        None => Status::Pending,
        Some(Approval::Status(status)) => status,
        Some(Approval::Unavailable) => return Answer::Approval(Err("not asked in a test".into())),
    };
    let url = (status == Status::Pending).then(|| "https://approvals.example/approvals/test".to_owned());
    Answer::Approval(Ok(approval::Answer { status, id: "test".to_owned(), url, reason: None }))
}
