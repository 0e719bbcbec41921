//! The response: filters lists, and passes everything else through.

use std::rc::Rc;

use mcp_policy_engine::policy::Mode;

use super::{Filter, Stage};
use crate::host::{Flow, Host};
use crate::list::{Announced, ListAnswer};

impl<H: Host> Filter<H> {
    /// Handles the response's headers; `end` is true if there is no body.
    pub fn response_headers(&mut self, end: bool) -> Flow {
        if let Stage::Refused = self.stage {
            // This is the filter's own reply, which contains no lists.
            self.list = None;
        }
        if let Stage::Reading(request)
        | Stage::Bodiless(request)
        | Stage::Asking(request, _)
        | Stage::Stuck(request) = &self.stage
            && request.policy.mode == Mode::Enforce
        {
            // The server responds although the request was not forwarded as a whole. The response must not show an
            // unfiltered list.
            self.list.get_or_insert_with(|| ListAnswer::early(Rc::clone(request)));
        }
        let Some(worker) = self.worker.clone() else { return Flow::Continue };
        if self.forwarded.is_none() && self.list_answer().is_none() {
            return Flow::Continue;
        }
        let announced = self.host.response_headers().map(|headers| Announced::read(&headers));
        self.give_back_if_unreceived(&worker, &announced);
        if let Some((list, host)) = self.list_answer()
            && list.headers(host, &worker, &announced, end).is_err()
        {
            list.give_up();
        }
        Flow::Continue
    }

    /// Handles a part of the response's body. `size` is the number of bytes available; `end` is true for the
    /// last part.
    pub fn response_body(&mut self, size: usize, end: bool) -> Flow {
        let Some(worker) = self.worker.clone() else { return Flow::Continue };
        match self.list_answer() {
            Some((list, host)) => list.body(host, &worker, size, end),
            None => Flow::Continue,
        }
    }

    /// Handles the response's trailers. The body has ended, and no callback had `end` set.
    pub fn response_trailers(&mut self) -> Flow {
        let Some(worker) = self.worker.clone() else { return Flow::Continue };
        match self.list_answer() {
            Some((list, host)) => list.trailers(host, &worker),
            None => Flow::Continue,
        }
    }

    /// Returns the response if it may contain lists. One that has begun before its request was refused is still filtered.
    fn list_answer(&mut self) -> Option<(&mut ListAnswer, &H)> {
        Some((self.list.as_mut()?, &self.host))
    }
}
