//! The result of a test run as JSON.

use mcp_policy_engine::document::Position;
use serde::Serialize;
use serde_json::Value;

use super::RanFile;
use super::case::Case;
use super::coverage::Coverage;
use super::found::Found;
use super::run::Outcome;
use crate::diagnostic::{self, Diagnostic, Lines};
use crate::explain::Explanation;
use crate::outcome::Failure;
use crate::terminal::{Terminal, line};

/// The whole result.
#[derive(Serialize)]
struct Whole<'r> {
    version: u32,
    passed: usize,
    failed: usize,
    files: Vec<File<'r>>,
    /// How much of each policy the cases have made decide, if that is asked for
    coverage: Vec<Covered<'r>>,
    /// Faults of test files, as `mcp-policy check` has them. If there is one, no case was run
    diagnostics: Value,
}

#[derive(Serialize)]
struct File<'r> {
    file: &'r str,
    policy: String,
    cases: Vec<CaseResult<'r>>,
}

#[derive(Serialize)]
struct CaseResult<'r> {
    name: &'r str,
    line: usize,
    column: usize,
    passed: bool,
    /// How many requests were judged
    requests: usize,
    /// What the last of them met
    found: &'r Found,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailedStep<'r>>,
    /// How the last request was decided, if that is asked for: as `mcp-policy explain` has it
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'r Explanation>,
}

#[derive(Serialize)]
struct FailedStep<'r> {
    /// The number of the step, from 1
    step: usize,
    /// Which of its requests it is, from 1
    time: u32,
    request: &'r str,
    line: usize,
    column: usize,
    differences: Vec<Differs<'r>>,
}

#[derive(Serialize)]
struct Differs<'r> {
    what: &'r str,
    expected: &'r str,
    found: &'r str,
}

#[derive(Serialize)]
struct Covered<'r> {
    policy: String,
    percent: usize,
    covered: usize,
    all: usize,
    uncovered: Vec<Uncovered<'r>>,
}

#[derive(Serialize)]
struct Uncovered<'r> {
    kind: &'static str,
    path: &'r str,
    file: &'r str,
    line: usize,
    column: usize,
}

impl<'r> Covered<'r> {
    fn of(coverage: &'r Coverage) -> Self {
        let (covered, all) = coverage.count();
        let file = coverage.found.file.name.as_str();
        let uncovered = coverage.uncovered().into_iter().map(|(part, position)| {
            let Position { line, column } = position;
            Uncovered { kind: part.kind.words().0, path: &part.path, file, line, column }
        });
        let uncovered = uncovered.collect();
        Self { policy: coverage.found.name(), percent: coverage.percent(), covered, all, uncovered }
    }
}

/// Prints the result as one JSON object.
///
/// # Errors
/// It cannot be written.
pub fn print(
    files: &[RanFile],
    covered: &[Coverage],
    fail_only: bool,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let counts = files.iter().map(RanFile::counts);
    let (passed, failed) = counts
        .fold((0_usize, 0_usize), |all, one| (all.0.saturating_add(one.0), all.1.saturating_add(one.1)));
    let file = |ran: &RanFile| (!fail_only || ran.counts().1 > 0) && ran.ran().next().is_some();
    let files = files.iter().filter(|ran| file(ran)).map(|ran| File {
        file: &ran.file.file.name,
        policy: ran.file.found.name(),
        cases: cases(ran, fail_only),
    });
    let (files, coverage) = (files.collect(), covered.iter().map(Covered::of).collect());
    write(
        &Whole { version: 1, passed, failed, files, coverage, diagnostics: Value::Array(Vec::new()) },
        terminal,
    )
}

fn cases(ran: &RanFile, fail_only: bool) -> Vec<CaseResult<'_>> {
    let lines = Lines::of(&ran.file.file.text);
    let told = ran.ran().filter(|(_, outcome)| !fail_only || outcome.failure.is_some());
    told.map(|(case, outcome)| result(case, outcome, &lines)).collect()
}

fn result<'r>(case: &'r Case, outcome: &'r Outcome, lines: &Lines<'_>) -> CaseResult<'r> {
    let Position { line, column } = lines.position(case.place.start);
    let failure = outcome.failure.as_ref().and_then(|failure| {
        let step = case.steps.get(failure.step)?;
        let Position { line, column } = lines.position(step.expect.place.start);
        let differs = failure.differences.iter();
        let differences =
            differs.map(|it| Differs { what: &it.what, expected: &it.expected, found: &it.found }).collect();
        let (number, time) = (failure.step.saturating_add(1), failure.time);
        Some(FailedStep { step: number, time, request: &step.about, line, column, differences })
    });
    let (passed, requests) = (failure.is_none(), outcome.requests);
    let (found, explanation) = (&outcome.found, outcome.explanation.as_ref());
    CaseResult { name: &case.name, line, column, passed, requests, found, failure, explanation }
}

/// Prints the faults of test files as one JSON object.
///
/// # Errors
/// It cannot be written.
pub fn print_faults(faults: &[Diagnostic], terminal: &mut Terminal) -> Result<(), Failure> {
    let diagnostics = serde_json::to_value(diagnostic::json(diagnostic::placed(faults).into_iter()))
        .map_err(|error| Failure::new(format!("cannot write the result: {error}")))?;
    let diagnostics = diagnostics.get("diagnostics").cloned().unwrap_or_default();
    let (files, coverage) = (Vec::new(), Vec::new());
    write(&Whole { version: 1, passed: 0, failed: 0, files, coverage, diagnostics }, terminal)
}

fn write(whole: &Whole<'_>, terminal: &mut Terminal) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(whole)
        .map_err(|error| Failure::new(format!("cannot write the result: {error}")))?;
    line!(terminal, "{text}");
    Ok(())
}
