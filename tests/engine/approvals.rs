//! What an approval is bound to: which edits of a policy make another call of a call.

use mcp_policy_engine::approval::Bound;
use mcp_policy_engine::decide;
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::json;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::message::{Body, Message};
use mcp_policy_engine::policy::Policy;
use proptest::prelude::*;
use proptest::sample::select;
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

// Properties over generated documents.

const KEYS: [&str; 5] = ["*", "a*", "ab*", "ab", "b*"];
const TOOLS: [&str; 4] = ["ab", "abc", "ax", "b"];

fn rule() -> impl Strategy<Value = Value> {
    select(vec![
        json!({}),
        json!({ "action": "require_approval" }),
        json!({ "action": "require_approval", "reason": "x" }),
        json!({ "action": "require_approval", "reason": "y" }),
        json!({ "limits": [{ "counter": "c", "window": "hour", "max": 1 }] }),
        json!({ "rate_limit": { "window": "hour", "max": 1 } }),
        json!({ "arguments": { "type": "object" } }),
        json!({ "deny_if": [{ "path": "args.a", "op": "eq", "value": 1 }] }),
        json!({ "mode": "shadow", "action": "deny" }),
    ])
}

fn entry() -> impl Strategy<Value = Value> {
    let name = select(vec![json!("one"), json!("two")]);
    let element = prop_oneof![rule(), name];
    prop_oneof![element.clone(), prop::collection::vec(element, 1..3).prop_map(Value::from)]
}

fn tools() -> impl Strategy<Value = Value> {
    prop::collection::vec((select(&KEYS[..]), entry()), 0..4).prop_map(|entries| {
        Value::Object(entries.into_iter().map(|(key, entry)| (key.to_owned(), entry)).collect())
    })
}

fn documents() -> impl Strategy<Value = Value> {
    (rule(), rule(), tools(), tools(), prop::option::of(entry())).prop_map(
        |(one, two, tools, granted, all)| {
            let mut document = json!({
                "version": "1", "default": "allow", "description": "x", "approvals": { "cluster": "a" },
                "rules": { "one": one, "two": two }, "tools": tools,
                "grants": [{ "name": "g", "match": "any", "default": "allow", "tools": granted }],
            });
            if let Some(all) = all {
                document["all_tools"] = all;
            }
            document
        },
    )
}

fn edits() -> impl Strategy<Value = (String, Value)> {
    let key = select(&KEYS[..]);
    prop_oneof![
        Just(("/description".to_owned(), json!("y"))),
        Just(("/denials".to_owned(), json!("error"))),
        (select(vec!["/rules/one", "/rules/two"]), rule()).prop_map(|(place, rule)| (place.to_owned(), rule)),
        (key.clone(), prop_oneof![entry(), Just(Value::Null)])
            .prop_map(|(key, entry)| (format!("/tools/{key}"), entry)),
        (key, prop_oneof![entry(), Just(Value::Null)])
            .prop_map(|(key, entry)| (format!("/grants/0/tools/{key}"), entry)),
        prop_oneof![entry(), Just(Value::Null)].prop_map(|entry| ("/all_tools".to_owned(), entry)),
    ]
}

/// Returns what the document says about a tool: the deciding entry and its rules, found without the engine.
fn deciding(document: &Value, tool: &str) -> Value {
    let fits =
        |key: &str| key == tool || key.strip_suffix('*').is_some_and(|prefix| tool.starts_with(prefix));
    let resolve = |name: &str, entry: &Value| {
        let elements = entry.as_array().cloned().unwrap_or_else(|| vec![entry.clone()]);
        let resolved = elements.into_iter().map(|element| match element.as_str() {
            Some(named) => json!([named, document["rules"][named]]),
            None => json!([name, element]),
        });
        Value::from(resolved.collect::<Vec<_>>())
    };
    let layer = |layer: &Value| {
        let entries = layer["tools"].as_object().cloned().unwrap_or_default();
        let best = entries
            .iter()
            .filter(|(key, _)| fits(key))
            .max_by_key(|(key, _)| (*key == tool, key.chars().filter(|char| *char != '*').count()));
        let own = best.map_or(json!("default"), |(key, entry)| json!([key, resolve(key, entry)]));
        let all = layer.get("all_tools").map_or(json!([]), |all| resolve("all_tools", all));
        json!([own, all])
    };
    json!([layer(document), layer(&document["grants"][0])])
}

proptest! {
    #[test]
    fn a_call_stays_the_same_exactly_while_the_deciding_rules_do(
        document in documents(),
        edits in prop::collection::vec(edits(), 1..3),
        tool in select(&TOOLS[..]),
    ) {
        let mut after = document.clone();
        for (pointer, value) in &edits {
            after = edited(&after, pointer, value);
        }
        let digest = |document: &Value| digest_of(document, &call(tool), Some(0));
        let (Some(first), Some(second)) = (digest(&document), digest(&after)) else {
            return Err(TestCaseError::reject("not a valid document"));
        };
        prop_assert_eq!(first == second, deciding(&document, tool) == deciding(&after, tool));
    }
}
