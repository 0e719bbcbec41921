//! `mcp-policy test`: runs the tests that stand next to policies.

mod case;
mod circumstances;
mod expect;
mod fields;
mod files;
mod found;
mod instant;
mod json;
mod junit;
mod list;
mod pretty;
mod request;
mod run;

use clap::{Args, ValueEnum};
use regex::Regex;

pub use self::circumstances::Approval;
pub use self::found::Found;
pub use self::instant::instant_ns;
pub use self::pretty::tell_faults;
pub use self::run::answer;

use self::case::{Case, TestFile};
use self::run::Outcome as Ran;
use crate::diagnostic::Diagnostic;
use crate::outcome::{Failure, Outcome};
use crate::terminal::Terminal;

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
    /// The form of the result
    #[arg(long, value_name = "FORMAT", default_value = "pretty")]
    format: Format,
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

  policy: ../policies/aipaygen.json      # relative to the test file
  cases:
    - name: an agent may be looked up
      call: get_agent
      arguments: { agent_id: a-1 }
      expect: allow
    - name: the eleventh run within a minute waits
      as: { principal: ci@corp.example, claims: { team: sre } }
      steps:
        - { call: run_agent, arguments: { agent_id: a-1 }, times: 10, expect: allow }
        - { call: run_agent, arguments: { agent_id: a-1 }, expect: rate_limited, retry_after: \"<= 63\" }
        - { after: 65s, call: run_agent, arguments: { agent_id: a-1 }, expect: allow }
    - name: what this caller is shown
      list: tools
      of: aipaygen-tools.json            # a tools/list result; without it, the names below
      expect: { shows: [research], hides: [delete_agent] }

What is sent, one of:
  call: TOOL          with arguments: an object, or a string that is sent as it is
  read: URI           a resource
  prompt: NAME        with arguments
  method: METHOD      with params and id; a null id makes it a notification, and so does notify: METHOD
  request: MESSAGE    a whole JSON-RPC message, or a string that is sent as it is
  list: tools         or resources, resource_templates, prompts
  http_method: GET    alone: a request without a body

Who sends it, and how (of a case: for all its steps):
  as: {principal, claims, source, grant}     the credential that suits the policy
  api_key: KEY        in clear, as its header has it
  mtls: NAME          or {uri_san, dns_san, subject}
  tokens: {PAYLOAD: CLAIMS}, attributes: {PATH: TEXT}     what the proxy has verified
  session, headers, path, http_method
  approve: yes        what a person decides: yes, no, pending (the default) or unavailable

What is expected:
  expect: allow       a code such as denied, `would_deny CODE` in shadow mode, or exempt
  rule: PATH          the deciding rule
  reason: TEXT        a part of what the model sees, or a list of parts
  retry_after: \"<= 63\"    seconds, some or none
  status, rpc_code, challenge, record     of the filter's reply, and members of the record

Each case starts at 2027-01-15T08:00:00Z (a Friday), or `at`, with nothing counted. A step comes `after` the one
before (65s, 2m, 1h, 1d), and `times` repeats it. A fault of a test file is an error, with exit code 1.";

/// A file that was run.
struct RanFile {
    file: TestFile,
    /// What each case has come to; `None` for one that was not selected
    outcomes: Vec<Option<Ran>>,
}

impl RanFile {
    /// Walks the cases that were run.
    fn ran(&self) -> impl Iterator<Item = (&Case, &Ran)> {
        self.file.cases.iter().zip(&self.outcomes).filter_map(|(case, ran)| Some((case, ran.as_ref()?)))
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
        tell_faults(&faults, terminal);
        let count = faults.len();
        return Err(Failure::new(format!("no case was run: the test files have {count} {}", plural(count, "fault"))));
    }
    let files: Vec<RanFile> = files.into_iter().map(|file| run_file(file, options)).collect();
    let selected: usize = files.iter().map(|file| file.ran().count()).sum();
    if selected == 0 {
        return Err(Failure::new("no case was run: none is selected"));
    }
    match options.format {
        Format::Pretty => pretty::print(&files, options.fail_only, terminal),
        Format::Json => json::print(&files, options.fail_only, terminal)?,
        Format::Junit => junit::print(&files, terminal)?,
    }
    let failed = files.iter().any(|file| file.counts().1 > 0);
    Ok(if failed { Outcome::Findings } else { Outcome::Clean })
}

fn run_file(file: TestFile, options: &Options) -> RanFile {
    let selected = |case: &Case| {
        let name = format!("{}: {}", file.file.name, case.name);
        options.run.as_ref().is_none_or(|run| run.is_match(&name))
    };
    let outcomes = file.cases.iter().map(|case| selected(case).then(|| run::run(&file.policy, case)));
    RanFile { outcomes: outcomes.collect(), file }
}

/// Returns a noun, in the plural unless there is one.
fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}
