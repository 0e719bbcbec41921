//! `replay`: the same policy changes nothing, and another changes what it changes.

mod completions;
mod order;
mod traffic;
mod undecided;

use mcp_policy_engine::approval::Status;
use serde_json::{Value, json};
use traffic::{REQUESTS, policy, requests};

use crate::program::{Done, run};
use crate::recorded::{Request, Temporary, call, records, verdict};

/// An edit of a policy, with its name.
type Edit = (&'static str, fn(&mut Value));

/// Replays records with a policy. Returns what the program printed as JSON.
#[track_caller]
fn replay(name: &str, lines: &[String], policy: &Value, options: &[&str]) -> (i32, Value) {
    let log = Temporary::file(&format!("{name}.log"), lines.join("\n") + "\n");
    let policy = Temporary::file(&format!("{name}.json"), policy.to_string());
    let mut arguments = vec!["replay", log.path(), "--policy", policy.path(), "--format", "json"];
    arguments.extend(options);
    let Done { code, stdout, stderr } = run(&arguments, "");
    let result = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout} {stderr}"));
    (code, result)
}

#[test]
fn the_same_policy_changes_nothing_in_its_own_log() {
    let requests = requests();
    for (name, change) in [
        ("full", json!({})),
        ("hashed", json!({ "audit": {} })),
        ("none", json!({ "audit": { "arguments": "none", "claims": "none" } })),
        ("shadow", json!({ "mode": "shadow" })),
        ("open", json!({ "grants": null, "identity": null })),
    ] {
        let mut policy = policy();
        for (key, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(policy.as_object_mut().unwrap().remove(key)),
                value => policy[key] = value.clone(),
            }
        }
        if name == "open" {
            policy["tools"]["run"] = json!({});
        }
        let records = records(&policy, &requests);
        let (code, result) = replay(&format!("same-{name}"), &records, &policy, &["--changed"]);
        assert_eq!((code, &result["changed"]), (0, &json!(0)), "{name}: {}", result["changes"]);
        assert_eq!(result["judged"], REQUESTS);
        if name == "full" {
            let because = result["undecided_by"].as_array().unwrap();
            assert!(
                because
                    .iter()
                    .all(|one| one["because"].as_str().unwrap().starts_with("`completion/complete`")),
                "{because:?}"
            );
        }
    }
}

#[test]
fn another_policy_changes_exactly_what_the_filter_would_decide_otherwise() {
    let requests = requests();
    let (old, recorded) = (policy(), records(&policy(), &requests));
    let tightened: [Edit; 5] = [
        ("limit", |policy| policy["tools"]["read"]["limits"][0]["max"] = json!(3)),
        ("amount", |policy| policy["tools"]["pay"]["require"][0]["value"] = json!(20)),
        ("claim", |policy| policy["tools"]["run"]["deny_if"][0]["value"] = json!(4)),
        ("approval", |policy| policy["tools"]["read"]["action"] = json!("require_approval")),
        ("grant", |policy| policy["grants"][0]["hide"] = json!(["read"])),
    ];
    for (name, tighten) in tightened {
        let mut new = old.clone();
        tighten(&mut new);
        // Nobody was asked about what needs an approval only now.
        let asked: Vec<Request> = requests
            .iter()
            .zip(&recorded)
            .map(|(request, record)| {
                let asked = record.contains(r#""approval":"#);
                Request {
                    approval: if asked { request.approval } else { Some(Status::Pending) },
                    ..request.clone()
                }
            })
            .collect();
        let expected = records(&new, &asked);
        let (code, result) = replay(&format!("other-{name}"), &recorded, &new, &["--changed"]);
        let listed = result["records"].as_array().unwrap();
        let mut differ = Vec::new();
        for (was, is) in recorded.iter().zip(&expected) {
            let [was, is]: [Value; 2] = [was, is].map(|record| serde_json::from_str(record).unwrap());
            if verdict(&was) != verdict(&is) {
                differ.push((was["id"].clone(), verdict(&was), verdict(&is)));
            }
        }
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut found: Vec<_> =
            listed.iter().map(|one| (one["id"].clone(), text(&one["from"]), text(&one["to"]))).collect();
        // A verdict that could be about the order of calls is told after the next ones.
        found.sort_by_key(|(id, _, _)| id.to_string());
        assert!(!differ.is_empty(), "{name}");
        let first = found.iter().zip(&differ).find(|(found, differ)| found != differ);
        assert_eq!((first, found.len()), (None, differ.len()), "{name}");
        assert_eq!(code, 3, "{name}");
    }
}

#[test]
fn a_change_is_told_with_the_grant_and_the_caller() {
    let policy = json!({ "version": "1", "server": "s",
        "identity": [{ "header": { "name": "x-agent" } }],
        "grants": [{ "name": "analyst", "match": [{ "header": "*" }], "tools": { "a": {} } }],
        "tools": { "a": {} } });
    let mut request = call(0, "a", &json!({}));
    request.headers.push(("x-agent", "bob".to_owned()));
    let log = Temporary::file("by.log", records(&policy, &[request]).join("\n"));
    let stricter = policy.to_string().replace(r#""tools":{"a":{}},"version""#, r#""tools":{},"version""#);
    assert_ne!(stricter, policy.to_string());
    let stricter = Temporary::file("by.json", stricter);
    let done = run(&["replay", log.path(), "--policy", stricter.path(), "--changed"], "");
    assert_eq!(done.code, 3, "{done:?}");
    assert!(done.stdout.contains(" call of a by analyst (bob): allow → "), "{}", done.stdout);
    assert!(done.stdout.contains("1 call of a by analyst: allow → "), "{}", done.stdout);
}
