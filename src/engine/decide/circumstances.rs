//! What conditions can refer to besides the call.

use super::Clock;
use super::condition::{Attributes, ClaimsText, Now};
use crate::identity::{Caller, Principal};
use crate::policy::Policy;
use crate::work::Work;

/// The caller and the time. Everything in it is read at most once.
#[derive(Debug)]
pub(super) struct Circumstances<'e> {
    grant: &'e str,
    principal: Option<String>,
    source: Option<&'e str>,
    claims: ClaimsText<'e>,
    now: Now<'e>,
}

impl<'e> Circumstances<'e> {
    pub fn new(policy: &'e Policy, caller: &'e Caller, clock: Clock<'e>) -> Self {
        Self {
            grant: caller.grant_name(policy),
            principal: caller.principal.as_ref().map(Principal::name),
            source: caller.source_name(policy),
            claims: ClaimsText::new(caller.claims.as_deref()),
            now: Now::new(clock, &policy.time_zone),
        }
    }

    /// Returns the attributes of an element of a list, whose arguments are not known.
    pub fn attributes<'s>(&'s self, work: &'s Work) -> Attributes<'s> {
        Attributes {
            arguments: None,
            any_arguments: true,
            grant: self.grant,
            principal: self.principal.as_deref(),
            source: self.source,
            claims: &self.claims,
            tool: None,
            now: &self.now,
            work,
        }
    }
}
