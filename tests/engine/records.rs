//! The record of every request: what it contains, that it agrees with the answer, and that text from callers
//! cannot break out of it.

use std::num::NonZeroU32;
use std::sync::Arc;

use mcp_policy_engine::guard::{self, Admission, Conclusion, FixedEnvironment, Request, Step, Verdict};
use mcp_policy_engine::identity::{Caller, Credentials, Principal};
use mcp_policy_engine::json as strict;
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::policy::{Certificate, Policy};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const NOW_NS: u64 = 1_800_000_000_000_000_000;
const ID: &str = "0123456789abcdef0123456789abcdef";

/// The maximum size of a record in bytes, without names from the policy and, with `"full"`, arguments.
const BOUND: usize = 20 * 1024;

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
        let mut request = Request::new(Arc::clone(&self.policy), headers.clone(), ID.to_owned());
        match &self.caller {
            Some(caller) => request.caller = caller.clone(),
            None => request.identify(&Nothing, Some(NOW_NS)).expect("shadow mode refuses no caller"),
        }
        let environment = FixedEnvironment { store: &self.store, places: &self.places, now_ns: NOW_NS };
        let step = match guard::admit(policy, headers) {
            Admission::Pass => return None,
            Admission::Refuse(denial) => Step::Conclude(request.refuse(denial)),
            Admission::Bodiless => Step::Conclude(request.pass()),
            Admission::Read if body.len() > policy.max_body_bytes => {
                Step::Conclude(request.refuse(guard::too_large(policy)))
            }
            Admission::Read => match request.start_case(body, &environment) {
                Step::Change(_, changing) => changing.done(&request, Ok(()), &environment),
                step => step,
            },
        };
        Some(match step {
            Step::Ask(asking) => Taken { record: asking.record().to_owned(), verdict: None },
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
    let told = keys.iter().filter(|key| !key.starts_with("arguments") && *key != "approval");
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
        "target": null, "grant": "default", "principal": null, "session": null, "request": null,
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

fn counter(name: &str, used: impl Into<Value>, max: impl Into<Value>, resets_in: u64) -> Value {
    json!({ "counter": name, "used": used.into(), "max": max.into(), "resets_in": resets_in })
}

#[test]
fn every_request_with_a_body_leaves_a_record() {
    let empty = sha256(b"{}");
    let deny = |code: &str, rule: &str| json!({ "decision": "deny", "code": code, "rule": rule });
    let with = |mut record: Value, more: Value| {
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    };
    let tool = |name: &str| json!({ "method": "tools/call", "target": name, "request": 7, "arguments_sha256": empty });
    for (more, body, expected) in [
        // Tool calls.
        (&[][..], call("safe", "{}"), with(tool("safe"), json!({ "rule": "tools.safe" }))),
        (&[], call("get_x", "{}"), with(tool("get_x"), json!({ "rule": "tools.get_*" }))),
        (&[], call("danger", "{}"), with(tool("danger"), deny("denied", "tools.danger"))),
        (&[], call("other", "{}"), with(tool("other"), deny("not_listed", "default"))),
        (&[], call("secret_x", "{}"), with(tool("secret_x"), deny("hidden", "hide[0]"))),
        (
            &[],
            call("asked", "{}"),
            with(
                with(tool("asked"), deny("approval_required", "tools.asked")),
                json!({ "approval": { "id": null, "outcome": "asked" } }),
            ),
        ),
        (
            &[],
            call("tried", "{}"),
            with(tool("tried"), json!({ "decision": "would_deny", "code": "denied", "rule": "tools.tried" })),
        ),
        (
            &[],
            call("pay", r#"{"amount": "5"}"#),
            with(
                tool("pay"),
                with(
                    deny("arguments_invalid", "tools.pay.limits[1]"),
                    json!({ "arguments_sha256": sha256(br#"{"amount": "5"}"#) }),
                ),
            ),
        ),
        // Other methods.
        (
            &[],
            message(r#""id":"a","#, "resources/read", r#"{"uri":"file:///docs/a"}"#),
            json!({ "method": "resources/read", "target": "file:///docs/a", "request": "a",
                    "rule": "resources.file:///docs/*" }),
        ),
        (
            &[],
            message(r#""id":-7,"#, "resources/read", r#"{"uri":"file:///etc"}"#),
            with(
                deny("not_listed", "default"),
                json!({ "method": "resources/read", "target": "file:///etc", "request": -7 }),
            ),
        ),
        (
            &[],
            message(r#""id":1,"#, "prompts/get", r#"{"name":"greet"}"#),
            json!({ "method": "prompts/get", "target": "greet", "request": 1, "rule": "prompts.greet" }),
        ),
        (&[], message(r#""id":1,"#, "tools/list", "{}"), json!({ "method": "tools/list", "request": 1 })),
        (
            &[],
            message(r#""id":1,"#, "x/own", "{}"),
            json!({ "method": "x/own", "request": 1, "rule": "methods.x/own" }),
        ),
        (
            &[],
            message(r#""id":1,"#, "logging/setLevel", "{}"),
            with(
                deny("denied", "methods.logging/setLevel"),
                json!({ "method": "logging/setLevel", "request": 1 }),
            ),
        ),
        // Messages that get no answer.
        (
            &[],
            message("", "notifications/initialized", "{}"),
            json!({ "method": "notifications/initialized" }),
        ),
        (
            &[],
            message("", "tools/call", r#"{"name":"danger"}"#),
            with(deny("denied", "tools.danger"), json!({ "method": "tools/call", "target": "danger" })),
        ),
        (&[], r#"{"jsonrpc":"2.0","id":3,"result":{}}"#.to_owned(), json!({ "request": 3 })),
        // Values from headers.
        (
            &[("mcp-session-id", "s3cret"), ("mcp-protocol-version", "2025-06-18"), ("x-request-id", "r-1")],
            call("safe", "{}"),
            with(
                tool("safe"),
                json!({ "rule": "tools.safe", "session": &sha256(b"s3cret")[..16], "protocol": "2025-06-18",
                        "request_id": "r-1" }),
            ),
        ),
        (
            &[("mcp-method", "tools/list"), ("x-request-id", "r-1"), ("x-request-id", "r-2")],
            call("safe", "{}"),
            with(deny("headers_disagree", "protocol"), json!({ "request": 7 })),
        ),
        // Bodies that are not a message.
        (&[], "{".to_owned(), deny("invalid_request", "protocol")),
        (&[], String::new(), deny("invalid_request", "protocol")),
        (&[], format!("[{}]", call("safe", "{}")), deny("invalid_request", "protocol")),
        (
            &[],
            message(r#""id":7,"#, "tools/call", "{}"),
            with(deny("invalid_request", "protocol"), json!({ "request": 7 })),
        ),
        (&[], " ".repeat(4001), deny("too_large", "max_body_bytes")),
        (&[("content-encoding", "gzip")], call("safe", "{}"), deny("unsupported_media_type", "protocol")),
        (&[("upgrade", "websocket")], call("safe", "{}"), deny("invalid_request", "protocol")),
    ] {
        let guard = Guard::new(&document());
        let headers = [POST, more].concat();
        expect(&guard, &guard.record(&pairs(&headers), body.as_bytes()), &expected);
    }
}

#[test]
fn requests_without_a_body_leave_a_record_unless_they_are_exempt() {
    let guard = Guard::new(&document());
    for (method, refused) in
        [("GET", false), ("DELETE", false), ("OPTIONS", false), ("PUT", true), ("get", true)]
    {
        let headers = [(":method", method), (":path", "/mcp"), ("mcp-session-id", "s3cret")];
        let mut expected = json!({ "session": &sha256(b"s3cret")[..16] });
        if refused {
            expected["decision"] = json!("deny");
            expected["code"] = json!("method_not_allowed");
            expected["rule"] = json!("protocol");
        }
        expect(&guard, &guard.record(&pairs(&headers), b""), &expected);
        let exempt = fields(&pairs(&[(":method", method), (":path", "/healthz?x")]));
        assert_eq!(guard.take(&exempt, b"anything"), None, "{method}");
    }
}

#[test]
fn counters_show_what_is_used_and_when_they_reset() {
    let guard = Guard::new(&document());
    let record = |tool: &str, arguments: &str| {
        let record = guard.record(&pairs(POST), call(tool, arguments).as_bytes());
        (record["decision"].as_str().unwrap().to_owned(), record["rule"].clone(), record["counters"].clone())
    };
    // A minute and a tenth of an hour begin at NOW_NS; 2,880 seconds of a tenth of a day have passed.
    for (tool, arguments, decision, rule, counters) in [
        ("few", "{}", "allow", "tools.few", json!([counter("few", 1, 2, 3960)])),
        ("few", "{}", "allow", "tools.few", json!([counter("few", 2, 2, 3960)])),
        ("few", "{}", "deny", "tools.few.limits[0]", json!([counter("few", 2, 2, 3960)])),
        (
            "pay",
            r#"{"amount":0.25}"#,
            "allow",
            "tools.pay",
            json!([counter("calls", 1, 5, 60), counter("spend", 0.25, 50.5, 92_160)]),
        ),
        (
            "pay",
            r#"{"amount":50}"#,
            "allow",
            "tools.pay",
            json!([counter("calls", 2, 5, 60), counter("spend", 50.25, 50.5, 92_160)]),
        ),
        // A refused call charges none of them.
        (
            "pay",
            r#"{"amount":1}"#,
            "deny",
            "tools.pay.limits[1]",
            json!([counter("calls", 2, 5, 60), counter("spend", 50.25, 50.5, 92_160)]),
        ),
        ("soft", "{}", "allow", "tools.soft", json!([counter("soft", 1, 1, 66)])),
        ("soft", "{}", "would_deny", "tools.soft.limits[0]", json!([counter("soft", 1, 1, 66)])),
        ("safe", "{}", "allow", "tools.safe", json!([])),
    ] {
        assert_eq!(
            record(tool, arguments),
            (decision.to_owned(), json!(rule), counters),
            "{tool} {arguments}"
        );
    }
}

#[test]
fn in_shadow_mode_the_record_says_what_would_have_happened() {
    let guard = Guard::new(&document_with(&json!({ "mode": "shadow" })));
    let put = [(":method", "PUT"), (":path", "/mcp")];
    for (headers, body, code, rule) in [
        (POST, call("danger", "{}"), "denied", "tools.danger"),
        (POST, call("secret_x", "{}"), "hidden", "hide[0]"),
        (POST, "{".to_owned(), "invalid_request", "protocol"),
        (POST, " ".repeat(4001), "too_large", "max_body_bytes"),
        (&put, String::new(), "method_not_allowed", "protocol"),
    ] {
        let record = guard.record(&pairs(headers), body.as_bytes());
        let told = [&record["decision"], &record["code"], &record["rule"]];
        assert_eq!(told, ["would_deny", code, rule], "{body}");
    }
    for (used, decision) in [(1, "allow"), (2, "allow"), (2, "would_deny")] {
        let record = guard.record(&pairs(POST), call("few", "{}").as_bytes());
        assert_eq!((&record["decision"], &record["counters"][0]["used"]), (&json!(decision), &json!(used)));
    }
    let grants = json!([{ "name": "ci", "match": [{ "header": "ci" }] }]);
    let identity = json!([{ "header": { "name": "x-agent-id" } }]);
    let shadowed = json!({ "mode": "shadow", "grants": grants, "identity": identity });
    let mut guard = Guard::new(&document_with(&shadowed));
    guard.caller = None;
    for (headers, body) in [(POST, call("safe", "{}")), (&[(":method", "GET")][..], String::new())] {
        let record = guard.record(&pairs(headers), body.as_bytes());
        let told = [&record["decision"], &record["code"], &record["rule"]];
        assert_eq!(told, ["would_deny", "unauthenticated", "identity"]);
    }
}

#[test]
fn records_name_callers_and_contain_no_credentials() {
    let grants = json!([{ "name": "ci", "match": "any" }]);
    let mut guard = Guard::new(&document_with(&json!({ "grants": grants })));
    let digest = sha256(b"key");
    for (principal, name) in [
        (Principal::Jwt("ci@corp.example".to_owned()), "ci@corp.example".to_owned()),
        (Principal::Mtls("spiffe://corp/ci/1".to_owned()), "spiffe://corp/ci/1".to_owned()),
        (Principal::Header("agent 7".to_owned()), "agent 7".to_owned()),
        (Principal::ApiKey(digest.clone()), format!("sha256:{}", &digest[..16])),
    ] {
        let claims = Some(r#"{"team":"cl4im"}"#.to_owned());
        guard.caller = Some(Caller { grant: Some(0), principal: Some(principal), claims });
        let record = guard.record(&pairs(POST), call("safe", "{}").as_bytes());
        assert_eq!([&record["grant"], &record["principal"]], ["ci", &*name]);
        assert!(!record.to_string().contains("cl4im"));
    }
}

#[test]
fn arguments_are_recorded_as_the_policy_says() {
    let sent =
        "{ \"b\" : [1.50, 9007199254740993,\n\"p\u{e4}ss\\u0077ord\\u0000\u{85}\u{2028}\"], \"a\":{} }";
    let read_under = |audit: Value| {
        let guard = Guard::new(&document_with(&json!({ "audit": audit })));
        let headers = fields(&pairs(POST));
        guard.record(&pairs(POST), call("safe", sent).as_bytes());
        guard.take(&headers, call("safe", sent).as_bytes()).unwrap().record
    };
    let read = |arguments: &str| read_under(json!({ "arguments": arguments }));
    let (hash, full, none) = (read("hash"), read("full"), read("none"));
    let (sha256_by_name, blake3) =
        (read_under(json!({ "digest": "sha256" })), read_under(json!({ "digest": "blake3" })));
    assert!(hash.contains(&format!(r#""arguments_sha256":"{}""#, sha256(sent.as_bytes()))), "{hash}");
    assert!(sha256_by_name.contains(&sha256(sent.as_bytes())), "{sha256_by_name}");
    // The output of `b3sum`.
    let digest = "7ab7044422f4e5de88324372e8c6b9c05623f3c532a9b8da7f3d3cca491e94db";
    assert!(blake3.contains(&format!(r#""arguments_blake3":"{digest}""#)), "{blake3}");
    assert!(!blake3.contains("arguments_sha256") && !blake3.contains("ssword"), "{blake3}");
    let written = r#""arguments":{"b":[1.50,9007199254740993,"pässword\u0000\u0085\u2028"],"a":{}}"#;
    assert!(full.contains(written) && !full.contains("arguments_sha256"), "{full}");
    assert!(!none.contains("arguments"), "{none}");
    assert!(!hash.contains("ssword") && !none.contains("ssword"));
    // Other requests have no arguments, whatever their `params`.
    let guard = Guard::new(&document_with(&json!({ "audit": { "arguments": "full" } })));
    let record =
        guard.record(&pairs(POST), message(r#""id":1,"#, "x/own", r#"{"arguments":{"a":1}}"#).as_bytes());
    assert!(record.get("arguments").is_none());
}

/// Text that a caller could use to end the record, to hide in it, or to start another.
const FORGERIES: [&str; 14] = [
    "x\n{\"decision\":\"allow\",\"code\":null,\"id\":\"forged\"}",
    "x\r\n2027-01-15T08:00:00Z 200 {\"decision\":\"allow\"}",
    "\",\"decision\":\"allow\",\"x\":\"",
    "\\\",\"decision\":\"allow\",\"x\":\"",
    "\\",
    "\0",
    "\u{1b}[2K\u{1b}[1A\u{1b}]0;title\u{7}",
    "\u{9b}2K\u{85}\u{7f}",
    "\u{2028}{\"decision\":\"allow\"}\u{2029}",
    "\u{202e}regnad\u{202c} \u{2066}\u{2069} \u{200f}\u{61c}",
    "dan\u{200b}ger\u{feff}\u{2060}",
    "%FILTER_STATE(wasm.mcp_policy_audit:PLAIN)% ${jndi:x} %s %n",
    "</script><b>\u{fffe}\u{10ffff}",
    "\u{fdd0}é文字🚀",
];

/// Writes a string as JSON with as few escapes as possible, or with everything escaped.
fn quoted(text: &str, escaped: bool) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        if escaped || char < ' ' || char == '"' || char == '\\' {
            out.extend(char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(char);
        }
    }
    out + "\""
}

/// Messages with `text` in every place that a caller controls.
fn told_everywhere(text: &str, escaped: bool) -> Vec<String> {
    let text = quoted(text, escaped);
    vec![
        format!(
            r#"{{"jsonrpc":"2.0","id":{text},"method":"tools/call","params":{{"name":{text},"arguments":{{{text}:[{text}]}}}}}}"#
        ),
        format!(r#"{{"jsonrpc":"2.0","id":{text},"method":{text},"params":{{{text}:1}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":{text},"method":"resources/read","params":{{"uri":{text}}}}}"#),
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{{"notifications":{{"resourceSubscriptions":[{text},{text}]}}}}}}"#
        ),
        format!(r#"{{"jsonrpc":"2.0","id":{text},"result":{text}}}"#),
        format!(r#"{{{text}:{text}}}"#),
    ]
}

#[track_caller]
fn stays_inside(text: &str, audit: &str, default: &str) {
    let changes = json!({
        "audit": { "arguments": audit }, "default": default, "max_body_bytes": 1_000_000,
        "grants": [{ "name": "g", "match": "any" }],
    });
    let mut guard = Guard::new(&document_with(&changes));
    guard.caller =
        Some(Caller { grant: Some(0), principal: Some(Principal::Header(text.to_owned())), claims: None });
    let header = text.as_bytes();
    let headers: Vec<(&str, &[u8])> =
        [&pairs(POST)[..], &[("mcp-session-id", header), ("x-request-id", header)]].concat();
    for escaped in [false, true] {
        for body in told_everywhere(text, escaped) {
            let record = guard.record(&headers, body.as_bytes());
            assert_eq!(record["id"], ID);
            assert!(audit == "full" || record.to_string().len() <= BOUND);
            let length = guard.take(&fields(&headers), body.as_bytes()).unwrap().record.len();
            assert!(length <= BOUND + if audit == "full" { 6 * body.len() } else { 0 }, "{length}");
            let short = text.chars().count() <= 512;
            for told in ["target", "principal", "request_id"] {
                if let Some(told) = record[told].as_str().filter(|_| short) {
                    assert!(
                        told == text || told == format!("{text} {text}") || told.ends_with('…'),
                        "{told:?}"
                    );
                }
            }
            let version = [&headers[..], &[("mcp-protocol-version", header)]].concat();
            guard.record(&version, body.as_bytes());
        }
    }
}

#[test]
fn text_from_a_caller_cannot_break_out_of_its_record() {
    for text in FORGERIES {
        for (audit, default) in [("hash", "deny"), ("full", "allow"), ("none", "deny")] {
            stays_inside(text, audit, default);
        }
    }
}

#[test]
fn the_size_of_a_record_is_bounded() {
    for text in ["\u{7f}", "\u{2028}", "\u{85}", "🚀", "\"", "\u{1}", "x"] {
        for times in [512, 3_000] {
            stays_inside(&text.repeat(times), "hash", "deny");
        }
    }
    let guard = Guard::new(&document_with(&json!({ "max_body_bytes": 1_000_000 })));
    let long = "x".repeat(512);
    let body =
        |id: &str| message(&format!("\"id\":\"{id}\","), "tools/call", &format!(r#"{{"name":"{id}"}}"#));
    // Cut texts are marked, so that they are not mistaken for other names.
    for (sent, told) in [
        (long.clone(), long.clone()),
        (format!("{long}x"), format!("{long}…")),
        (format!("{long}y"), format!("{long}…")),
    ] {
        let record = guard.record(&pairs(POST), body(&sent).as_bytes());
        assert_eq!([&record["target"], &record["request"]], [&json!(told); 2]);
    }
}

#[test]
fn header_values_that_are_not_text_are_recorded_as_far_as_they_are_readable() {
    let guard = Guard::new(&document());
    let bytes: &[u8] = b"a\xff\xc3\x28\xed\xa0\x80\x9b\nb";
    let headers = [
        &pairs(POST)[..],
        &[("x-request-id", bytes), ("mcp-session-id", bytes), ("mcp-protocol-version", bytes)],
    ]
    .concat();
    let record = guard.record(&headers, call("safe", "{}").as_bytes());
    assert_eq!(record["request_id"], String::from_utf8_lossy(bytes).as_ref());
    assert_eq!(record["protocol"], record["request_id"]);
    assert_eq!(record["session"], sha256(bytes)[..16]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_stays_inside_its_record(text in proptest::collection::vec(any::<char>(), 0..40), full in any::<bool>()) {
        let text: String = text.into_iter().collect();
        stays_inside(&text, if full { "full" } else { "hash" }, "deny");
    }

    #[test]
    fn arbitrary_header_bytes_stay_inside_their_record(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
        let guard = Guard::new(&document());
        let names = ["x-request-id", "mcp-session-id", "mcp-protocol-version", "mcp-name", "mcp-method", "content-type", ":path", ":method"];
        for name in names {
            let mut headers = pairs(POST);
            headers.retain(|(known, _)| *known != name);
            headers.push((name, &bytes));
            guard.record(&headers, call("safe", "{}").as_bytes());
        }
    }
}
