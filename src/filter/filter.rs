//! One HTTP stream: when to wait, when to judge, when to let go.

mod ask;
mod response;

use std::rc::Rc;

use crate::counters::SharedData;
use crate::credentials::Presented;
use crate::host::{Broken, Host, Level};
use crate::list::ListAnswer;
use crate::metrics;
use crate::plugin::Plugin;
use crate::waiting::Waiter;
use mcp_policy_engine::denial::{Code, Denial, Invalid};
use mcp_policy_engine::guard::{self, Admission, Judgement, ListRequest, Request, Tally, Verdict};
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::mcp::answer::Reply;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::policy::{Mode, RequestHeaders};

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

/// Where a stream is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its headers have not come
    Start,
    /// Its body is awaited to be judged
    Reading,
    /// It may have no body
    Bodiless,
    /// It waits while a person is asked
    Asking,
    /// It goes through
    Passing,
    /// It is answered by this filter
    Refused,
}

/// One HTTP stream.
#[derive(Debug)]
pub struct Filter<H: Host> {
    host: H,
    plugin: Option<Rc<Plugin>>,
    stage: Stage,
    headers: Headers,
    /// Its number among those that wait at their headers.
    paused: Option<u64>,
    list: Option<ListAnswer>,
    /// What is kept of it while a person is asked.
    waiter: Option<Waiter>,
    caller: Caller,
    /// Why the caller would have been refused, but for shadow mode.
    advice: Option<Denial>,
}

impl<H: Host> Filter<H> {
    /// Makes the filter of a new stream; without a plugin it refuses everything.
    #[must_use]
    pub fn new(host: H, plugin: Option<Rc<Plugin>>) -> Self {
        Self {
            host,
            plugin,
            stage: Stage::Start,
            headers: Headers::default(),
            paused: None,
            list: None,
            waiter: None,
            caller: Caller::default(),
            advice: None,
        }
    }

    /// Takes the request's headers; `end` when there is no body.
    pub fn request_headers(&mut self, end: bool) -> Flow {
        let Some(plugin) = self.plugin.clone() else { return self.reply(&guard::refuse_without_policy()) };
        let Ok(pairs) = self.host.request_headers() else {
            return self.refuse(&plugin, unreadable("headers"));
        };
        self.headers = Headers::from_pairs(pairs, &plugin.credentials);
        let admission = guard::admit(&plugin.policy, &self.headers);
        if admission == Admission::Pass {
            self.stage = Stage::Passing;
            return Flow::Continue;
        }
        if self.headers.repeating.iter().any(|name| self.host.remove_request_header(name).is_err()) {
            return self.refuse(&plugin, unreadable("headers"));
        }
        let credentials = Presented::new(&self.host, &self.headers);
        let now_ns = || self.host.now_ns().ok();
        let (caller, refusal) = guard::identify(&plugin.policy, &self.headers, &credentials, now_ns);
        self.caller = caller;
        match refusal {
            None => {}
            // Who would have been refused is judged as if the policy had no grants.
            Some(denial) if plugin.policy.mode == Mode::Shadow => {
                self.caller.grant = None;
                self.advice = Some(denial);
            }
            Some(denial) => return self.refuse(&plugin, denial),
        }
        match admission {
            Admission::Pass => Flow::Continue,
            Admission::Refuse(denial) => self.refuse(&plugin, denial),
            Admission::Bodiless => {
                // Any stream may bring a list: a resumed one replays it, and the old HTTP+SSE transport
                // answers on it whatever was posted.
                let resumed = self.headers.last_event_id.is_present();
                let streams = resumed || self.headers.method.once() == Some(b"GET");
                if streams && plugin.policy.mode == Mode::Enforce {
                    if self.ask_for_plain_answer().is_err() {
                        return self.refuse(&plugin, unreadable("headers"));
                    }
                    self.list = Some(if resumed { ListAnswer::replayed() } else { ListAnswer::streamed() });
                }
                self.stage = Stage::Bodiless;
                if end { self.pass(&plugin) } else { self.await_body(&plugin) }
            }
            Admission::Read => {
                self.stage = Stage::Reading;
                if end { self.judge(&plugin, &[]) } else { self.await_body(&plugin) }
            }
        }
    }

    /// Takes a part of the request's body; `size` is how much of it is buffered, this part
    /// included, `end` when it is the last.
    pub fn request_body(&mut self, size: usize, end: bool) -> Flow {
        let Some(plugin) = self.plugin.clone() else { return Flow::Pause };
        if self.paused.take().is_some() {
            plugin.watch.settle();
        }
        match self.stage {
            Stage::Passing => Flow::Continue,
            Stage::Refused | Stage::Start | Stage::Asking => Flow::Pause,
            Stage::Bodiless if size > 0 => {
                let reason = "only a POST has a body";
                self.refuse(&plugin, Denial::protocol(Code::InvalidRequest(Invalid::Request), reason))
            }
            Stage::Bodiless if end => self.pass(&plugin),
            Stage::Reading if size > plugin.policy.max_body_bytes => {
                self.refuse(&plugin, guard::too_large(&plugin.policy))
            }
            Stage::Reading if end => self.judge_buffered(&plugin),
            Stage::Reading | Stage::Bodiless => Flow::Pause,
        }
    }

    /// Takes the request's trailers: its body has ended without saying so.
    pub fn request_trailers(&mut self) -> Flow {
        let Some(plugin) = self.plugin.clone() else { return Flow::Pause };
        match self.stage {
            Stage::Reading => self.judge_buffered(&plugin),
            Stage::Bodiless => self.pass(&plugin),
            Stage::Passing => Flow::Continue,
            Stage::Refused | Stage::Start | Stage::Asking => Flow::Pause,
        }
    }

