//! Generates pairs of small policies, the second made from the first, and calls.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// A call and its caller.
#[derive(Debug, Clone)]
pub struct Call {
    pub body: Value,
    pub token: Option<Value>,
    pub certificate: Option<&'static str>,
    pub session: Option<&'static str>,
    pub at_ms: u64,
}

const TOOLS: [&str; 8] = ["a", "ab", "ac", "b", "a*", "ab*", "b*", "*"];
const RESOURCES: [&str; 8] =
    ["file:///a", "file:///a?q=1", "file:///a%2Cb", "file:///a*", "file:///a,*", "file:///*", "x://b/*", "*"];
const PROMPTS: [&str; 4] = ["p", "pq", "p*", "*"];
const METHODS: [&str; 5] = ["foo/bar", "foo/*", "ping", "notifications/*", "*"];

fn clause() -> impl Strategy<Value = Value> {
    let order = (select(vec!["lt", "lte", "gt", "gte"]), 0..4)
        .prop_map(|(op, value)| json!({ "path": "args.x", "op": op, "value": value }));
    let list = (select(vec!["in", "not_in"]), vec(0..4, 1..3))
        .prop_map(|(op, value)| json!({ "path": "args.x", "op": op, "value": value }));
    let other = select(vec![
        json!({ "path": "args.x", "op": "eq", "value": 1 }),
        json!({ "path": "args.x", "op": "in", "value": ["1", "2"] }),
        json!({ "path": "args.x", "op": "exists" }),
        json!({ "path": "claims.team", "op": "eq", "value": "sre" }),
        json!({ "path": "grant", "op": "neq", "value": "g1" }),
        json!({ "path": "tool", "op": "eq", "value": "a" }),
        json!({ "path": "time.of_day", "op": "gte", "value": "08:00" }),
    ]);
    let one = prop_oneof![3 => order, 1 => list, 3 => other].boxed();
    let group = vec(one.clone(), 1..3).prop_map(|clauses| json!({ "any": clauses }));
    prop_oneof![4 => one, 1 => group]
}

fn limit() -> impl Strategy<Value = Value> {
    let terms = select(vec![
        json!({ "counter": "c", "window": 10 }),
        json!({ "counter": "c", "window": 60 }),
        json!({ "counter": "d", "window": 60, "scope": "global" }),
        json!({ "counter": "d", "window": 60, "scope": "principal" }),
        json!({ "counter": "e", "window": 60, "type": "calendar", "scope": "session" }),
        json!({ "counter": "e", "window": 120, "type": "calendar" }),
        json!({ "counter": "f", "window": 60, "amount": "args.x" }),
        json!({ "counter": "f", "window": 60, "by": "args.x" }),
        json!({ "counter": "c", "window": 10, "amount": 2 }),
    ]);
    (terms, 2..6).prop_map(|(mut terms, max)| {
        terms["max"] = json!(max);
        terms
    })
}

fn rule() -> impl Strategy<Value = Value> {
    let part = prop_oneof![
        2 => Just(json!({})),
        2 => Just(json!({ "action": "deny" })),
        1 => Just(json!({ "action": "require_approval" })),
        3 => clause().prop_map(|clause| json!({ "require": [clause] })),
        3 => clause().prop_map(|clause| json!({ "deny_if": [clause] })),
        3 => limit().prop_map(|limit| json!({ "limits": [limit] })),
        1 => Just(json!({ "arguments": { "required": ["x"] } })),
        1 => Just(json!({ "arguments": { "required": ["x"], "additionalProperties": false, "properties": { "x": {} } } })),
        1 => clause().prop_map(|clause| json!({ "when": [clause], "action": "deny" })),
        1 => (clause(), clause()).prop_map(|(when, clause)| json!({ "when": [when], "require": [clause] })),
    ];
    (part, select(vec![true, true, true, true, false])).prop_map(|(mut rule, enforced)| {
        if !enforced {
            rule["mode"] = json!("shadow");
        }
        rule
    })
}

fn entry(arguments: bool) -> impl Strategy<Value = Value> {
    vec(rule(), 1..3).prop_map(move |mut rules| {
        if !arguments {
            for rule in &mut rules {
                if let Value::Object(rule) = rule {
                    rule.remove("arguments");
                }
            }
        }
        if rules.len() > 1 { Value::Array(rules) } else { rules.pop().unwrap_or_default() }
    })
}

/// How an entry of the second policy comes from that of the first.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Stays,
    Goes,
    Changes,
    Grows,
}

fn fate() -> impl Strategy<Value = Fate> {
    select(vec![
        Fate::Stays,
        Fate::Stays,
        Fate::Stays,
        Fate::Stays,
        Fate::Stays,
        Fate::Goes,
        Fate::Changes,
        Fate::Grows,
        Fate::Grows,
    ])
}

