//! One thing that a change of a policy means.

use serde::Serialize;

/// What a change does to what callers can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Something becomes possible that was not
    Widens,
    /// Something may become possible that was not: what was and what is cannot be compared
    MayWiden,
    /// Something is no longer possible
    Narrows,
    /// Neither: answers, records, or what has no effect
    Otherwise,
}

impl Effect {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Widens, Self::MayWiden, Self::Narrows, Self::Otherwise];

    /// Returns whether something becomes possible, or may.
    pub fn may_widen(self) -> bool {
        matches!(self, Self::Widens | Self::MayWiden)
    }

    /// Returns the words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Widens => "allows more",
            Self::MayWiden => "may allow more",
            Self::Narrows => "allows less",
            Self::Otherwise => "changes otherwise",
        }
    }

    /// Returns how many changes have this effect, for people.
    pub fn counted(self, count: usize) -> String {
        let words = match (self, count) {
            (Self::Widens, 1) => "change allows more",
            (Self::Widens, _) => "changes allow more",
            (Self::MayWiden, 1) => "change may allow more",
            (Self::MayWiden, _) => "changes may allow more",
            (Self::Narrows, 1) => "change allows less",
            (Self::Narrows, _) => "changes allow less",
            (Self::Otherwise, 1) => "other change",
            (Self::Otherwise, _) => "other changes",
        };
        format!("{count} {words}")
    }
}

/// What changes for a target, or a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Whom it concerns, such as ``grant `ci` ``; empty if it concerns everybody
    pub callers: Vec<String>,
    /// What changes, such as ``tool `run_agent` ``
    pub what: Vec<String>,
    /// How it was
    pub was: String,
    /// How it becomes
    pub becomes: String,
    /// What that does to what callers can do
    pub effect: Effect,
}

impl Change {
    /// Makes a change that concerns everybody.
    pub fn of_all(what: &str, was: impl Into<String>, becomes: impl Into<String>, effect: Effect) -> Self {
        Self {
            callers: Vec::new(),
            what: vec![what.to_owned()],
            was: was.into(),
            becomes: becomes.into(),
            effect,
        }
    }
}
