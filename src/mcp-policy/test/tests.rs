//! Damaged test files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::rc::Rc;

use super::run::Looking;
use super::{case, coverage::Coverage, run};
use crate::input::{self, File};
use crate::trace::Texts;

/// A test file with most keys.
const TEXT: &str = "
policy: ../../policies/grants.json
cases:
  - name: a
    as: { principal: eve, claims: { team: analysts } }
    session: s
    steps:
      - { call: run_agent, arguments: { a: [1, 2.5, null, true] }, times: 3, expect: allow }
      - { after: 1.5m, call: run_agent, expect: rate_limited, retry_after: '<= 63', rule: x, reason: [y] }
      - { list: tools, expect: { shows: [research], hides: [delete_agent] } }
  - { name: b, api_key: k, mtls: { uri_san: u }, method: x/y, params: {}, id: 7, expect: no_grant, status: 403 }
  - { name: c, request: '{', headers: { x-a: [b, c] }, at: '2027-01-15T08:00:00Z', expect: invalid_request }
";

/// Reads a text as a test file, and runs its cases if it has no fault.
fn read(text: String) -> bool {
    // The tests of a crate run in its folder.
    let file = Rc::new(File { name: "a.test.yaml".to_owned(), text });
    let Ok(node) = input::tree(&file) else { return false };
    match case::read(&file, &node) {
        Ok(read) => {
            let texts = Texts::of(&read.found.bytes);
            let mut coverage = Coverage::new(String::new(), read.found.clone(), &read.policy);
            let mut looking = Looking { explained: Some("a"), texts: &texts, coverage: Some(&mut coverage) };
            for case in &read.cases {
                run::run(&read.policy, case, &mut looking);
            }
            let covered = coverage.count();
            assert!(covered.0 <= covered.1);
            true
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            assert!(faults.iter().all(|fault| fault.position().line > 0));
            false
        }
    }
}

#[test]
fn a_damaged_file_is_read_or_refused_and_never_stops_the_program() {
    assert!(read(TEXT.to_owned()));
    let mut accepted = 0_usize;
    let mut refused = 0_usize;
    for (at, char) in TEXT.char_indices().step_by(2) {
        let (before, rest) = TEXT.split_at(at);
        let behind = rest.strip_prefix(char).unwrap();
        for damage in ["", "\u{0}", "{", ": ", "\n", "99999999999999999999"] {
            let read = read([before, damage, behind].concat());
            let count = if read { &mut accepted } else { &mut refused };
            *count = count.saturating_add(1);
        }
    }
    assert!(accepted > 50 && refused > 500, "{accepted} {refused}");
}
