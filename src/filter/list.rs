//! Filters the lists in a response, and compares the definitions in them with those that the policy has.

mod announced;
mod early;
mod notes;

use std::rc::Rc;

use crate::counters::SharedData;
use crate::host::{Broken, Flow, Host, SharedMemory};
use crate::worker::Worker;
use mcp_policy_engine::decide::{Asked, Lists};
use mcp_policy_engine::guard::Request;
use mcp_policy_engine::mcp::list::{
    Awaited, Bounds, Element, ListBody, ListKind, ListStream, Shown, Unreadable,
};
use mcp_policy_engine::policy::Mode;

pub(crate) use announced::Announced;
use announced::{Length, choose};
use notes::note_definitions;

/// What is held of a response, for each text or event. The parsed tree of a list takes at most about sixteen
/// times as much memory.
const BOUNDS: Bounds = Bounds { hold: 256 * 1024, limit: 4 * 1024 * 1024 };

/// A response that may contain lists. They are filtered to what the caller may use. Nothing of it is buffered in
/// the proxy, whose buffer has a limit that the filter cannot read. In shadow mode the response is only read, and stays
/// as it is.
#[derive(Debug)]
pub(crate) struct ListAnswer {
    request: Rc<Request>,
    state: State,
    /// It was asked for no other kind of list than that of tools
    may_list_tools: bool,
    /// The request for the tools that it answers. `None` if what it lists may be from earlier, or if no tool is pinned
    asked: Option<Asked>,
    /// How many bytes of the body are still to come at most; `None` if only its end or its trailers tell
    left: Option<usize>,
    /// How many bytes the proxy buffers in place of what is held
    substitute: usize,
    /// It began before the request was judged, so it may have been asked for any list
    early: bool,
    /// Why something was not shown, as the record tells already
    told: Option<&'static str>,
}

/// How to handle the response.
#[derive(Debug)]
enum State {
    /// Its headers have not arrived
    Awaited(Awaited),
    /// JSON, or a body that may be JSON
    Body(ListBody),
    /// It cannot be read, because it is neither plain JSON nor a plain event stream. The error replaces it
    Replaced(Option<String>),
    /// Server-sent events
    Events(ListStream),
    /// It contains no list
    Untouched,
    /// A host call failed. Nothing more is sent
    Stopped,
}

impl ListAnswer {
    /// Awaits the response to a request that is about to be forwarded.
    pub(crate) fn new<H: SharedMemory>(host: &H, request: Rc<Request>, awaited: Awaited) -> Self {
        let may_list_tools = awaited.list.is_none_or(|kind| kind == ListKind::Tools);
        let is_current = awaited.list == Some(ListKind::Tools) && !awaited.resumes;
        let pins = &request.policy.pins;
        let id = awaited.id.as_ref().filter(|_| is_current && !pins.is_empty());
        let asked = id.and_then(|id| Asked::now(id, pins, &SharedData(host)));
        Self { may_list_tools, asked, ..Self::awaiting(request, State::Awaited(awaited)) }
    }

    fn awaiting(request: Rc<Request>, state: State) -> Self {
        let (may_list_tools, asked) = (true, None);
        Self { request, state, may_list_tools, asked, left: None, substitute: 0, early: false, told: None }
    }

    /// Stops: nothing more of the response is sent. In shadow mode, nothing more of it is read.
    pub(crate) fn give_up(&mut self) {
        self.state = if self.only_reads() { State::Untouched } else { State::Stopped };
    }

    fn only_reads(&self) -> bool {
        self.request.policy.mode == Mode::Shadow
    }

    /// Handles the response's headers: determines how it can be read.
    ///
    /// # Errors
    /// [`Broken`] if a host call fails. Nothing may be sent then.
    pub(crate) fn headers<H: Host>(
        &mut self,
        host: &H,
        worker: &Worker,
        announced: &Result<Announced, Broken>,
        end: bool,
    ) -> Result<(), Broken> {
        let awaited = match std::mem::replace(&mut self.state, State::Untouched) {
            State::Awaited(awaited) => awaited,
            other => {
                self.state = other;
                return Ok(());
            }
        };
        if end {
            return Ok(());
        }
        let announced = announced.as_ref().map_err(|Broken| Broken)?;
        self.left = announced.left();
        let list = awaited.list.is_some();
        let (state, length) = choose(announced, awaited, self.early);
        if self.only_reads() {
            self.state = if let State::Replaced(_) = state { State::Untouched } else { state };
            return Ok(());
        }
        self.state = state;
        if let State::Replaced(_) = &self.state {
            // What a client takes for an answer has a status such as 200.
            let lost = list && announced.succeeds();
            let shown = Shown { unreadable: Some(Unreadable::Encoded), lost, ..Shown::default() };
            self.tell(host, worker, &shown);
            self.note_loss(host, worker, &shown)?;
            host.set_response_header("content-encoding", None)?;
            host.set_response_header("content-type", Some("application/json"))?;
        }
        match length {
            Length::Stays => Ok(()),
            Length::Goes => host.set_response_header("content-length", None),
        }
    }

    /// Handles a part of the response's body; `end` is true for the last part.
    pub(crate) fn body<H: Host>(&mut self, host: &H, worker: &Worker, size: usize, end: bool) -> Flow {
        let goes_on = match &self.state {
            State::Untouched => true,
            // The end of almost every body comes by itself.
            State::Body(body) => size == 0 && body.may_end(),
            _ => false,
        };
        if goes_on {
            return Flow::Continue;
        }
        if self.only_reads() {
            if self.observe(host, worker, size, end).is_err() {
                self.give_up();
            }
            return Flow::Continue;
        }
        match self.pass(host, worker, size, end) {
            Ok(flow) => flow,
            Err(Broken) => {
                self.give_up();
                Flow::Pause
            }
        }
    }

