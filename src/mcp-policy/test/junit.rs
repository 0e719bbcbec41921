//! The result of a test run as JUnit's XML, which CI systems read.

use mcp_policy_engine::document::Position;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::RanFile;
use super::case::Case;
use super::run::Outcome;
use crate::outcome::Failure;
use crate::terminal::{Terminal, line};

/// Prints the result: a suite for each file.
///
/// # Errors
/// It cannot be written.
pub fn print(files: &[RanFile], terminal: &mut Terminal) -> Result<(), Failure> {
    let mut report = Report::new("mcp-policy test");
    for ran in files.iter().filter(|ran| ran.ran().next().is_some()) {
        let mut suite = TestSuite::new(ran.file.file.name.as_str());
        for (case, outcome) in ran.ran() {
            suite.add_test_case(test_case(ran, case, outcome));
        }
        report.add_test_suite(suite);
    }
    let text =
        report.to_string().map_err(|error| Failure::new(format!("cannot write the result: {error}")))?;
    line!(terminal, "{}", text.trim_end());
    Ok(())
}

fn test_case(ran: &RanFile, case: &Case, outcome: &Outcome) -> TestCase {
    let file = &ran.file.file;
    let status = match outcome
        .failure
        .as_ref()
        .and_then(|failure| Some((failure, case.steps.get(failure.step)?)))
    {
        None => TestCaseStatus::success(),
        Some((failure, step)) => {
            let Position { line, column } = Position::of(file.text.as_bytes(), step.expect.place.start);
            let differences: Vec<String> = failure
                .differences
                .iter()
                .map(|it| format!("{}: expected {}, found {}", it.what, it.expected, it.found))
                .collect();
            let mut lines = vec![format!("{}:{line}:{column}: {}", file.name, step.about)];
            lines.extend(differences.iter().cloned());
            lines.extend(failure.found.text.iter().map(|text| format!("the model sees: {text}")));
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(differences.join("; ")).set_type("verdict").set_description(lines.join("\n"));
            status
        }
    };
    let mut test_case = TestCase::new(case.name.as_str(), status);
    test_case.set_classname(file.name.as_str());
    test_case
}
