//! Which requests leave a record, and the decision in it.

use serde_json::{Value, json};

use super::{Guard, POST, call, document, document_with, expect, fields, message, pairs, sha256};

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
