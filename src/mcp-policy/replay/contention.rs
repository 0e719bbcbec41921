//! Limits that several workers charge at the same time.

use mcp_policy_engine::guard::Conclusion;
use mcp_policy_engine::policy::Scope;

use crate::records::{Counter, Record, Taken};

/// A limit that decided on a call, and the calls that it counts together with it.
#[derive(Debug)]
pub struct Contended {
    counter: String,
    scope: Scope,
    /// What was used before the call, as recorded
    before: f64,
}

impl Contended {
    /// Returns the limit by which alone the verdict differs, if it is the same as in the record. Then the order may be
    /// the reason: workers that count at the same time do not do so in the order of the times that they have read.
    pub fn of(record: &Record<'_>, conclusion: &Conclusion) -> Option<Self> {
        const CODE: &str = "rate_limited";
        let denial = conclusion.verdict.denial();
        let path = match (record.code.as_deref(), denial.map(|denial| denial.code.as_str())) {
            (Some(CODE), None) => record.rule.as_deref()?,
            (None, Some(CODE)) => denial.map(|denial| denial.rule.as_ref())?,
            _ => return None,
        };
        let used = conclusion.counters.iter().find(|used| *used.limit.path == *path)?;
        let max = used.limit.max.to_string().parse::<f64>().ok()?;
        let same = |counter: &&Counter<'_>| *counter.counter == *used.limit.counter && counter.max == max;
        let recorded = record.counters.iter().find(same)?;
        // The use in a record includes the call itself if it passed. Then a call before it has left less.
        let before = if record.code.is_none() { recorded.used.next_down() } else { recorded.used };
        Some(Self { counter: used.limit.counter.clone(), scope: used.scope, before })
    }

    /// Returns whether a call that was recorded with a later time was charged before this record's.
    pub fn is_before(&self, other: &Taken, record: &Record<'_>) -> bool {
        if !other.used_at_most(&self.counter, self.before) {
            return false;
        }
        let Ok(other) = Record::read(&other.text) else { return false };
        let grant = other.grant == record.grant;
        match self.scope {
            Scope::Global => true,
            Scope::Grant => grant,
            Scope::Principal => grant && other.principal == record.principal,
            Scope::Session => grant && other.session == record.session,
        }
    }
}
