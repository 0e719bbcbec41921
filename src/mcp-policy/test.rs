//! `mcp-policy test`: runs the tests that stand next to policies.

mod case;
mod circumstances;
mod coverage;
mod expect;
mod fields;
mod files;
mod found;
pub mod instant;
mod json;
mod junit;
mod list;
mod pretty;
mod request;
mod run;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use regex::Regex;

pub use self::circumstances::Approval;
pub use self::found::Found;
pub use self::run::answer;

use self::case::{Case, TestFile};
use self::coverage::Coverage;
use self::run::{Looking, Outcome as Ran};
use crate::diagnostic::{self, Diagnostic};
use crate::outcome::{Failure, Outcome};
use crate::terminal::Terminal;
use crate::trace::Texts;

/// The options of `test`.
#[derive(Debug, Args)]
#[command(after_long_help = FORMAT)]
pub struct Options {
    /// Test files, or folders that are searched for `*.test.yaml` and `*.test.json`; `-` is stdin
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// Run only the cases whose `FILE: NAME` matches this regular expression
    #[arg(long, value_name = "REGEX")]
    run: Option<Regex>,
    /// Print only what fails
    #[arg(long)]
    fail_only: bool,
    /// Show how the request that fails a case is decided; in JSON, the last request of each case
    #[arg(long)]
    explain: bool,
    /// Show which rules, conditions and limits the cases do not cover
    ///
    /// A rule is covered if it applied to a request. A condition, a schema or a limit is covered if it refused one, a
    /// condition in `when` also if it kept its rule from applying. A grant is covered if a caller had it, and
    /// `default`, `hide` and `methods` are if they decided.
    #[arg(long)]
    coverage: bool,
    /// Fail with exit code 3 if the cases cover less of a policy than this, in percent
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    min_coverage: Option<u8>,
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "pretty")]
    format: Format,
}

impl Options {
    fn covers(&self) -> bool {
        self.coverage || self.min_coverage.is_some()
    }

    /// Returns whether the cases cover less of a policy than they must.
    fn is_below(&self, coverage: &Coverage) -> bool {
        self.min_coverage.is_some_and(|least| coverage.percent() < usize::from(least))
    }
}

/// Reads a whole number from 0 to 100.
fn percent(text: &str) -> Result<u8, String> {
    let percent = text.parse().ok().filter(|percent| *percent <= 100);
    percent.ok_or_else(|| "must be a whole number from 0 to 100".to_owned())
}

/// The form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text for people
    Pretty,
    /// One JSON object
    Json,
    /// JUnit's XML, for CI systems
    Junit,
}

