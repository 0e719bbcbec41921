//! Runs the cases of a test file.

use std::sync::Arc;

use mcp_policy_engine::approval::{self, Status};
use mcp_policy_engine::guard::{Answer, Conclusion, Question};
use mcp_policy_engine::policy::Policy;
use mcp_policy_engine::rate_limit;

use super::case::{Case, Step};
use super::circumstances::Approval;
use super::coverage::Coverage;
use super::expect::Difference;
use super::found::Found;
use super::list;
use crate::explain::Explanation;
use crate::judge::{Arrived, Proxy};
use crate::trace::{Texts, Tracing};

/// The id of every decision: a test has no use for random ones.
const DECISION_ID: &str = "00000000000000000000000000000000";

/// The result of a case.
#[derive(Debug)]
pub struct Outcome {
    /// The first step that differs from what it expects
    pub failure: Option<Failure>,
    /// How many requests were judged
    pub requests: usize,
    /// What the last request met
    pub found: Found,
    /// How the last request was decided, if that is asked for
    pub explanation: Option<Explanation>,
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

/// What is looked at beside the verdicts.
pub struct Looking<'l> {
    /// The policy's name, if requests are to be explained
    pub explained: Option<&'l str>,
    /// What the policy's document says of conditions
    pub texts: &'l Texts,
    /// What notes which parts of the policy decide
    pub coverage: Option<&'l mut Coverage>,
}

/// Runs a case on a proxy of its own, up to the first step that differs.
pub fn run(policy: &Arc<Policy>, case: &Case, looking: &mut Looking<'_>) -> Outcome {
    let proxy = Proxy::new(Arc::clone(policy));
    let mut now_ns = case.at_ns;
    let mut outcome = Outcome { failure: None, requests: 0, found: Found::default(), explanation: None };
    for (number, step) in case.steps.iter().enumerate() {
        now_ns = now_ns.saturating_add(step.after_ns);
        for time in 1..=step.times {
            if time > 1 {
                now_ns = now_ns.saturating_add(step.every_ns);
            }
            let judged = judge(&proxy, step, now_ns);
            let found = judged.found(step, now_ns, &proxy);
            // Requests of one step that are decided alike go the same way.
            let same =
                time > 1 && (found.decision, &found.rule) == (outcome.found.decision, &outcome.found.rule);
            if !same {
                outcome.explanation = looking.look(policy, step, now_ns, &judged).or(outcome.explanation);
            }
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

/// A request that was judged.
struct Judged {
    arrived: Arrived,
    /// The conclusion of a request whose caller is known
    conclusion: Option<Conclusion>,
}

fn judge(proxy: &Proxy, step: &Step, now_ns: u64) -> Judged {
    let arrived = proxy.arrive(&step.sent, &step.sender, DECISION_ID, now_ns);
    let conclusion = match &arrived {
        Arrived::Known(request) => {
            Some(proxy.judge_known(request, &step.sent, now_ns, |question| answer(question, step.approval)))
        }
        Arrived::Exempt | Arrived::Refused(_) => None,
    };
    Judged { arrived, conclusion }
}

impl Judged {
    fn conclusion(&self) -> Option<&Conclusion> {
        match &self.arrived {
            Arrived::Refused(conclusion) => Some(conclusion),
            _ => self.conclusion.as_ref(),
        }
    }

    fn found(&self, step: &Step, now_ns: u64, proxy: &Proxy) -> Found {
        let mut found = Found::of(self.conclusion());
        if let (Some((kind, answer)), Arrived::Known(request)) = (&step.list, &self.arrived)
            && found.decision != "deny"
        {
            match list::shown(request, *kind, answer, now_ns, proxy.store()) {
                Ok(names) => found.shown = names,
                Err(why) => found.text = Some(why),
            }
        }
        found
    }
}

impl Looking<'_> {
    fn look(
        &mut self,
        policy: &Arc<Policy>,
        step: &Step,
        now_ns: u64,
        judged: &Judged,
    ) -> Option<Explanation> {
        if self.explained.is_none() && self.coverage.is_none() {
            return None;
        }
        let tracing = Tracing { policy, texts: self.texts, sent: &step.sent, sender: &step.sender, now_ns };
        let conclusion = judged.conclusion();
        let name = self.explained.unwrap_or_default();
        let explanation = Explanation::of(&tracing, name, &judged.arrived, conclusion);
        if let Some(coverage) = &mut self.coverage {
            coverage.note(&explanation, &step.expect.hides, policy);
        }
        self.explained.map(|_| explanation)
    }
}

/// Answers a question as the approval service does. Nobody has decided yet, unless the step says so.
pub fn answer(question: &Question, approval: Option<Approval>) -> Answer {
    if let Question::Rates(_) = question {
        // The proxy answers these itself.
        return Answer::Rates(Err(rate_limit::Failure::Unanswered));
    }
    let status = match approval {
        None => Status::Pending,
        Some(Approval::Status(status)) => status,
        Some(Approval::Unavailable) => return Answer::Approval(Err("not asked in a test".into())),
    };
    let url = (status == Status::Pending).then(|| "https://approvals.example/approvals/test".to_owned());
    Answer::Approval(Ok(approval::Answer { status, id: "test".to_owned(), url, reason: None }))
}
