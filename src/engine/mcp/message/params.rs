//! The members of `params` that a method may read.

use crate::json::Value;
use crate::mcp::keys::{self, Member};

/// What `params` holds under each key that some method reads; nothing where there are no params.
pub(super) struct Params<'d> {
    pub name: Member<'d>,
    pub uri: Member<'d>,
    pub reference: Member<'d>,
    pub notifications: Member<'d>,
    pub task_id: Member<'d>,
    pub arguments: Member<'d>,
    pub request_state: Member<'d>,
    pub input_responses: Member<'d>,
    pub meta: Member<'d>,
}

impl<'d> Params<'d> {
    pub fn read(params: Option<Value<'d>>) -> Self {
        let [name, uri, reference, notifications, task_id, arguments, request_state, input_responses, meta] =
            keys::pick(
                params,
                [
                    "name",
                    "uri",
                    "ref",
                    "notifications",
                    "taskId",
                    "arguments",
                    "requestState",
                    "inputResponses",
                    "_meta",
                ],
            );
        Self { name, uri, reference, notifications, task_id, arguments, request_state, input_responses, meta }
    }
}
