//! `mcp-policy explain`.

mod callers;
mod consistency;
mod faults;
mod reasons;

use serde_json::Value;

use crate::folder::Folder;
use crate::program::{Done, run};

/// A policy with most of what an explanation shows.
const POLICY: &str = r#"{
  "version": "1", "default": "deny", "hide": ["ghost"],
  "identity": [{"jwt": {"payload": "corp"}}, {"api_key": {"header": "x-key"}}, {"header": {"name": "x-agent"}}],
  "approvals": {"cluster": "a", "authority": "a.example"},
  "tools": {
    "pay": {
      "when": [{"path": "args.to", "op": "neq", "value": "self"}],
      "require": [
        {"any": [{"path": "args.amount", "op": "lte", "value": 10}, {"path": "claims.team", "op": "eq", "value": "sre"}]},
        {"path": "principal", "op": "neq", "value": {"path": "args.to"}}
      ],
      "limits": [{"counter": "spent", "window": "day", "max": 50, "amount": "args.amount"}]
    },
    "p*": {}, "wipe": {"action": "require_approval"}
  },
  "grants": [
    {"name": "ci", "match": [{"jwt": "ci@*"}, {"claim": {"team": "ci"}}], "tools": {"pay": {}}},
    {"name": "nightly", "match": [{"api_key_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}]},
    {"name": "rest", "match": "any"}
  ]
}"#;

#[track_caller]
fn explain(arguments: &[&str], input: &str) -> Done {
    run(&[&["explain"], arguments].concat(), input)
}

#[test]
fn an_explanation_shows_each_step_to_the_verdict() {
    let arguments = [
        "-",
        "--call",
        "pay",
        "--arguments",
        r#"{"to":"bob","amount":51}"#,
        "--principal",
        "eve",
        "--claim",
        "team=sre",
        "--at",
        "2027-01-15T08:00:00Z",
    ];
    let done = explain(&arguments, POLICY);
    let expected = r#"request   tools/call `pay`, id 1
          arguments {"to":"bob","amount":51}
          POST /mcp, 2027-01-15T08:00:00Z
caller    `eve`, named by `jwt`
          ✓ jwt      names `eve`
          · api_key  not asked: an earlier source has named the caller
          · header   not asked: an earlier source has named the caller
grant     `rest`
          · ci       `ci@*` does not fit the name `eve`; `claims.team` is not `ci`
          · nightly  it is for callers whom an API key names
          ✓ rest     it is for everybody

document
  tools.pay decides
    not tools.p*: the exact name decides
  ✗ rule tools.pay
    ✓ when[0]     args.to neq "self"                       holds: "bob"
    ✓ require[0]  any of these                             holds
        · any[0]  args.amount lte 10    fails: 51
        · any[1]  claims.team eq "sre"  holds: "sre"
    ✓ require[1]  principal neq args.to                    holds: "eve"; args.to is "bob"
    ✗ limits[0]   spent: 50 of args.amount per day, grant  adds 51, and 0 of 50 are used  ← decides

grant `rest`
  ✓ no entry of the grant names it, and the grant refuses only what it names

verdict   denied: rate_limited by tools.pay.limits[0]
          the model sees: this call alone is more than the limit `spent` allows: 50 of 50 are left; ask for less, at most 50: waiting does not help
"#;
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (2, expected, ""));
}

#[test]
fn a_request_can_come_from_a_file_and_the_result_can_be_json() {
    let folder = Folder::new("explained");
    let policy = folder.with("policy.json", POLICY);
    let message = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"other"}}"#;
    let done = run(&["explain", &policy, "--request", "-", "--grant", "ci", "--format", "json"], message);
    let explanation: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!((done.code, &explanation["version"]), (2, &Value::from(1)));
    assert_eq!(explanation["message"]["id"], "\"a\"");
    assert_eq!(explanation["layers"][1]["grant"], "ci");
    assert_eq!(explanation["verdict"]["decision"], "deny");
    let done = run(&["explain", &policy, "--request", "-", "--grant", "ci"], "no JSON");
    assert_eq!(done.code, 2);
    assert!(done.stdout.contains("the body is not one JSON text"), "{}", done.stdout);
}
