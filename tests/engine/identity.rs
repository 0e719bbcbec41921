//! Who calls, and under which grant: a table of what a proxy knows about callers, the first grant that
//! matches, and proof that grants never widen a policy.

mod admission;
mod callers;
mod first;
mod grants;
mod known;
mod narrowing;
mod sources;

use std::sync::Arc;

use known::{Given, Known};
use mcp_policy_engine::identity::{Caller, Principal, identify};
use mcp_policy_engine::policy::Policy;
use serde_json::{Value, json};

/// 2027-01-15T08:00:00Z
const NOW_NS: u64 = 1_800_000_000_000_000_000;
/// SHA-256 of `key_of_bot`, as `sha256sum` prints it
const BOT: &str = "1a3a3c4cafede54b86620275d52f02821e150a8bf747607e65fb6d5fa401107b";

fn policy(document: &Value) -> Arc<Policy> {
    Policy::from_bytes(document.to_string().as_bytes())
        .map(Arc::new)
        .map_err(|faults| panic!("{document}\n{faults}"))
        .unwrap()
}

/// All sources in the order of docs/identity.md, and a grant for each.
fn document() -> Value {
    json!({
        "version": "1",
        "identity": [
            {"jwt": {"payload": "jwt_payload"}},
            {"mtls": "uri_san"},
            {"name": "bearer", "api_key": {"header": "Authorization", "scheme": "Bearer"}},
            {"api_key": {"header": "x-api-key"}},
            {"header": {"name": "X-Agent-Id"}},
        ],
        "grants": [
            {"name": "old", "match": [{"jwt": "old-*"}], "expires": "2027-01-15T07:59:59Z"},
            {"name": "now", "match": [{"jwt": "now"}], "expires": "2027-01-15T08:00:00Z"},
            {"name": "zone", "match": [{"jwt": "zone"}], "expires": "2027-01-15T10:00:00.001+02:00"},
            {"name": "both", "match": [{"jwt": "both", "claim": {"team": "db"}}]},
            {"name": "sre", "match": [
                {"jwt": "ci@corp.example"}, {"claim": {"team": "sre"}}, {"mtls": "spiffe://corp/ci/*"},
            ]},
            {"name": "sre again", "match": [{"claim": {"team": "*"}}]},
            {"name": "rank", "match": [{"claim": {"level": 3, "admin": true}}]},
            {"name": "share", "match": [{"claim": {"share": 0.5}}]},
            {"name": "url", "match": [{"claim": {"[\"https://corp.example/team\"]": "*-ops"}}]},
            {"name": "bot", "match": [{"api_key_sha256": BOT.to_uppercase()}]},
            {"name": "agent", "match": [{"header": "agent-*"}]},
            {"name": "star", "match": [{"header": "*-star"}]},
        ],
    })
}

/// Describes the outcome for a caller: the grant and the principal with its kind, or the code.
fn outcome(policy: &Policy, known: &Known) -> String {
    let (caller, refusal) = identify(policy, &known.headers, known, Some(NOW_NS));
    match refusal {
        Some(denial) => denial.code.as_str().to_owned(),
        None => format!("{}: {}", caller.grant_name(policy), kind(&caller)),
    }
}

fn kind(caller: &Caller) -> String {
    match &caller.principal {
        None => "nobody".to_owned(),
        Some(Principal::Jwt(name)) => format!("jwt {name}"),
        Some(Principal::Mtls(name)) => format!("mtls {name}"),
        Some(key @ Principal::ApiKey(_)) => format!("key {}", key.name()),
        Some(Principal::Header(name)) => format!("header {name}"),
        Some(Principal::Attribute(name)) => format!("attribute {name}"),
    }
}

/// The outcome for the key of `bot` under a grant.
fn keyed(grant: &str) -> String {
    format!("{grant}: key sha256:{}", BOT.get(..16).unwrap())
}

#[track_caller]
fn check(document: &Value, rows: &[(&[Given], &str)]) {
    let policy = policy(document);
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(given, expected)| {
            let found = outcome(&policy, &Known::new(&policy, given));
            (found != *expected).then(|| format!("{given:?}\n    is `{found}`, expected `{expected}`"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
