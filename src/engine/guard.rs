//! One request from its bytes to its outcome: read, decide, charge, answer, record.
//!
//! What Envoy's filter does with a request, a native tool can do with a file: the store, the time
//! and the ids are arguments.

mod admit;
mod ask;
mod charge;
mod judgement;

use crate::approval::{self, Answer};
use crate::audit::{Counted, Outcome, Record};
use crate::decide::{self, Decision};
use crate::denial::Denial;
use crate::identity::{self, Caller};
use crate::limit::{Layout, Store};
use crate::mcp::answer::{Asked, Lead, Refusal, Reply};
use crate::mcp::headers::Headers;
use crate::mcp::message::{self, Body, Call, Message, Rejection, Target};
use crate::mcp::rounds;
use crate::policy::{Mode, Policy};

pub use admit::{
    Admission, admit, identify, refuse_unchanged, refuse_unrecorded, refuse_without_policy, too_large,
};
pub use judgement::{Counting, Judgement, ListRequest, Verdict};

/// What is known beside the decision itself, for its answer and its record.
#[derive(Debug, Default)]
struct Known<'a> {
    message: Option<&'a Message<'a>>,
    /// The request's id, as JSON text
    id: Option<&'a str>,
    /// How many bytes its body has
    size: usize,
    counters: Vec<Counted>,
    counting: Counting,
    /// What asking for an approval came to
    approval: Option<approval::Told<'a>>,
    /// How its client is led to the approval's page
    lead: Option<Lead<'a>>,
}

/// Whether the approval service has been asked.
#[derive(Debug, Clone, Copy)]
enum Consulted<'a> {
    /// It has not
    NotYet,
    /// It has answered, or why it has not; and the time, where it can be told
    Answered(Result<&'a Answer, &'a str>, Option<u64>),
}

/// Where the calls of a policy are counted.
#[derive(Debug)]
pub struct Tally<'a, S: ?Sized> {
    /// The shared counters
    pub store: &'a S,
    /// Where each of them is; `None` while the proxy's secret cannot be had
    pub layout: Option<&'a Layout>,
    /// Nanoseconds since the Unix epoch
    pub now_ns: u64,
}

/// One request under a policy, as far as it is known before its body.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The policy
    pub policy: &'a Policy,
    /// Who sends it
    pub caller: &'a Caller,
    /// Its headers
    pub headers: &'a Headers,
    /// The decision's own id, in the answer and the record
    pub decision_id: &'a str,
    /// Why it would have been refused already, but for shadow mode
    pub advice: Option<&'a Denial>,
}

