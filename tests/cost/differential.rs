//! Sends random requests to the built module and to the same code built for this machine, and compares the verdicts and
//! the records: `make differential`. What the module reads with vector instructions and its own comparison of memory, the
//! machine reads without.

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

/// Pseudo-random numbers (xorshift64*): the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }

    fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }
}

/// Parts of strings that readers treat in different ways.
const PIECES: [&str; 24] = [
    "a",
    "abcdefg",
    "abcdefgh",
    "0123456789abcde",
    "0123456789abcdef",
    "é",
    "😀",
    "\u{7f}",
    "\u{2028}",
    "\\n",
    "\\\"",
    "\\\\",
    "\\u0061",
    "\\ud83d\\ude00",
    "\\ud83d",
    "\\u0000",
    "\n",
    "\t",
    "\"",
    "\\",
    " ",
    "/",
    "..",
    "tool",
];
const NUMBERS: [&str; 18] = [
    "0",
    "-0",
    "1",
    "1.0",
    "1e0",
    "10",
    "9.5",
    "1.9",
    "10.00000000000000001",
    "9007199254740993",
    "1e400",
    "-1",
    "01",
    "1.",
    "0.1",
    "123456789012345678901234567890",
    "1E2",
    "-",
];
const KEYS: [&str; 12] = [
    "amount",
    "Amount",
    "memo",
    "account",
    "\\u0061mount",
    "items",
    "a.b",
    "__proto__",
    "x",
    "",
    "ａ",
    "amount ",
];
const TOOLS: [&str; 12] = [
    "transfer",
    "get_a",
    "get_",
    "Transfer",
    "transfer ",
    "delete_x",
    "tr\\u0061nsfer",
    "zzz",
    "",
    "get_é",
    "search",
    "pay",
];

/// Headers, and values of each that mean something or nearly do.
const HEADERS: [(&str, &[&str]); 10] = [
    (":method", &["post", "PUT", "GET", "DELETE", "OPTIONS", "HEAD"]),
    (":path", &["/healthz", "/healthz/", "/healthz?x", "/HEALTHZ", "//healthz", "/healthz%2f", "/mcp?a=1"]),
    (
        "content-type",
        &[
            "application/json; charset=utf-8",
            "application/json;charset=utf-16",
            "text/json",
            "APPLICATION/JSON",
            "",
            "application/json, text/plain",
            "application/json-rpc",
        ],
    ),
    ("content-encoding", &["gzip", "identity", "", "Identity", "identity, gzip"]),
    ("origin", &["https://a.corp.example", "null", "https://evil.example", "https://A.corp.example", ""]),
    ("mcp-protocol-version", &["2025-06-18", "2026-07-28", "2025-06-18, 2026-07-28", "x"]),
    ("mcp-method", &["tools/call", "ping", "TOOLS/CALL", " tools/call"]),
    ("mcp-name", &["transfer", "get_a", "=?base64?dHJhbnNmZXI=?=", ""]),
    ("mcp-session-id", &["s1", "", "s1, s2", "\u{e9}"]),
    ("content-length", &["5", "99999999", "x", ""]),
];

fn string(random: &mut Random) -> String {
    let count = random.below(6);
    let text: String = (0..count).map(|_| *random.pick(&PIECES)).collect();
    format!("\"{text}\"")
}

fn value(random: &mut Random, depth: usize) -> String {
    match random.below(if depth > 3 { 6 } else { 9 }) {
        0 => "null".to_owned(),
        1 => (*random.pick(&["true", "false"])).to_owned(),
        2 | 3 => (*random.pick(&NUMBERS)).to_owned(),
        4 | 5 => string(random),
        6 => {
            let elements: Vec<String> = (0..random.below(4)).map(|_| value(random, depth + 1)).collect();
            format!("[{}]", elements.join(","))
        }
        _ => object(random, depth),
    }
}

fn object(random: &mut Random, depth: usize) -> String {
    let members: Vec<String> = (0..random.below(5))
        .map(|_| {
            let space = *random.pick(&["", "", " ", "\n\t", "\u{a0}"]);
            format!("\"{}\"{space}:{space}{}", random.pick(&KEYS), value(random, depth + 1))
        })
        .collect();
    format!("{{{}}}", members.join(","))
}

