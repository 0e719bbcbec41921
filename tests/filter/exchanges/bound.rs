//! What an approval is bound to: which differences between two calls make two questions of them.

use super::{envoy, policy_with, with, worker};
use crate::proxy::exchange::{End, Exchange, Sent};
use serde_json::{Value, json};

const ROUTE: [(&str, &str); 3] =
    [(":method", "POST"), (":authority", "mcp.example"), ("content-type", "application/json")];

/// Returns the question about a call of `asked` with these members in its params, under a policy with these
/// members in `approvals`.
#[track_caller]
fn question_under(approvals: &Value, host_and_path: (&str, &str), members: &str) -> Value {
    let proxy = envoy();
    proxy.know("approvals");
    let worker = worker(&proxy, &policy_with(json!({ "approvals": approvals })));
    let (host, path) = host_and_path;
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"asked","arguments":{{"a":1}}{members}}}}}"#
    );
    let mut exchange = Exchange::open(&proxy, Some(&worker));
    let mut headers = with(&ROUTE, &[(":path", path)]);
    headers.retain(|(name, _)| *name != ":authority");
    headers.push((":authority", host));
    exchange.request(&Sent::new(&headers, &[body.as_bytes()], End::WithLast));
    exchange.question().unwrap().1
}

#[track_caller]
fn question(members: &str) -> Value {
    question_under(&json!({ "cluster": "approvals" }), ("mcp.example", "/dev/mcp?team=a"), members)
}

#[test]
fn a_call_at_another_path_or_host_is_another_call() {
    let ask = |host, path| question_under(&json!({ "cluster": "approvals" }), (host, path), "");
    let asked = ask("mcp.example", "/dev/mcp?team=a");
    assert_eq!(
        (&asked["host"], &asked["path"], &asked["params"]),
        (&json!("mcp.example"), &json!("/dev/mcp?team=a"), &json!({}))
    );
    assert_eq!(ask("mcp.example", "/dev/mcp?team=a")["fingerprint"], asked["fingerprint"]);
    let with_port = ask("mcp.example:443", "/dev/mcp?team=a");
    assert_eq!(
        (&with_port["host"], &with_port["fingerprint"]),
        (&json!("mcp.example"), &asked["fingerprint"])
    );
    for (host, path) in [
        ("mcp.example", "/prod/mcp?team=a"),
        ("mcp.example", "/dev/mcp?team=b"),
        ("mcp.example", "/dev/mcp"),
        ("mcp.example", "/dev/mcp/?team=a"),
        ("mcp.example", "/dev/%6dcp?team=a"),
        ("mcp.example", "//dev/mcp?team=a"),
        ("prod.example", "/dev/mcp?team=a"),
        ("mcp.example.", "/dev/mcp?team=a"),
    ] {
        let other = ask(host, path);
        assert_eq!((&other["host"], &other["path"]), (&json!(host), &json!(path)));
        assert_ne!(other["fingerprint"], asked["fingerprint"], "{host}{path}");
    }
}

