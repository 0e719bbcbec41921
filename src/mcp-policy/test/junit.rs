//! The result of a test run as JUnit's XML, which CI systems read.

use std::time::Duration;

use mcp_policy_engine::document::Position;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::RanFile;
use super::case::Case;
use super::run::Outcome;
use crate::diagnostic::Lines;
use crate::outcome::Failure;
use crate::terminal::{Terminal, line};

/// Prints the result: a suite for each file.
///
/// # Errors
/// It cannot be written.
pub fn print(files: &[RanFile], terminal: &mut Terminal) -> Result<(), Failure> {
    let mut report = Report::new("mcp-policy test");
    for ran in files.iter().filter(|ran| ran.ran().next().is_some()) {
        let lines = Lines::of(&ran.file.file.text);
        let mut suite = TestSuite::new(ran.file.file.name.as_str());
        let mut all = Duration::ZERO;
        for (case, outcome, took) in ran.timed() {
            let mut test_case = test_case(ran, case, outcome, &lines);
            test_case.set_time(took);
            suite.add_test_case(test_case);
            all = all.saturating_add(took);
        }
        suite.set_time(all);
        report.add_test_suite(suite);
    }
    let text =
        report.to_string().map_err(|error| Failure::new(format!("cannot write the result: {error}")))?;
    // The schema that Jenkins checks such files with does not have this attribute of the whole. No case is skipped.
    line!(terminal, "{}", text.replacen(r#" skipped="0""#, "", 1).trim_end());
    Ok(())
}

fn test_case(ran: &RanFile, case: &Case, outcome: &Outcome, lines: &Lines<'_>) -> TestCase {
    let file = &ran.file.file;
    let status = match outcome
        .failure
        .as_ref()
        .and_then(|failure| Some((failure, case.steps.get(failure.step)?)))
    {
        None => TestCaseStatus::success(),
        Some((failure, step)) => {
            let Position { line, column } = lines.position(step.expect.place.start);
            let differences: Vec<String> = failure
                .differences
                .iter()
                .map(|it| format!("{}: expected {}, found {}", it.what, it.expected, it.found))
                .collect();
            let mut told = vec![format!("{}:{line}:{column}: {}", file.name, step.about)];
            told.extend(differences.iter().cloned());
            told.extend(failure.found.text.iter().map(|text| format!("the model sees: {text}")));
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(differences.join("; ")).set_type("verdict").set_description(told.join("\n"));
            status
        }
    };
    let mut test_case = TestCase::new(case.name.as_str(), status);
    test_case.set_classname(file.name.as_str());
    test_case
}
