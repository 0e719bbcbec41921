//! `mcp-policy check`: the faults of policies, and what is likely a mistake.

use clap::Args;

use crate::diagnostic::{self, Diagnostic};
use crate::input;
use crate::outcome::{Failure, Outcome};
use crate::terminal::{Terminal, line};

/// The options of `check`.
#[derive(Debug, Args)]
pub struct Options {
    /// Policies, or files that hold policies: JSON or YAML; `-` is stdin
    #[arg(required = true, value_name = "POLICY")]
    policies: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// A file cannot be read, or holds no policy.
pub fn run(options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    let mut found = Vec::new();
    for argument in &options.policies {
        found.append(&mut input::policies(argument)?);
    }
    let diagnostics: Vec<Diagnostic> = found.iter().flat_map(diagnostic::faults).collect();
    for diagnostic in &diagnostics {
        let at = diagnostic.position();
        let (name, path, message) = (&diagnostic.file.name, &diagnostic.path, &diagnostic.message);
        line!(terminal, "{name}:{}:{}: {path}: {message}", at.line, at.column);
    }
    Ok(if diagnostics.is_empty() { Outcome::Clean } else { Outcome::Findings })
}
