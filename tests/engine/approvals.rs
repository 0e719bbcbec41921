//! What an approval is bound to: which edits of a policy make another call of a call.

mod generated;

use mcp_policy_engine::approval::Bound;
use mcp_policy_engine::decide;
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::json;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::message::{Body, Message};
use mcp_policy_engine::policy::Policy;
use serde_json::{Value, json};

/// Returns the digest of the rules that decide on a request under a document; `None` if the document is not
/// valid.
fn digest_of(document: &Value, request: &Value, grant: Option<usize>) -> Option<String> {
    let policy = Policy::from_bytes(document.to_string().as_bytes()).ok()?;
    let body = request.to_string();
    let document = json::read(body.as_bytes()).unwrap();
    let message = Message::read(&document, &Headers::default()).unwrap();
    let Body::Call(call) = &message.body else { panic!("{request}") };
    Some(decide::digest(&policy, &Caller { grant, ..Caller::default() }, call).unwrap())
}

fn call(tool: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": {} } })
}

fn document() -> Value {
    json!({
        "version": "1",
        "server": "crm",
        "description": "before",
        "approvals": { "cluster": "approvals" },
        "rules": {
            "paid": { "action": "require_approval", "reason": "it pays" },
            "other": { "reason": "unused here" },
        },
        "all_tools": { "deny_if": [{ "path": "args.force", "op": "eq", "value": true }] },
        "tools": {
            "pay_*": ["paid", { "limits": [{ "counter": "pay", "window": "hour", "max": 5 }] }],
            "get_*": {},
        },
        "resources": { "memo://*": { "action": "require_approval" } },
        "prompts": { "plan": { "action": "require_approval" } },
        "grants": [
            { "name": "eve", "match": "any", "tools": { "pay_*": { "reason": "eve pays" } } },
            { "name": "all", "match": "any", "tools": { "*": {} } },
        ],
    })
}

/// Returns a document with one value changed. A pointer to a member that is absent adds it; null removes it.
fn edited(document: &Value, pointer: &str, value: &Value) -> Value {
    let mut edited = document.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    match edited.pointer_mut(parent) {
        Some(Value::Object(members)) if value.is_null() => drop(members.remove(&key)),
        Some(Value::Object(members)) => drop(members.insert(key, value.clone())),
        Some(Value::Array(list)) => list[key.parse::<usize>().unwrap()] = value.clone(),
        _ => {}
    }
    edited
}

#[track_caller]
fn digest(document: &Value, tool: &str) -> String {
    digest_of(document, &call(tool), Some(0)).expect("the document is valid")
}

#[test]
fn an_edit_outside_the_deciding_rules_makes_no_other_call() {
    let before = digest(&document(), "pay_invoice");
    for (pointer, value) in [
        ("/description", json!("after")),
        ("/description", json!(null)),
        ("/denials", json!("http")),
        ("/audit", json!({ "arguments": "full" })),
        ("/max_body_bytes", json!(5000)),
        ("/exempt_paths", json!(["/health"])),
        ("/counters", json!({ "capacity": 5 })),
        ("/default", json!("allow")),
        ("/hide", json!(["secret_*"])),
        ("/methods", json!({ "x/y": "allow" })),
        ("/approvals/expires_seconds", json!(60)),
        ("/identity", json!([{ "header": { "name": "x-agent" } }])),
        ("/rules/other", json!(null)),
        ("/rules/other/reason", json!("changed")),
        ("/rules/more", json!({ "action": "deny" })),
        ("/tools/get_*", json!({ "action": "deny" })),
        ("/tools/get_*", json!(null)),
        ("/tools/pay_salary", json!({ "action": "deny" })),
        ("/tools/*", json!({ "action": "deny" })),
        ("/resources/memo:~1~1*/reason", json!("x")),
        ("/prompts/plan", json!(null)),
        ("/grants/1", json!({ "name": "none", "match": "any" })),
        ("/grants/0/expires", json!("2030-01-01T00:00:00Z")),
        ("/grants/0/tools/other", json!({})),
        ("/grants/0/default", json!("allow")),
    ] {
        let after = edited(&document(), pointer, &value);
        assert_ne!(after, document(), "{pointer}");
        assert_eq!(digest(&after, "pay_invoice"), before, "{pointer} {value}");
    }
    // Another notation, another order of keys and white space.
    let spelled =
        document().to_string().replace("\"max\":5", " \"max\" : 5.0").replace("it pays", "it p\\u0061ys");
    let policy = serde_json::from_str(&spelled).unwrap();
    assert_eq!(digest(&policy, "pay_invoice"), before);
}

