//! The command line.

use clap::{Parser, Subcommand};

use crate::outcome::{self, Failure, Outcome};
use crate::terminal::Terminal;
use crate::{check, completions, diff, explain, import, render, replay, report, scan, schema, test};

/// Checks, explains, tests and writes policies for mcp-policy-filter
#[derive(Debug, Parser)]
#[command(name = "mcp-policy", version, after_help = outcome::EXIT_CODES)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find all faults of policies, and what is likely a mistake
    Check(check::Options),
    /// Show how a request is decided, and why
    Explain(Box<explain::Options>),
    /// Run the tests that stand next to policies
    Test(test::Options),
    /// Judge recorded requests again with another policy
    Replay(replay::Options),
    /// Show what a change of a policy means
    Diff(diff::Options),
    /// Write a policy for a server, from what it offers
    Scan(scan::Options),
    /// Write the configuration of a proxy or a mesh with the policy in it
    Render(render::Options),
    /// Write a web page about recorded requests
    Report(report::Options),
    /// Print the JSON Schema of policy documents
    Schema(schema::Options),
    /// Convert a policy of another product
    Import(import::Options),
    /// Print completions for a shell, or the manual page
    Completions(completions::Options),
}

impl CommandLine {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not run.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        match self.command {
            Command::Check(options) => check::run(&options, terminal),
            Command::Explain(options) => explain::run(&options, terminal),
            Command::Test(options) => test::run(&options, terminal),
            Command::Replay(options) => replay::run(&options, terminal),
            Command::Diff(options) => diff::run(&options, terminal),
            Command::Scan(options) => scan::run(&options, terminal),
            Command::Render(options) => render::run(&options, terminal),
            Command::Report(options) => report::run(&options, terminal),
            Command::Schema(options) => schema::run(&options, terminal),
            Command::Import(options) => import::run(&options, terminal),
            Command::Completions(options) => completions::run(&options, terminal),
        }
    }
}
