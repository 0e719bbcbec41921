//! What is printed.

use super::{Format, kinds};
use crate::diagnostic::{self, Diagnostic, Severity};
use crate::input::Found;
use crate::terminal::{Terminal, line};

/// A policy and what was found in it.
pub struct Checked {
    /// The policy
    pub found: Found,
    /// What was found
    pub diagnostics: Vec<Diagnostic>,
}

/// Prints everything that was found.
pub fn print(checked: &[Checked], format: Format, terminal: &mut Terminal) {
    let all = || checked.iter().flat_map(|checked| &checked.diagnostics);
    match format {
        Format::Pretty => {
            for Checked { found, diagnostics } in checked {
                for diagnostic in diagnostics {
                    line!(terminal, "{}\n", diagnostic::pretty(diagnostic, found.within.as_deref()));
                }
            }
        }
        Format::Github => all().for_each(|diagnostic| line!(terminal, "{}", diagnostic::command(diagnostic))),
        Format::Json => print_json(&diagnostic::json(all()), terminal),
        Format::Sarif => print_json(&diagnostic::sarif(all(), kinds::all()), terminal),
    }
    if let Some(summary) = summary(checked).filter(|_| format == Format::Pretty) {
        terminal.note(format_args!("{summary}"));
    }
}

fn print_json(value: &impl serde::Serialize, terminal: &mut Terminal) {
    // It consists of strings and numbers, so it can be written.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    line!(terminal, "{text}");
}

/// Returns how much was found; `None` if it is nothing.
fn summary(checked: &[Checked]) -> Option<String> {
    let count = |severity: Severity| {
        let all = checked.iter().flat_map(|checked| &checked.diagnostics);
        all.filter(|diagnostic| diagnostic.severity == severity).count()
    };
    let counted = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {many}")),
    };
    let found = [
        counted(count(Severity::Error), "error", "errors"),
        counted(count(Severity::Warning), "warning", "warnings"),
    ];
    let found: Vec<String> = found.into_iter().flatten().collect();
    let policies = counted(checked.len(), "policy", "policies").unwrap_or_default();
    (!found.is_empty()).then(|| format!("{} in {policies}", found.join(", ")))
}
