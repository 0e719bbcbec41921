//! What is wrong with a file, or likely wrong, and where.

use std::rc::Rc;

use mcp_policy_engine::document::{Fault, Position};

use crate::input::{File, Found, Place, Problem};

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

/// Returns what is wrong with a policy: first what is wrong with its file, then the faults of the document.
pub fn faults(found: &Found) -> Vec<Diagnostic> {
    let error = |place: Place, id, path: String, message: String| Diagnostic {
        file: Rc::clone(&found.file),
        place,
        severity: Severity::Error,
        id,
        path,
        message,
        help: None,
    };
    let problem =
        |problem: &Problem| error(problem.place.clone(), problem.id, String::new(), problem.message.clone());
    let mut diagnostics: Vec<Diagnostic> = found.problems.iter().map(problem).collect();
    if let (true, Err(faults)) = (found.is_readable, found.policy()) {
        let fault = |fault: &Fault| {
            error(found.place_of(fault), "fault", fault.path.to_string(), fault.wrong.to_string())
        };
        diagnostics.extend(faults.iter().map(fault));
    }
    diagnostics
}
