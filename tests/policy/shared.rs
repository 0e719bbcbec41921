//! Limits that several proxies share: every command counts them as the rate limit service does.

use serde_json::{Value, json};

use crate::program::run;
use crate::recorded::{Temporary, call, records, verdict};

/// Returns a limit of 3 a minute that all proxies share, with some keys set.
fn shared(changes: Value) -> Value {
    let mut limit =
        json!({ "counter": "c", "window": "minute", "max": 3, "type": "calendar", "shared": true });
    for (key, value) in changes.as_object().unwrap() {
        limit[key] = value.clone();
    }
    limit
}

fn policy(service: &Value, limit: &Value) -> Value {
    let cents = json!({ "properties": { "usd": { "multipleOf": 0.01 } } });
    json!({ "version": "1", "server": "shop", "shared_limits": service, "audit": { "arguments": "full" },
            "tools": { "run": { "arguments": cents, "limits": [limit] } } })
}

fn service() -> Value {
    json!({ "cluster": "ratelimit" })
}

#[test]
fn a_test_counts_what_is_refused_too_until_the_window_ends() {
    let policy = policy(&service(), &shared(json!({ "max": 10, "amount": "args.usd" })));
    let policy = Temporary::file("shared.json", policy.to_string());
    let cases = format!(
        "policy: {}
cases:
  - name: spend
    at: 2027-01-15T08:00:30Z
    steps:
      - {{ call: run, arguments: {{ usd: 4 }}, expect: allow }}
      - {{ call: run, arguments: {{ usd: 6.01 }}, expect: rate_limited, reason: nothing of 10 is left; retry in 30 seconds }}
      - {{ call: run, arguments: {{ usd: 0.01 }}, expect: rate_limited }}
      - {{ call: run, arguments: {{ usd: 10.01 }}, expect: rate_limited, reason: waiting does not help }}
      - {{ after: 30s, call: run, arguments: {{ usd: 10 }}, expect: allow }}
",
        policy.path()
    );
    let cases = Temporary::file("shared.test.yaml", cases);
    let done = run(&["test", cases.path()], "");
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn an_explanation_says_what_the_service_would_be_asked() {
    let policy = policy(&service(), &shared(json!({ "max": 10, "amount": "args.usd" })));
    let arguments = ["explain", "-", "--call", "run", "--arguments", r#"{"usd":2.5}"#];
    let done = run(&arguments, &policy.to_string());
    assert_eq!(done.code, 0, "{done:?}");
    for told in ["shared by all proxies", "the rate limit service is asked for 250 of 1000 hits"] {
        assert!(done.stdout.contains(told), "{}", done.stdout);
    }
}

#[test]
fn a_change_of_who_counts_is_told_by_what_it_does() {
    let local = json!({ "cluster": "ratelimit", "on_failure": "local" });
    let apart = shared(json!({ "shared": false }));
    let together = shared(json!({}));
    let domain = json!({ "cluster": "ratelimit", "domain": "d" });
    for (name, old, new, effects) in [
        ("shared", policy(&service(), &apart), policy(&service(), &together), &["narrows"][..]),
        ("apart", policy(&service(), &together), policy(&service(), &apart), &["widens"]),
        ("sometimes", policy(&local, &apart), policy(&local, &together), &["may_widen"]),
        ("local", policy(&service(), &together), policy(&local, &together), &["widens"]),
        ("deny", policy(&local, &together), policy(&service(), &together), &["narrows"]),
        ("domain", policy(&service(), &together), policy(&domain, &together), &["may_widen"]),
        ("same", policy(&service(), &together), policy(&service(), &together), &[]),
        (
            "room",
            policy(&service(), &together),
            policy(&service(), &shared(json!({ "max": 4 }))),
            &["widens"],
        ),
    ] {
        let [old, new] = [("old", old), ("new", new)].map(|(which, policy)| {
            Temporary::file(&format!("shared-{name}.{which}.json"), policy.to_string())
        });
        let done = run(&["diff", old.path(), new.path(), "--format", "json"], "");
        let told: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
        let found: Vec<&str> = told["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| change["effect"].as_str().unwrap())
            .collect();
        assert_eq!(found, effects, "{name}: {told}");
    }
}

#[test]
fn a_replay_with_the_same_policy_changes_nothing() {
    for on_failure in ["deny", "local"] {
        let service = json!({ "cluster": "ratelimit", "on_failure": on_failure });
        let policy = policy(&service, &shared(json!({})));
        let mut requests: Vec<_> = (0..12).map(|number| call(number * 9_000, "run", &json!({}))).collect();
        for request in requests.iter_mut().skip(8) {
            request.uncounted = true;
        }
        let lines = records(&policy, &requests);
        let verdicts: Vec<String> =
            lines.iter().map(|line| verdict(&serde_json::from_str(line).unwrap())).collect();
        let last = if on_failure == "deny" { "limiter_unavailable" } else { "allow" };
        let expected = |number: usize| match number {
            0..=2 | 7 => "allow",
            3..=6 => "rate_limited",
            _ => last,
        };
        let known: Vec<&str> = (0..10).map(expected).collect();
        assert_eq!(verdicts[..10], known, "{on_failure}");
        let (log, file) = (
            Temporary::file(&format!("shared-{on_failure}.log"), lines.join("\n") + "\n"),
            Temporary::file(&format!("shared-{on_failure}.json"), policy.to_string()),
        );
        let done = run(&["replay", log.path(), "--policy", file.path(), "--format", "json"], "");
        let told: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
        assert_eq!((done.code, &told["unchanged"]), (0, &json!(12)), "{told}");
        let report = run(&["report", log.path(), "-o", "-"], "").stdout;
        assert_eq!(report.contains("4 calls had shared limits"), on_failure == "local");
    }
}
