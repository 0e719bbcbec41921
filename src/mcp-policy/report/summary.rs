//! What a report shows, in bounded memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use super::approvals::Approvals;
use super::ranking::{Ranking, Verdicts};
use super::timeline::Timeline;
use crate::records::Record;

/// How many of the latest refused requests are listed.
pub const MOST_LISTED: usize = 500;
/// How many limits and policies are counted apart.
const MOST: usize = 10_000;
/// From which share of its maximum on a limit is near it.
const NEAR: f64 = 0.8;

/// Everything that a report shows.
#[derive(Debug, Default)]
pub struct Summary {
    /// All requests
    pub requests: Verdicts,
    /// Requests over time
    pub timeline: Timeline,
    /// The first and the last time, in milliseconds since the Unix epoch
    pub times: Option<(i64, i64)>,
    /// Requests by tool, resource, prompt or method
    pub targets: Ranking,
    /// Requests by grant
    pub grants: Ranking,
    /// Requests by principal
    pub principals: Ranking,
    /// Refusals by code
    pub codes: Ranking,
    /// Refusals by rule
    pub rules: Ranking,
    /// Limits by server and counter
    pub limits: HashMap<(String, String), LimitUse>,
    /// How many uses of limits were left out
    pub limits_beyond: u64,
    /// How many calls had a shared limit that their proxy counted alone
    pub counted_alone: u64,
    /// Approvals
    pub approvals: Approvals,
    /// Policies by server and digest
    pub policies: BTreeMap<(String, String), InEffect>,
    /// How many records were left out of the policies
    pub policies_beyond: u64,
    refused: BinaryHeap<Reverse<Refused>>,
    sequence: u64,
}

/// How much of a limit was used.
#[derive(Debug, Clone, Default)]
pub struct LimitUse {
    /// The highest share of its maximum
    pub highest: f64,
    /// The use and the maximum then
    pub used: (f64, f64),
    /// When it was
    pub at_ms: Option<i64>,
    /// How many calls left it at 80 % or more
    pub near: u64,
    /// How many calls it was checked for
    pub calls: u64,
    /// How many calls were refused because of limits while this one was full
    pub refused: u64,
}

/// When a policy was in effect.
#[derive(Debug, Clone, Default)]
pub struct InEffect {
    /// Its requests
    pub requests: Verdicts,
    /// The first and the last time
    pub times: Option<(i64, i64)>,
}

/// A refused request. The latest are greatest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// When
    pub at_ms: Option<i64>,
    /// Its number in the order of the logs
    pub sequence: u64,
    /// Whether it was forwarded because of shadow mode
    pub shadow: bool,
    /// What it acts on
    pub target: String,
    /// The method, unless it is a call of a tool
    pub method: Option<String>,
    /// The caller's grant
    pub grant: Option<String>,
    /// The caller
    pub principal: Option<String>,
    /// Why
    pub code: String,
    /// By which rule
    pub rule: String,
    /// The id of the verdict
    pub id: String,
}

impl Summary {
    /// Adds a record and its time.
    pub fn add(&mut self, record: &Record<'_>, at_ms: Option<i64>) {
        let decision = &*record.decision;
        self.requests.add(decision);
        if let Some(at_ms) = at_ms {
            self.timeline.add(at_ms, decision);
            widen(&mut self.times, at_ms);
        }
        let target = target(record);
        self.targets.add(target, decision);
        self.grants.add(record.grant.as_deref().unwrap_or("(no grant)"), decision);
        self.principals.add(record.principal.as_deref().unwrap_or("(not known)"), decision);
        if decision != "allow" {
            self.codes.add(record.code.as_deref().unwrap_or_default(), decision);
            self.rules.add(record.rule.as_deref().unwrap_or_default(), decision);
            self.list(record, at_ms, target);
        }
        self.add_limits(record, at_ms);
        self.approvals.add(record, at_ms);
        self.add_policy(record, at_ms);
    }

    /// Returns the latest refused requests, the latest first, and how many more there are.
    pub fn refused(&self) -> (Vec<&Refused>, u64) {
        let mut latest: Vec<&Refused> = self.refused.iter().map(|Reverse(one)| one).collect();
        latest.sort_by(|a, b| b.cmp(a));
        let listed = u64::try_from(latest.len()).unwrap_or(u64::MAX);
        (latest, self.requests.against().saturating_sub(listed))
    }

    fn list(&mut self, record: &Record<'_>, at_ms: Option<i64>, target: &str) {
        self.sequence = self.sequence.saturating_add(1);
        let earliest = self.refused.peek().map(|Reverse(one)| one.at_ms);
        if self.refused.len() >= MOST_LISTED && earliest.is_some_and(|earliest| at_ms < earliest) {
            return;
        }
        let text = |text: &Option<crate::records::Text<'_>>| text.as_ref().map(|text| text.to_string());
        let method = text(&record.method).filter(|method| method != "tools/call" && method != target);
        self.refused.push(Reverse(Refused {
            at_ms,
            sequence: self.sequence,
            shadow: &*record.decision == "would_deny",
            target: target.to_owned(),
            method,
            grant: text(&record.grant),
            principal: text(&record.principal),
            code: text(&record.code).unwrap_or_default(),
            rule: text(&record.rule).unwrap_or_default(),
            id: record.id.to_string(),
        }));
        if self.refused.len() > MOST_LISTED {
            self.refused.pop();
        }
    }

    fn add_limits(&mut self, record: &Record<'_>, at_ms: Option<i64>) {
        let limited = record.code.as_deref() == Some("rate_limited");
        self.counted_alone = self.counted_alone.saturating_add(u64::from(record.counted_alone()));
        for counter in &record.counters {
            let key = (record.server.to_string(), counter.counter.to_string());
            if self.limits.len() >= MOST && !self.limits.contains_key(&key) {
                self.limits_beyond = self.limits_beyond.saturating_add(1);
                continue;
            }
            let share = if counter.max > 0.0 { counter.used / counter.max } else { 0.0 };
            let limit = self.limits.entry(key).or_default();
            limit.calls = limit.calls.saturating_add(1);
            limit.near = limit.near.saturating_add(u64::from(share >= NEAR));
            limit.refused = limit.refused.saturating_add(u64::from(limited && share >= 1.0));
            if share >= limit.highest {
                (limit.highest, limit.used, limit.at_ms) = (share, (counter.used, counter.max), at_ms);
            }
        }
    }

    fn add_policy(&mut self, record: &Record<'_>, at_ms: Option<i64>) {
        let key = (record.server.to_string(), record.policy.to_string());
        if self.policies.len() >= MOST && !self.policies.contains_key(&key) {
            self.policies_beyond = self.policies_beyond.saturating_add(1);
            return;
        }
        let policy = self.policies.entry(key).or_default();
        policy.requests.add(&record.decision);
        if let Some(at_ms) = at_ms {
            widen(&mut policy.times, at_ms);
        }
    }
}

/// Returns what a request is about: its target, or its method.
fn target<'r>(record: &'r Record<'_>) -> &'r str {
    record.target.as_deref().or(record.method.as_deref()).unwrap_or("(no message)")
}

fn widen(times: &mut Option<(i64, i64)>, at_ms: i64) {
    let (first, last) = times.unwrap_or((at_ms, at_ms));
    *times = Some((first.min(at_ms), last.max(at_ms)));
}
