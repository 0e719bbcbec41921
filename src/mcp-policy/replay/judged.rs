//! What became of a record.

use std::collections::BTreeSet;

use mcp_policy_engine::guard::Conclusion;
use mcp_policy_engine::policy::Mode;

use super::contention::Contended;
use crate::records::{Record, outcome};

/// What became of a record.
#[derive(Debug)]
pub enum Judged {
    /// The verdict is the same
    Same,
    /// The verdict is another
    Changed(Change),
    /// The record does not say enough: the reasons
    Undecided(BTreeSet<String>),
    /// A limit that has not changed would decide otherwise, perhaps because another worker was faster. Nothing is charged,
    /// and the record is to be judged again behind what was charged before it
    Later(Contended),
}

/// Another verdict.
#[derive(Debug)]
pub struct Change {
    /// The new verdict in one word, see [`Record::outcome`]
    pub to: String,
    /// The rule that made it
    pub rule: Option<String>,
    /// The text for the caller
    pub reason: Option<String>,
}

impl Judged {
    /// Makes a record undecided for one reason.
    pub fn undecided(reason: impl Into<String>) -> Self {
        Self::Undecided(BTreeSet::from([reason.into()]))
    }

    /// Compares the verdict of a record with a new one.
    pub fn of(record: &Record<'_>, conclusion: &Conclusion) -> Self {
        let denial = conclusion.verdict.denial();
        let was = record.code.as_deref().filter(|_| &*record.decision != "allow");
        let (decision, now) = (conclusion.verdict.as_str(), denial.map(|denial| denial.code.as_str()));
        if &*record.decision == decision && was == now {
            return Self::Same;
        }
        let to = outcome(decision, now).into_owned();
        let rule = denial.map(|denial| denial.rule.to_string());
        Self::Changed(Change { to, rule, reason: denial.map(|denial| denial.reason.clone()) })
    }

    /// Judges a record whose denial stays. Only the policy's mode says whether it has an effect.
    pub fn in_mode(record: &Record<'_>, mode: Mode) -> Self {
        let decision = match (&*record.decision, mode) {
            ("deny", Mode::Shadow) => "would_deny",
            ("would_deny", Mode::Enforce) => "deny",
            _ => return Self::Same,
        };
        let Some(code) = record.code.as_deref() else { return Self::Same };
        let to = outcome(decision, Some(code)).into_owned();
        Self::Changed(Change { to, rule: record.rule.as_deref().map(str::to_owned), reason: None })
    }
}
