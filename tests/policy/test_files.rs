//! Folders with test files.

mod command;
mod coverage;
mod faults;
mod format;
mod junit;

use serde_json::Value;

use crate::folder::Folder;
use crate::program::{Done, run};

impl Folder {
    /// Runs the tests in it.
    pub fn test(&self, arguments: &[&str]) -> Done {
        run(&[&["test", self.path()], arguments].concat(), "")
    }

    /// Runs the tests in it, and returns the result in JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let done = self.test(&[&["--format", "json"], arguments].concat());
        serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"))
    }
}

/// A policy with one limit, and two rules that refuse.
pub const POLICY: &str = r#"{
  "version": "1", "default": "deny", "hide": ["ghost"],
  "tools": {
    "run": {"limits": [{"counter": "runs", "window": "minute", "max": 2}]},
    "pay": {"require": [{"path": "args.amount", "op": "lte", "value": 10}]},
    "wipe": {"action": "deny", "reason": "ask the owner"}
  }
}"#;

/// Tests of it that pass.
pub const PASSING: &str = "
policy: policy.json
cases:
  - name: two runs a minute
    steps:
      - { call: run, times: 2, expect: allow }
      - { call: run, expect: rate_limited, rule: 'tools.run.limits[0]', retry_after: '<= 63' }
      - { after: 63s, call: run, expect: allow }
  - { name: a small payment, call: pay, arguments: { amount: 10 }, expect: allow }
  - { name: a large payment, call: pay, arguments: { amount: 11 }, expect: condition_failed }
  - { name: wiping, call: wipe, expect: denied, reason: owner }
  - { name: what a model sees, list: tools, expect: { shows: [run, pay], hides: [wipe, ghost, other] } }
";

/// Cases of a policy, one in a line, that must all pass.
#[track_caller]
pub fn pass(name: &str, policy: &str, cases: &str) {
    let text = format!("policy: policy.json\ncases:\n{cases}");
    let folder = Folder::holding(name, &[("policy.json", policy), ("a.test.yaml", &text)]);
    let done = folder.test(&[]);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
}
