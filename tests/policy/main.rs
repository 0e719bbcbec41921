//! Runs `mcp-policy` as a process.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod attacks;
mod check;
mod check_faults;
mod check_formats;
mod check_pretty;
mod completions;
mod compose;
mod decided;
mod decisions;
mod diff;
mod explain;
mod files_written;
mod folder;
mod garbage;
mod import;
mod input;
mod other_files;
mod program;
mod recorded;
mod reference;
mod render;
mod replay;
mod report;
mod scan;
mod schema;
mod shared;
mod test_files;

use program::run;

#[test]
fn a_good_policy_passes_the_check_silently() {
    let done = run(&["check", concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/aipaygen.json")], "");
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (0, "", ""));
}

#[test]
fn a_fault_is_told_with_its_place() {
    let done = run(&["check", "-"], "{\n  \"version\": \"1\",\n  \"defalt\": \"deny\"\n}\n");
    assert_eq!(done.code, 3);
    assert!(done.stdout.contains("stdin:3:3"), "{}", done.stdout);
}

#[test]
fn wrong_usage_ends_with_one() {
    assert_eq!(run(&["check"], "").code, 1);
    assert_eq!(run(&["--help"], "").code, 0);
}
