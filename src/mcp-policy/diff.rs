//! `mcp-policy diff`: what a change of a policy means for callers.
//!
//! A call passes if it passes every restriction: of the document and of its caller's grant. So the new policy allows no
//! more than the old one if, for each target, each old restriction is implied by a new one. What cannot be compared is told
//! as something that may allow more.

mod bounds;
mod callers;
mod change;
mod changes;
mod compare;
mod output;
mod restriction;
mod settings;
mod side;
mod targets;
mod terms;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};

use crate::diagnostic;
use crate::listing::{self, Answers};
use crate::outcome::{Failure, Outcome};
use crate::terminal::Terminal;
use side::Side;

/// How to print the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text for people
    Pretty,
    /// One object: `version`, `widens` and `changes`
    Json,
    /// Tables for a comment on a pull request
    Markdown,
}

/// The options of `diff`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Exits with 3 if the two policies differ in what they mean, and with 0 if only texts or their order have \
                  changed.\n\nWith --widening-only it exits with 3 only if something becomes possible that was not possible \
                  before, or may become possible. A change of a schema, a condition or an identity counts, because its effect \
                  depends on the calls. A check of pull requests can ask for an approval then.\n\nThe work that judging takes is not \
                  compared: a call that took too much work can pass with a policy that takes less."
)]
pub struct Options {
    /// The old policy, or a file that contains it
    ///
    /// Of a file with several policies, `FILE#SERVER` is the one of this server, and `FILE#2` is the second.
    #[arg(value_name = "OLD")]
    old: String,
    /// The new policy, or a file that contains it
    #[arg(value_name = "NEW")]
    new: String,
    /// A `tools/list` result; each of its tools is compared by its name
    #[arg(long, value_name = "FILE")]
    tools: Option<String>,
    /// Show only what becomes possible, or may become possible
    #[arg(long)]
    widening_only: bool,
    /// How to print the result
    #[arg(long, value_name = "FORMAT", default_value = "pretty")]
    format: Format,
}

/// Runs the command.
///
/// # Errors
/// A file cannot be read, or a policy has faults.
pub fn run(options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    let old = side(&options.old, terminal)?;
    let new = side(&options.new, terminal)?;
    let tools = options.tools.as_deref().map_or(Ok(BTreeSet::new()), tools)?;
    let mut changes = changes::of(&old, &new, &tools);
    if options.widening_only {
        changes.retain(|change| change.effect.may_widen());
    }
    let nothing = match options.widening_only {
        _ if old.is_same(&new) => output::Nothing::Same,
        true => output::Nothing::Widens,
        false => output::Nothing::Changes,
    };
    match options.format {
        Format::Pretty => output::pretty(&changes, nothing, terminal),
        Format::Json => output::json(&changes, terminal)?,
        Format::Markdown => output::markdown(&changes, nothing, terminal),
    }
    Ok(if changes.is_empty() { Outcome::Clean } else { Outcome::Findings })
}

fn side(argument: &str, terminal: &mut Terminal) -> Result<Side, Failure> {
    let (found, _) = diagnostic::valid(argument, terminal)?;
    Side::read(&found.bytes)
        .map_err(|faults| Failure::new(format!("`{}` is not a valid policy:\n{faults}", found.name())))
}

/// Reads the names of a server's tools.
fn tools(argument: &str) -> Result<BTreeSet<String>, Failure> {
    let answers = Answers::read(argument)?;
    let document = answers.document()?;
    let tools = listing::elements(&document, "tools", "name").map_err(|wrong| answers.failure(&wrong))?;
    Ok(tools.into_iter().map(|(name, _)| name).collect())
}
