//! The way back: what the server answers, of which lists are filtered.

use super::{Filter, Flow, Stage};
use crate::host::Host;
use crate::list::ListAnswer;
use mcp_policy_engine::policy::Mode;

impl<H: Host> Filter<H> {
    /// Takes the response's headers; `end` when there is no body.
    pub fn response_headers(&mut self, end: bool) -> Flow {
        let early = matches!(self.stage, Stage::Reading | Stage::Bodiless | Stage::Asking);
        if early && self.plugin.as_ref().is_some_and(|plugin| plugin.policy.mode == Mode::Enforce) {
            // The server answers before it has been asked: whatever it says, it shows no list.
            self.list.get_or_insert_with(ListAnswer::replayed);
        }
        // A refusal of this filter comes by here as well.
        if self.stage != Stage::Refused
            && let Some(list) = &mut self.list
            && list.headers(&self.host, end).is_err()
        {
            list.give_up();
        }
        Flow::Continue
    }

    /// Takes a part of the response's body.
    pub fn response_body(&mut self, size: usize, end: bool) -> Flow {
        match (&mut self.list, &self.plugin) {
            (Some(list), Some(plugin)) if self.stage != Stage::Refused => {
                list.body(&self.host, &plugin.policy, &self.caller, size, end)
            }
            _ => Flow::Continue,
        }
    }

    /// Takes the response's trailers: its body has ended without saying so.
    pub fn response_trailers(&mut self) -> Flow {
        match (&mut self.list, &self.plugin) {
            (Some(list), Some(plugin)) if self.stage != Stage::Refused => {
                list.trailers(&self.host, &plugin.policy, &self.caller)
            }
            _ => Flow::Continue,
        }
    }
}
