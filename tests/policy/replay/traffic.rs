//! A policy, and many different requests to record with it.

use mcp_policy_engine::approval::Status;
use serde_json::{Value, json};

use crate::recorded::{Request, call, message};

/// How many requests are recorded.
pub const REQUESTS: u64 = 800;

/// A policy with many kinds of rules.
pub fn policy() -> Value {
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
pub fn requests() -> Vec<Request> {
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
