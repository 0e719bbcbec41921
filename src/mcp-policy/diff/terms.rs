//! The terms of a limit: when those of one imply those of another.

use mcp_policy_engine::limit::{Amount, Kind};
use mcp_policy_engine::policy::{Adds, Limit, OnFailure, Scope, SharedLimits};

use super::side::Side;
use crate::input::{Node, Value};

/// The terms of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The counter
    pub counter: String,
    /// The most that may fall within a window
    pub max: Amount,
    seconds: u64,
    kind: Kind,
    scope: Scope,
    by: Option<String>,
    amount: Adds,
    counted: Counted,
    /// What keys say that are not compared, as text
    other: String,
}

/// Who counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// Each proxy for itself
    Apart,
    /// The rate limit service, for all proxies
    Shared,
    /// The rate limit service, and each proxy for itself while that gives no answer
    SharedOrApart,
}

/// The keys that are compared.
const KEYS: [&str; 8] = ["counter", "window", "max", "scope", "by", "amount", "type", "shared"];

impl Terms {
    /// Returns the terms of a limit.
    pub fn new(limit: &Limit, side: &Side) -> Self {
        let mut amount = limit.amount.clone();
        if let Adds::Arguments(paths) = &mut amount {
            paths.sort_by_key(ToString::to_string);
        }
        let members = match side.limit(limit).map(|node: &Node| &node.value) {
            Some(Value::Object(members)) => members.as_slice(),
            _ => &[],
        };
        let others = members.iter().filter(|(key, ..)| !KEYS.contains(&key.as_str()));
        Self {
            counter: limit.counter.clone(),
            max: limit.max,
            seconds: limit.window.seconds(),
            kind: limit.window.kind(),
            scope: limit.scope,
            by: limit.by.as_ref().map(ToString::to_string),
            amount,
            counted: Counted::of(limit, side),
            other: others.map(|(key, _, value)| format!(", {key} {}", side.canonical(value))).collect(),
        }
    }

    /// Returns whether a grant of its own has a tally of its own.
    pub fn is_of_grant(&self) -> bool {
        self.scope != Scope::Global
    }

    /// Returns whether every call that these terms let through passes the other ones too, if each call adds at least as much
    /// to this tally as to the other.
    pub fn imply(&self, other: &Self) -> bool {
        self.counter == other.counter
            && self.max <= other.max
            && self.other == other.other
            // A call without the value that has a tally is refused.
            && self.by == other.by
            && self.scope_covers(other)
            && self.window_covers(other)
            && self.counted.covers(other.counted)
            && self.adds_as_much(other)
    }

    /// Returns whether all proxies count together.
    pub fn is_shared(&self) -> bool {
        self.counted != Counted::Apart
    }

    /// Returns whether the callers who share the other tally share this one too.
    fn scope_covers(&self, other: &Self) -> bool {
        self.scope == other.scope
            || self.scope == Scope::Global
            || (self.scope == Scope::Grant && matches!(other.scope, Scope::Principal | Scope::Session))
    }

    /// Returns whether what counts within the other window counts within this one too. A sliding window counts up to 4 % more
    /// than its length.
    fn window_covers(&self, other: &Self) -> bool {
        match (self.kind, other.kind) {
            (Kind::Sliding, Kind::Sliding) => {
                let (own, others) = (self.seconds.saturating_mul(100), other.seconds.saturating_mul(104));
                self.seconds == other.seconds || own >= others
            }
            (Kind::Sliding, Kind::Calendar) => self.seconds >= other.seconds,
            (Kind::Calendar, Kind::Calendar) => self.seconds.checked_rem(other.seconds) == Some(0),
            (Kind::Calendar, Kind::Sliding) => false,
        }
    }

    fn adds_as_much(&self, other: &Self) -> bool {
        match (&self.amount, &other.amount) {
            (Adds::Fixed(own), Adds::Fixed(others)) => own >= others,
            (own, others) => own == others,
        }
    }

    /// Returns the terms as text for people.
    pub fn text(&self) -> String {
        let window = match self.seconds {
            1 => "second".to_owned(),
            60 => "minute".to_owned(),
            3_600 => "hour".to_owned(),
            86_400 => "day".to_owned(),
            seconds => format!("{seconds} s"),
        };
        let calendar = if self.kind == Kind::Calendar { " of the calendar" } else { "" };
        let amount = match &self.amount {
            Adds::Fixed(Amount::ONE) => String::new(),
            Adds::Fixed(amount) => format!(", {amount} a call"),
            Adds::Arguments(paths) => {
                let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
                format!(" of {}", paths.join(" + "))
            }
        };
        let scope = match self.scope {
            Scope::Grant => "for each grant",
            Scope::Principal => "for each principal",
            Scope::Session => "for each session",
            Scope::Global => "for all callers together",
        };
        let by = self.by.as_ref().map_or(String::new(), |by| format!(" and value of {by}"));
        let shared = if self.is_shared() { ", shared by all proxies" } else { "" };
        format!("{}{amount} per {window}{calendar}, {scope}{by}{shared}{}", self.max, self.other)
    }
}

impl Counted {
    fn of(limit: &Limit, side: &Side) -> Self {
        match side.policy.shared_limits.as_ref().filter(|_| limit.shared) {
            None => Self::Apart,
            Some(SharedLimits { on_failure: OnFailure::Deny, .. }) => Self::Shared,
            Some(SharedLimits { on_failure: OnFailure::Local, .. }) => Self::SharedOrApart,
        }
    }

    /// Returns whether what one proxy counts as `other` counts as this too. What changes for shared limits without an answer
    /// is told of `shared_limits`.
    fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Apart, other) => other == Self::Apart,
            (Self::Shared, _) => true,
            (Self::SharedOrApart, other) => other != Self::Apart,
        }
    }
}
