//! Bad documents: each is refused, and every fault has a clear message.

use std::fmt::Write as _;

use mcp_policy_engine::policy::Policy;

use super::{LATER, messages, refused};

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

#[test]
fn the_cases_cover_every_key_of_the_contract() {
    let cases = refused();
    let now = cases.iter().filter(|case| !case.group.starts_with(LATER)).count();
    assert!(now >= 80, "{now}");
    let messages: Vec<&str> = cases.iter().flat_map(|case| case.texts("faults")).collect();
    for place in [
        "document: ",
        "version: ",
        "server: ",
        "description: ",
        "default: ",
        "mode: ",
        "hide: ",
        "hide[1]: ",
        "all_tools: ",
        "all_tools.action: ",
        "tools: ",
        "tools[\"\"]: ",
        "tools.run_agent: ",
        "tools.x.action: ",
        "tools.x.reason: ",
        "tools.x.mode: ",
        "tools.x.require: ",
        "tools.x.require[0].path: ",
        "tools.x.require[0].op: ",
        "tools.x.require[0].value: ",
        "tools.x.require[0].value[1]: ",
        "tools.x.require[0].reason: ",
        "tools.x.require[0].name: ",
        "tools.x.deny_if: ",
        "tools.x.deny_if[0]: ",
        "tools.x.limits: ",
        "tools.x.limits[0]: ",
        "tools.x.limits[0].counter: ",
        "tools.x.limits[0].window: ",
        "tools.x.limits[0].max: ",
        "tools.x.limits[0].scope: ",
        "tools.x.limits[0].amount: ",
        "tools.x.limits[0].type: ",
        "tools.x.rate_limit: ",
        "tools.x.rate_limit.max: ",
        "tools.x.rate_limit.window: ",
        "denials: ",
        "exempt_paths: ",
        "exempt_paths[0]: ",
        "max_body_bytes: ",
        "request_headers: ",
        "counters: ",
        "counters.capacity: ",
    ] {
        assert!(messages.iter().any(|message| message.starts_with(place)), "{place}");
    }
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
