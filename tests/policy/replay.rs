//! `replay`: the same policy changes nothing, another changes what it changes, and what a record does not tell stays
//! undecided.

use mcp_policy_engine::approval::Status;
use serde_json::{Value, json};

use crate::program::{Done, run};
use crate::recorded::{Request, Temporary, call, message, records, verdict};

/// An edit of a policy, with its name.
type Edit = (&'static str, fn(&mut Value));

/// How many requests are recorded.
const REQUESTS: u64 = 800;

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

fn policy() -> Value {
    json!({
        "version": "1",
        "server": "shop",
        "counters": { "capacity": 64 },
        "audit": { "arguments": "full", "claims": "full" },
        "identity": [{ "jwt": { "payload": "corp" } }, { "api_key": { "header": "x-api-key" } }],
        "grants": [
            { "name": "sre", "match": [{ "claim": { "team": "sre*", "realm.roles[*]": "ops" } }] },
            { "name": "night", "match": [{ "scope": ["mcp:run"] }], "expires": "2027-01-15T08:00:30Z" },
            { "name": "keyed", "match": [{ "api_key_sha256": "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683" }] },
            { "name": "all", "match": [{ "jwt": "agent-*" }],
              "tools": { "read": {}, "pay": { "limits": [{ "counter": "spend", "window": "hour", "max": 100, "amount": "args.amount", "by": "claims.tenant" }] } } },
        ],
        "approvals": { "cluster": "approvals" },
        "hide": ["secret_*"],
        "tools": {
            "read": { "limits": [{ "counter": "reads", "window": 10, "max": 20, "scope": "session" }] },
            "pay": { "require": [{ "path": "args.amount", "op": "lte", "value": 50 }],
                     "arguments": { "type": "object", "required": ["amount"] } },
            "run": { "deny_if": [{ "path": "claims.level", "op": "lt", "value": 3 }, { "path": "time.of_day", "op": "gt", "value": "08:01" }] },
            "drop": { "action": "require_approval" },
            "tried": { "action": "deny", "mode": "shadow" },
        },
        "resources": { "file:///docs/*": { "limits": [{ "counter": "docs", "window": 60, "max": 5, "type": "calendar" }] } },
        "prompts": { "greet": {} },
        "methods": { "logging/setLevel": "deny" },
    })
}

/// Numbers that look random, the same ones each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // The constants of Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn of<T: Clone>(&mut self, some: &[T]) -> T {
        let bound = u64::try_from(some.len()).unwrap();
        some[usize::try_from(self.below(bound)).unwrap()].clone()
    }
}

fn request(at: u64, random: &mut Random) -> Request {
    let uris = ["file:///docs/a", "file:///x", "file:///docs/../x"];
    let of_prompts = ["prompts/get", "completion/complete"];
    let others = ["tools/list", "logging/setLevel", "x/own", "notifications/initialized"];
    match random.below(12) {
        0..=3 => call(at, "read", &json!({})),
        4 | 5 => call(at, "pay", &json!({ "amount": random.below(60) })),
        6 => call(at, "run", &json!({ "x": "é\u{1}" })),
        7 => call(at, "drop", &json!({ "table": random.below(3) })),
        8 => message(at, "resources/read", &json!({ "uri": random.of(&uris) })),
        9 => {
            let prompt = json!({ "type": "ref/prompt", "name": "greet" });
            message(at, random.of(&of_prompts), &json!({ "name": "greet", "ref": prompt }))
        }
        10 => message(at, random.of(&others), &json!({})),
        _ => call(at, random.of(&["secret_x", "tried", "unknown"]), &json!({})),
    }
}

fn token(random: &mut Random) -> Option<Value> {
    let level = 1 + random.below(5);
    Some(match random.below(6) {
        0 => {
            json!({ "sub": "agent-1", "team": "sre-eu", "realm": { "roles": ["dev", "ops"] }, "level": level })
        }
        1 => json!({ "sub": "agent-2", "scope": "mcp:read mcp:run", "level": 4 }),
        2 | 3 => json!({ "sub": "agent-3", "tenant": random.of(&["a", "b"]), "level": 3 }),
        4 => json!({ "sub": "eve", "Level": 3 }),
        _ => return None,
    })
}

