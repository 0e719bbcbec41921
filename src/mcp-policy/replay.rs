//! `mcp-policy replay`: judges recorded requests again, with another policy.

mod changes;
mod claims;
mod judge;
mod reads;
mod request;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use clap::ValueEnum;
use mcp_policy_engine::policy::Policy;

use crate::input;
use crate::outcome::{Failure, Outcome};
use crate::records::{Finder, InOrder, Logs, Record, Taken, thousands};
use crate::terminal::Terminal;
use changes::Changes;
use judge::{Judge, Judged};

/// The options of `replay`.
#[derive(Debug, Args)]
#[command(after_long_help = LIMITS)]
pub struct Options {
    #[command(flatten)]
    logs: Logs,
    /// The policy to judge with; JSON, YAML, or a file that holds one policy
    #[arg(long, value_name = "POLICY")]
    policy: String,
    /// Print each record whose verdict changes
    #[arg(long)]
    changed: bool,
    /// Count each log by itself: each comes from another proxy
    #[arg(long)]
    separate: bool,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "pretty")]
    format: Format,
}

/// The form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text
    Pretty,
    /// One JSON object
    Json,
}

const LIMITS: &str = "\
What replay can judge:
  Identity and grants, rules, conditions and limits, with counters that start empty and follow the times of the records.
  A call that a person approved stays approved, and one that a person refused stays refused.

What it counts as undecided, with the reason, because the record does not say enough:
  Rules that read arguments, unless the policy of the records has \"audit\": {\"arguments\": \"full\"}.
  Patterns and comparisons of claims, unless it has \"audit\": {\"claims\": \"full\"}; claims that it did not read.
  Requests that were refused before their body was read, if their caller would now be let in.
  Texts that were cut, prompts and resources of completion/complete, and sources of identity that it did not have.
  A call that is undecided counts against limits if it passed.

What it assumes:
  A body that is no message, or a wrong media type, is refused by every policy. A caller whom no source named stays
  unnamed. Bodies are not larger than before, origins and headers agree as before. Requests to exempt paths have no
  records. Records of one log come from one proxy, and without --separate all logs do.

Records are sorted by their times as far as 65,536 of them, or 48 MiB, allow.";

/// How long a record can be left for later, in milliseconds: as long as a worker may be held up between reading the time
/// and counting.
const PATIENCE_MS: i64 = 250;
/// How many records are left for later at a time, and how often each is judged again.
const MOST_LATER: usize = 16;
const MOST_TRIES: u32 = 500;

/// How often the progress is shown.
const INTERVAL: Duration = Duration::from_millis(200);

/// Runs the command.
///
/// # Errors
/// A log or the policy cannot be read.
pub fn run(options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    let policy = Arc::new(policy(&options.policy)?);
    let finder = Finder::new(options.logs.member.clone());
    let mut records = InOrder::open(&options.logs.records, finder, &policy.server)?;
    let proxies = if options.separate { options.logs.records.len() } else { 1 };
    let mut replay = Replay {
        judge: Judge::new(&policy, proxies),
        changes: Changes::new(options.changed, options.format == Format::Json),
        later: VecDeque::new(),
        options,
    };
    let mut progress = Progress { terminal: terminal.progress, last: Instant::now() };
    while let Some(taken) = records.next()? {
        replay.take(taken, terminal);
        progress.show(replay.changes.records);
    }
    replay.end(i64::MAX, terminal);
    let changes = replay.changes;
    progress.clear();
    records.tally.tell(terminal);
    for (count, what) in [
        (records.other_servers, format!("of other servers than `{}` were left out", policy.server)),
        (records.beside, "stand beside another of the same request and were left out".to_owned()),
        (
            records.late,
            "came too late to be sorted by their times, and were judged where they stand".to_owned(),
        ),
    ] {
        if count > 0 {
            terminal.note(format_args!("note: {} records {what}", thousands(count)));
        }
    }
    if changes.records == 0 {
        return Err(Failure::new(format!("no record of the server `{}` was found", policy.server)));
    }
    let outcome = if changes.changed > 0 { Outcome::Findings } else { Outcome::Clean };
    changes.finish(&policy.digest, &records, terminal)?;
    Ok(outcome)
}

/// Reads the policy to judge with.
fn policy(argument: &str) -> Result<Policy, Failure> {
    let found = input::policy(argument)?;
    found.policy().map_err(|faults| {
        let first =
            faults.iter().next().map_or_else(String::new, |fault| format!("{}: {}", fault.path, fault.wrong));
        Failure::new(format!("the policy in `{}` has a fault, see `mcp-policy check`: {first}", found.name()))
    })
}

/// A replay that is under way.
struct Replay<'o> {
    judge: Judge,
    changes: Changes,
    /// Records to judge again after the next ones
    later: VecDeque<Later>,
    options: &'o Options,
}

/// A record to judge again.
struct Later {
    taken: Taken,
    tries: u32,
}

impl Replay<'_> {
    /// Takes the next record, and judges again those that were left for later.
    fn take(&mut self, taken: Taken, terminal: &mut Terminal) {
        if !self.later.is_empty() {
            self.end(taken.at_ms, terminal);
        }
        let finally = self.later.len() >= MOST_LATER;
        if !self.judge(&taken, finally, terminal) {
            self.later.push_back(Later { taken, tries: 0 });
            return;
        }
        let mut waiting = std::mem::take(&mut self.later);
        waiting.retain_mut(|later| {
            later.tries = later.tries.saturating_add(1);
            !self.judge(&later.taken, later.tries >= MOST_TRIES, terminal)
        });
        self.later = waiting;
    }

    /// Judges the records finally that have waited until this time long enough.
    fn end(&mut self, at_ms: i64, terminal: &mut Terminal) {
        let waited = |later: &Later| later.taken.at_ms.saturating_add(PATIENCE_MS) < at_ms;
        while self.later.front().is_some_and(waited)
            && let Some(later) = self.later.pop_front()
        {
            self.judge(&later.taken, true, terminal);
        }
    }

    /// Judges a record. Returns false if it is to be judged again.
    fn judge(&mut self, taken: &Taken, finally: bool, terminal: &mut Terminal) -> bool {
        let Some(record) = Record::read(&taken.text) else { return true };
        let proxy = if self.options.separate { taken.place.0 } else { 0 };
        let judged = self.judge.judge(&record, taken.at_ms, proxy, finally);
        if let (Judged::Changed(changed), true) = (&judged, self.options.changed) {
            self.changes.tell(&record, changed, terminal);
        }
        let done = !matches!(judged, Judged::Later);
        if done {
            self.changes.add(&record, judged);
        }
        done
    }
}

/// The line on stderr that says how far a long command is.
struct Progress {
    terminal: bool,
    last: Instant,
}

impl Progress {
    fn show(&mut self, records: u64) {
        if self.terminal && records.is_multiple_of(4096) && self.last.elapsed() >= INTERVAL {
            anstream::eprint!("\r{} records judged", thousands(records));
            self.last = Instant::now();
        }
    }

    fn clear(&self) {
        if self.terminal {
            anstream::eprint!("\r\x1b[K");
        }
    }
}
