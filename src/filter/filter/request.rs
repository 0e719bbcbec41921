//! The request: its headers, body and trailers.

use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::audit;
use mcp_policy_engine::guard::{self, Admission, Arrival, Conclusion, Request, unreadable};
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::policy::{Mode, RequestHeaders};

use super::{Filter, Stage};
use crate::credentials::HostCredentials;
use crate::host::{Broken, Flow, Host};
use crate::worker::Worker;

impl<H: Host> Filter<H> {
    /// Handles the request's headers; `end` is true if there is no body.
    pub fn request_headers(&mut self, end: bool) -> Flow {
        let Some(worker) = self.worker.clone() else {
            return self.reply(None, &guard::refuse_without_policy());
        };
        let plugin = &*worker.plugin;
        let open = |headers: Headers| {
            let session = headers.session_id.once().map(|id| worker.sessions.digest(id));
            Arrival::with_session(Arc::clone(&plugin.policy), headers, worker.ids.next(), session)
        };
        let Ok(pairs) = self.host.request_headers() else {
            let conclusion = open(Headers::default()).refuse(unreadable("headers"));
            return self.conclude(&worker, None, conclusion);
        };
        let headers = Headers::from_pairs(pairs.iter(), &plugin.headers);
        if guard::is_exempt(&plugin.policy, &headers) {
            self.stage = Stage::Passing;
            return Flow::Continue;
        }
        let request = match self.identify(&worker, open(headers)) {
            Ok(request) => Rc::new(request),
            Err(conclusion) => {
                if let Some(denial) = conclusion.verdict.denial() {
                    worker.report_unidentified(&self.host, denial);
                }
                return self.conclude(&worker, None, *conclusion);
            }
        };
        match guard::admit(&request.headers) {
            Admission::Refuse(denial) => self.refuse(&worker, &request, denial),
            _ if self.prepare_answer(&request).is_err() => {
                self.refuse(&worker, &request, unreadable("headers"))
            }
            Admission::Bodiless => self.await_end(&worker, request, end),
            Admission::Read if guard::announces_too_large(&plugin.policy, &request.headers) => {
                self.refuse(&worker, &request, guard::too_large(&plugin.policy))
            }
            Admission::Read if end => self.start_case(&worker, &request, &[]),
            Admission::Read => self.await_body(&worker, request),
        }
    }

    /// Handles a part of the request's body. `size` is the number of bytes buffered so far, including this
    /// part; `end` is true for the last part.
    pub fn request_body(&mut self, size: usize, end: bool) -> Flow {
        let Some(worker) = self.worker.clone() else { return Flow::Pause };
        if std::mem::take(&mut self.watched) {
            worker.watch.settle();
        }
        match &self.stage {
            Stage::Passing => Flow::Continue,
            Stage::Refused | Stage::Stuck(_) | Stage::Start | Stage::Asking(..) => Flow::Pause,
            Stage::Bodiless(request) => match (size, end) {
                (0, false) => Flow::Pause,
                (0, true) => self.pass_bodiless(&worker, &Rc::clone(request)),
                _ => self.refuse(&worker, &Rc::clone(request), guard::only_a_post_has_a_body()),
            },
            Stage::Reading(request) => match size > worker.plugin.policy.max_body_bytes {
                true => self.refuse(&worker, &Rc::clone(request), guard::too_large(&worker.plugin.policy)),
                false if end => self.start_case_buffered(&worker, &Rc::clone(request)),
                false => Flow::Pause,
            },
        }
    }

    /// Handles the request's trailers. They end the body: if there are trailers, no body callback has `end` set.
    pub fn request_trailers(&mut self) -> Flow {
        let Some(worker) = self.worker.clone() else { return Flow::Pause };
        match &self.stage {
            Stage::Reading(request) => self.start_case_buffered(&worker, &Rc::clone(request)),
            Stage::Bodiless(request) => self.pass_bodiless(&worker, &Rc::clone(request)),
            Stage::Passing => Flow::Continue,
            Stage::Refused | Stage::Stuck(_) | Stage::Start | Stage::Asking(..) => Flow::Pause,
        }
    }

    /// Removes the headers that would make Envoy send the request more than once, then identifies the caller.
    fn identify(&self, worker: &Worker, arrival: Arrival) -> Result<Request, Box<Conclusion>> {
        // In shadow mode the request does not change: another filter may have the policy in force.
        let changes = worker.plugin.policy.mode == Mode::Enforce;
        let mut repeating = arrival.headers().repeating.iter().filter(|_| changes);
        if repeating.any(|name| self.host.remove_request_header(name).is_err()) {
            return Err(Box::new(arrival.refuse(unreadable("headers"))));
        }
        // Reading the clock costs a host call, so it is read only if a grant begins or expires.
        let now_ns = if worker.plugin.expires { self.host.now_ns() } else { None };
        arrival.identify(&HostCredentials::new(&self.host), now_ns)
    }

