//! A response that begins before its request has been judged.

use std::rc::Rc;

use super::notes::amend_record;
use super::{ListAnswer, State};
use crate::host::{Broken, Host};
use crate::worker::Worker;
use mcp_policy_engine::guard::Request;
use mcp_policy_engine::mcp::list::{Awaited, ListKind, Shown, error_for};

impl ListAnswer {
    /// Awaits the response to a request that has not been judged. It may have been asked for any list, and opens no pinned
    /// tool.
    pub(crate) fn early(request: Rc<Request>) -> Self {
        let state = State::Awaited(Awaited::default());
        Self { early: true, ..Self::awaiting(request, state) }
    }

    /// Tells whether the headers of the response have arrived.
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(self.state, State::Awaited(_))
    }

    /// Learns from the verdict what the response belongs to, after it has begun.
    pub(crate) fn expect<H: Host>(&mut self, host: &H, worker: &Worker, awaited: Awaited) {
        if let Some(cause) = self.told {
            // The verdict has a record of its own.
            amend_record(host, worker, cause);
        }
        let is_list = awaited.list.is_some();
        self.may_list_tools = awaited.list.is_none_or(|kind| kind == ListKind::Tools);
        let lost = match &mut self.state {
            State::Body(body) => {
                body.expect(awaited);
                false
            }
            State::Events(events) => {
                events.expect(awaited);
                false
            }
            State::Replaced(error) => {
                if let (Some(error), Some(id)) = (error, awaited.id) {
                    *error = error_for(&id);
                }
                is_list
            }
            State::Awaited(_) | State::Untouched | State::Stopped => false,
        };
        if let Err(Broken) = self.note_loss(host, worker, &Shown { lost, ..Shown::default() }) {
            self.give_up();
        }
    }
}
