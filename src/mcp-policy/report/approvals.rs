//! Approvals, and how long they took.

use std::collections::HashMap;

use crate::records::Record;

/// How many approvals are followed.
const MOST: usize = 50_000;

/// The approvals of a tool.
#[derive(Debug, Clone, Default)]
pub struct OfTool {
    /// How many calls passed because a person approved them
    pub approved: u64,
    /// How many a person refused
    pub denied: u64,
    /// How many still wait
    pub pending: u64,
    /// How many could not be asked about, or whose caller did not wait
    pub unanswered: u64,
    /// The times from asking to the answer, in milliseconds
    pub took_ms: Vec<i64>,
}

/// The state of one approval.
#[derive(Debug, Clone)]
struct One {
    tool: String,
    first_ms: Option<i64>,
    outcome: Outcome,
    ended_ms: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Pending,
    Approved,
    Denied,
}

/// All approvals.
#[derive(Debug, Clone, Default)]
pub struct Approvals {
    followed: HashMap<String, One>,
    unanswered: HashMap<String, u64>,
    /// How many records are about approvals that are not followed, because there are too many
    pub beyond: u64,
}

impl Approvals {
    /// Counts the approval of a record.
    pub fn add(&mut self, record: &Record<'_>, at_ms: Option<i64>) {
        let Some(approval) = &record.approval else { return };
        let tool = record.target.as_deref().or(record.method.as_deref()).unwrap_or_default();
        let outcome = match &*approval.outcome {
            "pending" => Outcome::Pending,
            "approved" => Outcome::Approved,
            "denied" => Outcome::Denied,
            _ => return self.add_unanswered(tool),
        };
        let Some(id) = approval.id.as_deref() else { return self.add_unanswered(tool) };
        if !self.followed.contains_key(id) {
            if self.followed.len() >= MOST {
                self.beyond = self.beyond.saturating_add(1);
                return;
            }
            let one =
                One { tool: tool.to_owned(), first_ms: None, outcome: Outcome::Pending, ended_ms: None };
            self.followed.insert(id.to_owned(), one);
        }
        let Some(one) = self.followed.get_mut(id) else { return };
        if outcome == Outcome::Pending {
            one.first_ms = one.first_ms.into_iter().chain(at_ms).min();
        } else {
            one.outcome = outcome;
            one.ended_ms = one.ended_ms.into_iter().chain(at_ms).min();
        }
    }

    fn add_unanswered(&mut self, tool: &str) {
        if let Some(count) = self.unanswered.get_mut(tool) {
            *count = count.saturating_add(1);
        } else if self.unanswered.len() < MOST {
            self.unanswered.insert(tool.to_owned(), 1);
        } else {
            self.beyond = self.beyond.saturating_add(1);
        }
    }

    /// Returns how many there are.
    pub fn count(&self) -> u64 {
        let unanswered: u64 = self.unanswered.values().sum();
        u64::try_from(self.followed.len()).unwrap_or(u64::MAX).saturating_add(unanswered)
    }

    /// Returns the approvals of each tool, those with the most first.
    pub fn by_tool(&self) -> Vec<(String, OfTool)> {
        let mut tools: HashMap<&str, OfTool> = HashMap::new();
        for one in self.followed.values() {
            let of_tool = tools.entry(&one.tool).or_default();
            let count = match one.outcome {
                Outcome::Pending => &mut of_tool.pending,
                Outcome::Approved => &mut of_tool.approved,
                Outcome::Denied => &mut of_tool.denied,
            };
            *count = count.saturating_add(1);
            // A record can be out of order, and then says nothing about the time.
            if let (Some(first_ms), Some(ended_ms)) = (one.first_ms, one.ended_ms)
                && first_ms <= ended_ms
            {
                of_tool.took_ms.push(ended_ms.saturating_sub(first_ms));
            }
        }
        for (tool, count) in &self.unanswered {
            let of_tool = tools.entry(tool).or_default();
            of_tool.unanswered = of_tool.unanswered.saturating_add(*count);
        }
        let mut tools: Vec<_> = tools.into_iter().map(|(tool, of_tool)| (tool.to_owned(), of_tool)).collect();
        tools.sort_by(|(a, x), (b, y)| y.all().cmp(&x.all()).then_with(|| a.cmp(b)));
        tools
    }
}

impl OfTool {
    /// Returns how many there are.
    pub fn all(&self) -> u64 {
        self.approved.saturating_add(self.denied).saturating_add(self.pending).saturating_add(self.unanswered)
    }

    /// Returns the median and the longest time from asking to the answer.
    pub fn times(&self) -> Option<(i64, i64)> {
        let mut sorted = self.took_ms.clone();
        sorted.sort_unstable();
        let median = sorted.get(sorted.len().saturating_sub(1) / 2)?;
        Some((*median, *sorted.last()?))
    }
}
