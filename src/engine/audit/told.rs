//! The parts of a record that do not depend on the verdict.

use super::{ID, Line, Record, arguments, once, target};
use crate::identity::Principal;
use crate::mcp::summary::{Arguments, CallSummary};

/// The initial sizes of both parts, in bytes. Most fit.
const CAPACITIES: [usize; 2] = [512, 192];

/// What all records of one request have in common. A case that waits has two records, and keeps this for the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What stands between the verdict and the counters
    pub(super) before: String,
    /// What stands behind the counters and the approval
    pub(super) after: String,
}

impl Told {
    /// Returns roughly how many bytes of memory it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>().saturating_add(self.before.capacity()).saturating_add(self.after.capacity())
    }
}

impl Record<'_> {
    /// Writes what does not depend on the verdict, the counters and the approval.
    #[must_use]
    pub fn tell(&self) -> Told {
        let [mut before, mut after] = CAPACITIES.map(|capacity| Line(String::with_capacity(capacity)));
        self.write_before(&mut before);
        self.write_after(&mut after);
        let (Line(before), Line(after)) = (before, after);
        Told { before, after }
    }

    pub(super) fn write_before(&self, out: &mut Line) {
        let call = self.summary.call.as_ref();
        out.words(ID, self.id);
        out.text(r#"","server":"#, Some(&self.policy.server));
        out.text(r#","method":"#, call.map(|call| call.method.as_str()));
        out.text(r#","target":"#, call.and_then(target).as_deref());
        // A policy without grants has one default grant. If the policy has grants, a caller without one gets
        // null.
        let granted = self.caller.grant.is_some() || self.policy.grants.is_empty();
        out.text(r#","grant":"#, granted.then(|| self.caller.grant_name(self.policy)));
        out.text(r#","principal":"#, self.caller.principal.as_ref().map(Principal::name).as_deref());
        out.text(r#","source":"#, self.caller.source_name(self.policy));
        if let Some(claims) = super::claims::read(self.policy, self.caller) {
            out.raw(r#","claims":"#, Some(&claims));
        }
        out.text(r#","session":"#, self.session);
        out.id(r#","request":"#, self.summary.id.as_deref());
        out.text(r#","protocol":"#, once(&self.headers.protocol_version).as_deref());
        self.arguments(call, out);
    }

    pub(super) fn write_after(&self, out: &mut Line) {
        out.words(r#","policy":""#, &self.policy.digest);
        out.text(r#"","request_id":"#, once(&self.headers.request_id).as_deref());
        out.words("}", "");
    }

    fn arguments(&self, call: Option<&CallSummary<'_>>, out: &mut Line) {
        match call.map(|call| &call.arguments) {
            Some(Arguments::Sent(value)) => out.arguments(&arguments(self.policy.audit, *value)),
            Some(written) => out.arguments(written),
            None => {}
        }
    }
}
