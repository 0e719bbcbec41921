//! `mcp-policy`: tools for the author of a policy, on the engine that enforces it.

mod check;
mod command;
mod completions;
mod destination;
mod diagnostic;
mod diff;
mod explain;
mod header;
mod import;
mod input;
mod judge;
mod keywords;
mod limits;
mod listing;
mod money;
mod outcome;
mod records;
mod render;
mod replay;
mod report;
mod scan;
mod schema;
mod terminal;
mod test;
mod trace;
mod words;
mod written;
mod yaml;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let command = match command::CommandLine::try_parse() {
        Ok(command) => command,
        Err(error) => return outcome::bad_usage(&error),
    };
    let mut terminal = terminal::Terminal::open();
    let result = command.run(&mut terminal);
    outcome::exit_code(result.and_then(|outcome| terminal.finish().map(|()| outcome)))
}