type Pair = (Map<String, Value>, Map<String, Value>);

fn section(names: &'static [&'static str], arguments: bool) -> BoxedStrategy<Pair> {
    let entries = vec((select(names), entry(arguments), entry(arguments), fate(), any::<bool>()), 0..4);
    entries
        .prop_map(|entries| {
            let (mut old, mut new) = (Map::new(), Map::new());
            for (name, entry, other, fate, in_old) in entries {
                if in_old || !matches!(fate, Fate::Goes) {
                    old.insert(name.to_owned(), entry.clone());
                }
                match fate {
                    Fate::Stays => new.insert(name.to_owned(), entry),
                    Fate::Goes => new.remove(name),
                    Fate::Changes => new.insert(name.to_owned(), other),
                    Fate::Grows => {
                        let list = |value: Value| match value {
                            Value::Array(list) => list,
                            value => vec![value],
                        };
                        let rules = [list(entry), list(other)].concat();
                        new.insert(name.to_owned(), Value::Array(rules))
                    }
                };
            }
            (old, new)
        })
        .boxed()
}

fn methods() -> impl Strategy<Value = Pair> {
    let effect = || select(vec!["allow", "deny"]);
    vec((select(METHODS.to_vec()), effect(), effect(), fate()), 0..3).prop_map(|entries| {
        let (mut old, mut new) = (Map::new(), Map::new());
        for (name, effect, other, fate) in entries {
            old.insert(name.to_owned(), json!(effect));
            match fate {
                Fate::Stays => new.insert(name.to_owned(), json!(effect)),
                Fate::Goes => new.remove(name),
                Fate::Changes | Fate::Grows => new.insert(name.to_owned(), json!(other)),
            };
        }
        (old, new)
    })
}

/// The keys that a document and a grant share, twice.
fn rules() -> BoxedStrategy<Pair> {
    let default = (select(vec!["allow", "deny"]), select(vec!["", "", "allow", "deny"]));
    let hide = (
        vec(select(vec!["a", "ab*", "*c"]), 0..2),
        vec(select(vec!["a", "ab*", "*c", "b"]), 0..2),
        any::<bool>(),
    );
    let all = prop::option::weighted(0.3, (entry(true), entry(true), fate()));
    (
        default,
        hide,
        all,
        section(&TOOLS, true),
        section(&RESOURCES, false),
        section(&PROMPTS, true),
        methods(),
    )
        .prop_map(|((default, other), (hidden, more, keep), all, tools, resources, prompts, methods)| {
            let (mut old, mut new) = (Map::new(), Map::new());
            old.insert("default".to_owned(), json!(default));
            new.insert("default".to_owned(), json!(if other.is_empty() { default } else { other }));
            let hidden_then = if keep { [hidden.clone(), more].concat() } else { more };
            old.insert("hide".to_owned(), json!(hidden));
            new.insert("hide".to_owned(), json!(hidden_then));
            if let Some((entry, other, fate)) = all {
                old.insert("all_tools".to_owned(), entry.clone());
                match fate {
                    Fate::Stays => new.insert("all_tools".to_owned(), entry),
                    Fate::Goes => None,
                    Fate::Changes | Fate::Grows => new.insert("all_tools".to_owned(), other),
                };
            }
            for (key, (was, becomes)) in
                [("tools", tools), ("resources", resources), ("prompts", prompts), ("methods", methods)]
            {
                old.insert(key.to_owned(), Value::Object(was));
                new.insert(key.to_owned(), Value::Object(becomes));
            }
            (old, new)
        })
        .boxed()
}

fn matching() -> impl Strategy<Value = Value> {
    let description = select(vec![
        json!({ "jwt": "bob" }),
        json!({ "jwt": "*" }),
        json!({ "claim": { "team": "sre" } }),
        json!({ "mtls": "spiffe://x" }),
        json!({ "source": "jwt" }),
    ]);
    prop_oneof![1 => Just(json!("any")), 5 => vec(description, 1..3).prop_map(Value::from)]
}