/// The format of test files, for the help.
const FORMAT: &str = "\
A test file is YAML or JSON:

  policy: ../aipaygen.json          # relative to the test file; of a file
                                    # with several, FILE#SERVER or FILE#2
  cases:
    - name: an agent may be looked up
      call: get_agent_runs
      arguments: { agent_id: a-1 }
      expect: allow
    - name: the eleventh run within a minute waits
      as: { principal: ci@corp.example, claims: { team: sre } }
      steps:
        - { call: run_agent, times: 10, expect: allow }
        - { call: run_agent, expect: rate_limited, retry_after: \"<= 63\" }
        - { after: 65s, call: run_agent, expect: allow }
    - name: what this caller is shown
      list: tools
      of: aipaygen-tools.json       # a tools/list result; may be left out
      expect: { shows: [research], hides: [delete_agent] }

What is sent, one of:
  call: TOOL         with `arguments`: an object, or raw text in a string
  read: URI          a resource
  prompt: NAME       with `arguments`
  method: METHOD     with `params` and `id`; a null id makes a notification
  notify: METHOD     a notification, with `params`
  request: MESSAGE   a whole JSON-RPC message, or raw text in a string
  list: tools        or resources, resource_templates, prompts
  http_method: GET   alone: a request without a body
with `path`, which is /mcp by default.

Who sends it, and how; of a case, for all its steps:
  as                 principal, claims, source: the policy's credential
                     for this caller; or grant: any caller with this grant
  api_key: KEY       in clear, as the caller sends it; or its SHA-256 in
                     hex: api_key_sha256
  mtls: NAME         or {uri_san, dns_san, subject}
  tokens             verified tokens: {PAYLOAD: CLAIMS}
  attributes         what Envoy's filters state: {filter_state.KEY: TEXT}
  session, headers   a header can have a list of values, or null for none
  approve: yes       what a person decides: yes, no, pending (the default)
                     or unavailable

What is expected:
  expect: allow      a code such as denied; `would_deny CODE` in shadow
                     mode; exempt; for a list {shows, hides}
  rule: PATH         the deciding rule
  reason: TEXT       a part of what the model sees, or a list of parts
  retry_after: 63    seconds, \"<= 63\" and the like, some or none
  status, rpc_code, challenge    of the filter's reply
  record             members of the audit record

Each case starts at 2027-01-15T08:00:00Z, a Friday, or `at`, with nothing
counted. A step comes `after` the one before (500ms, 65s, 2m, 1h, 1d), and
`times` repeats it.

A fault of any test file is an error: no case is run, and the exit code is 1.";

/// A file that was run.
struct RanFile {
    file: TestFile,
    /// The result of each case, and how long it took; `None` for one that was not selected
    outcomes: Vec<Option<(Ran, Duration)>>,
}

impl RanFile {
    /// Iterates over the cases that were run.
    fn ran(&self) -> impl Iterator<Item = (&Case, &Ran)> {
        self.timed().map(|(case, ran, _)| (case, ran))
    }

    /// Iterates over the cases that were run, with how long each took.
    fn timed(&self) -> impl Iterator<Item = (&Case, &Ran, Duration)> {
        let outcomes = self.file.cases.iter().zip(&self.outcomes);
        outcomes.filter_map(|(case, ran)| ran.as_ref().map(|(ran, took)| (case, ran, *took)))
    }

    /// Counts the cases that passed, and those that failed.
    fn counts(&self) -> (usize, usize) {
        let failed = self.ran().filter(|(_, ran)| ran.failure.is_some()).count();
        (self.ran().count().saturating_sub(failed), failed)
    }
}

/// Runs the command.
///
/// # Errors
/// A test file or a policy cannot be read, or has a fault; or no case was selected.
pub fn run(options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    let mut files = Vec::new();
    let mut faults: Vec<Diagnostic> = Vec::new();
    for name in files::find(&options.paths)? {
        match files::read(&name)? {
            Ok(file) => files.push(file),
            Err(mut found) => faults.append(&mut found),
        }
    }
    if !faults.is_empty() {
        if options.format == Format::Json {
            json::print_faults(&faults, terminal)?;
        }
        diagnostic::tell(&faults, None, terminal);
        let count = faults.len();
        return Err(Failure::new(format!(
            "no case was run: the test files have {count} {}",
            plural(count, "fault")
        )));
    }
    let mut covered: Vec<Coverage> = Vec::new();
    let files: Vec<RanFile> = files.into_iter().map(|file| run_file(file, options, &mut covered)).collect();
    let selected: usize = files.iter().map(|file| file.ran().count()).sum();
    if selected == 0 {
        return Err(Failure::new("no case was run: none is selected"));
    }
    match options.format {
        Format::Pretty => pretty::print(&files, &covered, options, terminal),
        Format::Json => json::print(&files, &covered, options.fail_only, terminal)?,
        Format::Junit => junit::print(&files, terminal)?,
    }
    let failed = files.iter().any(|file| file.counts().1 > 0);
    let below = covered.iter().filter(|coverage| options.is_below(coverage)).count();
    Ok(if failed || below > 0 { Outcome::Findings } else { Outcome::Clean })
}

fn run_file(file: TestFile, options: &Options, covered: &mut Vec<Coverage>) -> RanFile {
    let selected = |case: &Case| {
        let name = format!("{}: {}", file.file.name, case.name);
        options.run.as_ref().is_none_or(|run| run.is_match(&name))
    };
    let name = file.found.name();
    let texts = Texts::of(&file.found.bytes);
    let coverage = options.covers().then(|| coverage_of(&file, covered)).flatten();
    let mut looking = Looking { explained: options.explain.then_some(&name), texts: &texts, coverage };
    let outcomes: Vec<_> = file
        .cases
        .iter()
        .map(|case| {
            let begun = Instant::now();
            let ran = selected(case).then(|| run::run(&file.policy, case, &mut looking));
            ran.map(|ran| (ran, begun.elapsed()))
        })
        .collect();
    RanFile { outcomes, file }
}

/// Returns the coverage of a file's policy. Several files can test one policy.
fn coverage_of<'c>(file: &TestFile, covered: &'c mut Vec<Coverage>) -> Option<&'c mut Coverage> {
    let found = &file.found;
    let whole = std::fs::canonicalize(&found.file.name).unwrap_or_else(|_| found.file.name.clone().into());
    let key = format!("{}\0{}", whole.display(), found.within.as_deref().unwrap_or_default());
    let known = covered.iter().position(|coverage| coverage.key == key);
    let number = known.unwrap_or_else(|| {
        covered.push(Coverage::new(key, found.clone(), &file.policy));
        covered.len().saturating_sub(1)
    });
    covered.get_mut(number)
}

/// Returns a noun, in the plural unless there is one.
fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}
