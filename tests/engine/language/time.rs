//! Conditions on the time.

use std::cell::Cell;

use mcp_policy_engine::denial::Code;
use serde_json::json;

use super::{NOW_NS, bob, decided, policy};

const SECOND_NS: u64 = 1_000_000_000;

#[test]
fn times_are_those_of_the_zone_at_the_moment_of_the_call() {
    // Each row: a condition, and whether it holds at four times.
    let times = [
        1_806_195_599, // Sunday, 2027-03-28, 00:59:59 UTC: a second before clocks go forward in Berlin
        1_806_195_600, // Sunday, 2027-03-28, 01:00 UTC
        1_798_758_000, // Thursday, 2026-12-31, 23:00 UTC: midnight in Berlin
        1_800_000_000, // Friday, 2027-01-15, 08:00 UTC
    ];
    for (zone, path, op, value, expected) in [
        ("UTC0", "time.of_day", "lt", json!("01:00"), "+---"),
        ("UTC0", "time.of_day", "eq", json!("01:00"), "-+--"),
        ("UTC0", "time.of_day", "gte", json!("08:00"), "--++"),
        ("UTC0", "time.date", "eq", json!("2026-12-31"), "--+-"),
        ("UTC0", "time.weekday", "in", json!(["thu", "fri"]), "--++"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "time.of_day", "lt", json!("02:00"), "+-+-"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "time.of_day", "gte", json!("03:00"), "-+-+"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "time.date", "lt", json!("2027-01-01"), "----"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "time.date", "eq", json!("2027-01-01"), "--+-"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "time.weekday", "eq", json!("fri"), "--++"),
        ("<-12>12", "time.date", "lte", json!("2026-12-31"), "--+-"),
        ("<-12>12", "time.weekday", "eq", json!("sat"), "++--"),
        ("EST5EDT,M3.2.0,M11.1.0", "time.of_day", "starts_with", json!("2"), "++--"),
    ] {
        let condition = json!({ "path": path, "op": op, "value": value });
        let policy = policy(&json!({ "time_zone": zone, "tools": { "t": { "require": [condition] } } }));
        let holds = times.map(|seconds: u64| {
            let decision = decided(&policy, &bob(), &json!({}), &|| Some(seconds * SECOND_NS));
            if decision.denial.is_none() { '+' } else { '-' }
        });
        assert_eq!(String::from_iter(holds), expected, "{zone} {path} {op} {value}");
    }
}

#[test]
fn without_a_clock_a_condition_on_the_time_denies() {
    let condition = json!({ "path": "time.weekday", "op": "exists" });
    for rule in [
        json!({ "require": [condition] }),
        json!({ "deny_if": [condition] }),
        json!({ "when": [condition], "action": "deny" }),
        json!({ "require": [{ "path": "args.day", "op": "eq", "value": { "path": "time.weekday" } }] }),
        json!({ "deny_if": [{ "path": "args.due", "op": "lt", "value": { "path": "time.date" } }] }),
    ] {
        let policy = policy(&json!({ "tools": { "t": rule } }));
        let decision = decided(&policy, &bob(), &json!({ "day": "fri", "due": "2027-01-01" }), &|| None);
        assert_eq!(decision.denial.map(|denial| denial.code), Some(Code::ConditionFailed), "{rule}");
    }
}

#[test]
fn the_clock_is_read_once_and_only_if_a_rule_asks_for_the_time() {
    let date = json!({ "path": "time.date", "op": "gte", "value": "2020-01-01" });
    let time = json!({ "path": "time.of_day", "op": "gte", "value": "00:00" });
    let large = json!({ "path": "args.amount", "op": "gt", "value": 100 });
    for (rules, reads) in [
        (json!({}), 0),
        (json!({ "require": [{ "path": "principal", "op": "eq", "value": "bob" }] }), 0),
        (json!({ "require": [date, time] }), 1),
        (json!([{ "require": [date] }, { "deny_if": [{ "any": [{ "conditions": [time, large] }] }] }]), 1),
        (json!([{ "when": [large], "require": [date] }]), 0),
    ] {
        let policy = policy(&json!({ "tools": { "t": rules } }));
        let read = Cell::new(0);
        let clock = || {
            read.set(read.get() + 1);
            Some(NOW_NS)
        };
        let decision = decided(&policy, &bob(), &json!({ "amount": 1 }), &clock);
        assert!(decision.denial.is_none(), "{rules}: {:?}", decision.denial);
        assert_eq!(read.get(), reads, "{rules}");
    }
}

#[test]
fn a_refusal_by_the_time_says_so() {
    let condition = json!({ "path": "time.of_day", "op": "gte", "value": "18:00" });
    let policy = policy(&json!({ "tools": { "t": { "require": [condition], "reason": "from six on" } } }));
    let denial = decided(&policy, &bob(), &json!({}), &|| Some(NOW_NS)).denial.unwrap();
    assert_eq!(denial.reason, "the tool `t` is denied: this call may not be made at this time (from six on)");
}