fn grants() -> BoxedStrategy<(Vec<Value>, Vec<Value>)> {
    let grant = (
        select(vec!["g1", "g2", "g3"]),
        matching(),
        matching(),
        prop::option::of(rules()),
        fate(),
        any::<u8>(),
    );
    vec(grant, 0..4)
        .prop_map(|grants| {
            let (mut old, mut new): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
            for (name, matching, other, rules, fate, place) in grants {
                let make = |matching: &Value, rules: Option<Map<String, Value>>| {
                    let mut grant = rules.unwrap_or_default();
                    grant.insert("name".to_owned(), json!(name));
                    grant.insert("match".to_owned(), matching.clone());
                    Value::Object(grant)
                };
                let (was, becomes) = rules.map_or((None, None), |(was, becomes)| (Some(was), Some(becomes)));
                if old.iter().any(|grant| grant["name"] == name) {
                    continue;
                }
                old.push(make(&matching, was.clone()));
                match fate {
                    Fate::Stays => new.push(make(&matching, was)),
                    Fate::Goes => {}
                    Fate::Changes => new.push(make(&other, becomes)),
                    Fate::Grows if place < 60 => new.insert(0, make(&matching, becomes)),
                    Fate::Grows => new.push(make(&matching, becomes)),
                }
            }
            (old, new)
        })
        .boxed()
}

/// Two documents, not all of them valid.
pub fn documents() -> BoxedStrategy<(Value, Value)> {
    let modes = select(vec![("enforce", "enforce"); 8]).prop_union(select(vec![
        ("shadow", "enforce"),
        ("enforce", "shadow"),
        ("shadow", "shadow"),
    ]));
    let sizes = select(vec![(2000, 2000), (2000, 2000), (2000, 2000), (2000, 100), (100, 2000)]);
    (rules(), grants(), modes, sizes)
        .prop_map(|((mut old, mut new), (was, becomes), modes, sizes)| {
            for (document, grants, mode, size) in
                [(&mut old, was, modes.0, sizes.0), (&mut new, becomes, modes.1, sizes.1)]
            {
                document.insert("version".to_owned(), json!("1"));
                document.insert("mode".to_owned(), json!(mode));
                document.insert("max_body_bytes".to_owned(), json!(size));
                document.insert("approvals".to_owned(), json!({ "cluster": "nobody" }));
                document.insert(
                    "identity".to_owned(),
                    json!([{ "jwt": { "payload": "p" } }, { "mtls": "uri_san" }]),
                );
                if !grants.is_empty() {
                    document.insert("grants".to_owned(), Value::Array(grants));
                }
            }
            (Value::Object(old), Value::Object(new))
        })
        .boxed()
}

/// A call of a tool, a resource, a prompt or another method.
pub fn call() -> impl Strategy<Value = Call> {
    let x = select(vec![
        None,
        Some(json!(0)),
        Some(json!(1)),
        Some(json!(2)),
        Some(json!(3)),
        Some(json!("1")),
        Some(Value::Null),
    ]);
    let arguments = x.prop_map(|x| x.map_or_else(|| json!({}), |x| json!({ "x": x })));
    let tool = select(vec!["a", "ab", "abc", "ac", "b", "bc", "c"]);
    let uri = select(vec![
        "file:///a",
        "file:///a?q=1",
        "file:///a%2Cb",
        "file:///a,b",
        "file:///c",
        "file:///a/../b",
        "x://b/c",
        "y:z",
    ]);
    let params = prop_oneof![
        6 => (tool, arguments).prop_map(|(name, arguments)| ("tools/call", json!({ "name": name, "arguments": arguments }))),
        3 => uri.prop_map(|uri| ("resources/read", json!({ "uri": uri }))),
        1 => select(vec!["p", "pq", "q"]).prop_map(|name| ("prompts/get", json!({ "name": name }))),
        1 => select(vec!["foo/bar", "foo/x", "ping", "notifications/y", "initialize", "zoo"])
            .prop_map(|method| (method, json!({}))),
    ];
    let token = select(vec![
        None,
        Some(json!({ "sub": "bob" })),
        Some(json!({ "sub": "bob", "team": "sre" })),
        Some(json!({ "sub": "eve", "team": "sre" })),
        Some(json!({ "sub": "eve" })),
    ]);
    let certificate = select(vec![None, Some("spiffe://x"), Some("spiffe://y")]);
    let session = select(vec![None, Some("s1"), Some("s2")]);
    (params, token, certificate, session, 0..200_000_u64).prop_map(
        |((method, params), token, certificate, session, at_ms)| {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
            Call { body, token, certificate, session, at_ms }
        },
    )
}

