//! Notes of what lists have shown: in shared data, the log, metrics and the record.

use crate::counters::SharedData;
use crate::host::{Broken, Host, Stream};
use crate::worker::Worker;
use mcp_policy_engine::decide::{Listed, Lists};
use mcp_policy_engine::limit::Unavailable;
use mcp_policy_engine::mcp::list::Unreadable;

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
pub(super) fn amend_record<H: Stream>(host: &H, worker: &Worker, unreadable: &Unreadable) {
    let state = worker.plugin.record_state();
    let record = host.attribute(&[state]).ok().flatten();
    if let Some(begun) = record.as_deref().and_then(|record| record.strip_suffix(b"}")) {
        let member = format!(r#","list":"{}"}}"#, unreadable.cause());
        let _ = host.set_state(state, &[begun, member.as_bytes()].concat());
    }
}
