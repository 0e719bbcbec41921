//! `mcp-policy completions`: completions for shells, and the manual page.

mod manual;

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::Shell;

use crate::command::CommandLine;
use crate::outcome::{Failure, Outcome};
use crate::terminal::Terminal;

/// What to print.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Completions for bash
    Bash,
    /// Completions for zsh
    Zsh,
    /// Completions for fish
    Fish,
    /// The manual page, in roff
    Man,
}

/// The options of `completions`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  \
                  mcp-policy completions bash > ~/.local/share/bash-completion/completions/mcp-policy\n  \
                  mcp-policy completions zsh > ~/.zfunc/_mcp-policy\n  \
                  mcp-policy completions fish > ~/.config/fish/completions/mcp-policy.fish\n  \
                  mcp-policy completions man > ~/.local/share/man/man1/mcp-policy.1")]
pub struct Options {
    /// The shell, or `man` for the manual page
    #[arg(value_name = "WHAT")]
    what: What,
}

/// Runs the command.
///
/// # Errors
/// The manual page cannot be made.
pub fn run(options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    let mut command = CommandLine::command();
    let shell = match options.what {
        What::Bash => Shell::Bash,
        What::Zsh => Shell::Zsh,
        What::Fish => Shell::Fish,
        What::Man => {
            terminal.print(format_args!("{}", manual::page(command)?));
            return Ok(Outcome::Clean);
        }
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "mcp-policy", &mut text);
    terminal.print(format_args!("{}", String::from_utf8_lossy(&text)));
    Ok(Outcome::Clean)
}