#[test]
fn every_param_that_the_server_could_act_on_makes_another_call() {
    let asked = question("");
    for (members, shown) in [
        (r#","force":true"#, json!({ "force": true })),
        (r#","force":null"#, json!({ "force": null })),
        (r#","task":{"ttl":60000}"#, json!({ "task": { "ttl": 60000 } })),
        (
            r#","requestState":"s","inputResponses":{"q":{"action":"accept"}}"#,
            json!({ "requestState": "s", "inputResponses": { "q": { "action": "accept" } } }),
        ),
        (r#","_meta":{"dry_run":false}"#, json!({ "_meta": { "dry_run": false } })),
        (
            r#","_meta":{"progressToken":7,"baggage":"tenant=a"},"x":1"#,
            json!({ "x": 1, "_meta": { "baggage": "tenant=a" } }),
        ),
    ] {
        let other = question(members);
        assert_eq!(other["params"], shown);
        assert_eq!(other["arguments"], json!({ "a": 1 }));
        assert_ne!(other["fingerprint"], asked["fingerprint"], "{members}");
    }
    let fingerprint = |members: &str| question(members)["fingerprint"].clone();
    assert_eq!(
        fingerprint(r#","force" : true,"x":{"a":1,"b":2.0}"#),
        fingerprint(r#","x":{"b":2,"\u0061":1e0},"force":true"#),
        "the spelling does not matter"
    );
}

#[test]
fn what_only_describes_one_request_makes_no_other_call() {
    let asked = question("");
    for members in [
        r#","_meta":{}"#,
        r#","_meta":{"progressToken":1}"#,
        r#","_meta":{"progressToken":"b"}"#,
        r#","_meta":{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","tracestate":"a=1"}"#,
        r#","_meta":{"io.modelcontextprotocol/clientInfo":{"name":"a","version":"2"},"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#,
        r#","_meta":{"claudecode/toolUseId":"toolu_1"}"#,
        r#","_meta":{"vscode.conversationId":"c","vscode.requestId":"r"}"#,
    ] {
        let other = question(members);
        assert_eq!(
            (&other["params"], &other["fingerprint"]),
            (&json!({}), &asked["fingerprint"]),
            "{members}"
        );
    }
}

#[test]
fn a_policy_names_the_members_of_meta_that_vary() {
    let ask = |ignored: Value, members: &str| {
        let approvals = json!({ "cluster": "approvals", "ignored_meta": ignored });
        question_under(&approvals, ("mcp.example", "/mcp"), members)["params"].clone()
    };
    let members =
        r#","_meta":{"claudecode/toolUseId":"t","corp/trace.id":1,"corp/tenant":2,"progressToken":3}"#;
    let meta = |meta: Value| json!({ "_meta": meta });
    assert_eq!(
        ask(json!([]), members),
        meta(json!({ "claudecode/toolUseId": "t", "corp/trace.id": 1, "corp/tenant": 2 }))
    );
    assert_eq!(
        ask(json!(["corp/trace.*"]), members),
        meta(json!({ "claudecode/toolUseId": "t", "corp/tenant": 2 }))
    );
    assert_eq!(ask(json!(["*"]), members), json!({}));
}

#[test]
fn the_filters_own_rounds_make_no_other_call() {
    const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}}}}"#;
    for servers in ["", r#","requestState":"s","inputResponses":{"q":{"action":"accept"}}"#] {
        let proxy = envoy();
        proxy.know("approvals");
        let worker = worker(&proxy, &policy_with(json!({ "max_body_bytes": 5000 })));
        let ask = |members: &str| {
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"asked","arguments":{{}}{members},{META}}}}}"#
            );
            let mut exchange = Exchange::open(&proxy, Some(&worker));
            let headers = with(&ROUTE, &[(":path", "/mcp")]);
            exchange.request(&Sent::new(&headers, &[body.as_bytes()], End::WithLast));
            let question = exchange.question().unwrap().1;
            let pending = r#"{"status":"pending","id":"a1","url":"https://a.example/approvals/a1"}"#;
            exchange.answer(Some(("200", pending)));
            let reply: Value = serde_json::from_str(&exchange.reply().unwrap().body).unwrap();
            (
                question["fingerprint"].clone(),
                reply["result"]["requestState"].as_str().expect(&body).to_owned(),
            )
        };
        let (first, mut state) = ask(servers);
        for responses in
            [r#"{"mcp-policy.approval":{"action":"accept"}}"#, "{}", r#"{"mcp-policy.approval":{}}"#]
        {
            let (next, kept) = ask(&format!(r#","requestState":"{state}","inputResponses":{responses}"#));
            assert_eq!(next, first, "{servers} {responses}");
            state = kept;
        }
        let (other, _) =
            ask(&format!(r#","requestState":"{state}","inputResponses":{{"q":{{"action":"decline"}}}}"#));
        assert_ne!(other, first, "an answer to the server is part of the call");
    }
}

#[test]
fn an_approval_outlives_an_edit_of_another_rule() {
    let fingerprint = |document: Value| {
        let proxy = envoy();
        proxy.know("approvals");
        let worker = worker(&proxy, &policy_with(document));
        let body = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"asked"}}"#;
        let mut exchange = Exchange::open(&proxy, Some(&worker));
        exchange.request(&Sent::new(&with(&ROUTE, &[(":path", "/mcp")]), &[body.as_bytes()], End::WithLast));
        let question = exchange.question().unwrap().1;
        (question["fingerprint"].clone(), question["policy"].clone())
    };
    let tools = |asked: Value, other: Value| json!({ "tools": { "asked": asked, "other": other } });
    let asked = json!({ "action": "require_approval" });
    let (before, policy) = fingerprint(tools(asked.clone(), json!({})));
    let (after, other_policy) = fingerprint(tools(asked.clone(), json!({ "reason": "x" })));
    assert_eq!(after, before);
    assert_ne!(other_policy, policy, "the question still tells which policy asks");
    let mut described = tools(asked, json!({}));
    described["description"] = json!("the same rules");
    assert_eq!(fingerprint(described).0, before);
    let (after, _) = fingerprint(tools(json!({ "action": "require_approval", "reason": "x" }), json!({})));
    assert_ne!(after, before);
}
