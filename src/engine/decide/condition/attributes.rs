//! What conditions can refer to.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use super::Claims;
use crate::json::Value;
use crate::policy::{LocalTime, Origin, TimeZone};
use crate::work::Work;

/// All that conditions can refer to.
#[derive(Debug, Clone, Copy)]
pub struct Attributes<'d> {
    /// The call's arguments, if it has any
    pub arguments: Option<Value<'d>>,
    /// Whether the arguments are not known, because there is no call: an element of a list is considered
    pub any_arguments: bool,
    /// The name of the caller's grant
    pub grant: &'d str,
    /// The caller's name
    pub principal: Option<&'d str>,
    /// The name of the source that named the caller
    pub source: Option<&'d str>,
    /// The claims of the caller's verified token. If they cannot be read, conditions on them are indeterminate
    pub claims: &'d (dyn Claims + 'd),
    /// The name of the called tool, if a tool is called
    pub tool: Option<&'d str>,
    /// The time of the decision
    pub now: &'d Now<'d>,
    /// The budget of work for judging the call
    pub work: &'d Work,
}

/// The time of a decision. The clock is read once, when the first condition asks for the time.
pub struct Now<'e> {
    clock: &'e dyn Fn() -> Option<u64>,
    zone: &'e TimeZone,
    local: OnceCell<Option<LocalTime>>,
}

impl<'e> Now<'e> {
    /// Makes the time of a decision from a clock, which gives nanoseconds since the Unix epoch, or `None` if the host has
    /// no clock.
    #[must_use]
    pub fn new(clock: &'e dyn Fn() -> Option<u64>, zone: &'e TimeZone) -> Self {
        Self { clock, zone, local: OnceCell::new() }
    }

    /// Returns the value of an attribute of time; `None` without a clock.
    #[must_use]
    pub fn text(&self, origin: Origin) -> Option<Cow<'static, str>> {
        let local = (*self.local.get_or_init(|| self.zone.local((self.clock)()?)))?;
        Some(match origin {
            Origin::Weekday => Cow::Borrowed(local.weekday()),
            Origin::TimeOfDay => Cow::Owned(local.of_day()),
            _ => Cow::Owned(local.date()),
        })
    }
}

impl fmt::Debug for Now<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { zone, local, .. } = self;
        out.debug_struct("Now").field("zone", zone).field("local", local).finish_non_exhaustive()
    }
}