    /// Holds the headers until the body is there, or lets them go ahead.
    fn await_body(&mut self, plugin: &Plugin) -> Flow {
        match plugin.policy.request_headers {
            RequestHeaders::Hold => {
                if plugin.watch.is_open()
                    && let Ok(now_ns) = self.host.now_ns()
                {
                    self.paused = Some(plugin.watch.pause(now_ns));
                }
                Flow::Pause
            }
            RequestHeaders::Stream => {
                if self.stage == Stage::Reading && self.forget_length(plugin).is_err() {
                    return self.refuse(plugin, unreadable("headers"));
                }
                // Which answers are lists is known only when the headers are gone.
                let plain = self.stage != Stage::Reading
                    || plugin.policy.mode == Mode::Shadow
                    || self.ask_for_plain_answer().is_ok();
                if plain { Flow::Continue } else { self.refuse(plugin, unreadable("headers")) }
            }
        }
    }

    fn judge_buffered(&mut self, plugin: &Plugin) -> Flow {
        match self.host.request_body() {
            // Envoy may have buffered more than the last callback told of.
            Ok(body) if body.len() > plugin.policy.max_body_bytes => {
                self.refuse(plugin, guard::too_large(&plugin.policy))
            }
            Ok(body) => self.judge(plugin, &body),
            Err(Broken) => self.refuse(plugin, unreadable("body")),
        }
    }

    fn judge(&mut self, plugin: &Plugin, body: &[u8]) -> Flow {
        let decision_id = plugin.ids.next();
        let judgement =
            self.with_tally(plugin, |tally| self.request(plugin, &decision_id).judge(body, tally));
        if let Verdict::Ask(question) = &judgement.verdict {
            return self.ask(plugin, &judgement, question, body, decision_id);
        }
        self.conclude(plugin, judgement)
    }

    fn with_tally<T>(&self, plugin: &Plugin, judge: impl FnOnce(&Tally<'_, SharedData<'_, H>>) -> T) -> T {
        // The clock and the secret cost a call each: only where something is counted.
        let (layout, now_ns) = match plugin.counts.then(|| self.host.now_ns()) {
            Some(Ok(now_ns)) => (plugin.layout(&self.host), now_ns),
            Some(Err(Broken)) | None => (None, 0),
        };
        let store = SharedData(&self.host);
        judge(&Tally { store: &store, layout, now_ns })
    }

    /// Lets a request without a body go on.
    fn pass(&mut self, plugin: &Plugin) -> Flow {
        let judgement = self.request(plugin, &plugin.ids.next()).pass();
        self.conclude(plugin, judgement)
    }

    /// Refuses a request; in shadow mode it goes on.
    fn refuse(&mut self, plugin: &Plugin, denial: Denial) -> Flow {
        let judgement = self.request(plugin, &plugin.ids.next()).refuse(denial);
        self.conclude(plugin, judgement)
    }

    fn request<'f>(&'f self, plugin: &'f Plugin, decision_id: &'f str) -> Request<'f> {
        Request {
            policy: &plugin.policy,
            caller: &self.caller,
            headers: &self.headers,
            decision_id,
            advice: self.advice.as_ref(),
        }
    }

    /// Carries out a judgement, and keeps what is to be kept of it. A record says what became of the
    /// request, so whatever else could refuse it comes first.
    fn conclude(&mut self, plugin: &Plugin, judgement: Judgement) -> Flow {
        if matches!(judgement.verdict, Verdict::Forward(Some(_)))
            && plugin.policy.request_headers == RequestHeaders::Hold
            && self.ask_for_plain_answer().is_err()
        {
            return self.refuse(plugin, unreadable("headers"));
        }
        if matches!(judgement.verdict, Verdict::Forward(_)) && self.replace_body(plugin, &judgement).is_err()
        {
            // Its length may be changed and its body not: not even shadow mode lets that go on.
            self.host.log(Level::Error, "a request is refused as its body could not be changed");
            metrics::unrecorded(&self.host);
            return self.reply(&guard::refuse_unchanged());
        }
        let recorded = self.host.set_state(AUDIT_STATE, judgement.record.as_bytes());
        match judgement.verdict {
            Verdict::Forward(_) if recorded.is_err() => {
                metrics::unrecorded(&self.host);
                return self.reply(&guard::refuse_unrecorded());
            }
            _ => metrics::judged(&self.host, &judgement),
        }
        match judgement.verdict {
            Verdict::Forward(list) => self.forward(list),
            Verdict::Refuse(reply) => self.reply(&reply),
            // Only a request that has just been read is asked about, and that is done elsewhere.
            Verdict::Ask(_) => self.reply(&guard::refuse_unrecorded()),
        }
    }

    fn forward(&mut self, list: Option<ListRequest>) -> Flow {
        if let Some(list) = list {
            self.list = Some(ListAnswer::new(list));
        }
        self.stage = Stage::Passing;
        Flow::Continue
    }

    fn reply(&mut self, reply: &Reply) -> Flow {
        self.stage = Stage::Refused;
        // A reply that the host does not take leaves the request where it is: paused.
        let _ = self.host.reply(reply);
        Flow::Pause
    }

    fn ask_for_plain_answer(&self) -> Result<(), Broken> {
        self.host.set_request_header("accept-encoding", "identity")
    }
}

impl<H: Host> Drop for Filter<H> {
    fn drop(&mut self) {
        if let (Some(number), Some(plugin)) = (self.paused, &self.plugin) {
            plugin.watch.forget(number);
        }
    }
}

fn unreadable(what: &str) -> Denial {
    let reason = format!("the request's {what} cannot be read");
    Denial::protocol(Code::InvalidRequest(Invalid::Request), reason)
}