/// A call that can pass.
fn call(random: &mut Random) -> String {
    let (tool, arguments) = match random.below(4) {
        0 => ("transfer", format!(r#"{{"amount":{},"memo":{}}}"#, random.pick(&NUMBERS), string(random))),
        1 => (
            "search",
            format!(r#"{{"memo":{},"items":[{},{}]}}"#, string(random), value(random, 4), value(random, 4)),
        ),
        2 => ("pay", format!(r#"{{"amount":{},"account":{}}}"#, random.pick(&NUMBERS), value(random, 4))),
        _ => ("get_a", object(random, 0)),
    };
    let space = *random.pick(&["", " ", "\n", "\t\r\n                 "]);
    let members = format!(r#""name":"{tool}",{space}"arguments":{space}{arguments}"#);
    format!(r#"{{"jsonrpc":"2.0",{space}"id":7,"method":"tools/call","params":{{{members}}}{space}}}"#)
}

fn body(random: &mut Random) -> Vec<u8> {
    if random.below(2) == 0 {
        return call(random).into_bytes();
    }
    let id = *random.pick(&["1", "\"a\"", "1.0", "null", "9007199254740993", "\"\\u0031\""]);
    let method = *random.pick(&[
        "tools/call",
        "tools/call",
        "tools/call",
        "tools/call",
        "resources/read",
        "ping",
        "tools\\/call",
        "foo",
    ]);
    let arguments = if random.below(3) == 0 {
        let amount = *random.pick(&NUMBERS);
        format!(r#"{{"amount":{amount},"memo":{},"account":{}}}"#, string(random), value(random, 3))
    } else {
        object(random, 0)
    };
    let params = match method {
        "resources/read" => format!(r#"{{"uri":{}}}"#, string(random)),
        _ => format!(r#"{{"name":"{}","arguments":{arguments}}}"#, random.pick(&TOOLS)),
    };
    let mut body =
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#).into_bytes();
    for _ in 0..random.below(3).saturating_sub(1) + random.below(2) {
        mutate(random, &mut body);
    }
    body
}

fn mutate(random: &mut Random, body: &mut Vec<u8>) {
    let at = random.below(body.len());
    match random.below(5) {
        0 if !body.is_empty() => body[at] = (random.next() >> 40) as u8,
        1 => body.insert(at, *random.pick(b"\"\\{}[]:, \n\0\x1f\x7f\x80\xff")),
        2 if !body.is_empty() => drop(body.remove(at)),
        3 => {
            let end = (at + random.below(24)).min(body.len());
            let piece = body[at..end].to_vec();
            let to = random.below(body.len());
            body.splice(to..to, piece);
        }
        _ => body.truncate(at.max(1)),
    }
}

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
    let resources = json!({ "file:///a*": {}, "*": { "action": "deny" } });
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

/// Returns the headers of a request, most often ordinary ones.
fn headers(random: &mut Random) -> Headers {
    let mut headers = vec![
        (":method", "POST"),
        (":path", "/mcp"),
        (":authority", "a"),
        ("content-type", "application/json"),
    ];
    if random.below(3) == 0 {
        let (name, values) = *random.pick(&HEADERS);
        let value = *random.pick(values);
        match headers
            .iter_mut()
            .find(|(known, _)| *known == name)
            .filter(|_| name.starts_with(':') || value.len() % 2 == 0)
        {
            Some(header) => header.1 = value,
            None => headers.push((name, value)),
        }
    }
    if random.below(2) == 0 {
        headers
            .push(("x-agent", *random.pick(&["bot", "bot,eve", "eve", "", " bot", "bo\u{7f}t", "b\u{f6}t"])));
    }
    headers.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
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

/// Returns a record without the id of its verdict.
fn without_id(record: &str) -> String {
    let mut value: serde_json::Value =
        serde_json::from_str(record).unwrap_or_else(|error| json!(format!("{error}: {record}")));
    if let Some(members) = value.as_object_mut() {
        members.remove("id");
    }
    value.to_string()
}

/// Compares so many requests under each policy. Returns whether all verdicts and records are the same.
///
/// # Errors
/// The module cannot be read, or traps.
pub fn run(module: &str, count: usize, seed: u64) -> Result<bool, Box<dyn Error>> {
    let engine = Engine::new(&Metered::of(&std::fs::read(module)?)?)?;
    let mut random = Random(seed.max(1));
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
            if outcome != expected || without_id(&record) != without_id(&recorded) {
                println!("{text}\n  module  {outcome:?} {record}\n  machine {expected:?} {recorded}");
                return Ok(false);
            }
        }
    }
    println!("{passed} passed and {refused} refused requests: the module and this machine agree");
    Ok(true)
}
