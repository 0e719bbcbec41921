//! Generates conditions, schemas, policy documents and message bodies.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::call;

/// An operator with a value, and values of types that it does not apply to.
pub fn conditions() -> impl Strategy<Value = (&'static str, Value, Vec<Value>)> {
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
        (
            "not_contains",
            json!("x"),
            vec![json!(5), json!(true), json!({}), json!("[\"\\u0078\"]"), json!([5])],
        ),
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
pub fn schemas() -> impl Strategy<Value = (Value, Vec<Value>)> {
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
            "deny_if",
            json!([{ "any": [text, { "conditions": [small] }], "on_deny": "both", "name": "group" }]),
        ),
        (
            "when",
            json!([{ "any": [small, { "path": "args.a", "op": "eq", "value": { "path": "args.b" } }] }]),
        ),
        ("when", json!([{ "path": "tool", "op": "in", "value": ["t", "tt"] }])),
        (
            "limits",
            json!([limit("few", 2), { "counter": "spent", "window": "day", "max": 9, "amount": "args.a" }]),
        ),
        ("limits", json!([limit("few", 3)])),
        ("arguments", shape),
    ];
    subsequence(keys, 0..5).prop_map(|keys| {
        let mut rule: serde_json::Map<String, Value> =
            keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        without_idle_when(&mut rule);
        rule.into()
    })
}

/// Removes `when` from a rule that would restrict nothing with it, because such a rule is refused.
fn without_idle_when(rule: &mut serde_json::Map<String, Value>) {
    if rule.keys().all(|key| ["when", "mode", "reason"].contains(&key.as_str())) {
        rule.remove("when");
    }
}

pub fn documents() -> impl Strategy<Value = Value> {
    let section = |patterns: Vec<&'static str>| {
        let entry = prop_oneof![3 => rules(), 1 => prop::collection::vec(rules(), 1..3).prop_map(Value::from), 1 => Just(json!("named"))];
        prop::collection::btree_map(select(patterns), entry, 0..4)
    };
    let tools = section(vec!["t", "tt", "t*", "*"]);
    let resources = section(vec!["memo://a", "memo://*", "*"]).prop_map(|mut rules| {
        // A resource has no arguments, so a schema for them is refused.
        for entry in rules.values_mut() {
            let bare = |rule: &mut Value| {
                let rule = rule.as_object_mut().unwrap();
                rule.remove("arguments");
                without_idle_when(rule);
            };
            match entry {
                Value::Array(rules) => rules.iter_mut().for_each(bare),
                Value::Object(_) => bare(entry),
                _ => {}
            }
        }
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
            "rules": { "named": { "limits": [{ "counter": "few", "window": "hour", "max": 3 }] } },
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

pub fn bodies() -> impl Strategy<Value = Vec<Value>> {
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
