//! The whole filter on an in-memory proxy: what reaches the upstream, and what the client gets.

mod approvals;
mod bound;
mod counting;
mod early;
mod hold;
mod host_calls;
mod identity;
mod lists;
mod pins;
mod refusals;
mod requests;
mod rounds;
mod shadow;
mod shared;
mod unfinished;
mod unreceived;

use std::rc::Rc;
use std::sync::Arc;

use crate::proxy::Proxy;
use crate::proxy::exchange::{End, Exchange, Sent};
use mcp_policy_engine::mcp::answer::Reply;
use mcp_policy_filter::Worker;
use serde_json::{Value, json};

const NOW: u64 = 1_728_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;
const POST: &[(&str, &str)] = &[(":method", "POST"), (":path", "/mcp"), ("content-type", "application/json")];
const GET: &[(&str, &str)] = &[(":method", "GET"), (":path", "/mcp")];
const WAYS: [&str; 2] = ["hold", "stream"];

fn policy() -> Value {
    json!({
        "version": "1",
        "approvals": { "cluster": "approvals" },
        "tools": {
            "safe": {},
            "danger": { "action": "deny", "reason": "it deletes" },
            "asked": { "action": "require_approval" },
            "few": { "limits": [{ "counter": "few", "window": "hour", "max": 2 }] },
            "secret": {},
        },
        "hide": ["secret"],
        "exempt_paths": ["/healthz"],
        "max_body_bytes": 300,
    })
}

/// Returns the policy with some keys set.
fn policy_with(changes: Value) -> Value {
    let mut policy = policy();
    for (key, value) in changes.as_object().unwrap() {
        policy[key] = value.clone();
    }
    policy
}

fn envoy() -> Arc<Proxy> {
    Proxy::new(NOW)
}

/// Starts a worker of `proxy` with a policy.
#[track_caller]
fn worker(proxy: &Arc<Proxy>, policy: &Value) -> Rc<Worker> {
    Rc::new(Worker::configure(policy.to_string().as_bytes(), &proxy.stream()).unwrap())
}

fn call(tool: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": tool, "arguments": {} } })
        .to_string()
}

fn with<'a>(headers: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    headers.iter().chain(more).copied().collect()
}

/// Posts a body in one chunk.
fn post(proxy: &Arc<Proxy>, worker: &Rc<Worker>, body: &str) -> Exchange {
    let mut exchange = Exchange::open(proxy, Some(worker));
    exchange.request(&Sent::new(POST, &[body.as_bytes()], End::WithLast));
    exchange
}

/// Asserts that no part of a request's body has reached the upstream, nor its headers if they are held, and
/// that the client got the filter's own answer. Returns the answer.
#[track_caller]
fn refused(exchange: &Exchange, held: bool, at: &str) -> (Reply, Value) {
    let arrived = exchange.upstream();
    assert!(!held || arrived.is_none(), "{at}: {arrived:?}");
    assert!(arrived.is_none_or(|arrived| arrived.body.is_empty() && !arrived.whole), "{at}: {arrived:?}");
    let reply = exchange.reply().unwrap_or_else(|| panic!("{at}: no answer"));
    let record = exchange.record();
    assert!(record.is_none_or(|record| record.starts_with(r#"{"decision":"deny""#)), "{at}");
    let client = exchange.client().unwrap_or_else(|| panic!("{at}: the client got no answer"));
    assert!(client.whole && client.text() == reply.body, "{at}: {client:?}");
    assert_eq!(client.header(":status"), Some(&*reply.status.to_string()), "{at}");
    assert_eq!(client.header("content-type"), Some("application/json"), "{at}");
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("{at}: {}", reply.body));
    assert_eq!(body["jsonrpc"], "2.0", "{at}");
    (reply, body)
}

#[track_caller]
fn code(reply: &Reply) -> &str {
    let (_, code) = reply.headers.iter().find(|(name, _)| *name == "x-mcp-policy").unwrap();
    code
}

/// Asserts that a request has reached the upstream as it was sent, except that headers that went ahead accept
/// only uncompressed answers.
#[track_caller]
fn forwarded(exchange: &Exchange, sent: &Sent, at: &str) {
    let arrived = exchange.upstream().unwrap_or_else(|| panic!("{at}: nothing arrived"));
    let mut headers = arrived.headers.clone();
    headers.pop_if(|(name, _)| arrived.progress.len() > 1 && name == "accept-encoding");
    assert_eq!(headers, sent.headers, "{at}");
    assert_eq!(arrived.body, sent.chunks.concat(), "{at}");
    assert!(arrived.whole && exchange.reply().is_none(), "{at}");
}

const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#;
const ANSWER: &str = r#"{"id":7,"result":{"tools":[{"name":"safe"},{"name":"danger"},{"name":"secret"},{"name":"few"}],"nextCursor":"x"}}"#;
const SHOWN: &str = r#"{"id":7,"result":{"tools":[{"name":"safe"},{"name":"few"}],"nextCursor":"x"}}"#;

fn answer<'a>(content_type: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    with(&[(":status", "200"), ("content-type", content_type)], more)
}
