//! Concludes a case: makes the verdict, its reply and its record.

use super::facts::Facts;
use super::{Conclusion, Request, Verdict};
use crate::approval::{self, Recorded};
use crate::audit::{Record, Told};
use crate::decide::Decision;
use crate::denial::{Code, Denial, Invalid};
use crate::mcp::answer::{Refusal, Reply, RequestKind};
use crate::mcp::list::Awaited;
use crate::mcp::message::Target;
use crate::mcp::summary::Summary;
use crate::policy::Mode;

impl Request {
    /// Concludes with a decision. In shadow mode the request is forwarded.
    pub(super) fn conclude(&self, mut decision: Decision, facts: Facts<'_>) -> Conclusion {
        if self.policy.mode == Mode::Shadow {
            decision.shadow_denial();
        }
        let Decision { denial, would_deny, rule, .. } = decision;
        let verdict = match denial {
            Some(denial) => self.denied(denial, &facts),
            None => Verdict::Forward {
                awaited: self.awaited(&facts),
                would_deny: self.would_deny.clone().or(would_deny),
            },
        };
        self.record(verdict, rule.as_deref(), facts)
    }

    /// Concludes with a denial in either mode.
    pub(super) fn deny(&self, denial: Denial, decision: &Decision, facts: Facts<'_>) -> Conclusion {
        self.record(self.denied(denial, &facts), decision.rule.as_deref(), facts)
    }

    fn record(&self, verdict: Verdict, rule: Option<&str>, facts: Facts<'_>) -> Conclusion {
        let record = self.json(verdict.as_str(), verdict.denial(), rule, &facts, facts.approval.as_ref());
        let approval = facts.approval.as_ref().map(|recorded| recorded.outcome);
        let Facts { counting, counters, charged, rates, .. } = facts;
        let grant = self.caller.grant;
        Conclusion { verdict, record, counting, counters, grant, charged, rates, approval }
    }

    /// Writes the record of a case that waits for an approval. It says that the call is denied, which is true
    /// unless an approval arrives.
    pub(super) fn record_of_asking(&self, denial: &Denial, rule: Option<&str>, facts: &Facts<'_>) -> String {
        let recorded = Recorded { outcome: approval::Outcome::Asked, id: None, cause: None };
        self.json("deny", Some(denial), rule, facts, Some(&recorded))
    }

    /// Writes the record of a case that waits for the rate limit service. It says that the call is denied, which is true
    /// unless an answer arrives.
    pub(super) fn record_of_counting(
        &self,
        denial: &Denial,
        rule: Option<&str>,
        facts: &Facts<'_>,
    ) -> String {
        let verdict = match self.policy.mode {
            Mode::Enforce => "deny",
            Mode::Shadow => "would_deny",
        };
        self.json(verdict, Some(denial), rule, facts, facts.approval.as_ref())
    }

    /// Writes the record to keep while the headers are forwarded and the body is read. It says that the request is
    /// denied, which is true unless the body becomes complete: nothing of it is forwarded before. It has no time yet.
    #[must_use]
    pub fn record_of_reading(&self) -> String {
        let unfinished = Denial::protocol(Code::InvalidRequest(Invalid::Request), "the request did not end");
        let unfinished = unfinished.because_of("unfinished");
        let (verdict, denial) = match self.policy.mode {
            Mode::Enforce => ("deny", &unfinished),
            Mode::Shadow => ("would_deny", self.would_deny.as_ref().unwrap_or(&unfinished)),
        };
        self.json(verdict, Some(denial), None, &Facts::default(), None)
    }

    fn json(
        &self,
        verdict: &'static str,
        denial: Option<&Denial>,
        rule: Option<&str>,
        facts: &Facts<'_>,
        approval: Option<&Recorded>,
    ) -> String {
        self.audited(verdict, denial, rule, facts, approval).json()
    }

    /// Writes what all records of a case have in common, before it waits.
    pub(super) fn tell(&self, facts: &Facts<'_>) -> Told {
        self.audited("", None, None, facts, None).tell()
    }

    fn audited<'r>(
        &'r self,
        verdict: &'static str,
        denial: Option<&'r Denial>,
        rule: Option<&'r str>,
        facts: &'r Facts<'_>,
        approval: Option<&'r Recorded>,
    ) -> Record<'r> {
        Record {
            verdict,
            denial,
            rule,
            id: &self.decision_id,
            policy: &self.policy,
            caller: &self.caller,
            session: self.session.as_deref(),
            headers: &self.headers,
            summary: &facts.summary,
            counters: &facts.counters,
            approval,
            told: facts.told.as_deref(),
        }
    }

    fn denied(&self, denial: Denial, facts: &Facts<'_>) -> Verdict {
        let reply = self.reply(&denial, facts);
        Verdict::Deny { denial, reply }
    }

    fn reply(&self, denial: &Denial, facts: &Facts<'_>) -> Reply {
        let Summary { id, call, is_message } = &facts.summary;
        let request = match call.as_ref().map(|call| &call.target) {
            _ if *is_message && id.is_none() => RequestKind::Notification,
            Some(Target::Tool(name)) => RequestKind::Tool(name),
            _ => RequestKind::Other,
        };
        let (form, policy) = (self.policy.denials, self.policy.digest.as_str());
        let id = id.as_deref();
        let (decision_id, challenge) = (&self.decision_id, self.policy.challenge.as_str());
        let refusal = Refusal { denial, request, id, form, decision_id, policy, challenge };
        match &facts.elicitation {
            // Another denial can come after the question, such as an expired grant.
            Some(elicitation) if denial.code == Code::ApprovalRequired => refusal.elicit(elicitation),
            _ => refusal.reply(),
        }
    }

    /// Returns what the response belongs to. In shadow mode no list is filtered, because no call to its elements
    /// is denied. Lists are read then only to compare definitions.
    pub(super) fn awaited(&self, facts: &Facts<'_>) -> Option<Awaited> {
        let Summary { id, call, .. } = &facts.summary;
        let list = call.as_ref().and_then(|call| call.method.list_kind());
        let resumes = self.headers.last_event_id.is_present();
        let reads = self.policy.mode == Mode::Enforce || !self.policy.pins.is_empty();
        reads.then(|| Awaited { list, id: id.as_deref().map(str::to_owned), resumes })
    }
}