    /// Handles the response's trailers: the body is complete. An error takes the place of a text that has not ended,
    /// if the proxy still buffers something of the body that can be replaced.
    pub(crate) fn trailers<H: Host>(&mut self, host: &H, worker: &Worker) -> Flow {
        match std::mem::replace(&mut self.state, State::Untouched) {
            _ if self.only_reads() => Flow::Continue,
            State::Body(body) if self.substitute > 0 => {
                let shown = body.finish();
                self.tell(host, worker, &shown);
                let noted = self.note_loss(host, worker, &shown);
                match noted.and_then(|()| host.set_response_body(&shown.bytes)) {
                    Ok(()) => Flow::Continue,
                    Err(Broken) => {
                        self.give_up();
                        Flow::Pause
                    }
                }
            }
            State::Awaited(_) | State::Stopped => {
                self.give_up();
                Flow::Pause
            }
            State::Body(_) | State::Replaced(_) | State::Events(_) | State::Untouched => Flow::Continue,
        }
    }

    /// Reads a part of a response that stays as it is.
    fn observe<H: Host>(&mut self, host: &H, worker: &Worker, size: usize, end: bool) -> Result<(), Broken> {
        let bytes = if size > 0 { host.response_body()? } else { Vec::new() };
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(bytes.len());
        }
        if let State::Body(body) = &mut self.state
            && !bytes.is_empty()
            && body.passes(&bytes)
        {
            return Ok(());
        }
        let request = Rc::clone(&self.request);
        let clock = || host.now_ns();
        let asked = self.asked.clone();
        let lists = Lists::new(&request.policy, &request.caller, &clock).answering(asked.as_ref());
        let _ = self.read(&bytes, end, &lists)?;
        note_definitions(host, worker, &lists)
    }

    /// Notes what it says of pinned tools that a list cannot be read.
    fn note_loss<H: Host>(&self, host: &H, worker: &Worker, shown: &Shown) -> Result<(), Broken> {
        if !shown.lost || !self.may_list_tools {
            return Ok(());
        }
        let clock = || None;
        let lists = Lists::new(&self.request.policy, &self.request.caller, &clock);
        lists.lose();
        note_definitions(host, worker, &lists)
    }

    fn pass<H: Host>(&mut self, host: &H, worker: &Worker, size: usize, end: bool) -> Result<Flow, Broken> {
        if let State::Replaced(error) = &mut self.state {
            let error = error.take_if(|_| size > 0 || end).unwrap_or_default();
            return host.set_response_body(error.as_bytes()).map(|()| Flow::Continue);
        }
        let buffered = if size > 0 { host.response_body()? } else { Vec::new() };
        let bytes = buffered.get(std::mem::take(&mut self.substitute)..).unwrap_or_default();
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(bytes.len());
        }
        if let State::Body(body) = &mut self.state
            && !bytes.is_empty()
            && body.passes(bytes)
        {
            return Ok(Flow::Continue);
        }
        let request = Rc::clone(&self.request);
        let clock = || host.now_ns();
        let asked = self.asked.clone();
        let lists = Lists::new(&request.policy, &request.caller, &clock).answering(asked.as_ref());
        let (mut shown, held) = self.read(bytes, end, &lists)?;
        note_definitions(host, worker, &lists)?;
        if lists.is_exhausted() {
            shown.unreadable.get_or_insert(Unreadable::Laborious);
        }
        self.tell(host, worker, &shown);
        if held && !end && shown.bytes.is_empty() && self.left.is_none() {
            // Trailers may follow, and then only what the proxy buffers can be replaced.
            self.substitute = 1;
            host.set_response_body(b" ")?;
            return Ok(Flow::Pause);
        }
        if shown.bytes != buffered {
            host.set_response_body(&shown.bytes)?;
        }
        Ok(Flow::Continue)
    }

    /// Reads the next bytes. Returns what the client is shown for them, and whether a text was held before it ended.
    fn read(&mut self, bytes: &[u8], end: bool, lists: &Lists<'_>) -> Result<(Shown, bool), Broken> {
        let is_granted = self.request.is_granted();
        // What a list shows of pinned tools is noted in any case.
        let keep = &mut |element: Element<'_>| lists.keeps(element) && is_granted;
        let mut shown = match &mut self.state {
            State::Body(body) => body.push(bytes, keep),
            State::Events(events) => events.push(bytes, keep),
            State::Untouched | State::Awaited(_) | State::Replaced(_) | State::Stopped => return Err(Broken),
        };
        let held = matches!(&self.state, State::Body(body) if body.is_holding());
        // Behind the announced length there may be trailers, and then nothing can be added to the body.
        if end || (held && self.left == Some(0)) {
            let last = match std::mem::replace(&mut self.state, State::Replaced(None)) {
                State::Body(mut body) => {
                    shown.join(body.read_held(keep));
                    body.finish()
                }
                State::Events(events) => events.finish(keep),
                _ => Shown::default(),
            };
            shown.join(last);
            if self.only_reads() {
                self.state = State::Untouched;
            }
        } else if matches!(&self.state, State::Body(body) if body.is_open()) {
            self.state = State::Untouched;
        }
        if shown.lost && self.may_list_tools {
            lists.lose();
        }
        Ok((shown, held))
    }
}