impl Request<'_> {
    /// Refuses the request by what is known before its body; in shadow mode it goes on.
    #[must_use]
    pub fn refuse(&self, denial: Denial) -> Judgement {
        self.reject(Rejection { id: None, denial })
    }

    /// Lets a request without a body go on.
    #[must_use]
    pub fn pass(&self) -> Judgement {
        self.conclude(Decision::default(), Known::default())
    }

    /// Judges the bytes of the body, and charges what is due.
    pub fn judge<S: Store + ?Sized>(&self, body: &[u8], tally: &Tally<'_, S>) -> Judgement {
        self.consider(body, tally, Consulted::NotYet)
    }

    /// Judges the bytes of a body again, now that the approval service has answered, or it is known why it
    /// has not. `now_ns` (nanoseconds since the Unix epoch) is `None` where the time cannot be told, which
    /// ends whatever ends.
    pub fn resume<S: Store + ?Sized>(
        &self,
        body: &[u8],
        tally: &Tally<'_, S>,
        answer: Result<&Answer, &str>,
        now_ns: Option<u64>,
    ) -> Judgement {
        self.consider(body, tally, Consulted::Answered(answer, now_ns))
    }

    fn consider<S: Store + ?Sized>(
        &self,
        body: &[u8],
        tally: &Tally<'_, S>,
        consulted: Consulted<'_>,
    ) -> Judgement {
        let document = match message::parse(body) {
            Ok(document) => document,
            Err(rejection) => return self.reject(rejection),
        };
        let message = match Message::read(&document, self.headers) {
            Ok(message) => message,
            Err(rejection) => return self.reject(rejection),
        };
        let mut known =
            Known { message: Some(&message), id: message.id, size: body.len(), ..Known::default() };
        let Body::Call(call) = &message.body else {
            return self.conclude(Decision::default(), known);
        };
        let mut decision = decide::decide(self.policy, self.caller, call);
        if self.policy.mode == Mode::Shadow {
            decision.soften(call);
        }
        let mut question = None;
        if let Some(rule) = decision.approval.filter(|_| decision.denial.is_none()) {
            match consulted {
                Consulted::NotYet => match self.ask(rule, call, &decision, &mut known, tally) {
                    Ok(asked) => question = Some(asked),
                    Err(denial) => decision.denial = Some(denial),
                },
                Consulted::Answered(answer, now_ns) => {
                    decision.denial = self.heed(rule, call, answer, &mut known);
                    // A grant may end while a person is asked.
                    let grant = self.caller.grant(self.policy);
                    if let Some(expired) = grant.and_then(|grant| identity::expired(grant, || now_ns)) {
                        (decision.denial, known.lead) = (Some(expired), None);
                    }
                }
            }
        }
        let mut judgement = match question {
            Some(question) => self.wait(question, decision, known, call),
            None => {
                if decision.denial.is_none() {
                    (known.counters, known.counting) = self.charge(&mut decision, call, tally);
                }
                self.conclude(decision, known)
            }
        };
        // What has been asked about was put right before that. A policy without approvals makes no state, so
        // that nothing is changed under it: where headers go ahead, so does the body's length.
        let goes_on = matches!(judgement.verdict, Verdict::Forward(_) | Verdict::Ask(_));
        if goes_on && matches!(consulted, Consulted::NotYet) && self.policy.approvals.is_some() {
            judgement.body = rounds::without_own(document.text(), call);
        }
        judgement
    }

    fn reject(&self, rejection: Rejection) -> Judgement {
        let decision = Decision { denial: Some(rejection.denial), ..Decision::default() };
        self.conclude(decision, Known { id: rejection.id.as_deref(), ..Known::default() })
    }

    /// Makes the answer and the record of a decision.
    fn conclude(&self, mut decision: Decision<'_>, known: Known<'_>) -> Judgement {
        if self.policy.mode == Mode::Shadow {
            decision.advise();
        }
        if let Some(advice) = self.advice {
            decision.would_deny = Some(advice.clone());
        }
        let (outcome, denial) = match (decision.denial, decision.would_deny) {
            (Some(denial), _) => (Outcome::Deny, Some(denial)),
            (None, Some(denial)) => (Outcome::WouldDeny, Some(denial)),
            (None, None) => (Outcome::Allow, None),
        };
        let verdict = match &denial {
            Some(denial) if outcome == Outcome::Deny => Verdict::Refuse(self.answer(denial, &known)),
            _ => Verdict::Forward(known.message.and_then(|message| self.list(message))),
        };
        let record = Record {
            outcome,
            denial: denial.as_ref(),
            rule: decision.rule,
            id: self.decision_id,
            policy: self.policy,
            caller: self.caller,
            headers: self.headers,
            message: known.message.map(|message| &message.body),
            request: known.id,
            counters: &known.counters,
            approval: known.approval,
        }
        .json();
        let approval = known.approval.map(|told| told.outcome);
        Judgement { verdict, record, outcome, denial, counting: known.counting, body: None, approval }
    }

    fn answer(&self, denial: &Denial, known: &Known<'_>) -> Reply {
        let asked = match known.message.map(|message| &message.body) {
            Some(_) if known.id.is_none() => Asked::Notification,
            Some(Body::Call(call)) => match &call.target {
                Target::Tool(name) => Asked::Tool(name),
                _ => Asked::Other,
            },
            _ => Asked::Other,
        };
        let (form, policy) = (self.policy.denials, self.policy.digest.as_str());
        let refusal = Refusal { denial, asked, id: known.id, form, decision_id: self.decision_id, policy };
        match &known.lead {
            Some(lead) => refusal.lead(lead),
            None => refusal.reply(),
        }
    }

    /// Tells whether the answer is a list. One of what shadow mode would deny stays whole: nobody is
    /// denied any of it.
    fn list(&self, message: &Message<'_>) -> Option<ListRequest> {
        let Body::Call(call) = &message.body else { return None };
        let kind = call.method.list_kind().filter(|_| self.policy.mode == Mode::Enforce)?;
        // Some servers answer what should have had an id: their list is filtered as well.
        Some(ListRequest { kind, id: message.id.unwrap_or("null").to_owned() })
    }
}

impl Decision<'_> {
    /// Makes advice of everything, as if every rule were in shadow mode. Nobody is asked.
    fn soften(&mut self, call: &Call<'_>) {
        if let Some(rule) = self.approval.take() {
            self.denial.get_or_insert_with(|| decide::needs_approval(rule, call));
        }
        self.advise();
        self.shadow_charges.append(&mut self.charges);
    }

    fn advise(&mut self) {
        self.would_deny = self.denial.take().or(self.would_deny.take());
    }
}
