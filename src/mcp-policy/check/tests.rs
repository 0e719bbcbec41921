//! Warnings that say "this has no effect" are compared with what the engine does: without the part, every call has the
//! same verdict.

use std::num::NonZeroU32;
use std::sync::Arc;

use mcp_policy_engine::guard::{self, Answer, FixedEnvironment, Whole};
use mcp_policy_engine::identity::Credentials;
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::policy::{Certificate, Policy};
use serde_json::{Value, json};

use super::context::{Warning, warnings};

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0.wrapping_shr(33)).unwrap_or_default().checked_rem(most).unwrap_or_default()
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// A caller, as the proxy knows it.
#[derive(Debug, Clone, Default)]
struct Caller {
    token: Option<&'static str>,
    certificate: Option<&'static str>,
    agent: Option<&'static str>,
}

impl Credentials for Caller {
    fn verified_token(&self, _metadata: &str, _payload: &str) -> Option<String> {
        self.token.map(str::to_owned)
    }

    fn certificate(&self, _name: Certificate) -> Option<String> {
        self.certificate.map(str::to_owned)
    }
}

fn callers() -> Vec<Caller> {
    let mut callers = vec![Caller::default()];
    for token in [
        r#"{"sub":"ci"}"#,
        r#"{"sub":"cd","team":"sre"}"#,
        r#"{"sub":"ci","team":["sre","ops"],"scope":"run see"}"#,
    ] {
        callers.push(Caller { token: Some(token), ..Caller::default() });
    }
    for certificate in ["spiffe://corp/ci", "spiffe://other/ci"] {
        callers.push(Caller { certificate: Some(certificate), ..Caller::default() });
    }
    callers.push(Caller { agent: Some("ci"), ..Caller::default() });
    callers
}

/// What the counters are in one policy: all limits of a counter agree.
struct Counters(Vec<(Value, &'static str, &'static str)>);

fn limit(random: &mut Random, counters: &Counters) -> Value {
    let number = random.below(counters.0.len());
    let (window, scope, kind) = &counters.0[number];
    let max = random.one(&[json!(1), json!(2), json!(3), json!(5), json!(2.5)]);
    let amount = random.one(&[1, 1, 1, 2]);
    json!({ "counter": format!("c{number}"), "window": window, "scope": scope, "type": kind, "max": max, "amount": amount })
}

fn rule(random: &mut Random, counters: &Counters) -> Value {
    let limits: Vec<Value> = (0..random.below(4)).map(|_| limit(random, counters)).collect();
    match random.below(9) {
        0 => json!({ "action": "deny", "limits": limits }),
        1 => json!({ "action": "deny", "mode": "shadow", "limits": limits }),
        2 => json!({ "mode": "shadow", "limits": limits }),
        3 => {
            json!({ "when": [{ "path": "args.n", "op": "gt", "value": 1 }], "limits": [limit(random, counters)] })
        }
        _ => json!({ "limits": limits }),
    }
}

fn entries(random: &mut Random, counters: &Counters) -> Value {
    let mut entries = serde_json::Map::new();
    for pattern in ["a", "ab", "a*", "*b", "*", "b*b"] {
        if random.below(3) == 0 {
            let own = match random.below(3) {
                0 => json!([rule(random, counters), rule(random, counters)]),
                _ => rule(random, counters),
            };
            entries.insert(pattern.to_owned(), own);
        }
    }
    Value::Object(entries)
}

fn hidden(random: &mut Random) -> Value {
    let patterns = (0..random.below(3)).map(|_| random.one(&["a*", "ab", "b", "*b", "x"]));
    json!(patterns.collect::<Vec<_>>())
}

fn matching(random: &mut Random) -> Value {
    let one = |random: &mut Random| {
        random.one(&[
            json!({ "jwt": "c*" }),
            json!({ "jwt": "ci" }),
            json!({ "jwt": "*" }),
            json!({ "claim": { "team": "sre" } }),
            json!({ "claim": { "team": "s*" }, "jwt": "ci" }),
            json!({ "scope": ["run"] }),
            json!({ "scope": ["see", "run"], "claim": { "team": "ops" } }),
            json!({ "mtls": "spiffe://corp/*" }),
            json!({ "mtls": "spiffe://*" }),
            json!({ "header": "ci" }),
            json!({ "source": "jwt" }),
            json!({ "source": "mtls" }),
        ])
    };
    match random.below(6) {
        0 => json!("any"),
        1 => json!([one(random), one(random)]),
        _ => json!([one(random)]),
    }
}

