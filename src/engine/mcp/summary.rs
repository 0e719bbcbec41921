//! What is kept of a message once it is judged: enough for its reply and its record.

use std::borrow::Cow;

use super::message::{Body, Message, Target};
use super::method::Method;
use crate::json::Value;

/// A message without its params. [`into_owned`](Self::into_owned) detaches it from the bytes of its body, so
/// that a case can wait after they are gone.
#[derive(Debug, Clone, Default)]
pub struct Summary<'d> {
    /// The request's id, as JSON text; `None` for a notification and for what could not be read
    pub id: Option<Cow<'d, str>>,
    /// The request or notification; `None` for a posted response and for what could not be read
    pub call: Option<CallSummary<'d>>,
    /// Whether it is a message at all
    pub is_message: bool,
}

/// A request or a notification.
#[derive(Debug, Clone)]
pub struct CallSummary<'d> {
    /// Its method
    pub method: Method<'d>,
    /// What it acts on
    pub target: Target<'d>,
    /// Its arguments
    pub arguments: Arguments<'d>,
}

/// The arguments of a call, as far as a record needs them.
#[derive(Debug, Clone)]
pub enum Arguments<'d> {
    /// There are none, or nothing of them is recorded
    None,
    /// As they were sent
    Sent(Value<'d>),
    /// As the record has them: a comma, the member's key and its colon; and the value as JSON text
    Written(&'static str, String),
}

impl<'d> Summary<'d> {
    /// Summarizes a message.
    #[must_use]
    pub fn of(message: &Message<'d>) -> Self {
        let call = match &message.body {
            Body::Call(call) => Some(CallSummary {
                method: call.method.clone(),
                target: call.target.clone(),
                arguments: call.arguments().map_or(Arguments::None, Arguments::Sent),
            }),
            Body::Response => None,
        };
        Self { id: message.id.map(Cow::Borrowed), call, is_message: true }
    }

    /// Summarizes what could not be read as a message, but for its id.
    #[must_use]
    pub fn unread(id: Option<String>) -> Self {
        Self { id: id.map(Cow::Owned), call: None, is_message: false }
    }

    /// Detaches the summary from the bytes of the body; `write` turns the arguments into what the record has.
    #[must_use]
    pub fn into_owned(self, write: impl FnOnce(Value<'d>) -> Arguments<'static>) -> Summary<'static> {
        let call = self.call.map(|call| CallSummary {
            method: call.method.into_owned(),
            target: call.target.into_owned(),
            arguments: match call.arguments {
                Arguments::None => Arguments::None,
                Arguments::Sent(value) => write(value),
                Arguments::Written(key, text) => Arguments::Written(key, text),
            },
        });
        Summary { id: self.id.map(|id| id.into_owned().into()), call, is_message: self.is_message }
    }

    /// Returns roughly how many bytes of memory an owned summary takes.
    #[must_use]
    pub fn size(&self) -> usize {
        /// The least that the allocator takes for a text.
        const LEAST: usize = 16;
        let text = |text: &str| text.len().max(LEAST).saturating_add(size_of::<Cow<'_, str>>());
        let call = self.call.as_ref().map_or(0, |call| {
            let arguments = match &call.arguments {
                Arguments::None => 0,
                Arguments::Sent(value) => value.raw().len(),
                Arguments::Written(_, text) => text.capacity(),
            };
            let target = match &call.target {
                Target::Tool(name) | Target::Prompt(name) => text(name),
                Target::Resources(uris) => uris.iter().map(|uri| text(uri)).fold(0, usize::saturating_add),
                Target::Session | Target::Unknown => 0,
            };
            text(call.method.as_str()).saturating_add(target).saturating_add(arguments)
        });
        self.id.as_deref().map_or(0, text).saturating_add(call)
    }
}
