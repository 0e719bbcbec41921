//! What is wrong with a file, or likely wrong, and where.

use std::rc::Rc;

use mcp_policy_engine::document::Position;

use crate::input::{File, Found, Place};

/// How serious a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Likely a mistake
    Warning,
    /// The file cannot be used as it is
    Error,
}

/// One thing to tell about a place of a file.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The file
    pub file: Rc<File>,
    /// The bytes that it is about
    pub place: Place,
    /// How serious it is
    pub severity: Severity,
    /// Its stable id, such as `unanchored-regex`
    pub id: &'static str,
    /// The path of the part that it is about, such as `tools.x.limits[0]`
    pub path: String,
    /// What is wrong, in one line
    pub message: String,
    /// What would be right, in one line
    pub help: Option<String>,
}

impl Diagnostic {
    /// Returns the line and column where the place begins, both from 1.
    pub fn position(&self) -> Position {
        Position::of(self.file.text.as_bytes(), self.place.start)
    }
}

/// Returns the faults of a policy.
pub fn faults(found: &Found) -> Vec<Diagnostic> {
    let Err(faults) = found.policy() else { return Vec::new() };
    let diagnostic = |fault: &mcp_policy_engine::document::Fault| Diagnostic {
        file: Rc::clone(&found.file),
        place: found.place_of(fault),
        severity: Severity::Error,
        id: "fault",
        path: fault.path.to_string(),
        message: fault.wrong.to_string(),
        help: None,
    };
    faults.iter().map(diagnostic).collect()
}
