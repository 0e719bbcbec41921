//! The terms of a limit: when those of one imply those of another.

use mcp_policy_engine::limit::{Amount, Kind, Window};
use mcp_policy_engine::policy::{Adds, Limit, OnFailure, Scope, SharedLimits};

use super::side::Side;
use crate::input::{Node, Value};
use crate::limits::{adds_as_much, scope_covers, window_covers};

/// The terms of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The counter
    pub counter: String,
    /// The most that may fall within a window
    pub max: Amount,
    window: Window,
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
        // All fields are named, so that a new one does not compile before somebody has said how it is compared.
        let Limit {
            path: _,
            reason: _,
            counter,
            number: _,
            window,
            max,
            scope,
            by,
            amount,
            shared,
            shadow: _,
        } = limit;
        let mut amount = amount.clone();
        if let Adds::Arguments(paths) = &mut amount {
            paths.sort_by_key(ToString::to_string);
        }
        let members = match side.limit(limit).map(|node: &Node| &node.value) {
            Some(Value::Object(members)) => members.as_slice(),
            _ => &[],
        };
        let others = members.iter().filter(|(key, ..)| !KEYS.contains(&key.as_str()));
        Self {
            counter: counter.clone(),
            max: *max,
            window: *window,
            scope: *scope,
            by: by.as_ref().map(ToString::to_string),
            amount,
            counted: Counted::of(*shared, side),
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
            && scope_covers(self.scope, other.scope)
            && window_covers(self.window, other.window)
            && self.counted.covers(other.counted)
            && adds_as_much(&self.amount, &other.amount)
    }

    /// Returns whether all proxies count together.
    pub fn is_shared(&self) -> bool {
        self.counted != Counted::Apart
    }

    /// Returns the terms as text for people.
    pub fn text(&self) -> String {
        let window = match self.window.seconds() {
            1 => "second".to_owned(),
            60 => "minute".to_owned(),
            3_600 => "hour".to_owned(),
            86_400 => "day".to_owned(),
            seconds => format!("{seconds} s"),
        };
        let calendar = if self.window.kind() == Kind::Calendar { " of the calendar" } else { "" };
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
    fn of(shared: bool, side: &Side) -> Self {
        match side.policy.shared_limits.as_ref().filter(|_| shared) {
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