#[test]
fn an_edit_of_the_deciding_rules_makes_another_call() {
    let before = digest(&document(), "pay_invoice");
    for (pointer, value) in [
        ("/rules/paid/reason", json!("it pays twice")),
        ("/rules/paid/reason", json!(null)),
        ("/rules/paid/arguments", json!({ "type": "object" })),
        ("/rules/paid/require", json!([{ "path": "args.a", "op": "exists" }])),
        ("/rules/paid/mode", json!("enforce")),
        ("/tools/pay_*", json!("paid")),
        ("/tools/pay_*", json!([{ "limits": [{ "counter": "pay", "window": "hour", "max": 5 }] }, "paid"])),
        ("/tools/pay_*/0", json!("other")),
        ("/tools/pay_*/1/limits/0/max", json!(6)),
        ("/tools/pay_*/1/limits/0/window", json!("minute")),
        ("/tools/pay_*/1/limits/0/counter", json!("spend")),
        ("/tools/pay_*/1/reason", json!("x")),
        (
            "/tools/pay_invoice",
            json!(["paid", { "limits": [{ "counter": "pay", "window": "hour", "max": 5 }] }]),
        ),
        ("/tools/pay_i*", json!("paid")),
        ("/tools/pay_*", json!(null)),
        ("/all_tools", json!(null)),
        ("/all_tools/deny_if/0/value", json!(false)),
        ("/all_tools", json!([{ "deny_if": [{ "path": "args.force", "op": "eq", "value": true }] }, {}])),
        ("/grants/0/tools/pay_*/reason", json!("eve pays often")),
        ("/grants/0/tools/pay_invoice", json!({ "reason": "eve pays" })),
        ("/grants/0/tools", json!(null)),
        ("/grants/0/all_tools", json!({})),
    ] {
        let after = edited(&document(), pointer, &value);
        assert_ne!(after, document(), "{pointer}");
        assert_ne!(digest(&after, "pay_invoice"), before, "{pointer} {value}");
    }
    // Two numbers that are one double are still two numbers.
    let with = |number: &str| {
        let text = document().to_string().replace(r#""value":true"#, &format!(r#""value":{number}"#));
        let policy = Policy::from_bytes(text.as_bytes()).unwrap();
        let body = call("pay_invoice").to_string();
        let document = json::read(body.as_bytes()).unwrap();
        let message = Message::read(&document, &Headers::default()).unwrap();
        let Body::Call(call) = &message.body else { panic!() };
        decide::digest(&policy, &Caller::default(), call).unwrap()
    };
    assert_ne!(with("9007199254740992"), with("9007199254740993"));
}

#[test]
fn prompts_and_resources_are_bound_to_their_own_entries() {
    let request = |method: &str, params: Value| json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    for (request, inside, outside) in [
        (
            request("prompts/get", json!({ "name": "plan" })),
            "/prompts/plan/reason",
            "/resources/memo:~1~1*/reason",
        ),
        (
            request("resources/read", json!({ "uri": "memo://a" })),
            "/resources/memo:~1~1*/reason",
            "/prompts/plan/reason",
        ),
    ] {
        let digest = |document: &Value| digest_of(document, &request, None).unwrap();
        let before = digest(&document());
        assert_ne!(digest(&edited(&document(), inside, &json!("x"))), before);
        assert_eq!(digest(&edited(&document(), outside, &json!("x"))), before);
        assert_eq!(digest(&edited(&document(), "/all_tools", &json!(null))), before, "not a tool");
    }
}

#[test]
fn the_time_zone_counts_for_rules_that_ask_for_the_time() {
    let evening = json!([{ "path": "time.of_day", "op": "gte", "value": "18:00" }]);
    let timed = edited(&document(), "/rules/paid/when", &evening);
    for (document, changes) in [(document(), false), (timed, true)] {
        let moved = edited(&document, "/time_zone", &json!("CET-1"));
        assert_eq!(digest(&document, "pay_invoice") != digest(&moved, "pay_invoice"), changes);
    }
}

#[test]
fn without_approvals_nothing_is_hashed() {
    let document = json!({ "version": "1", "tools": { "a": {} }, "rules": { "b": {} } });
    let policy = Policy::from_bytes(document.to_string().as_bytes()).unwrap();
    assert!(policy.all_rules().chain(&policy.named_rules).all(|rule| rule.digest.is_none()));
}

#[test]
fn a_fingerprint_is_the_digest_of_the_canonical_form() {
    use sha2::Digest as _;
    let bound = Bound {
        server: "crm",
        rules: "00ff",
        grant: "all",
        principal: Some("é\n"),
        source: None,
        tool: "pay",
        arguments: r#"{"a":1}"#,
        params: r#"{"force":true}"#,
        host: Some("mcp.example"),
        path: Some("/mcp?a=\"b\""),
    };
    let hex =
        |text: &str| sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = r#"{"arguments":{"a":1},"grant":"all","host":"mcp.example","params":{"force":true},"path":"/mcp?a=\"b\"","principal":"é\n","rules":"00ff","server":"crm","source":null,"tool":"pay"}"#;
    assert_eq!(bound.fingerprint(), hex(text));
    assert_eq!(bound.call(), hex(&text.replace(r#""rules":"00ff","#, "")));
    // No two members can be exchanged for each other.
    let other = Bound { host: None, path: Some("mcp.example"), ..bound };
    assert_ne!(other.fingerprint(), Bound { host: Some("mcp.example"), path: None, ..bound }.fingerprint());
}
