//! `mcp-policy replay`.

use clap::Args;

use crate::outcome::{Failure, Outcome};
use crate::terminal::Terminal;

/// The options of `replay`.
#[derive(Debug, Args)]
pub struct Options {}

/// Runs the command.
///
/// # Errors
/// Why it could not run.
pub fn run(_options: &Options, _terminal: &mut Terminal) -> Result<Outcome, Failure> {
    Err(Failure::new("not built yet"))
}
