//! Notes of what lists have shown: in shared data, the log, metrics and the record.

use super::ListAnswer;
use crate::counters::SharedData;
use crate::host::{Broken, Host, Process, Stream};
use crate::worker::Worker;
use mcp_policy_engine::audit;
use mcp_policy_engine::decide::{Listed, Lists};
use mcp_policy_engine::denial::{Code, Denial};
use mcp_policy_engine::limit::Unavailable;
use mcp_policy_engine::mcp::list::{OLD_TRANSPORT, Shown};

/// Why nothing is shown of a stream of the old transport.
const HTTP_SSE: &str = "http_sse";

/// Stores and reports what lists have shown of pinned tools. Their calls are refused only if a change can be stored, so
/// without that nothing is shown.
pub(super) fn note_definitions<H: Host>(host: &H, worker: &Worker, lists: &Lists<'_>) -> Result<(), Broken> {
    let mut report = |listed: &Listed<'_>| worker.report_definition(host, listed);
    lists.settle(&SharedData(host), &mut report).map_err(|Unavailable| {
        worker.report_unshown(
            host,
            "definitions",
            "it cannot be stored that definitions of tools have changed",
        );
        Broken
    })
}

/// Adds to the record why a list, or a part of it, was not shown. If that fails, the log tells.
pub(super) fn amend_record<H: Stream>(host: &H, worker: &Worker, cause: &str) {
    let state = worker.plugin.record_state();
    let record = host.attribute(&[state]).ok().flatten();
    if let Some(begun) = record.as_deref().and_then(|record| record.strip_suffix(b"}")) {
        let member = format!(r#","list":"{cause}"}}"#);
        let _ = host.set_state(state, &[begun, member.as_bytes()].concat());
    }
}

impl ListAnswer {
    /// Counts, logs and records what was changed.
    pub(super) fn tell<H: Stream + Process>(&mut self, host: &H, worker: &Worker, shown: &Shown) {
        worker.metrics.listed(host, shown);
        if shown.old_transport {
            self.tell_old_transport(host, worker);
        }
        if let Some(unreadable) = &shown.unreadable {
            let why = format!("a list, or a part of it, cannot be read: {unreadable}");
            worker.report_unshown(host, unreadable.cause(), &why);
            self.note(host, worker, unreadable.cause());
        }
    }

    /// Logs and records that the answers on a stream are refused. The record of a GET says then that it is refused. Any
    /// other request has been carried out, so its record stays, and says why its answer was not shown.
    fn tell_old_transport<H: Stream + Process>(&mut self, host: &H, worker: &Worker) {
        let denial = Denial::protocol(Code::MethodNotAllowed, OLD_TRANSPORT).because_of(HTTP_SSE);
        worker.report_unshown(host, HTTP_SSE, &denial.reason);
        if self.request.headers.method.once() != Some(b"GET") {
            return self.note(host, worker, HTTP_SSE);
        }
        self.told = Some(HTTP_SSE);
        // The record so far says that the request was forwarded. If it cannot be replaced, the log tells.
        let mut record = self.request.refuse(denial).record;
        audit::add_time(&mut record, host.now_ns());
        let _ = host.set_state(worker.plugin.record_state(), record.as_bytes());
    }

    /// Adds to the record why something was not shown, unless it says so already.
    fn note<H: Stream>(&mut self, host: &H, worker: &Worker, cause: &'static str) {
        if self.told.is_none() {
            self.told = Some(cause);
            amend_record(host, worker, cause);
        }
    }
}
