//! `mcp-policy report`: a web page about recorded requests.

mod approvals;
mod chart;
mod page;
mod ranking;
mod summary;
mod timeline;
mod words;

use std::time::{Duration, Instant};

use clap::Args;

use crate::destination::{self, Named};
use crate::outcome::{Failure, Outcome};
use crate::records::{Finder, Line, Lines, Logs, Record, Tally, milliseconds, thousands};
use crate::terminal::Terminal;
use summary::Summary;

/// The options of `report`.
#[derive(Debug, Args)]
#[command(after_long_help = ABOUT)]
pub struct Options {
    #[command(flatten)]
    logs: Logs,
    /// Where to write the page; `-` is stdout
    #[arg(long, short, value_name = "FILE")]
    output: String,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

const ABOUT: &str = "\
The page is one HTML file. It needs no network, can be read without JavaScript, and prints well.

It has calls over time by verdict, what was refused by tool, grant, principal, code and rule, limits near their maximum, \
approvals and how long they took, the policies in effect, and the latest refused requests.

Memory does not depend on the size of the logs: of each kind, 10,000 names are counted apart, and the rest together.";

/// How often the progress is shown.
const INTERVAL: Duration = Duration::from_millis(200);

/// Runs the command.
///
/// # Errors
/// A log cannot be read, has no records, or the page cannot be written or would replace a log.
pub fn run(options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    let logs: Vec<Named<'_>> =
        options.logs.records.iter().map(|name| Named { what: "the log", name }).collect();
    let output = [Named { what: "`--output`", name: &options.output }];
    destination::apart(&logs, &output)?;
    destination::kept(&output, options.force, |_| String::new())?;
    let finder = Finder::new(options.logs.member.clone());
    let (mut summary, mut tally) = (Summary::default(), Tally::default());
    let mut shown = Instant::now();
    for log in &options.logs.records {
        let mut lines = Lines::open(log)?;
        loop {
            match lines.next()? {
                Line::End => break,
                Line::TooLong => tally.too_long.add(lines.name(), lines.number()),
                Line::Read => read(&lines, &finder, &mut summary, &mut tally),
            }
            tally.lines = tally.lines.saturating_add(1);
            if terminal.progress && tally.lines.is_multiple_of(4096) && shown.elapsed() >= INTERVAL {
                anstream::eprint!("\r{} lines read", thousands(tally.lines));
                shown = Instant::now();
            }
        }
    }
    if terminal.progress {
        anstream::eprint!("\r\x1b[K");
    }
    tally.tell(terminal);
    if summary.requests.all() == 0 {
        return Err(Failure::new("no record was found in the logs"));
    }
    let page = page::page(&summary, &tally).into_string();
    if options.output == "-" {
        terminal.print(format_args!("{page}\n"));
    } else {
        destination::write(&options.output, &page)?;
    }
    Ok(Outcome::Clean)
}

fn read(lines: &Lines, finder: &Finder, summary: &mut Summary, tally: &mut Tally) {
    let mut add = |text: &str| match Record::read(text) {
        Ok(record) => {
            let at_ms = record.time.as_deref().and_then(milliseconds);
            if at_ms.is_none() {
                tally.without_time.add(lines.name(), lines.number());
            }
            summary.add(&record, at_ms);
        }
        Err(why) => tally.unreadable.add_because(lines.name(), lines.number(), &why),
    };
    if finder.records(lines.text(), &mut add) == 0 {
        tally.without_record.add(lines.name(), lines.number());
    }
}
