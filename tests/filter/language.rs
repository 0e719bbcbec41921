//! Properties of every policy and every call: a call that a rule cannot judge never passes, and a verdict
//! depends neither on the order of keys nor on white space, in the message or in the document.

mod generate;
#[expect(dead_code, reason = "only the engine's tests write in the plain style")]
#[path = "../engine/properties/writing.rs"]
mod writing;

use std::rc::Rc;

use crate::proxy::Proxy;
use crate::proxy::exchange::{End, Exchange, Sent};
use generate::{bodies, conditions, documents, schemas};
use mcp_policy_filter::Worker;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use writing::{Json, Style};

const NOW_NS: u64 = 1_800_000_000_000_000_000;

fn many() -> ProptestConfig {
    ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() }
}

/// The outcome of a message.
struct Judged {
    record: Value,
    /// The status and headers of a refusal
    refusal: Option<(u16, Vec<(&'static str, String)>)>,
}

/// Sends messages through a filter with this policy document.
fn judge(document: &str, caller: &str, bodies: &[String]) -> Vec<Judged> {
    let proxy = Proxy::new(NOW_NS);
    let plugin = Rc::new(Worker::configure(document.as_bytes(), &proxy.stream()).expect("a valid policy"));
    let headers = [
        (":method", "POST"),
        (":path", "/mcp"),
        ("content-type", "application/json"),
        ("x-agent-id", caller),
        ("mcp-session-id", "s"),
    ];
    let judged = bodies.iter().map(|body| {
        let mut exchange = Exchange::open(&proxy, Some(&plugin));
        exchange.request(&Sent::new(&headers, &[body.as_bytes()], End::WithLast));
        let record: Value = serde_json::from_str(&exchange.record().expect("a record")).expect("JSON");
        let refused = exchange.upstream().is_none();
        assert_eq!(record["decision"] == "deny", refused, "{record}");
        Judged { record, refusal: exchange.reply().map(|reply| (reply.status, reply.headers)) }
    });
    judged.collect()
}

fn call(tool: &str, arguments: &Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}

/// Puts a value at a path; without a value the member is missing.
fn at(path: &str, value: Option<Value>) -> Value {
    match (path, value) {
        ("args.a", Some(value)) => json!({ "a": value }),
        ("args.a", None) => json!({ "b": 5 }),
        ("args.a.b", Some(value)) => json!({ "a": { "b": value } }),
        ("args.a.b", None) => json!({ "a": {} }),
        ("args.a[1]", Some(value)) => json!({ "a": [null, value] }),
        ("args.a[1]", None) => json!({ "a": ["ab"] }),
        ("args.a[*].b", Some(value)) => json!({ "a": [{ "b": value }] }),
        (_, _) => json!({ "a": [] }),
    }
}

/// A document with a rule that applies to calls of `t`, and the rule's place in it. Everything else in the
/// document allows.
fn placed(place: usize, rule: &Value) -> (Value, &'static str) {
    let identity = json!([{ "header": { "name": "x-agent-id" } }]);
    let shadow = json!({ "mode": "shadow", "action": "deny" });
    let tools = |entry: &str| json!({ entry: rule, "other": shadow });
    let grant = |keys: Value| {
        let mut grant = json!({ "name": "g", "match": [{ "header": "bob" }] });
        grant.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        json!({ "version": "1", "default": "allow", "identity": identity, "grants": [grant] })
    };
    match place {
        0 => (json!({ "version": "1", "tools": tools("t") }), "tools.t"),
        1 => (json!({ "version": "1", "default": "allow", "tools": tools("t*") }), "tools.t*"),
        2 => (json!({ "version": "1", "default": "allow", "all_tools": rule }), "all_tools"),
        3 => (json!({ "version": "1", "tools": { "t": shadow }, "all_tools": rule }), "all_tools"),
        4 => (grant(json!({ "tools": { "t": rule } })), "grants[0].tools.t"),
        5 => (grant(json!({ "all_tools": rule })), "grants[0].all_tools"),
        _ => (json!({ "version": "1", "default": "allow", "prompts": { "t": rule } }), "prompts.t"),
    }
}

/// Sends the request that the rule at `place` decides on.
fn asked(place: usize, arguments: &Value) -> String {
    let mut message = call("t", arguments);
    if place > 5 {
        message["method"] = json!("prompts/get");
    }
    message.to_string()
}

/// Converts a value to one that can be written in another style.
fn styled(value: &Value) -> Json {
    match value {
        Value::String(text) => Json::Text(text.clone()),
        Value::Array(elements) => Json::Array(elements.iter().map(styled).collect()),
        Value::Object(members) => {
            Json::Object(members.iter().map(|(key, value)| (key.clone(), styled(value))).collect())
        }
        other => Json::Literal(other.to_string()),
    }
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn values_that_a_condition_cannot_judge_fail_require_in_every_place(
        (op, operand, wrong) in conditions(),
        place in 0_usize..7,
        path in select(vec!["args.a", "args.a.b", "args.a[1]", "args.a[*].b"]),
        what in any::<prop::sample::Index>(),
    ) {
        let rule = json!({ "require": [{ "path": path, "op": op, "value": operand }] });
        let (document, rule) = placed(place, &rule);
        let absent = [at(path, None), at(path, Some(Value::Null)), json!({})];
        let all: Vec<Value> = absent.into_iter().chain(wrong.into_iter().map(|value| at(path, Some(value)))).collect();
        let body = asked(place, what.get(&all));
        let Judged { record, .. } = &judge(&document.to_string(), "bob", &[body])[0];
        prop_assert_eq!(&record["code"], "condition_failed", "{} {}", document, what.get(&all));
        prop_assert_eq!(&record["rule"], &format!("{rule}.require[0]"));
        prop_assert_eq!(&record["decision"], "deny");
    }

    #[test]
    fn missing_values_and_other_types_fail_the_schema_in_every_place(
        (kind, wrong) in schemas(),
        place in 0_usize..7,
        what in any::<prop::sample::Index>(),
    ) {
        let rule = json!({ "arguments": { "properties": { "a": { "type": kind } }, "required": ["a"] } });
        let (document, rule) = placed(place, &rule);
        let absent = [json!({}), json!({ "a": null }), json!({ "A": 5 })];
        let all: Vec<Value> = absent.into_iter().chain(wrong.into_iter().map(|value| json!({ "a": value }))).collect();
        let body = asked(place, what.get(&all));
        let Judged { record, .. } = &judge(&document.to_string(), "bob", &[body])[0];
        prop_assert_eq!(&record["code"], "arguments_invalid", "{} {}", document, what.get(&all));
        prop_assert_eq!(&record["rule"], &format!("{rule}.arguments"));
    }

    #[test]
    fn the_order_of_keys_and_white_space_do_not_change_the_verdict(
        document in documents(),
        bodies in bodies(),
        seed in any::<u64>(),
        caller in select(vec!["bob", "eve"]),
    ) {
        let texts: Vec<String> = bodies.iter().map(Value::to_string).collect();
        let restyled: Vec<String> =
            bodies.iter().zip(0_u64..).map(|(body, number)| Style::seeded(seed ^ number).write(&styled(body))).collect();
        let plain = judge(&document.to_string(), caller, &texts);
        let other = judge(&Style::seeded(seed).write(&styled(&document)), caller, &restyled);
        for (plain, other) in plain.iter().zip(&other) {
            for key in ["decision", "code", "rule", "method", "target", "grant", "principal", "session", "request", "counters"] {
                prop_assert_eq!(&plain.record[key], &other.record[key], "{} in\n{}\n{:?}", key, document, texts);
            }
            prop_assert_eq!(&plain.refusal, &other.refusal);
        }
    }
}
