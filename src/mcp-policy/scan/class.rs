//! What a tool does, as far as a policy needs to know.

use serde::Serialize;

/// The classes of tools, each more dangerous than those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Changes nothing
    Read,
    /// Leaves something behind that can be changed back
    Write,
    /// Runs code, queries, jobs or devices: what it does depends on what it is told to run
    Execute,
    /// Deletes or ends something for good
    Destructive,
    /// Moves money, or promises to
    Financial,
    /// Gives out or takes keys, passwords or tokens
    Credential,
}

impl Class {
    /// All classes, the least dangerous first.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Write, Self::Execute, Self::Destructive, Self::Financial, Self::Credential];

    /// Returns the class's name, which is also that of its rule.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "execute",
            Self::Destructive => "destructive",
            Self::Financial => "financial",
            Self::Credential => "credential",
        }
    }

    /// Returns whether a person should decide on each call.
    pub fn is_kept_from_agents(self) -> bool {
        self >= Self::Destructive
    }
}
