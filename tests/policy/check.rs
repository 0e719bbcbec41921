//! `check`: the warnings of the cases in `tests/cases/warnings/`, each with its place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mcp_policy_engine::json;
use serde_json::Value;

use crate::folder::Folder;
use crate::program::run;

/// Returns the folder of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs `check --format json` and returns its diagnostics.
#[track_caller]
pub fn diagnostics(arguments: &[&str], input: &str) -> Vec<Value> {
    let done = run(&[&["check", "--format", "json"], arguments].concat(), input);
    let printed: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
    printed.get("diagnostics").and_then(Value::as_array).unwrap().clone()
}

/// Returns what stands behind a line and a column of a text.
#[track_caller]
pub fn text_at<'t>(text: &'t str, diagnostic: &Value) -> &'t str {
    let number = |key: &str| usize::try_from(diagnostic.get(key).and_then(Value::as_u64).unwrap()).unwrap();
    let line =
        text.split('\n').nth(number("line").saturating_sub(1)).unwrap_or_else(|| panic!("{diagnostic}"));
    let before = number("column").saturating_sub(1);
    line.char_indices().nth(before).and_then(|(at, _)| line.get(at..)).unwrap_or_default()
}

pub fn text_of<'d>(diagnostic: &'d Value, key: &str) -> &'d str {
    diagnostic.get(key).and_then(Value::as_str).unwrap()
}

/// Checks the policy of a case, written over several lines, and compares the warnings with those that it expects.
fn check(case: json::Value<'_>, folder: &Folder) -> Vec<String> {
    let name = case.get("name").unwrap().string().unwrap();
    let policy = case.get("policy").unwrap().raw().strip_prefix('{').unwrap();
    let comma = if policy.starts_with('}') { "" } else { "," };
    let policy = format!("{{\"version\": \"1\"{comma}{policy}").replace(", \"", ",\n \"");
    let tools = case.get("tools").map(|tools| folder.with("tools.json", tools.raw()));
    let tools: Vec<&str> = tools.iter().flat_map(|file| ["--tools", file.as_str()]).collect();
    let found = diagnostics(&[&["-"], tools.as_slice()].concat(), &policy);
    let expected: Value = serde_json::from_str(case.get("warns").unwrap().raw()).unwrap();
    let expected = expected.as_array().unwrap();
    let key =
        |diagnostic: &Value| (text_of(diagnostic, "id").to_owned(), text_of(diagnostic, "path").to_owned());
    let mut found_keys: Vec<_> = found.iter().map(key).collect();
    let mut expected_keys: Vec<_> = expected.iter().map(key).collect();
    found_keys.sort();
    expected_keys.sort();
    assert_eq!(found_keys, expected_keys, "{name}: {found:#?}");
    for diagnostic in &found {
        let case = expected.iter().find(|expected| key(expected) == key(diagnostic)).unwrap();
        let held = text_at(&policy, diagnostic);
        assert!(held.starts_with(text_of(case, "at")), "{name}: {diagnostic} points at {held}");
        assert_eq!(text_of(diagnostic, "severity"), "warning", "{name}");
    }
    found.iter().map(|diagnostic| text_of(diagnostic, "id").to_owned()).collect()
}

#[test]
fn each_warning_is_given_where_it_is_due_and_nowhere_else() {
    let folder = Folder::new("warnings");
    let (mut met, mut silent) = (BTreeSet::new(), 0_usize);
    for file in std::fs::read_dir(repository().join("tests/cases/warnings")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let document = json::read(text.as_bytes()).unwrap();
        for case in document.root().elements() {
            let ids = check(case, &folder);
            silent = silent.saturating_add(usize::from(ids.is_empty()));
            met.extend(ids);
        }
    }
    let help = run(&["check", "--help"], "").stdout;
    let warnings = help.split("Warnings:").nth(1).unwrap().split("Faults:").next().unwrap();
    let ids =
        warnings.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let known: BTreeSet<String> = ids.map(str::to_owned).collect();
    assert_eq!(met, known);
    assert!(silent > 50, "{silent}");
}

#[test]
fn the_policies_of_the_repository_have_no_warnings() {
    let tools = "tests/data/aipaygen-1.6.0-tools.json";
    let files =
        |folder: &str| std::fs::read_dir(repository().join(folder)).unwrap().map(|file| file.unwrap().path());
    let envoy = files("envoy").filter(|path| path.extension().is_some_and(|end| end == "yaml"));
    // `scan::servers` and `attacks` check those in the folders.
    let policies = files("policies").filter(|path| path.is_file());
    let paths: Vec<PathBuf> = policies.chain(envoy).collect();
    assert!(paths.len() >= 9, "{paths:?}");
    for path in paths.iter().filter(|path| !path.ends_with("docker-compose.yaml")) {
        let path = path.to_str().unwrap();
        assert_eq!(diagnostics(&[path], ""), Vec::<Value>::new(), "{path}");
    }
    assert_eq!(diagnostics(&["policies/aipaygen.json", "--tools", tools], ""), Vec::<Value>::new());
}
