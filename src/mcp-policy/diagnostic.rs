//! What is wrong with a file, or likely wrong, and where.

mod alike;
mod faults;
mod github;
mod help;
mod json;
mod lines;
mod place;
mod pretty;
mod sarif;
mod valid;

use std::rc::Rc;

use mcp_policy_engine::document::{Fault, Position};

pub use alike::closest;
pub use faults::all as fault_kinds;
pub use github::command;
pub use json::json;
pub use lines::Lines;
pub use place::escaped;
pub use pretty::pretty;
pub use sarif::sarif;
pub use valid::{placed, tell, valid};

use crate::input::{File, Found, Place, Problem};

/// How serious a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Likely a mistake
    Warning,
    /// The file cannot be used as it is
    Error,
}

impl Severity {
    /// Returns its word, which all formats use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A kind of diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The stable id, such as `unanchored-regex`
    pub id: &'static str,
    /// What it means, in one line
    pub meaning: &'static str,
    /// Why it matters, and what to do; empty if the messages say so
    pub explanation: &'static str,
}

/// One finding about a place in a file.
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
    /// The path of the part that it is about, such as `tools.x.limits[0]`; empty if it is about the file
    pub path: String,
    /// What is wrong, in one line
    pub message: String,
    /// What would be right, in one line
    pub help: Option<String>,
}

impl Diagnostic {
    /// Returns the line and column where the place begins, both from 1. Many positions are found faster by [`Placed`].
    pub fn position(&self) -> Position {
        Position::of(self.file.text.as_bytes(), self.place.start)
    }

    /// Returns the message after its path.
    pub fn text(&self) -> String {
        match self.path.as_str() {
            "" => self.message.clone(),
            path => format!("{path}: {}", self.message),
        }
    }
}

/// A diagnostic with its place as lines and columns.
pub struct Placed<'d> {
    /// The diagnostic
    pub diagnostic: &'d Diagnostic,
    /// Where the place begins
    pub start: Position,
    /// The end of the first line of the place
    pub end: Position,
}

impl<'d> Placed<'d> {
    /// Finds the lines and columns of a diagnostic; `lines` are those of its file.
    pub fn new(diagnostic: &'d Diagnostic, lines: &Lines<'_>) -> Self {
        let Diagnostic { file, place, .. } = diagnostic;
        let start = lines.position(place.start);
        Self { diagnostic, start, end: lines.position(place::first_line(&file.text, place).end) }
    }
}

/// Returns what is wrong with a policy: first what is wrong with its file, then the faults of the document.
pub fn faults(found: &Found) -> Vec<Diagnostic> {
    let problem = |problem: &Problem| Diagnostic {
        file: Rc::clone(&found.file),
        place: problem.place.clone(),
        severity: Severity::Error,
        id: problem.id,
        path: String::new(),
        message: problem.message.clone(),
        help: None,
    };
    let fault = |fault: &Fault| {
        let (text, place, path) = (found.file.text.as_str(), found.place_of(fault), fault.path.to_string());
        let parts = text.split_at_checked(place.start).unwrap_or((text, ""));
        Diagnostic {
            file: Rc::clone(&found.file),
            help: help::of(&path, &fault.wrong, parts),
            place: place::of_fault(text, place, &fault.wrong),
            severity: Severity::Error,
            id: faults::id(&fault.wrong),
            path,
            message: fault.wrong.to_string(),
        }
    };
    let mut diagnostics: Vec<Diagnostic> = found.problems.iter().map(problem).collect();
    if let (true, Err(faults)) = (found.is_readable, found.policy()) {
        diagnostics.extend(faults.iter().map(fault));
    }
    diagnostics
}
