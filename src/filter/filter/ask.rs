//! A request that waits while the approval service is asked, and its body without what is for this
//! filter alone.

use super::{AUDIT_STATE, Filter, Flow, Stage};
use crate::host::{Broken, Host};
use crate::metrics;
use crate::plugin::Plugin;
use crate::waiting::{Asker, Waiter};
use mcp_policy_engine::approval;
use mcp_policy_engine::guard::Judgement;
use mcp_policy_engine::policy::{Approvals, RequestHeaders};

impl<H: Host> Filter<H> {
    /// Takes the approval service's answer; `some` where there is one.
    pub fn answered(&mut self, some: bool) {
        let (Some(plugin), Some(waiter)) = (self.plugin.clone(), self.waiter.take()) else { return };
        waiter.close();
        let answer = match some {
            false => Err("no answer in time, or no connection".into()),
            true => match self.host.posted(approval::MOST_BYTES) {
                Ok((status, body)) => approval::read(&status, &body),
                Err(Broken) => Err("more than 64 KiB, or nothing that can be had".into()),
            },
        };
        let judgement = self.judge_again(&plugin, &waiter.decision_id, &waiter.body, answer);
        if self.conclude(&plugin, judgement) == Flow::Continue && self.host.resume().is_err() {
            // It stays where it is until Envoy's time-out: nothing of it goes on.
            self.stage = Stage::Refused;
        }
    }

    /// Has the request wait while the approval service is asked.
    pub(super) fn ask(
        &mut self,
        plugin: &Plugin,
        judgement: &Judgement,
        question: &str,
        body: &[u8],
        decision_id: String,
    ) -> Flow {
        metrics::asked(&self.host);
        match self.put(plugin, judgement, question, body, &decision_id) {
            Ok(waiter) => {
                self.stage = Stage::Asking;
                self.waiter = Some(waiter);
                Flow::Pause
            }
            Err(cause) => {
                let judgement = self.judge_again(plugin, &decision_id, body, Err(cause.into()));
                self.conclude(plugin, judgement)
            }
        }
    }

    /// Puts the question to the service, or says why that cannot be.
    fn put(
        &self,
        plugin: &Plugin,
        judgement: &Judgement,
        question: &str,
        body: &[u8],
        decision_id: &str,
    ) -> Result<Waiter, &'static str> {
        let to = plugin.policy.approvals.as_ref().ok_or("nobody to ask")?;
        let now_ns = self.host.now_ns().map_err(|Broken| "no clock")?;
        let caller = self.caller.key(&plugin.policy);
        let until_ns = now_ns.saturating_add(u64::from(to.patience_ms()).saturating_mul(1_000_000));
        let asker = Asker { caller: caller.as_deref(), now_ns, until_ns };
        let waiter = plugin.waiting.enter(&asker, body, decision_id.to_owned());
        let waiter = waiter.ok_or("too many calls wait already")?;
        match self.send(plugin, to, judgement, question) {
            Ok(()) => Ok(waiter),
            Err(Broken) => {
                waiter.close();
                Err("cannot be asked: is there such a cluster?")
            }
        }
    }

    fn judge_again(
        &self,
        plugin: &Plugin,
        decision_id: &str,
        body: &[u8],
        answer: Result<approval::Answer, approval::Cause>,
    ) -> Judgement {
        let now_ns = self.host.now_ns().ok();
        if let Err(cause) = &answer {
            plugin.complain(&self.host, cause, now_ns);
        }
        let answer = answer.as_ref().map_err(|cause| cause.as_ref());
        self.with_tally(plugin, |tally| self.request(plugin, decision_id).resume(body, tally, answer, now_ns))
    }

    fn send(
        &self,
        plugin: &Plugin,
        to: &Approvals,
        judgement: &Judgement,
        question: &str,
    ) -> Result<(), Broken> {
        self.replace_body(plugin, judgement)?;
        // Whoever leaves while it is asked leaves this.
        self.host.set_state(AUDIT_STATE, judgement.record.as_bytes())?;
        self.host.post(to, question.as_bytes(), to.patience_ms())
    }

    /// Takes out of the body what is for this filter alone.
    pub(super) fn replace_body(&self, plugin: &Plugin, judgement: &Judgement) -> Result<(), Broken> {
        let Some(body) = &judgement.body else { return Ok(()) };
        if plugin.policy.request_headers == RequestHeaders::Hold {
            if self.headers.content_length.is_present() {
                self.host.set_request_header("content-length", &body.len().to_string())?;
            }
        } else if !forgets_length(plugin) {
            // A body of another length than its headers have told is two requests to a server.
            return Err(Broken);
        }
        self.host.set_request_body(body)
    }

    /// Takes away the length of a body whose headers go ahead: what it holds for this filter is known only
    /// when they are gone.
    pub(super) fn forget_length(&self, plugin: &Plugin) -> Result<(), Broken> {
        match forgets_length(plugin) && self.headers.content_length.is_present() {
            true => self.host.remove_request_header("content-length"),
            false => Ok(()),
        }
    }
}

/// Tells whether bodies may be changed behind headers that went ahead.
fn forgets_length(plugin: &Plugin) -> bool {
    plugin.policy.approvals.is_some()
}
