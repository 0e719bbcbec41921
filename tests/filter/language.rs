//! Properties of every policy and every call: a call that a rule cannot judge never passes, and a verdict
//! depends neither on the order of keys nor on white space, in the message or in the document.

#[expect(dead_code, reason = "messages are written with it here, not generated")]
#[path = "../engine/properties/messages.rs"]
mod messages;

use std::rc::Rc;

use crate::proxy::Proxy;
use crate::proxy::exchange::{End, Exchange, Sent};
use mcp_policy_filter::Worker;
use messages::{Json, Style};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

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

/// An operator with a value, and values of types that it does not apply to.
fn conditions() -> impl Strategy<Value = (&'static str, Value, Vec<Value>)> {
    let no_text = || vec![json!(5), json!(true), json!([]), json!(["ab"]), json!({ "ab": 1 })];
    let no_number = || {
        let texts = ["5", " 5 ", "5_0", "5e0", "", "NaN"].map(Value::from);
        texts
            .into_iter()
            .chain([json!(true), json!(false), json!([5]), json!({ "a": 5 })])
            .collect::<Vec<_>>()
    };
    let no_flag =
        || vec![json!("true"), json!("True"), json!("1"), json!(1), json!(0), json!(""), json!([true])];
    select(vec![
        ("eq", json!("ab"), no_text()),
        ("neq", json!("ab"), no_text()),
        ("in", json!(["ab", "b"]), no_text()),
        ("not_in", json!(["ab"]), no_text()),
        ("starts_with", json!("a"), no_text()),
        ("ends_with", json!("b"), no_text()),
        ("glob", json!("*"), no_text()),
        ("regex", json!(""), vec![]),
        ("regex", json!("^"), no_text()),
        (
            "contains",
            json!("a"),
            vec![json!(5), json!(true), json!({ "a": 1 }), json!("[\"a\"]"), json!([5])],
        ),
        ("not_contains", json!("x"), vec![json!(5), json!(true), json!({}), json!("[\"a\"]"), json!([5])]),
        ("eq", json!(5), no_number()),
        ("neq", json!(7), no_number()),
        ("lt", json!(9), no_number()),
        ("lte", json!(9), no_number()),
        ("gt", json!(-9), no_number()),
        ("gte", json!(-9), no_number()),
        ("in", json!([5, 0]), no_number()),
        ("not_in", json!([7]), no_number()),
        ("eq", json!(true), no_flag()),
        ("neq", json!(false), no_flag()),
        ("exists", json!(true), vec![]),
    ])
    .prop_filter("a string that is empty is refused", |(_, value, _)| *value != "")
}

/// A schema with a required argument, and values of other types.
fn schemas() -> impl Strategy<Value = (Value, Vec<Value>)> {
    select(vec![
        (json!("string"), vec![json!(5), json!(true), json!(["ab"]), json!({ "a": "b" })]),
        (
            json!("integer"),
            vec![json!("5"), json!(" 5 "), json!("5_0"), json!("5e0"), json!(true), json!(5.5)],
        ),
        (json!("number"), vec![json!("5"), json!("1e3"), json!(true), json!([5])]),
        (json!("boolean"), vec![json!("true"), json!("yes"), json!(1), json!(0), json!([true])]),
        (json!("object"), vec![json!("{}"), json!("{\"a\":1}"), json!([["a", 1]])]),
        (json!("array"), vec![json!("[]"), json!("[1]"), json!({ "0": 1 }), json!(1)]),
    ])
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

fn rules() -> impl Strategy<Value = Value> {
    let limit = |counter: &str, max: u32| json!({ "counter": counter, "window": "hour", "max": max });
    let small = json!({ "path": "args.a", "op": "lte", "value": 5, "name": "small", "reason": "less" });
    let text = json!({ "path": "args.b[*]", "op": "regex", "value": "^[a-z]+$" });
    let shape = json!({
        "type": "object", "properties": { "a": { "type": "number" }, "b": { "items": { "$ref": "#/$defs/s" } } },
        "required": ["a"], "additionalProperties": false, "$defs": { "s": { "type": "string", "maxLength": 3 } },
    });
    let keys = vec![
        ("action", json!("deny")),
        ("action", json!("require_approval")),
        ("mode", json!("shadow")),
        ("reason", json!("because")),
        ("require", json!([small, text])),
        ("deny_if", json!([text])),
        ("deny_if", json!([{ "path": "grant", "op": "eq", "value": "g" }])),
        (
            "limits",
            json!([limit("few", 2), { "counter": "spent", "window": "day", "max": 9, "amount": "args.a" }]),
        ),
        ("limits", json!([limit("few", 3)])),
        ("arguments", shape),
    ];
    subsequence(keys, 0..5)
        .prop_map(|keys| keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn documents() -> impl Strategy<Value = Value> {
    let section = |patterns: Vec<&'static str>| prop::collection::btree_map(select(patterns), rules(), 0..4);
    let tools = section(vec!["t", "tt", "t*", "*"]);
    let resources = section(vec!["memo://a", "memo://*", "*"]).prop_map(|mut rules| {
        // A resource has no arguments, so a schema for them is refused.
        rules.values_mut().for_each(|rule| drop(rule.as_object_mut().unwrap().remove("arguments")));
        rules
    });
    let grant = (section(vec!["t", "*"]), rules());
    let words =
        (select(vec!["allow", "deny"]), select(vec!["enforce", "enforce", "shadow"]), any::<[bool; 3]>());
    (tools, resources, rules(), grant, words).prop_map(|(tools, resources, all, (own, own_all), words)| {
        let (default, mode, [hides, narrows, applies]) = words;
        let grant = json!({ "name": "g", "match": [{ "header": "bob" }], "all_tools": own_all, "tools": own });
        let mut document = json!({
            "version": "1", "approvals": { "cluster": "nobody" }, "default": default, "mode": mode, "server": "x", "tools": tools,
            "resources": resources, "hide": if hides { json!(["tt"]) } else { json!([]) },
            "identity": [{ "header": { "name": "x-agent-id" } }], "methods": { "x/*": "deny", "x/y": "allow" },
        });
        if narrows {
            document["grants"] = json!([grant, { "name": "rest", "match": "any" }]);
        }
        if applies {
            document["all_tools"] = all;
        }
        document
    })
}

fn bodies() -> impl Strategy<Value = Vec<Value>> {
    let arguments = select(vec![
        json!({}),
        json!({ "a": 1 }),
        json!({ "a": 6, "b": ["ab"] }),
        json!({ "a": 2, "b": ["ab", "c"] }),
        json!({ "b": ["ab", "C", 5], "a": 3 }),
        json!({ "a": "1", "b": "ab" }),
        json!({ "a": 4.5, "b": [], "c": null }),
        json!({ "a": 1, "A": 2 }),
    ]);
    let of_tool =
        (select(vec!["t", "tt", "u"]), arguments).prop_map(|(tool, arguments)| call(tool, &arguments));
    let other = |method: &str, params: Value| json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let listen = json!({ "notifications": { "resourceSubscriptions": ["memo://a", "memo://b"] } });
    let others = select(vec![
        other("resources/read", json!({ "uri": "memo://a" })),
        other("resources/read", json!({ "uri": "memo://x/../a" })),
        other("subscriptions/listen", listen),
        other("x/y", json!({})),
        other("x/z", json!({})),
        other("tools/list", json!({})),
    ]);
    prop::collection::vec(prop_oneof![3 => of_tool, 1 => others], 1..6)
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