/// Many different requests within two minutes, the same ones each time.
fn requests() -> Vec<Request> {
    let mut random = Random(1);
    let mut requests = Vec::new();
    for number in 0..REQUESTS {
        let mut request = request(number * 150, &mut random);
        request.token = token(&mut random);
        if random.below(3) == 0 {
            request.headers.push(("x-api-key", random.of(&["key", "other"]).to_owned()));
        }
        request.headers.push(("mcp-session-id", format!("s-{}", random.below(4))));
        request.approval =
            random.of(&[None, Some(Status::Approved), Some(Status::Denied), Some(Status::Pending)]);
        request.given_back = random.below(20) == 0;
        match random.below(30) {
            0 => request.body.push('}'),
            1 => request.http = "GET",
            2 => request.http = "PUT",
            3 => request.headers.push(("mcp-protocol-version", "2026-07-28".to_owned())),
            4 => request.body = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_owned(),
            _ => {}
        }
        requests.push(request);
    }
    requests
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
fn what_a_record_does_not_tell_is_undecided_and_never_guessed() {
    let old = json!({ "version": "1", "server": "shop", "identity": [{ "jwt": { "payload": "corp" } }], "default": "allow",
        "tools": { "c": { "require": [{ "path": "claims.team", "op": "exists" }] } } });
    let requests: Vec<Request> =
        [("a", json!({ "n": 1 })), ("a", json!({ "n": 2 })), ("b", json!({})), ("c", json!({}))]
            .iter()
            .enumerate()
            .map(|(number, (tool, arguments))| Request {
                token: Some(json!({ "sub": "bot", "team": "sre", "tenant": "x" })),
                ..call(u64::try_from(number).unwrap() * 1000, tool, arguments)
            })
            .collect();
    let recorded = records(&old, &requests);
    let schema = json!({ "type": "object", "required": ["n"] });
    let limit = |max: u32| json!([{ "counter": "x", "window": "hour", "max": max }]);
    let amount = json!([{ "counter": "x", "window": "hour", "max": 9, "amount": "args.n" }]);
    let condition = |path: &str, op: &str, value: &str| json!([{ "path": path, "op": op, "value": value }]);
    for (name, tools, changed, undecided) in [
        ("nothing reads them", json!({ "a": {} }), "", ""),
        ("a schema", json!({ "a": { "arguments": schema } }), "", "2 tools.a"),
        ("a condition", json!({ "a": { "deny_if": condition("args.n", "eq", "1") } }), "", "2 tools.a"),
        ("an amount", json!({ "a": { "limits": amount } }), "", "2 tools.a"),
        (
            "a counter with unknown amounts",
            json!({ "a": { "limits": amount }, "b": { "limits": limit(9) } }),
            "",
            "2 tools.a, 1 tools.b",
        ),
        (
            "an empty object is known by its hash",
            json!({ "b": { "arguments": schema } }),
            "1 b arguments_invalid",
            "",
        ),
        (
            "a refusal that no argument changes",
            json!({ "a": { "action": "deny", "arguments": schema } }),
            "2 a denied",
            "",
        ),
        (
            "a limit that is full in any case",
            json!({ "a": { "arguments": schema, "limits": limit(1) } }),
            "1 a rate_limited",
            "1 tools.a",
        ),
        (
            "a hash that equals a value",
            json!({ "c": { "require": condition("claims.team", "eq", "sre") } }),
            "",
            "",
        ),
        (
            "a hash that equals none",
            json!({ "c": { "require": condition("claims.team", "eq", "dev") } }),
            "1 c condition_failed",
            "",
        ),
        (
            "a pattern of a hash",
            json!({ "c": { "require": condition("claims.team", "glob", "s*") } }),
            "",
            "1 tools.c",
        ),
        (
            "a claim that was not read",
            json!({ "c": { "require": condition("claims.tenant", "eq", "x") } }),
            "",
            "1 tools.c",
        ),
    ] {
        let new = json!({ "version": "1", "server": "shop", "identity": old["identity"], "default": "allow", "tools": tools });
        let (code, result) = replay("undecided", &recorded, &new, &[]);
        let listed = |list: &Value, one: fn(&Value) -> String| {
            list.as_array().unwrap().iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let changes = listed(&result["changes"], |one| {
            format!("{} {} {}", one["count"], one["target"].as_str().unwrap(), one["to"].as_str().unwrap())
        });
        let reasons = listed(&result["undecided_by"], |one| {
            format!("{} {}", one["count"], one["because"].as_str().unwrap().split('`').nth(1).unwrap())
        });
        assert_eq!((changes.as_str(), reasons.as_str()), (changed, undecided), "{name}");
        assert_eq!(code, if changed.is_empty() { 0 } else { 3 }, "{name}");
    }
}

/// Four calls on a counter for two of them: one of each tool, 200 milliseconds apart.
fn on_one_counter(policy: &Value, tools: [&str; 4]) -> Vec<String> {
    let mut at = 0;
    let request = |tool: &&str| {
        at += 200;
        call(at, tool, &json!({}))
    };
    records(policy, &tools.iter().map(request).collect::<Vec<_>>())
}

#[test]
fn an_unchanged_limit_decides_in_the_order_in_which_the_calls_were_charged() {
    let limit = json!({ "limits": [{ "counter": "c", "window": "hour", "max": 2 }] });
    let old = json!({ "version": "1", "server": "shop", "tools": { "a": limit, "b": limit } });
    let mut new = old.clone();
    new["tools"]["b"] = json!({});
    let time = |record: &str| record.split(r#""time":""#).nth(1).unwrap()[..24].to_owned();
    let swap = |records: &mut [String], one: usize, other: usize| {
        let times = (time(&records[one]), time(&records[other]));
        records[one] = records[one].replace(&times.0, &times.1);
        records[other] = records[other].replace(&times.1, &times.0);
    };
    let mut inverted = on_one_counter(&old, ["a", "a", "a", "b"]);
    // The worker that refused a call has read the clock before the one that used up the limit.
    swap(&mut inverted, 1, 2);
    let mut far = inverted.clone();
    swap(&mut far, 1, 3);
    for (name, recorded, policy, expected) in [
        ("the same policy", &inverted, &old, vec![]),
        (
            "a rule that no longer counts",
            &on_one_counter(&old, ["a", "b", "a", "a"]),
            &new,
            vec![(2, "allow")],
        ),
        ("the same, with an inversion", &inverted, &new, vec![(3, "allow")]),
        // The call that was charged first is 400 ms later, which is no race of two workers.
        ("times too far apart", &far, &old, vec![(1, "rate_limited"), (2, "allow")]),
    ] {
        let (_, result) = replay("order", recorded, policy, &["--changed"]);
        let changed = result["records"].as_array().unwrap().iter();
        let changed: Vec<(u64, &str)> = changed
            .map(|one| {
                (u64::from_str_radix(one["id"].as_str().unwrap(), 16).unwrap(), one["to"].as_str().unwrap())
            })
            .collect();
        let mut sorted = changed.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected, "{name}");
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
