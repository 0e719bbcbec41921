//! What a case keeps beside its decision.

use super::{Charged, Counting};
use crate::approval::Recorded;
use crate::audit::{self, CounterUsage, Told};
use crate::mcp::answer::Elicitation;
use crate::mcp::summary::Summary;
use crate::policy;
use crate::rate_limit;

/// What is known about a case apart from the decision. The reply and the record need it.
#[derive(Debug, Default)]
pub(super) struct Facts<'d> {
    pub summary: Summary<'d>,
    /// The use of the counters that were checked or charged
    pub counters: Vec<CounterUsage>,
    pub counting: Counting,
    /// What was charged
    pub charged: Charged,
    /// The result of asking the rate limit service
    pub rates: Option<rate_limit::Outcome>,
    /// The result of asking for an approval
    pub approval: Option<Recorded>,
    /// What the record of a case that waits has said of the request
    pub told: Option<Box<Told>>,
    /// Asks the client's user to open the approval's page
    pub elicitation: Option<Elicitation>,
}

impl<'d> Facts<'d> {
    pub fn of(summary: Summary<'d>) -> Self {
        Self { summary, ..Self::default() }
    }

    /// Copies what the facts borrow from the body.
    pub fn into_owned(self, audited: policy::Arguments) -> Facts<'static> {
        let Self { summary, counters, counting, charged, rates, approval, told, elicitation } = self;
        let summary = summary.into_owned(|value| audit::arguments(audited, value));
        Facts { summary, counters, counting, charged, rates, approval, told, elicitation }
    }

    /// Returns roughly how many bytes of memory the facts take.
    pub fn size(&self) -> usize {
        let told = self.told.as_ref().map_or(0, |told| told.size());
        size_of::<Self>().saturating_add(self.summary.size()).saturating_add(told)
    }
}
