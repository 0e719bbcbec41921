//! What records hold of counters, callers and arguments.

use mcp_policy_engine::identity::{Caller, Principal};
use serde_json::{Value, json};

use super::{Guard, POST, call, document, document_with, fields, message, pairs, sha256};

fn counter(name: &str, used: impl Into<Value>, max: impl Into<Value>, resets_in: u64) -> Value {
    json!({ "counter": name, "used": used.into(), "max": max.into(), "resets_in": resets_in })
}

#[test]
fn counters_show_what_is_used_and_when_they_reset() {
    let guard = Guard::new(&document());
    let record = |tool: &str, arguments: &str| {
        let record = guard.record(&pairs(POST), call(tool, arguments).as_bytes());
        (record["decision"].as_str().unwrap().to_owned(), record["rule"].clone(), record["counters"].clone())
    };
    // A minute and a 25th of an hour begin at NOW_NS; 1,152 seconds of a 25th of a day have passed.
    for (tool, arguments, decision, rule, counters) in [
        ("few", "{}", "allow", "tools.few", json!([counter("few", 1, 2, 3744)])),
        ("few", "{}", "allow", "tools.few", json!([counter("few", 2, 2, 3744)])),
        ("few", "{}", "deny", "tools.few.limits[0]", json!([counter("few", 2, 2, 3744)])),
        (
            "pay",
            r#"{"amount":0.25}"#,
            "allow",
            "tools.pay",
            json!([counter("calls", 1, 5, 60), counter("spend", 0.25, 50.5, 88_704)]),
        ),
        (
            "pay",
            r#"{"amount":50}"#,
            "allow",
            "tools.pay",
            json!([counter("calls", 2, 5, 60), counter("spend", 50.25, 50.5, 88_704)]),
        ),
        // A refused call charges none of them.
        (
            "pay",
            r#"{"amount":1}"#,
            "deny",
            "tools.pay.limits[1]",
            json!([counter("calls", 2, 5, 60), counter("spend", 50.25, 50.5, 88_704)]),
        ),
        ("soft", "{}", "allow", "tools.soft", json!([counter("soft", 1, 1, 63)])),
        ("soft", "{}", "would_deny", "tools.soft.limits[0]", json!([counter("soft", 1, 1, 63)])),
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
