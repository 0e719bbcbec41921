//! The record of every request: what it contains, that it agrees with the answer, and that text from callers
//! cannot break out of it.

mod contents;
mod forgeries;
mod requests;

use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::guard::{self, Admission, Arrival, Conclusion, FixedEnvironment, Step, Verdict};
use mcp_policy_engine::identity::{Caller, Credentials};
use mcp_policy_engine::json as strict;
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::policy::{Certificate, Policy};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const NOW_NS: u64 = 1_800_000_000_000_000_000;
const ID: &str = "0123456789abcdef0123456789abcdef";

const POST: &[(&str, &str)] = &[(":method", "POST"), (":path", "/mcp"), ("content-type", "application/json")];

fn document() -> Value {
    json!({
        "version": "1",
        "server": "orders",
        "approvals": { "cluster": "approvals" },
        "tools": {
            "safe": {},
            "get_*": {},
            "danger": { "action": "deny", "reason": "it deletes" },
            "asked": { "action": "require_approval" },
            "tried": { "action": "deny", "mode": "shadow" },
            "few": { "limits": [{ "counter": "few", "window": "hour", "max": 2 }] },
            "pay": { "limits": [
                { "counter": "calls", "window": "minute", "max": 5, "type": "calendar" },
                { "counter": "spend", "window": "day", "max": 50.5, "amount": "args.amount" },
            ] },
            "soft": { "mode": "shadow", "limits": [{ "counter": "soft", "window": 60, "max": 1 }] },
        },
        "resources": { "file:///docs/*": {} },
        "prompts": { "greet": {} },
        "methods": { "logging/setLevel": "deny", "x/own": "allow" },
        "hide": ["secret_*"],
        "exempt_paths": ["/healthz"],
        "max_body_bytes": 4000,
    })
}

fn document_with(changes: &Value) -> Value {
    let mut document = document();
    for (key, value) in changes.as_object().unwrap() {
        document[key] = value.clone();
    }
    document
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The credentials of a caller that has none.
struct Nothing;

impl Credentials for Nothing {
    fn verified_token(&self, _metadata: &str, _payload: &str) -> Option<String> {
        None
    }

    fn certificate(&self, _name: Certificate) -> Option<String> {
        None
    }
}

/// A record, and the verdict unless the request waits for a person.
#[derive(Debug, PartialEq)]
struct Taken {
    record: String,
    verdict: Option<Verdict>,
}

/// A guard with its counters, as in one worker.
struct Guard {
    policy: Arc<Policy>,
    text: String,
    store: MemoryStore,
    places: Places,
    /// Who calls; `None` if the policy must identify the caller and cannot
    caller: Option<Caller>,
}

impl Guard {
    #[track_caller]
    fn new(document: &Value) -> Self {
        let text = document.to_string();
        Self {
            policy: Arc::new(Policy::from_bytes(text.as_bytes()).unwrap()),
            text,
            store: MemoryStore::new(),
            places: Places::new(Layout::new([7; 16], NonZeroU32::new(16).unwrap()), 0, 0),
            caller: Some(Caller::default()),
        }
    }

    /// Takes a request through the guard as the filter does; `None` if it passes unread.
    fn take(&self, headers: &Headers, body: &[u8]) -> Option<Taken> {
        let policy = &*self.policy;
        if guard::is_exempt(policy, headers) {
            return None;
        }
        let arrival = Arrival::new(Arc::clone(&self.policy), headers.clone(), ID.to_owned());
        let request = Rc::new(match &self.caller {
            Some(caller) => arrival.of(caller.clone()),
            None => arrival.identify(&Nothing, Some(NOW_NS)).expect("shadow mode refuses no caller"),
        });
        let environment = FixedEnvironment { store: &self.store, places: &self.places, now_ns: NOW_NS };
        let step = match guard::admit(headers) {
            Admission::Refuse(denial) => Step::Conclude(request.refuse(denial)),
            Admission::Bodiless => Step::Conclude(request.pass()),
            Admission::Read if body.len() > policy.max_body_bytes => {
                Step::Conclude(request.refuse(guard::too_large(policy)))
            }
            Admission::Read => match request.start_case(body, &environment) {
                Step::Change(_, changing) => changing.done(Ok(()), &environment),
                step => step,
            },
        };
        Some(match step {
            Step::Ask(ask, _) => Taken { record: ask.record, verdict: None },
            Step::Conclude(Conclusion { record, verdict, .. }) => Taken { record, verdict: Some(verdict) },
            Step::Change(..) => panic!("a request is changed only once"),
        })
    }

    /// Takes a request and reads its record. Asserts that the record agrees with the answer.
    #[track_caller]
    fn record(&self, headers: &[(&str, &[u8])], body: &[u8]) -> Value {
        let taken = self.take(&fields(headers), body).expect("a record");
        let record = read(&taken.record);
        let (word, code) = (record["decision"].as_str().unwrap(), record["code"].as_str());
        match &taken.verdict {
            None => assert_eq!((word, code), ("deny", Some("approval_required"))),
            Some(verdict) => {
                assert_eq!(word, verdict.as_str());
                assert_eq!(code, verdict.denial().map(|denial| denial.code.as_str()));
            }
        }
        match &taken.verdict {
            None => {}
            Some(Verdict::Forward { .. }) => assert!(word != "deny", "{record}"),
            Some(Verdict::Deny { reply, .. }) => {
                assert!(
                    reply.headers.iter().any(|(key, value)| *key == "x-mcp-policy" && Some(&**value) == code)
                );
                // The refusal of a hidden tool must not reveal that there is a policy.
                let told = reply.body.matches(ID).count();
                assert_eq!(told, usize::from(code != Some("hidden")), "{}", reply.body);
            }
        }
        record
    }
}

fn fields(headers: &[(&str, &[u8])]) -> Headers {
    Headers::from_pairs(headers.iter().copied(), &[])
}

fn pairs<'h>(headers: &[(&'h str, &'h str)]) -> Vec<(&'h str, &'h [u8])> {
    headers.iter().map(|(key, value)| (*key, value.as_bytes())).collect()
}

