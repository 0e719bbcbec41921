//! Bad documents: each is refused, and every fault has a clear message.

use std::fmt::Write as _;

use mcp_policy_engine::document::{Object, Takes};
use mcp_policy_engine::policy::{Policy, keys};

use super::{messages, refused};

/// Describes what is missing (`-`) and what is there instead (`+`).
fn difference(expected: &[&str], found: &[&str]) -> String {
    let mut out = String::new();
    for line in expected.iter().filter(|line| !found.contains(line)) {
        writeln!(out, "    - {line}").unwrap();
    }
    for line in found.iter().filter(|line| !expected.contains(line)) {
        writeln!(out, "    + {line}").unwrap();
    }
    if out.is_empty() {
        writeln!(out, "    the same lines in another order: {found:#?}").unwrap();
    }
    out
}

#[test]
fn a_bad_document_is_refused_and_all_its_faults_are_reported() {
    let mut wrong = String::new();
    for case in refused() {
        let faults = Policy::from_bytes(&case.bytes).err().unwrap_or_default();
        let (expected, found) = (case.texts("faults"), messages(&faults));
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        if expected.is_empty() || expected != found {
            let difference = difference(&expected, &found);
            write!(wrong, "\n{}: {}\n{difference}", case.group, case.name).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// One step of a path: a key, or the index of an element.
#[derive(Debug, PartialEq)]
enum Step {
    Key(String),
    Index,
}

/// Splits a path such as `tools["a.b"].limits[0].max`.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let (key, after) = quoted.split_once("\"]").unwrap();
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        } else if let Some(index) = rest.strip_prefix('[') {
            steps.push(Step::Index);
            rest = index.split_once(']').unwrap().1;
        } else {
            let rest_of = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest_of.find(['.', '[']).unwrap_or(rest_of.len());
            steps.push(Step::Key(rest_of[..end].to_owned()));
            rest = &rest_of[end..];
        }
    }
    steps
}

/// Follows a path through the tables of keys, and notes the table and the key that it ends with. An index behind the key
/// belongs to its value.
fn follow(takes: Takes, path: &[Step], covered: &mut Vec<(&'static Object, &'static str)>) {
    match (takes, path) {
        (Takes::Said(_, takes), _) => follow(*takes, path, covered),
        (Takes::Either(all), _) => all.iter().for_each(|takes| follow(*takes, path, covered)),
        (Takes::List(takes), [Step::Index, rest @ ..]) | (Takes::Named(takes), [Step::Key(_), rest @ ..]) => {
            follow(*takes, rest, covered)
        }
        (Takes::Object(table), [Step::Key(name), rest @ ..]) => {
            if let Some(key) = table.keys.iter().find(|key| key.name == name) {
                if rest.iter().all(|step| *step == Step::Index) {
                    covered.push((table, key.name));
                }
                follow(key.takes, rest, covered);
            }
        }
        _ => {}
    }
}

#[test]
fn the_cases_have_a_fault_at_every_key() {
    let mut covered = Vec::new();
    for case in refused() {
        for fault in Policy::from_bytes(&case.bytes).unwrap_err().iter() {
            follow(Takes::Object(&keys::DOCUMENT), &steps(&fault.path.to_string()), &mut covered);
        }
    }
    let keys = keys::OBJECTS.iter().flat_map(|(table, _)| table.keys.iter().map(|key| (*table, key.name)));
    let missing: Vec<_> = keys.filter(|key| !covered.contains(key)).collect();
    assert!(missing.is_empty(), "add a case to tests/cases/documents for a wrong value of {missing:#?}");
}

#[test]
fn each_message_is_one_line_with_a_path_and_a_problem() {
    for case in refused() {
        let faults = Policy::from_bytes(&case.bytes).unwrap_err();
        for fault in messages(&faults) {
            let at = format!("{}: {}: {fault}", case.group, case.name);
            // A key may contain `: `, but only in quotes.
            let (_, what) = fault.rsplit_once("]: ").or_else(|| fault.split_once(": ")).expect(&at);
            assert!(what.starts_with(|first: char| first.is_ascii_lowercase()), "{at}");
            assert!(!fault.ends_with('.') && fault.matches('`').count() % 2 == 0, "{at}");
            let acts = |char: char| char.is_control() || matches!(char, '\u{2028}'..='\u{202e}');
            assert!(!fault.contains(acts), "{at:?}");
        }
        assert_eq!(faults.to_string().lines().count(), faults.iter().count(), "{}", case.name);
    }
}
