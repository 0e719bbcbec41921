//! The result of a test run as text.

use mcp_policy_engine::document::Position;

use super::case::Case;
use super::coverage::Coverage;
use super::expect::Difference;
use super::run::Failure;
use super::{Options, RanFile, plural};
use crate::diagnostic::{Lines, escaped};
use crate::explain;
use crate::terminal::{ERROR, FAINT, GOOD, HEADING, PLAIN, Terminal, line};

/// Prints a line for each file, and what differs.
pub fn print(files: &[RanFile], covered: &[Coverage], options: &Options, terminal: &mut Terminal) {
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for ran in files.iter().filter(|ran| ran.ran().next().is_some()) {
        let counts = ran.counts();
        passed = passed.saturating_add(counts.0);
        failed = failed.saturating_add(counts.1);
        print_file(ran, counts, options.fail_only, terminal);
    }
    for coverage in covered {
        print_coverage(coverage, options, terminal);
    }
    let count = files.iter().filter(|ran| ran.ran().next().is_some()).count();
    let style = if failed > 0 { ERROR } else { GOOD };
    let of_failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    line!(terminal, "{style}{passed} passed{of_failed}{PLAIN} in {count} {}", plural(count, "file"));
}

fn print_file(ran: &RanFile, (passed, failed): (usize, usize), fail_only: bool, terminal: &mut Terminal) {
    let name = &ran.file.file.name;
    let cases = passed.saturating_add(failed);
    let cases = format!("{cases} {}", plural(cases, "case"));
    if failed == 0 {
        if !fail_only {
            line!(terminal, "{GOOD}ok{PLAIN}      {name}  {FAINT}{cases}{PLAIN}");
        }
        return;
    }
    line!(terminal, "{ERROR}failed{PLAIN}  {name}  {FAINT}{failed} of {cases}{PLAIN}");
    let lines = Lines::of(&ran.file.file.text);
    for (case, outcome) in ran.ran() {
        if let Some(failure) = &outcome.failure {
            line!(terminal);
            print_failure(&lines, name, (case, failure), terminal);
            if let Some(explanation) = &outcome.explanation {
                line!(terminal);
                explain::print(explanation, terminal);
            }
        }
    }
    line!(terminal);
}

fn print_failure(lines: &Lines<'_>, file: &str, (case, failure): (&Case, &Failure), terminal: &mut Terminal) {
    line!(terminal, "  {HEADING}{}{PLAIN}", escaped(&case.name));
    if let Some(step) = case.steps.get(failure.step) {
        let Position { line: row, column } = lines.position(step.expect.place.start);
        let mut about = escaped(&step.about);
        if case.steps.len() > 1 {
            about = format!("step {}: {about}", failure.step.saturating_add(1));
        }
        if step.times > 1 {
            about = format!("{about}, request {} of {}", failure.time, step.times);
        }
        line!(terminal, "  {FAINT}{file}:{row}:{column}{PLAIN}  {about}");
    }
    let width =
        failure.differences.iter().map(|difference| difference.what.chars().count()).max().unwrap_or(0);
    for difference in &failure.differences {
        let Difference { what, expected, found } = difference;
        let (expected, found) = (escaped(expected), escaped(found));
        line!(terminal, "    {what:width$}  expected  {GOOD}{expected}{PLAIN}");
        line!(terminal, "    {:width$}  found     {ERROR}{found}{PLAIN}", "");
    }
    let found = &failure.found;
    let shown = |what: &str| failure.differences.iter().any(|difference| difference.what == what);
    if let Some(rule) = found.rule.as_ref().filter(|_| !shown("rule")) {
        line!(terminal, "    decided by {rule}");
    }
    if let Some(text) = found.text.as_ref().filter(|_| !shown("reason")) {
        line!(terminal, "    the model sees: {}", escaped(text));
    }
}

fn print_coverage(coverage: &Coverage, options: &Options, terminal: &mut Terminal) {
    let name = coverage.found.name();
    let (covered, all) = coverage.count();
    let style = if options.is_below(coverage) { ERROR } else { HEADING };
    let least = match options.min_coverage {
        Some(least) if options.is_below(coverage) => format!(", at least {least} % are needed"),
        _ => String::new(),
    };
    line!(terminal);
    line!(
        terminal,
        "{style}coverage{PLAIN}  {name}  {style}{} %{PLAIN} ({covered} of {all}){least}",
        coverage.percent()
    );
    for (kind, (covered, all)) in coverage.kinds() {
        let (_, plural) = kind.words();
        line!(terminal, "  {plural:12}  {covered:4} of {all}");
    }
    if covered < all {
        line!(terminal, "  no case covers these, or anything in the rules among them:");
    }
    for (part, Position { line: row, column }) in coverage.uncovered() {
        if coverage.is_of_uncovered_rule(part) {
            continue;
        }
        let file = &coverage.found.file.name;
        line!(
            terminal,
            "    {FAINT}{file}:{row}:{column}{PLAIN}  {} {FAINT}({}){PLAIN}",
            part.path,
            part.kind.words().0
        );
    }
    line!(terminal);
}
