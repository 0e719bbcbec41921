//! Text from callers cannot break out of its record, and the size of a record is bounded.

use mcp_policy_engine::identity::{Caller, Principal};
use proptest::prelude::*;
use serde_json::json;

use super::{Guard, ID, POST, call, document, document_with, fields, message, pairs, sha256};

/// The maximum size of a record in bytes, without names from the policy and, with `"full"`, arguments.
const BOUND: usize = 20 * 1024;

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
    guard.caller = Some(Caller {
        grant: Some(0),
        principal: Some(Principal::Header(text.to_owned())),
        ..Caller::default()
    });
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
