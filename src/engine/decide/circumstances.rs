//! What conditions can refer to besides the call.

use std::cell::OnceCell;

use super::Clock;
use super::condition::{Attributes, ClaimsText, Now};
use crate::identity::{Caller, Principal};
use crate::policy::Policy;
use crate::work::Work;

/// The caller and the time. Everything in it is read at most once.
#[derive(Debug)]
pub(super) struct Circumstances<'e> {
    grant: &'e str,
    caller: &'e Caller,
    principal: OnceCell<Option<String>>,
    source: Option<&'e str>,
    claims: ClaimsText<'e>,
    now: Now<'e>,
}

impl<'e> Circumstances<'e> {
    pub fn new(policy: &'e Policy, caller: &'e Caller, clock: Clock<'e>) -> Self {
        Self {
            grant: caller.grant_name(policy),
            caller,
            principal: OnceCell::new(),
            source: caller.source_name(policy),
            claims: ClaimsText::new(caller.claims.as_deref()),
            now: Now::new(clock, &policy.time_zone),
        }
    }

    /// Returns the attributes of an element of a list, whose arguments are not known.
    pub fn attributes<'s>(&'s self, work: &'s Work) -> Attributes<'s> {
        let name = || self.caller.principal.as_ref().map(Principal::name);
        Attributes {
            arguments: None,
            any_arguments: true,
            grant: self.grant,
            principal: self.principal.get_or_init(name).as_deref(),
            source: self.source,
            claims: &self.claims,
            tool: None,
            now: &self.now,
            work,
        }
    }
}