    /// Waits for the end of a request that must not have a body.
    fn await_end(&mut self, worker: &Worker, request: Rc<Request>, end: bool) -> Flow {
        if end {
            return self.pass(worker, &request);
        }
        match worker.plugin.policy.request_headers {
            RequestHeaders::Hold => {
                self.stage = Stage::Bodiless(request);
                self.hold(worker)
            }
            RequestHeaders::Stream if self.has_chunks() => {
                self.refuse(worker, &request, guard::only_a_post_has_a_body())
            }
            // If the response can contain lists, the header for a plain response was set above. The headers reach
            // the server now, so the record must exist.
            RequestHeaders::Stream => {
                let flow = self.pass(worker, &request);
                if flow == Flow::Continue {
                    self.stage = Stage::Bodiless(request);
                }
                flow
            }
        }
    }

    /// Returns whether a request that has not ended with its headers has a body in chunks. Envoy does not pass on the
    /// header that says so, but HTTP/1.1 without a length has no other body. In HTTP/2 the end can follow alone.
    fn has_chunks(&self) -> bool {
        match self.host.attribute(&["request", "protocol"]) {
            // Without a known protocol the headers must not go ahead.
            Ok(protocol) => !protocol
                .is_some_and(|protocol| [b"HTTP/2".as_slice(), b"HTTP/3"].contains(&protocol.as_slice())),
            Err(Broken) => true,
        }
    }

    /// Forwards a request whose method has no body, and that has ended without one.
    fn pass_bodiless(&mut self, worker: &Worker, request: &Rc<Request>) -> Flow {
        match worker.plugin.policy.request_headers {
            RequestHeaders::Hold => self.pass(worker, request),
            // It was recorded when its headers were forwarded.
            RequestHeaders::Stream => {
                self.stage = Stage::Passing;
                Flow::Continue
            }
        }
    }

    /// Asks for a response that can be read. Any response may contain a list: a server can answer with one whatever
    /// the method, a resumed stream replays it, and the stream of a GET carries answers to other requests.
    fn prepare_answer(&self, request: &Request) -> Result<(), Broken> {
        match request.policy.mode {
            Mode::Enforce => {
                if request.reads_metadata() {
                    // A server that looks only at the end of the path could open a stream, for which `*/*` suffices.
                    self.host.set_request_header("accept", "application/json")?;
                }
                let streams = request.headers.method.once() == Some(b"GET");
                let resumed = request.headers.last_event_id.is_present();
                let ahead = request.policy.request_headers == RequestHeaders::Stream;
                self.ask_for_plain_answer(&request.headers, streams || resumed || ahead)
            }
            // Lists are not filtered.
            Mode::Shadow => Ok(()),
        }
    }

    /// Waits for the body. The headers are held or sent, as the policy says.
    fn await_body(&mut self, worker: &Worker, request: Rc<Request>) -> Flow {
        self.stage = Stage::Reading(Rc::clone(&request));
        match worker.plugin.policy.request_headers {
            RequestHeaders::Hold => self.hold(worker),
            RequestHeaders::Stream => {
                if self.prepare_headers(worker, &request).is_err() {
                    return self.refuse(worker, &request, unreadable("headers"));
                }
                // If the client or the server ends the request before its body is complete, this record remains.
                let mut record = request.record_of_reading();
                audit::add_time(&mut record, self.host.now_ns());
                match self.host.set_state(worker.plugin.record_state(), record.as_bytes()) {
                    Ok(()) => Flow::Continue,
                    Err(Broken) => {
                        worker.metrics.unrecorded(&self.host, request.caller.grant);
                        self.reply(Some(&request), &guard::refuse_unrecorded())
                    }
                }
            }
        }
    }

    /// Holds the headers, and watches whether a body arrives meanwhile.
    fn hold(&mut self, worker: &Worker) -> Flow {
        if worker.watch.is_open()
            && let Some(now_ns) = self.host.now_ns()
        {
            let stream = self.host.id();
            worker.watch.pause(stream, now_ns, self.host.received(stream).unwrap_or(u64::MAX));
            self.watched = true;
        }
        Flow::Pause
    }

    /// Prepares headers that are sent before the body is read.
    fn prepare_headers(&self, worker: &Worker, request: &Request) -> Result<(), Broken> {
        // The body may become shorter, because parts of it can be for this filter. Its length is not known
        // yet.
        if worker.plugin.changes_bodies() && request.headers.content_length.is_present() {
            self.host.remove_request_header("content-length")?;
        }
        Ok(())
    }

    fn start_case_buffered(&mut self, worker: &Worker, request: &Rc<Request>) -> Flow {
        match self.host.request_body() {
            // Envoy may have buffered more than the last callback reported.
            Ok(body) if body.len() > worker.plugin.policy.max_body_bytes => {
                self.refuse(worker, request, guard::too_large(&worker.plugin.policy))
            }
            Ok(body) => self.start_case(worker, request, &body),
            Err(Broken) => self.refuse(worker, request, unreadable("body")),
        }
    }

    fn start_case(&mut self, worker: &Worker, request: &Rc<Request>, body: &[u8]) -> Flow {
        self.take_steps(worker, request, |environment| request.start_case(body, environment))
    }
}