/// Two documents that differ in limits and in whom they count together.
pub fn limited() -> BoxedStrategy<(Value, Value)> {
    let entry = || (limit(), prop_oneof![2 => Just(None), 1 => clause().prop_map(Some)]);
    let grants = || {
        select(vec![
            json!(null),
            json!([{ "name": "g1", "match": "any" }]),
            json!([{ "name": "g1", "match": [{ "jwt": "bob" }, { "source": "mtls" }] }, { "name": "g2", "match": [{ "jwt": "eve" }] }]),
            json!([{ "name": "g1", "match": [{ "jwt": "bob" }, { "jwt": "eve" }, { "source": "mtls" }] }]),
        ])
    };
    let entries = vec((select(vec!["a", "b", "*"]), entry(), entry(), any::<u8>()), 1..3);
    (entries, grants(), grants(), any::<bool>())
        .prop_map(|(entries, was, becomes, same)| {
            let (mut old, mut new) = (json!({ "a": {}, "b": {} }), json!({ "a": {}, "b": {} }));
            for (name, (limit, when), (other, _), fate) in entries {
                let rule = |limit: Value, when: &Option<Value>| match when {
                    Some(when) => json!({ "when": [when], "limits": [limit] }),
                    None => json!({ "limits": [limit] }),
                };
                old[name] = rule(limit.clone(), &when);
                let mut larger = limit.clone();
                larger["max"] = json!(6);
                // Other terms for the same counter.
                let mut other = other;
                (other["counter"], other["max"]) = (limit["counter"].clone(), limit["max"].clone());
                let mut smaller = limit.clone();
                smaller["max"] = json!(2);
                new[name] = match fate {
                    0..40 => rule(limit, &when),
                    40..60 => rule(larger, &when),
                    60..90 => rule(smaller, &when),
                    90..110 => rule(limit, &None),
                    110..130 => rule(limit, &Some(json!({ "path": "args.x", "op": "eq", "value": 2 }))),
                    _ => rule(other, &when),
                };
            }
            let document = |tools: Value, grants: Value| {
                let mut document = json!({ "version": "1", "tools": tools,
                    "identity": [{ "jwt": { "payload": "p" } }, { "mtls": "uri_san" }] });
                if !grants.is_null() {
                    document["grants"] = grants;
                }
                document
            };
            let becomes = if same { was.clone() } else { becomes };
            (document(old, was), document(new, becomes))
        })
        .boxed()
}

/// Calls of two tools, close together.
pub fn burst() -> impl Strategy<Value = Vec<Call>> {
    let call = (
        select(vec!["a", "a", "b"]),
        select(vec![json!({ "x": 1 }), json!({ "x": 1 }), json!({ "x": 2 }), json!({})]),
        select(vec!["bob", "bob", "eve"]),
        select(vec![None, Some("s1"), Some("s2")]),
        0..30_000_u64,
    );
    vec(call, 10..60).prop_map(|calls| {
        let call =
            |(name, arguments, sub, session, at_ms): (&str, Value, &str, Option<&'static str>, u64)| Call {
                body: json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": { "name": name, "arguments": arguments } }),
                token: Some(json!({ "sub": sub })),
                certificate: None,
                session,
                at_ms,
            };
        calls.into_iter().map(call).collect()
    })
}

/// Two documents with rules for resources, and reads of resources that have several spellings.
pub fn resources() -> impl Strategy<Value = ((Value, Value), Vec<Call>)> {
    let names = [
        "file:///a%2Cb",
        "file:///a,b",
        "file:///a,*",
        "file:///a%2C*",
        "file:///*",
        "file:///a",
        "x://b?q=1",
        "x://b*",
        "x://*",
    ];
    let entry = || select(vec![json!({}), json!({}), json!({ "action": "deny" })]);
    let entries = vec((select(names.to_vec()), entry(), entry(), fate()), 0..4);
    let documents = (entries, select(vec!["allow", "allow", "deny"])).prop_map(|(entries, default)| {
        let (mut old, mut new) = (Map::new(), Map::new());
        for (name, entry, other, fate) in entries {
            match fate {
                Fate::Stays => {
                    old.insert(name.to_owned(), entry.clone());
                    new.insert(name.to_owned(), entry);
                }
                Fate::Goes => drop(old.insert(name.to_owned(), entry)),
                Fate::Grows => drop(new.insert(name.to_owned(), other)),
                Fate::Changes => {
                    old.insert(name.to_owned(), entry);
                    new.insert(name.to_owned(), other);
                }
            }
        }
        let document = |resources| json!({ "version": "1", "default": default, "resources": resources });
        (document(Value::Object(old)), document(Value::Object(new)))
    });
    let uris = [
        "file:///a,b",
        "file:///a%2Cb",
        "file:///a,b?q",
        "file:///a?q=1",
        "file:///a",
        "x://b?q=1",
        "x://b",
        "x://b/",
    ];
    let call = |uri: &str| Call {
        body: json!({ "jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": { "uri": uri } }),
        token: None,
        certificate: None,
        session: None,
        at_ms: 0,
    };
    documents.prop_map(move |documents| (documents, uris.iter().map(|uri| call(uri)).collect()))
}