fn policy(random: &mut Random) -> Value {
    let windows = [json!("second"), json!("minute"), json!(120), json!("hour")];
    let counters = Counters(
        (0..3)
            .map(|_| {
                let scope = random.one(&["grant", "global", "session", "principal"]);
                (random.one(&windows), scope, random.one(&["sliding", "sliding", "calendar"]))
            })
            .collect(),
    );
    let mut document = json!({
        "version": "1",
        "default": random.one(&["allow", "deny"]),
        "identity": [{ "jwt": { "payload": "p" } }, { "mtls": "uri_san" }, { "header": { "name": "x-agent" } }],
        "hide": hidden(random),
        "tools": entries(random, &counters),
    });
    if random.below(3) == 0 {
        document["all_tools"] = rule(random, &counters);
    }
    let grants: Vec<Value> = (0..random.below(5))
        .map(|number| {
            let mut grant = json!({ "name": format!("g{number}"), "match": matching(random) });
            if random.below(2) == 0 {
                grant["tools"] = entries(random, &counters);
                grant["hide"] = hidden(random);
            }
            grant
        })
        .collect();
    if !grants.is_empty() {
        document["grants"] = json!(grants);
    }
    document
}

/// Makes the same calls with a policy, and returns the decision on each.
fn decisions(document: &Value, seed: u64) -> Vec<String> {
    let policy = Arc::new(Policy::from_bytes(document.to_string().as_bytes()).unwrap());
    let places = Places::new(
        Layout::new([7; 16], NonZeroU32::new(4_096).unwrap()),
        policy.counters,
        policy.grants.len(),
    );
    let (store, mut random, callers) = (MemoryStore::new(), Random(seed), callers());
    let mut now_ns = 1_800_000_000_000_000_000_u64;
    let mut decisions = Vec::new();
    for number in 0..80 {
        let caller = random.one(&callers);
        let tool = random.one(&["a", "ab", "b", "aab", "bb", "c"]);
        now_ns =
            now_ns.saturating_add(random.one(&[0_u64, 300, 900, 20_000, 61_000]).saturating_mul(1_000_000));
        let mut headers = vec![(":method", "POST"), (":path", "/mcp"), ("content-type", "application/json")];
        headers.push(("mcp-session-id", random.one(&["s1", "s2"])));
        headers.extend(caller.agent.map(|agent| ("x-agent", agent)));
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let body = json!({ "jsonrpc": "2.0", "id": number, "method": "tools/call",
            "params": { "name": tool, "arguments": { "n": random.below(4) } } })
        .to_string();
        let environment = FixedEnvironment { store: &store, places: &places, now_ns };
        let request = Whole { headers: &headers, body: Some(body.as_bytes()) };
        let answer = |_: &_| Answer::Approval(Err("no answer".into()));
        let done = guard::judge(&policy, request, &caller, "d".to_owned(), &environment, answer).unwrap();
        let record: Value = serde_json::from_str(&done.record).unwrap();
        let decision = record["decision"].as_str().unwrap();
        decisions.push(if decision == "deny" { "deny" } else { "pass" }.to_owned());
    }
    decisions
}

/// Returns the document without the part that a warning says has no effect; `None` if it says something else.
fn without(document: &Value, warning: &Warning) -> Option<Value> {
    let mut changed = document.clone();
    let pointer = warning.path.replace(['.', '['], "/").replace(']', "");
    let (above, last) = pointer.rsplit_once('/')?;
    let above = format!("/{above}");
    match warning.id {
        "unreachable-grant" => {
            let index: usize = above.rsplit('/').next()?.parse().ok()?;
            changed["grants"].as_array_mut()?.remove(index);
        }
        "shadowed-pattern" => match changed.pointer_mut(&above)? {
            Value::Array(list) => drop(list.remove(last.parse().ok()?)),
            Value::Object(members) => drop(members.remove(last)),
            _ => return None,
        },
        "grant-names-what-the-document-denies" => {
            *changed.pointer_mut(&format!("/{pointer}"))? = json!({ "action": "deny" });
        }
        "limit-cannot-fire" if warning.message.contains("is the same as") => {
            let max = changed.pointer_mut(&format!("/{pointer}"))?;
            *max = json!(max.as_f64()?.floor());
        }
        // A limit with this maximum is as good as none.
        "limit-cannot-fire" => *changed.pointer_mut(&format!("/{pointer}"))? = json!(1_000_000),
        _ => return None,
    }
    Some(changed)
}

#[test]
fn what_has_no_effect_can_be_removed() {
    let mut random = Random(20_261_126);
    let mut met = std::collections::BTreeMap::new();
    for seed in 0..100 {
        let document = policy(&mut random);
        let bytes = document.to_string().into_bytes();
        let Ok(policy) = Policy::from_bytes(&bytes) else { continue };
        let before = std::cell::OnceCell::new();
        for warning in warnings(&bytes, &policy, None, 0) {
            let Some(changed) = without(&document, &warning) else { continue };
            let before = before.get_or_init(|| decisions(&document, seed));
            assert_eq!(before, &decisions(&changed, seed), "{warning:?} {document} {changed}");
            *met.entry(warning.id).or_insert(0_u32) += 1;
        }
    }
    assert!(met.len() == 4 && met.values().all(|count| *count > 1), "{met:?}");
}
