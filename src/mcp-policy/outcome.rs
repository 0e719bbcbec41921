//! How a command ends, and its exit code.

use std::fmt;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

/// The exit codes, for the help.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  clean
  1  the command could not run: wrong usage, an unreadable file, no connection
  2  explain: the request is refused
  3  findings: faults, warnings at the fail level, failed cases, changed verdicts, drift";

/// How a command that ran ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was found
    Clean,
    /// `explain`: the request is refused
    Refused,
    /// There are findings
    Findings,
}

/// Why a command could not run: one line, in words that say what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// Makes a failure with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Makes the failure of a file that cannot be read or written; `what` is such as "cannot read".
    pub fn of_file(what: &str, name: &str, error: &std::io::Error) -> Self {
        Self(format!("{what} `{name}`: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        out.write_str(text)
    }
}

/// Returns the exit code of a command, and prints on stderr why it could not run.
pub fn exit_code(result: Result<Outcome, Failure>) -> ExitCode {
    match result {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Refused) => ExitCode::from(2),
        Ok(Outcome::Findings) => ExitCode::from(3),
        Err(failure) => {
            // The exit code tells it all the same if it cannot be printed.
            let (error, plain) = (crate::terminal::ERROR, crate::terminal::PLAIN);
            let _ = writeln!(anstream::stderr(), "{error}error:{plain} {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what clap has to say. Wrong usage ends with 1, not with clap's 2, which means a refusal here.
pub fn bad_usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        _ if error.use_stderr() => ExitCode::FAILURE,
        // A reader of the help that has closed the pipe has seen enough.
        Err(unwritten) if unwritten.kind() != ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
