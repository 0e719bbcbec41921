//! `mcp-policy replay`: judges recorded requests again, with another policy.

mod caller;
mod changes;
mod claims;
mod contention;
mod judge;
mod judged;
mod reads;
mod request;
mod settled;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use clap::Args;
use clap::ValueEnum;

use crate::diagnostic;
use crate::outcome::{Failure, Outcome};
use crate::records::{Finder, InOrder, Logs, Record, Taken, thousands};
use crate::terminal::Terminal;
use changes::Changes;
use judge::Judge;
use judged::Judged;

/// The options of `replay`.
#[derive(Debug, Args)]
#[command(after_long_help = LIMITS)]
pub struct Options {
    #[command(flatten)]
    logs: Logs,
    /// The policy to judge with, or a file that contains one: JSON or YAML
    ///
    /// Of a file with several policies, `FILE#SERVER` is the one of this server, and `FILE#2` is the second.
    #[arg(long, value_name = "POLICY")]
    policy: String,
    /// Print each record whose verdict changes
    #[arg(long)]
    changed: bool,
    /// Count each log separately, because each comes from another proxy
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
  Requests that were refused before their body was read, if their caller would now be accepted.
  Texts that were cut off, and sources of identity that it did not have.
  completion/complete, if the record's rule is not in `prompts` or `resources`: a named rule, or the default.
  A call that is undecided counts against limits if it passed.

What it assumes:
  Every policy refuses a body that is not a message, and a wrong media type.
  A caller without a name in the record has none under the new policy.
  Bodies are as large as before; origins and headers agree as before.
  Requests to exempt paths have no records.
  Records of one log come from one proxy, and without --separate all logs do.

Records are sorted by their times. To do so, up to 65,536 of them, or 48 MiB, are held in memory.";

/// How far apart the times of two calls can be that were charged in the other order, in milliseconds: as long as a
/// worker may be held up between reading the time and counting.
const PATIENCE_MS: i64 = 250;
/// How many records are looked at to find those, and how often a record is put behind one.
const MOST_AHEAD: usize = 1024;
const MOST_TRIES: u32 = 8;

/// How often the progress is shown.
const INTERVAL: Duration = Duration::from_millis(200);

/// Runs the command.
///
/// # Errors
/// A log or the policy cannot be read.
pub fn run(options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    let (_, policy) = diagnostic::valid(&options.policy, terminal)?;
    let finder = Finder::new(options.logs.member.clone());
    let mut records = InOrder::open(&options.logs.records, finder, &policy.server)?;
    let proxies = if options.separate { options.logs.records.len() } else { 1 };
    let mut replay = Replay {
        judge: Judge::new(&policy, proxies),
        changes: Changes::new(options.changed, options.format == Format::Json),
        ahead: VecDeque::new(),
        options,
    };
    let mut progress = Progress { terminal: terminal.progress, last: Instant::now() };
    while let Some(next) = replay.next(&mut records)? {
        replay.take(next, &mut records, terminal)?;
        progress.show(replay.changes.records);
    }
    let changes = replay.changes;
    progress.clear();
    records.tally.tell(terminal);
    for (count, what) in [
        (records.other_servers, format!("of other servers than `{}` were left out", policy.server)),
        (
            records.beside,
            "were left out: each is behind another one in its line, as records of a policy in shadow mode are"
                .to_owned(),
        ),
        (
            records.late,
            "came too late to be sorted by their times, and were judged in the order of the log".to_owned(),
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

/// A replay that is under way.
///
/// The time in a record is the one with which its limits were charged. It does not tell the order of charges exactly: it
/// has milliseconds, and a worker reads it before it charges, so another can be faster. Within a millisecond the order
/// does not matter, see [`Taken`]. Otherwise, where an unchanged limit decides another way than in the record, the recorded
/// use of its counter tells which calls were charged before. What remains: the use of a counter with `by` is that of one
/// value, which is not compared, and charges that were given back are given back at once, not when their requests ended.
struct Replay<'o> {
    judge: Judge,
    changes: Changes,
    /// Records that were taken already to look at them
    ahead: VecDeque<Next>,
    options: &'o Options,
}

/// The next record.
struct Next {
    taken: Taken,
    /// How often it was judged, and put behind another
    tries: u32,
}

impl Replay<'_> {
    /// Takes the next record.
    fn next(&mut self, records: &mut InOrder) -> Result<Option<Next>, Failure> {
        match self.ahead.pop_front() {
            Some(next) => Ok(Some(next)),
            None => Ok(records.next()?.map(|taken| Next { taken, tries: 0 })),
        }
    }

    /// Judges a record, or puts it behind those that were charged before it.
    fn take(&mut self, next: Next, records: &mut InOrder, terminal: &mut Terminal) -> Result<(), Failure> {
        let Next { taken, tries } = next;
        let record = match Record::read(&taken.text) {
            Ok(record) => record,
            Err(why) => {
                records.count_unreadable(&taken, &why);
                return Ok(());
            }
        };
        let proxy = if self.options.separate { taken.place.0 } else { 0 };
        let judged = self.judge.judge(&record, taken.at_ms, proxy, tries >= MOST_TRIES);
        if let Judged::Later(contended) = judged {
            let until_ms = taken.at_ms.saturating_add(PATIENCE_MS);
            self.look_ahead(until_ms, records)?;
            let near = |next: &Next| {
                next.taken.at_ms <= until_ms
                    && (!self.options.separate || next.taken.place.0 == taken.place.0)
            };
            let before = |next: &Next| near(next) && contended.is_before(&next.taken, &record);
            let last = self.ahead.iter().rposition(before);
            let tries = last.map_or(MOST_TRIES, |_| tries.saturating_add(1));
            self.ahead.insert(last.map_or(0, |last| last.saturating_add(1)), Next { taken, tries });
            return Ok(());
        }
        if let (Judged::Changed(changed), true) = (&judged, self.options.changed) {
            self.changes.tell(&record, changed, terminal);
        }
        self.changes.add(&record, judged);
        Ok(())
    }

    /// Takes records up to this time, as far as they are not too many.
    fn look_ahead(&mut self, until_ms: i64, records: &mut InOrder) -> Result<(), Failure> {
        while self.ahead.len() < MOST_AHEAD
            && self.ahead.back().is_none_or(|next| next.taken.at_ms <= until_ms)
        {
            let Some(taken) = records.next()? else { break };
            self.ahead.push_back(Next { taken, tries: 0 });
        }
        Ok(())
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
