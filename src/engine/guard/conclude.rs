//! The end of a case: the reply and the record of its verdict.

use super::case::Case;
use super::{Conclusion, Counting, ListRequest, Request, Verdict};
use crate::approval::{self, Told};
use crate::audit::{self, Counted, Record};
use crate::decide::Decision;
use crate::denial::Denial;
use crate::mcp::answer::{Asked, Lead, Refusal, Reply};
use crate::mcp::message::Target;
use crate::mcp::summary::Summary;
use crate::policy::{self, Mode};

/// What is known of a case beside the decision, for its reply and its record.
#[derive(Debug, Default)]
pub(super) struct Facts<'d> {
    pub summary: Summary<'d>,
    /// The counters it was held against
    pub counters: Vec<Counted>,
    pub counting: Counting,
    /// What asking for an approval came to
    pub approval: Option<Told>,
    /// How its client is led to the approval's page
    pub lead: Option<Lead>,
}

impl<'d> Facts<'d> {
    pub fn of(summary: Summary<'d>) -> Self {
        Self { summary, ..Self::default() }
    }

    /// Detaches the facts from the bytes of the body.
    pub fn keep(self, audited: policy::Arguments) -> Facts<'static> {
        let Self { summary, counters, counting, approval, lead } = self;
        let summary = summary.into_owned(|value| audit::arguments(audited, value));
        Facts { summary, counters, counting, approval, lead }
    }

    /// Returns about how many bytes of memory the facts take.
    pub fn size(&self) -> usize {
        size_of::<Self>().saturating_add(self.summary.size())
    }
}

impl Request {
    /// Makes the reply and the record of a decision; in shadow mode the request goes on.
    pub(super) fn conclude(&self, mut decision: Decision, facts: &Facts<'_>) -> Conclusion {
        if self.policy.mode == Mode::Shadow {
            decision.advise();
        }
        let Decision { denial, would_deny, rule, .. } = decision;
        let verdict = match denial {
            Some(denial) => self.denied(denial, facts),
            None => {
                Verdict::Forward { list: self.list(facts), would_deny: self.advice.clone().or(would_deny) }
            }
        };
        self.record(verdict, rule.as_deref(), facts)
    }

    /// Refuses a request whatever the mode.
    pub(super) fn deny(&self, denial: Denial, decision: &Decision, facts: &Facts<'_>) -> Conclusion {
        self.record(self.denied(denial, facts), decision.rule.as_deref(), facts)
    }

    fn record(&self, verdict: Verdict, rule: Option<&str>, facts: &Facts<'_>) -> Conclusion {
        let record = self.json(verdict.as_str(), verdict.denial(), rule, facts, facts.approval.as_ref());
        let approval = facts.approval.as_ref().map(|told| told.outcome);
        Conclusion { verdict, record, counting: facts.counting, approval }
    }

    /// Writes the record of a case that waits for an approval: refused, unless an answer comes.
    pub(super) fn record_of_asking(&self, denial: &Denial, case: &Case<'_>) -> String {
        let told = Told { outcome: approval::Outcome::Asked, id: None, cause: None };
        self.json("deny", Some(denial), case.decision.rule.as_deref(), &case.facts, Some(&told))
    }

    fn json(
        &self,
        verdict: &'static str,
        denial: Option<&Denial>,
        rule: Option<&str>,
        facts: &Facts<'_>,
        approval: Option<&Told>,
    ) -> String {
        let record = Record {
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
        };
        record.json()
    }

    fn denied(&self, denial: Denial, facts: &Facts<'_>) -> Verdict {
        let reply = self.reply(&denial, facts);
        Verdict::Deny { denial, reply }
    }

    fn reply(&self, denial: &Denial, facts: &Facts<'_>) -> Reply {
        let Summary { id, call, is_message } = &facts.summary;
        let asked = match call.as_ref().map(|call| &call.target) {
            _ if *is_message && id.is_none() => Asked::Notification,
            Some(Target::Tool(name)) => Asked::Tool(name),
            _ => Asked::Other,
        };
        let (form, policy) = (self.policy.denials, self.policy.digest.as_str());
        let id = id.as_deref();
        let refusal = Refusal { denial, asked, id, form, decision_id: &self.decision_id, policy };
        match &facts.lead {
            Some(lead) => refusal.lead(lead),
            None => refusal.reply(),
        }
    }

    /// Tells whether the answer is a list to filter. In shadow mode lists stay whole: nobody is denied any of
    /// their elements.
    pub(super) fn list(&self, facts: &Facts<'_>) -> Option<ListRequest> {
        let call = facts.summary.call.as_ref().filter(|_| self.policy.mode == Mode::Enforce)?;
        let kind = call.method.list_kind()?;
        // Some servers answer what should have had an id: their list is filtered as well.
        Some(ListRequest { kind, id: facts.summary.id.as_deref().unwrap_or("null").to_owned() })
    }
}
