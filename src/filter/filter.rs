//! One HTTP stream: when to wait, when to judge, when to let go.

mod outside;
mod request;
mod response;

use std::rc::Rc;

use mcp_policy_engine::denial::Denial;
use mcp_policy_engine::guard::{self, Asking, Conclusion, Environment, Request, Step, Verdict};
use mcp_policy_engine::mcp::answer::Reply;

use crate::environment::HostEnvironment;
use crate::host::{Broken, Host, Token};
use crate::list::ListAnswer;
use crate::waiting::Ticket;
use crate::worker::Worker;

/// Where access logs find the audit record: `%FILTER_STATE(wasm.mcp_policy_audit:PLAIN)%`.
const AUDIT_STATE: &str = "mcp_policy_audit";

/// What the host does after a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It goes on
    Continue,
    /// It keeps what there is and waits
    Pause,
}

/// How far a stream has come.
#[derive(Debug)]
enum Stage {
    /// Its headers have not come
    Start,
    /// It waits for its body, which decides
    Reading(Rc<Request>),
    /// It may have no body, and has not ended
    Bodiless(Rc<Request>),
    /// It waits for an answer from outside
    Asking(Rc<Request>, Pending),
    /// It goes to the server
    Passing,
    /// This filter has answered it
    Refused,
}

/// A case that waits for the answer to one question.
#[derive(Debug)]
struct Pending {
    asking: Box<Asking>,
    /// The host's number for the question
    token: Token,
    /// Its place among the requests of the worker that wait
    ticket: Ticket,
}

/// One HTTP stream.
#[derive(Debug)]
pub struct Filter<H: Host> {
    host: H,
    worker: Option<Rc<Worker>>,
    stage: Stage,
    /// Its number among the requests that are paused at their headers
    paused: Option<u64>,
    list: Option<ListAnswer>,
}

impl<H: Host> Filter<H> {
    /// Makes the filter of a new stream; without a worker it refuses everything.
    #[must_use]
    pub fn new(host: H, worker: Option<Rc<Worker>>) -> Self {
        Self { host, worker, stage: Stage::Start, paused: None, list: None }
    }

    /// Takes the steps of a case until it waits or has its verdict.
    fn take_steps(
        &mut self,
        worker: &Worker,
        request: &Rc<Request>,
        first: impl FnOnce(&HostEnvironment<'_, H>) -> Step,
    ) -> Flow {
        let (conclusion, pending) = {
            let environment = HostEnvironment::new(&self.host, worker);
            let mut step = first(&environment);
            loop {
                step = match step {
                    Step::Change(change, changing) => {
                        let done = self.change(worker, request, &change);
                        changing.done(request, done, &environment)
                    }
                    Step::Ask(asking) => match self.ask(worker, request, asking, environment.now_ns()) {
                        Ok(pending) => break (None, Some(pending)),
                        Err((asking, answer)) => asking.answered(request, answer, &environment),
                    },
                    Step::Conclude(conclusion) => break (Some(conclusion), None),
                }
            }
        };
        if let Some(pending) = pending {
            self.stage = Stage::Asking(Rc::clone(request), pending);
        }
        match conclusion {
            Some(conclusion) => self.conclude(worker, request, conclusion),
            None => Flow::Pause,
        }
    }

    /// Lets a request without a body go on.
    fn pass(&mut self, worker: &Worker, request: &Rc<Request>) -> Flow {
        self.conclude(worker, request, request.pass())
    }

    /// Refuses a request; in shadow mode it goes on.
    fn refuse(&mut self, worker: &Worker, request: &Rc<Request>, denial: Denial) -> Flow {
        self.conclude(worker, request, request.refuse(denial))
    }

    /// Carries out a verdict, once it is recorded.
    fn conclude(&mut self, worker: &Worker, request: &Rc<Request>, conclusion: Conclusion) -> Flow {
        let recorded = self.host.set_state(AUDIT_STATE, conclusion.record.as_bytes());
        match conclusion.verdict {
            Verdict::Forward { .. } if recorded.is_err() => {
                worker.metrics.unrecorded(&self.host);
                return self.reply(&guard::refuse_unrecorded());
            }
            _ => worker.metrics.concluded(&self.host, &conclusion),
        }
        match conclusion.verdict {
            Verdict::Forward { list, .. } => {
                if let Some(list) = list {
                    self.list = Some(ListAnswer::new(Rc::clone(request), list));
                }
                self.stage = Stage::Passing;
                Flow::Continue
            }
            Verdict::Deny { reply, .. } => self.reply(&reply),
        }
    }

    fn reply(&mut self, reply: &Reply) -> Flow {
        self.stage = Stage::Refused;
        // A reply that the host does not take leaves the request where it is: paused.
        let _ = self.host.reply(reply);
        Flow::Pause
    }

    /// Asks the server not to compress its answer, which this filter has to read.
    fn ask_for_plain_answer(&self) -> Result<(), Broken> {
        self.host.set_request_header("accept-encoding", "identity")
    }
}

impl<H: Host> Drop for Filter<H> {
    fn drop(&mut self) {
        if let (Some(number), Some(worker)) = (self.paused, &self.worker) {
            worker.watch.forget(number);
        }
    }
}
