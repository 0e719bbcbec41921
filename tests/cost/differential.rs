//! Sends random requests to the built module and to the same code built for this machine, and compares the verdicts and
//! the records: `make differential`. What the module reads with vector instructions and its own comparison of memory, the
//! machine reads without.

mod generate;

use std::error::Error;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::audit;
use mcp_policy_engine::guard::{self, Answer, FixedEnvironment, Verdict};
use mcp_policy_engine::identity::Credentials;
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::policy::{Certificate, Policy};
use serde_json::json;

use crate::host::{Headers, NOW_NS};
use crate::meter::Metered;
use crate::requests::{Outcome, Request};
use crate::worker::{Engine, Worker};
use generate::{Random, body, headers};

/// Returns the documents under which requests are compared.
fn policies() -> Vec<String> {
    let rules = json!({
        "get_*": {}, "search": { "arguments": { "properties": { "memo": { "type": "string", "pattern": "^[a-z0-9 ]*$", "maxLength": 40 },
            "items": { "type": "array", "uniqueItems": true, "items": { "type": ["integer", "string"] } } }, "additionalProperties": false } },
        "transfer": { "require": [{ "path": "args.amount", "op": "lte", "value": 10 }],
            "deny_if": [{ "path": "args.memo", "op": "contains", "value": "a" }, { "path": "args.account", "op": "in", "value": ["x", 1, true] }],
            "limits": [{ "counter": "spend", "window": "day", "max": 500000, "amount": "args.amount" }] },
        "pay": { "limits": [{ "counter": "pays", "window": "minute", "max": 20000, "by": "args.account" }],
            "arguments": { "required": ["amount"], "properties": { "amount": { "type": "number", "multipleOf": 0.5, "exclusiveMinimum": 0 } } } },
        "delete_*": { "action": "deny" }
    });
    let resources = json!({
        "file:///a*": {}, "file:///ä": { "action": "deny" }, "https://a.example/*": {}, "http://0x7f.1/a": {}, "memo:*": {},
        "memo://a*": { "action": "deny" }, "memo://a/b/?x=*": {}, "*/%61*": { "action": "deny" }, "*": { "action": "deny" }
    });
    let audits = [
        json!({ "arguments": "full" }),
        json!({ "arguments": "hash" }),
        json!({ "arguments": "hash", "digest": "blake3" }),
    ];
    let document = |audit| json!({ "version": "1", "server": "s", "audit": audit, "tools": rules, "resources": resources });
    let mut granted = document(json!({ "arguments": "none" }));
    granted["identity"] = json!([{ "header": { "name": "x-agent" } }]);
    granted["grants"] = json!([{ "name": "bots", "match": [{ "header": "bot" }], "tools": { "get_*": {}, "pay": {}, "transfer": {} } }]);
    granted["origins"] = json!(["https://*.corp.example"]);
    granted["exempt_paths"] = json!(["/healthz"]);
    audits.into_iter().map(document).chain([granted]).map(|document| document.to_string()).collect()
}

fn shown(headers: &Headers) -> String {
    let line = |(name, value): &(Vec<u8>, Vec<u8>)| {
        format!("{}: {:?}\n", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
    };
    headers.iter().map(line).collect()
}

/// A proxy that has verified nothing.
struct Nothing;

impl Credentials for Nothing {
    fn verified_token(&self, _: &str, _: &str) -> Option<String> {
        None
    }

    fn certificate(&self, _: Certificate) -> Option<String> {
        None
    }
}

/// The same code, built for this machine.
struct Native {
    policy: Arc<Policy>,
    store: MemoryStore,
    places: Places,
}

impl Native {
    fn new(document: &str) -> Result<Self, Box<dyn Error>> {
        let policy = Policy::from_bytes(document.as_bytes()).map_err(|faults| faults.to_string())?;
        let capacity = NonZeroU32::new(policy.counter_capacity).unwrap_or(NonZeroU32::MIN);
        let places =
            Places::new(Layout::new([0; 16], capacity), policy.counters, policy.grants.iter().count());
        Ok(Self { policy: Arc::new(policy), store: MemoryStore::new(), places })
    }

    fn judge(&self, headers: &Headers, body: &[u8]) -> (Outcome, String) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| (text(name), text(value))).collect();
        let Some(arrival) = guard::arrive(&self.policy, &headers, "id".to_owned()) else {
            return (Outcome::Passed, String::new());
        };
        let environment = FixedEnvironment { store: &self.store, places: &self.places, now_ns: NOW_NS };
        let nobody = |_: &_| Answer::Approval(Err("nobody".into()));
        let mut conclusion = match arrival.identify(&Nothing, Some(NOW_NS)) {
            Ok(request) => guard::judge_known(&Rc::new(request), Some(body), &environment, nobody),
            Err(conclusion) => *conclusion,
        };
        audit::add_time(&mut conclusion.record, Some(NOW_NS));
        let outcome = match &conclusion.verdict {
            Verdict::Forward { .. } => Outcome::Passed,
            Verdict::Deny { denial, .. } => Outcome::Refused(denial.code.as_str().to_owned()),
        };
        (outcome, conclusion.record)
    }
}

/// Returns a record without the id of its verdict; null if there is none.
///
/// # Errors
/// It is not one line of JSON.
fn without_id(record: &str) -> Result<serde_json::Value, Box<dyn Error>> {
    if record.is_empty() {
        return Ok(serde_json::Value::Null);
    }
    if record.chars().any(char::is_control) {
        return Err(format!("a record is not one line: {record:?}").into());
    }
    let mut value: serde_json::Value =
        serde_json::from_str(record).map_err(|error| format!("a record is no JSON: {error}: {record}"))?;
    if let Some(members) = value.as_object_mut() {
        members.remove("id");
    }
    Ok(value)
}

/// Compares so many requests under each policy. Returns whether all verdicts and records are the same.
///
/// # Errors
/// The module cannot be read, or traps.
pub fn run(module: &str, count: usize, seed: u64) -> Result<bool, Box<dyn Error>> {
    let engine = Engine::new(&Metered::of(&std::fs::read(module)?)?)?;
    let mut random = Random::new(seed);
    let (mut passed, mut refused) = (0, 0);
    for document in policies() {
        let (mut worker, _): (Worker, _) = engine.worker(document.as_bytes())?;
        let native = Native::new(&document)?;
        for _ in 0..count {
            let body = body(&mut random);
            let headers = headers(&mut random);
            let request = Request { headers: headers.clone(), body: body.clone(), ..Request::default() };
            let exchanged = worker.exchange(&request);
            let text = format!("{}{}", shown(&headers), String::from_utf8_lossy(&body));
            let (_, outcome) = exchanged.map_err(|error| format!("{text}: {error}"))?;
            let record = worker.record();
            let (expected, recorded) = native.judge(&headers, &body);
            if outcome == Outcome::Passed {
                passed += 1
            } else {
                refused += 1
            }
            if outcome != expected || without_id(&record)? != without_id(&recorded)? {
                println!("{text}\n  module  {outcome:?} {record}\n  machine {expected:?} {recorded}");
                return Ok(false);
            }
        }
    }
    println!("{passed} passed and {refused} refused requests: the module and this machine agree");
    Ok(true)
}
