//! The way back: what the server answers, of which lists are filtered.

use std::rc::Rc;

use mcp_policy_engine::policy::Mode;

use super::{Filter, Flow, Stage};
use crate::host::Host;
use crate::list::ListAnswer;

impl<H: Host> Filter<H> {
    /// Takes the response's headers; `end` when there is no body.
    pub fn response_headers(&mut self, end: bool) -> Flow {
        if let Stage::Reading(request) | Stage::Bodiless(request) | Stage::Asking(request, _) = &self.stage
            && request.policy.mode == Mode::Enforce
        {
            // The server answers before it has been asked: whatever it says, it shows no list.
            self.list.get_or_insert_with(|| ListAnswer::replayed(Rc::clone(request)));
        }
        if let Some((list, host)) = self.list_answer()
            && list.headers(host, end).is_err()
        {
            list.give_up();
        }
        Flow::Continue
    }

    /// Takes a part of the response's body.
    pub fn response_body(&mut self, size: usize, end: bool) -> Flow {
        let Some(worker) = self.worker.clone() else { return Flow::Continue };
        match self.list_answer() {
            Some((list, host)) => list.body(host, &worker.metrics, size, end),
            None => Flow::Continue,
        }
    }

    /// Takes the response's trailers: its body has ended without saying so.
    pub fn response_trailers(&mut self) -> Flow {
        let Some(worker) = self.worker.clone() else { return Flow::Continue };
        match self.list_answer() {
            Some((list, host)) => list.trailers(host, &worker.metrics),
            None => Flow::Continue,
        }
    }

    /// Returns the answer that may be a list. A refusal of this filter comes back through these callbacks as well,
    /// and is none.
    fn list_answer(&mut self) -> Option<(&mut ListAnswer, &H)> {
        match self.stage {
            Stage::Refused => None,
            _ => Some((self.list.as_mut()?, &self.host)),
        }
    }
}
