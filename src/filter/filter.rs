//! The filter of one HTTP stream: runs the case of a request and carries out its verdict.

mod outside;
mod rates;
mod request;
mod response;
mod unreceived;

use std::rc::Rc;

use mcp_policy_engine::audit;
use mcp_policy_engine::denial::Denial;
use mcp_policy_engine::guard::{self, Asking, Charged, Conclusion, Environment, Request, Step, Verdict};
use mcp_policy_engine::mcp::answer::Reply;
use mcp_policy_engine::mcp::headers::{Compression, Headers};
use mcp_policy_engine::rate_limit::Outcome;

use crate::environment::HostEnvironment;
use crate::host::{Broken, Flow, Host, Token};
use crate::list::ListAnswer;
use crate::waiting::Ticket;
use crate::worker::Worker;

/// The stage of a request.
#[derive(Debug)]
enum Stage {
    /// The headers have not arrived
    Start,
    /// The filter waits for the whole body
    Reading(Rc<Request>),
    /// The request must not have a body, and has not ended. If its headers went ahead, it is recorded already
    Bodiless(Rc<Request>),
    /// A case waits for an answer from outside
    Asking(Rc<Request>, Pending),
    /// The request is forwarded
    Passing,
    /// The filter has replied
    Refused,
    /// The host accepted no reply, or could not resume the request, so the request stays paused. If its headers went
    /// ahead, the server can still respond
    Stuck(Rc<Request>),
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

/// A call that was forwarded, until its response begins.
#[derive(Debug)]
struct Forwarded {
    charged: Charged,
    record: String,
}

/// The filter of one HTTP stream.
#[derive(Debug)]
pub struct Filter<H: Host> {
    host: H,
    worker: Option<Rc<Worker>>,
    stage: Stage,
    /// Whether the worker watches for a body of this request
    watched: bool,
    /// What to give back if no server receives the request
    forwarded: Option<Forwarded>,
    list: Option<ListAnswer>,
}

impl<H: Host> Filter<H> {
    /// Makes the filter of a new stream. Without a worker it refuses everything.
    #[must_use]
    pub fn new(host: H, worker: Option<Rc<Worker>>) -> Self {
        Self { host, worker, stage: Stage::Start, watched: false, forwarded: None, list: None }
    }

    /// Takes the steps of a case until it waits or is concluded.
    fn take_steps(
        &mut self,
        worker: &Worker,
        request: &Rc<Request>,
        first: impl FnOnce(&HostEnvironment<'_, H>) -> Step,
    ) -> Flow {
        let (concluded, pending) = {
            let environment = HostEnvironment::new(&self.host, worker);
            let mut step = first(&environment);
            loop {
                step = match step {
                    Step::Change(change, changing) => {
                        let done = self.change(worker, request, &change);
                        changing.done(done, &environment)
                    }
                    Step::Ask(ask, asking) => {
                        match self.ask(worker, request, ask, asking, environment.now_ns()) {
                            Ok(pending) => break (None, Some(pending)),
                            Err((asking, answer)) => asking.answered(answer, &environment),
                        }
                    }
                    Step::Conclude(conclusion) => {
                        // A call with limits has been charged at this time. It is not fetched again.
                        break (Some((conclusion, environment.now_ns())), None);
                    }
                }
            }
        };
        if let Some(pending) = pending {
            self.stage = Stage::Asking(Rc::clone(request), pending);
        }
        match concluded {
            Some((conclusion, now_ns)) => self.conclude_at(worker, Some(request), conclusion, now_ns),
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

    fn conclude(&mut self, worker: &Worker, request: Option<&Rc<Request>>, conclusion: Conclusion) -> Flow {
        self.conclude_at(worker, request, conclusion, self.host.now_ns())
    }

    /// Stores the record, then carries out the verdict. A request is forwarded only if its record was stored.
    /// `now_ns` is the time of the verdict.
    fn conclude_at(
        &mut self,
        worker: &Worker,
        request: Option<&Rc<Request>>,
        mut conclusion: Conclusion,
        now_ns: Option<u64>,
    ) -> Flow {
        audit::add_time(&mut conclusion.record, now_ns);
        if let Some(Outcome::Failed(failure)) = conclusion.rates {
            worker.report_uncounted(&self.host, failure, now_ns);
        }
        let recorded = self.host.set_state(worker.plugin.record_state(), conclusion.record.as_bytes());
        match conclusion.verdict {
            Verdict::Forward { .. } if recorded.is_err() => {
                worker.metrics.unrecorded(&self.host, conclusion.grant);
                // It is not forwarded, so it is not charged.
                let given = conclusion.charged.give_back(&HostEnvironment::new(&self.host, worker));
                worker.metrics.given_back(&self.host, &given);
                return self.reply(request, &guard::refuse_unrecorded());
            }
            _ => worker.metrics.concluded(&self.host, &conclusion, now_ns),
        }
        let Conclusion { verdict, record, charged, .. } = conclusion;
        match verdict {
            Verdict::Forward { awaited, .. } => {
                if !charged.is_empty() {
                    self.forwarded = Some(Forwarded { charged, record });
                }
                if let (Some(awaited), Some(request)) = (awaited, request) {
                    match &mut self.list {
                        // The server has begun to respond before the request was judged.
                        Some(list) if list.has_begun() => list.expect(&self.host, worker, awaited),
                        list => *list = Some(ListAnswer::new(&self.host, Rc::clone(request), awaited)),
                    }
                }
                self.stage = Stage::Passing;
                Flow::Continue
            }
            Verdict::Deny { reply, .. } => self.reply(request, &reply),
        }
    }

    /// Replies to a request. Without a `request`, nothing of it has been forwarded.
    fn reply(&mut self, request: Option<&Rc<Request>>, reply: &Reply) -> Flow {
        self.stage = match (self.host.reply(reply), request) {
            (Err(Broken), Some(request)) => Stage::Stuck(Rc::clone(request)),
            _ => Stage::Refused,
        };
        Flow::Pause
    }

    /// Asks the server not to compress its response, because the filter has to read it. A request without the
    /// header accepts anything, but servers do not compress then: it is set only if that is `certain`.
    fn ask_for_plain_answer(&self, headers: &Headers, certain: bool) -> Result<(), Broken> {
        match headers.compression {
            Compression::Unsaid if !certain => Ok(()),
            Compression::None => Ok(()),
            Compression::Unsaid | Compression::Some => {
                self.host.set_request_header("accept-encoding", "identity")
            }
        }
    }
}

impl<H: Host> Drop for Filter<H> {
    fn drop(&mut self) {
        if let (true, Some(worker)) = (self.watched, &self.worker) {
            worker.watch.forget(self.host.id());
        }
    }
}