/// Reads a record. Asserts that it is one line and one object, with every key once and in the usual order.
#[track_caller]
fn read(record: &str) -> Value {
    let strange = |char: char| {
        char.is_control()
            || matches!(char, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    assert!(!record.contains(strange), "{record:?}");
    let document = strict::read(record.as_bytes()).unwrap();
    assert!(document.defect().is_none(), "{record}");
    let keys: Vec<_> = document.root().entries().map(|(key, _)| key.into_owned()).collect();
    // These are present only if they have a value.
    let told = keys
        .iter()
        .filter(|key| !key.starts_with("arguments") && !["approval", "cause"].contains(&key.as_str()));
    let expected = [
        "decision",
        "code",
        "rule",
        "id",
        "server",
        "method",
        "target",
        "grant",
        "principal",
        "source",
        "session",
        "request",
        "protocol",
        "counters",
        "policy",
        "request_id",
    ];
    assert!(told.eq(expected), "{keys:?}");
    serde_json::from_str(record).unwrap()
}

/// The members of a record that a test does not mention.
fn plain(guard: &Guard) -> Value {
    json!({
        "decision": "allow", "code": null, "rule": null, "id": ID, "server": "orders", "method": null,
        "target": null, "grant": "default", "principal": null, "source": null, "session": null, "request": null,
        "protocol": null, "counters": [], "policy": &sha256(guard.text.as_bytes())[..16],
        "request_id": null,
    })
}

#[track_caller]
fn expect(guard: &Guard, record: &Value, expected: &Value) {
    let mut whole = plain(guard);
    for (key, value) in expected.as_object().unwrap() {
        whole[key] = value.clone();
    }
    assert_eq!(record, &whole);
}

fn call(tool: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
    )
}

fn message(id: &str, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0",{id}"method":"{method}","params":{params}}}"#)
}
