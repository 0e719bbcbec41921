//! What is printed.

use super::{Format, kinds};
use crate::diagnostic::{self, Diagnostic, Lines, Placed, Severity};
use crate::input::Found;
use crate::terminal::{Terminal, line};

/// A policy and what was found in it.
pub struct Checked {
    /// The policy
    pub found: Found,
    /// What was found
    pub diagnostics: Vec<Diagnostic>,
}

impl Checked {
    fn placed<'c>(&'c self, lines: &'c Lines<'_>) -> impl Iterator<Item = Placed<'c>> {
        self.diagnostics.iter().map(|diagnostic| Placed::new(diagnostic, lines))
    }
}

/// Prints everything that was found.
pub fn print(checked: &[Checked], format: Format, terminal: &mut Terminal) {
    // Of the policies in one file, each knows where its lines are. Files with many policies are short.
    let lines: Vec<Lines<'_>> = checked.iter().map(|checked| Lines::of(&checked.found.file.text)).collect();
    let all = || checked.iter().zip(&lines).flat_map(|(checked, lines)| checked.placed(lines));
    match format {
        Format::Pretty => {
            for (checked, lines) in checked.iter().zip(&lines) {
                for placed in checked.placed(lines) {
                    line!(terminal, "{}\n", diagnostic::pretty(&placed, checked.found.within.as_deref()));
                }
            }
        }
        Format::Github => all().for_each(|placed| line!(terminal, "{}", diagnostic::command(&placed))),
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
