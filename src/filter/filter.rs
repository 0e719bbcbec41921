//! The filter of one HTTP stream: runs the case of a request and carries out its verdict.

mod outside;
mod request;
mod response;

use std::rc::Rc;

use mcp_policy_engine::denial::Denial;
use mcp_policy_engine::guard::{self, Asking, Conclusion, Environment, Request, Step, Verdict};
use mcp_policy_engine::mcp::answer::Reply;
use mcp_policy_engine::mcp::headers::{Field, Headers};

use crate::environment::HostEnvironment;
use crate::host::{Broken, Flow, Host, Token};
use crate::list::ListAnswer;
use crate::waiting::Ticket;
use crate::worker::Worker;

/// The filter state that contains the audit record. Access logs print it with
/// `%FILTER_STATE(wasm.mcp_policy_audit:PLAIN)%`.
pub(crate) const AUDIT_STATE: &str = "mcp_policy_audit";

/// The stage of a request.
#[derive(Debug)]
enum Stage {
    /// The headers have not arrived
    Start,
    /// The filter waits for the whole body
    Reading(Rc<Request>),
    /// The request must not have a body, and has not ended
    Bodiless(Rc<Request>),
    /// A case waits for an answer from outside
    Asking(Rc<Request>, Pending),
    /// The request is forwarded
    Passing,
    /// The filter has replied
    Refused,
}

/// A case that waits for an answer.
#[derive(Debug)]
struct Pending {
    asking: Box<Asking>,
    /// Identifies the question to the host
    token: Token,
    /// Its share of the worker's limit for waiting requests
    ticket: Ticket,
}

/// The filter of one HTTP stream.
#[derive(Debug)]
pub struct Filter<H: Host> {
    host: H,
    worker: Option<Rc<Worker>>,
    stage: Stage,
    /// The number from [`Watch::pause`](crate::watch::Watch::pause), while the worker watches for a body
    paused: Option<u64>,
    list: Option<ListAnswer>,
}

impl<H: Host> Filter<H> {
    /// Makes the filter of a new stream. Without a worker it refuses everything.
    #[must_use]
    pub fn new(host: H, worker: Option<Rc<Worker>>) -> Self {
        Self { host, worker, stage: Stage::Start, paused: None, list: None }
    }

    /// Takes the steps of a case until it waits or is concluded.
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
                        changing.done(done, &environment)
                    }
                    Step::Ask(ask, asking) => {
                        match self.ask(worker, request, &ask, asking, environment.now_ns()) {
                            Ok(pending) => break (None, Some(pending)),
                            Err((asking, answer)) => asking.answered(answer, &environment),
                        }
                    }
                    Step::Conclude(conclusion) => break (Some(conclusion), None),
                }
            }
        };
        if let Some(pending) = pending {
            self.stage = Stage::Asking(Rc::clone(request), pending);
        }
        match conclusion {
            Some(conclusion) => self.conclude(worker, Some(request), conclusion),
            None => Flow::Pause,
        }
    }

    /// Forwards a request without a body.
    fn pass(&mut self, worker: &Worker, request: &Rc<Request>) -> Flow {
        self.conclude(worker, Some(request), request.pass())
    }

    /// Refuses a request. In shadow mode it is forwarded.
    fn refuse(&mut self, worker: &Worker, request: &Rc<Request>, denial: Denial) -> Flow {
        self.conclude(worker, Some(request), request.refuse(denial))
    }

    /// Stores the record, then carries out the verdict. A request is forwarded only if its record was stored.
    fn conclude(&mut self, worker: &Worker, request: Option<&Rc<Request>>, conclusion: Conclusion) -> Flow {
        let recorded = self.host.set_state(AUDIT_STATE, conclusion.record.as_bytes());
        match conclusion.verdict {
            Verdict::Forward { .. } if recorded.is_err() => {
                worker.metrics.unrecorded(&self.host);
                return self.reply(&guard::refuse_unrecorded());
            }
            _ => worker.metrics.concluded(&self.host, &conclusion),
        }
        match conclusion.verdict {
            Verdict::Forward { awaited, .. } => {
                if let (Some(awaited), Some(request)) = (awaited, request) {
                    self.list = Some(ListAnswer::new(Rc::clone(request), awaited));
                }
                self.stage = Stage::Passing;
                Flow::Continue
            }
            Verdict::Deny { reply, .. } => self.reply(&reply),
        }
    }

    fn reply(&mut self, reply: &Reply) -> Flow {
        self.stage = Stage::Refused;
        // If the host does not accept the reply, the request stays paused.
        let _ = self.host.reply(reply);
        Flow::Pause
    }

    /// Asks the server not to compress its response, because the filter has to read it. A request without the
    /// header accepts anything, but servers do not compress then: it is set only if that is `certain`.
    fn ask_for_plain_answer(&self, headers: &Headers, certain: bool) -> Result<(), Broken> {
        match &headers.accept_encoding {
            Field::Absent if !certain => Ok(()),
            Field::Once(value) if value.eq_ignore_ascii_case(b"identity") => Ok(()),
            _ => self.host.set_request_header("accept-encoding", "identity"),
        }
    }
}

impl<H: Host> Drop for Filter<H> {
    fn drop(&mut self) {
        if let (Some(number), Some(worker)) = (self.paused, &self.worker) {
            worker.watch.forget(number);
        }
    }
}
