//! What an explanation says of rules, callers and limits: why each part does or does not refuse the call.

use super::{POLICY, explain};

const KEY: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
const OTHER_KEY: &str = "3bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

/// Arguments, the exit code, and parts of what is printed.
const CALLS: &[(&[&str], i32, &[&str])] = &[
    (
        &["--call", "pay", "--grant", "rest"],
        0,
        &["args.to neq \"self\"  does not hold: no value", "does not apply"],
    ),
    (
        &["--call", "pay", "--principal", "ci@x", "--arguments", r#"{"to":"a","amount":1}"#],
        0,
        &["adds 1: 1 of 50 used", "grants[0].tools.pay decides", "verdict   allowed by tools.pay"],
    ),
    (
        &["--call", "pay", "--principal", "ci@x", "--arguments", r#"{"to":7,"amount":1}"#],
        2,
        &["? when[0]", "cannot be judged: 7, which has another type  ← decides"],
    ),
    (
        &[
            "--call",
            "pay",
            "--principal",
            "x",
            "--source",
            "header",
            "--arguments",
            r#"{"to":"a","amount":11}"#,
        ],
        2,
        &["✗ require[0]", "· any[1]  claims.team eq \"sre\"  fails: no value"],
    ),
    (
        &["--call", "play", "--grant", "ci"],
        2,
        &["✗ no entry names it, so grants[0].default decides: deny  ← decides"],
    ),
    (&["--call", "\u{1b}[2J\u{202e}", "--grant", "ci"], 2, &["tools/call `\\u{1b}[2J\\u{202e}`"]),
    (
        &["--call", "ghost", "--grant", "rest"],
        2,
        &["✗ hidden by hide[0], so nothing else is checked  ← decides", "unknown tool: `ghost`"],
    ),
    (
        &["--call", "wipe", "--grant", "rest"],
        2,
        &["? rule tools.wipe: require_approval  ← decides", "approval  pending", "approval_required"],
    ),
    (
        &["--call", "wipe", "--grant", "rest", "--approve", "yes"],
        0,
        &["approval  approved", "verdict   allowed"],
    ),
    (
        &["--call", "pq", "--api-key-sha256", KEY],
        0,
        &["✓ nightly  it lists this key", "`sha256:2bb80d537b1da3e3`, named by `api_key`"],
    ),
    (
        &["--call", "pq", "--api-key", "secret"],
        0,
        &["✓ nightly  it lists this key", "`sha256:2bb80d537b1da3e3`, named by `api_key`"],
    ),
    (
        &["--call", "pq", "--api-key-sha256", OTHER_KEY],
        2,
        &["it lists another key", "no grant lists this key", "no_grant"],
    ),
    (
        &["--call", "pq"],
        2,
        &["· jwt      the request has no token", "rules     not checked", "unauthenticated"],
    ),
    (&["--call", "pq", "--header", "X-Agent=a,b"], 2, &["· header   its header occurs twice or has a comma"]),
    (
        &["--call", "pq", "--header", "x-agent=a", "--session", "s", "--path", "/x"],
        0,
        &["POST /x", "`a`, named by `header`"],
    ),
    (
        &["--call", "pq", "--principal", "eve", "--claim", "sub=eve", "--claim", "n=7"],
        0,
        &["`eve`, named by `jwt`"],
    ),
];

#[track_caller]
fn explained(policy: &str, arguments: &[&str], code: i32, parts: &[&str]) -> String {
    let done = explain(&[&["-"], arguments].concat(), policy);
    assert_eq!(done.code, code, "{arguments:?}: {done:?}");
    for part in parts {
        assert!(done.stdout.contains(part), "{arguments:?}: {part}\n{}", done.stdout);
    }
    done.stdout
}

#[test]
fn the_verdict_and_its_reasons_depend_on_the_call_and_its_caller() {
    for (arguments, code, parts) in CALLS {
        explained(POLICY, arguments, *code, parts);
    }
}

#[test]
fn an_explanation_says_what_a_clause_a_source_and_a_limit_mean() {
    let policy = r#"{
      "version": "1", "identity": [{"api_key": {"header": "x-key"}}], "grants": [{"name": "all", "match": "any"}],
      "all_tools": {"limits": [{"counter": "all calls", "window": "hour", "max": 9, "scope": "global"}]},
      "tools": {"send": [{"deny_if": [{"path": "args.to", "op": "contains", "value": ".."}]}, {"mode": "shadow", "action": "deny"}]}
    }"#;
    for (arguments, code, parts, absent) in [
        (
            &["--call", "send", "--grant", "all", "--arguments", r#"{"to": "a"}"#][..],
            0,
            &["not triggered: \"a\"", "all calls: 9 per hour, global", "rule all_tools\n"][..],
            "← decides",
        ),
        (&["--call", "send", "--grant", "all"], 0, &["not triggered: no value"], "fails"),
        (
            &["--call", "send", "--grant", "all", "--arguments", r#"{"to": "a/.."}"#],
            2,
            &["triggered: \"a/..\"  ← decides"],
            "not triggered",
        ),
        (&["--call", "send"], 2, &["the request has no header `x-key`"], "holds"),
    ] {
        let told = explained(policy, arguments, code, parts);
        assert!(!told.contains(absent), "{absent}\n{told}");
    }
}
