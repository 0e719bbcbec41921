//! The steps of a case that need the host: changing the request, and asking outside services.

use std::rc::Rc;

use mcp_policy_engine::approval::{self, Cause};
use mcp_policy_engine::audit;
use mcp_policy_engine::denial::{Code, Denial};
use mcp_policy_engine::guard::{
    Answer, Ask, Asking, Change, ChangeFailure, Environment as _, Question, Request,
};
use mcp_policy_engine::policy::RequestHeaders;

use super::{Filter, Forwarded, Pending, Stage};
use crate::environment::HostEnvironment;
use crate::host::{Broken, Flow, Host, HttpCall, Level, Token};
use crate::waiting::{Asker, Ticket};
use crate::worker::Worker;

impl<H: Host> Filter<H> {
    /// Continues the case that waits for the question with this token; `some` is false if there is no answer.
    pub fn answered(&mut self, token: Token, some: bool) {
        let answer = match some {
            false => Err("no answer in time, or no connection".into()),
            true => match self.host.posted(approval::MOST_BYTES) {
                Ok((status, body)) => approval::read(&status, &body),
                Err(Broken) => Err("more than 64 KiB, or nothing that can be had".into()),
            },
        };
        self.deliver(token, |worker, environment| {
            if let Err(cause) = &answer {
                worker.report_unavailable(environment.host(), cause, environment.now_ns());
            }
            Answer::Approval(answer)
        });
    }

    /// Continues the case that waits for the question with this token.
    pub(super) fn deliver(
        &mut self,
        token: Token,
        answer: impl FnOnce(&Worker, &HostEnvironment<'_, H>) -> Answer,
    ) {
        let Some(worker) = self.worker.clone() else { return };
        let (request, pending) = match std::mem::replace(&mut self.stage, Stage::Refused) {
            Stage::Asking(request, pending) if pending.token == token => (request, pending),
            // No case waits for this answer.
            stage => {
                self.stage = stage;
                return;
            }
        };
        pending.ticket.close();
        let flow = self.take_steps(&worker, &request, |environment| {
            pending.asking.answered(answer(&worker, environment), environment)
        });
        if flow == Flow::Continue && self.host.resume().is_err() {
            self.stop(&worker, &request);
        }
    }

    /// Undoes what was done for a call that was allowed, because the host cannot resume it: the charges are given back,
    /// and the record says that it is denied. The request stays paused until Envoy's timeout, and nothing of it is
    /// forwarded.
    fn stop(&mut self, worker: &Worker, request: &Rc<Request>) {
        self.stage = Stage::Stuck(Rc::clone(request));
        worker.log(
            &self.host,
            Level::Error,
            "a call that was allowed is not forwarded because it could not be resumed",
        );
        let denial = Denial::protocol(Code::Denied, "the request could not be resumed");
        let state = worker.plugin.record_state();
        let record = self.host.attribute(&[state]).ok().flatten();
        let record = record.as_deref().and_then(|record| std::str::from_utf8(record).ok());
        let denied = record.and_then(|record| audit::denied_after_all(record, &denial));
        let mut record = denied.unwrap_or_else(|| request.refuse(denial).record);
        if let Some(Forwarded { charged, .. }) = self.forwarded.take() {
            let given = charged.give_back(&HostEnvironment::new(&self.host, worker));
            worker.metrics.given_back(&self.host, &given);
            if given.failed == 0 {
                audit::add_given_back(&mut record);
            }
        }
        // If this fails, only the log says what happened.
        let _ = self.host.set_state(state, record.as_bytes());
    }

    /// Sends the question of a case, which then waits. If the question cannot be sent, returns the case and
    /// the reason in the form of an answer.
    pub(super) fn ask(
        &self,
        worker: &Worker,
        request: &Request,
        ask: Ask,
        asking: Box<Asking>,
        now_ns: Option<u64>,
    ) -> Result<Pending, (Box<Asking>, Answer)> {
        let Ask { question, record } = ask;
        let question = match question {
            Question::Approval(question) => question,
            Question::Rates(question) => return self.ask_rates(worker, &question, asking, record, now_ns),
        };
        worker.metrics.asked(&self.host);
        match self.post_question(worker, request, asking.size(), &question, record, now_ns) {
            Ok((token, ticket)) => Ok(Pending { asking, token, ticket }),
            Err(cause) => {
                worker.report_unavailable(&self.host, &cause, now_ns);
                Err((asking, Answer::Approval(Err(cause))))
            }
        }
    }

    /// Sends a question to the approval service. `size` is what the waiting case takes, in bytes.
    fn post_question(
        &self,
        worker: &Worker,
        request: &Request,
        size: usize,
        question: &str,
        mut record: String,
        now_ns: Option<u64>,
    ) -> Result<(Token, Ticket), Cause> {
        let to = worker.plugin.policy.approvals.as_ref().ok_or("no approval service is configured")?;
        let now_ns = now_ns.ok_or("no clock")?;
        let caller = request.caller.key(&request.policy);
        let until_ns = now_ns.saturating_add(u64::from(to.answer_timeout_ms()).saturating_mul(1_000_000));
        let asker = Asker { caller: caller.as_deref(), now_ns, until_ns };
        let ticket = worker.waiting.enter(&asker, size).ok_or("too many calls wait already")?;
        let call = HttpCall {
            cluster: &to.cluster,
            authority: &to.authority,
            path: &to.path,
            body: question.as_bytes(),
            timeout_ms: to.answer_timeout_ms(),
        };
        // If the client disconnects before the answer, this record remains.
        audit::add_time(&mut record, Some(now_ns));
        let recorded = self.host.set_state(worker.plugin.record_state(), record.as_bytes());
        match recorded.and_then(|()| self.host.post(&call)) {
            Ok(token) => Ok((token, ticket)),
            Err(Broken) => {
                ticket.close();
                Err("the question could not be sent: does the cluster exist?".into())
            }
        }
    }

    /// Changes the request before it is forwarded.
    pub(super) fn change(
        &self,
        worker: &Worker,
        request: &Request,
        change: &Change,
    ) -> Result<(), ChangeFailure> {
        let held = worker.plugin.policy.request_headers == RequestHeaders::Hold;
        // In stream mode, this header was set before the headers were sent.
        if change.plain_answer && held {
            self.ask_for_plain_answer(&request.headers, true).map_err(|Broken| ChangeFailure::Headers)?;
        }
        let Some(body) = &change.body else { return Ok(()) };
        self.change_body(worker, request, held, body).map_err(|Broken| {
            worker.log(
                &self.host,
                Level::Error,
                "a request is refused because its body could not be changed",
            );
            ChangeFailure::Body
        })
    }

    fn change_body(&self, worker: &Worker, request: &Request, held: bool, body: &[u8]) -> Result<(), Broken> {
        if held && request.headers.content_length.is_present() {
            self.host.set_request_header("content-length", &body.len().to_string())?;
        }
        if !held && !worker.plugin.changes_bodies() {
            // The headers have declared another length, so the server could read the body as two requests.
            return Err(Broken);
        }
        self.host.set_request_body(body)
    }
}
