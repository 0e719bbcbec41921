//! Generates pairs of small policies, the second made from the first, and calls.

mod calls;
mod limits;
mod resources;
mod rules;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

pub use calls::{Call, call};
pub use limits::{burst, limited};
pub use resources::resources;

use rules::{clause, entry, limit};

const TOOLS: [&str; 8] = ["a", "ab", "ac", "b", "a*", "ab*", "b*", "*"];
const RESOURCES: [&str; 8] =
    ["file:///a", "file:///a?q=1", "file:///a%2Cb", "file:///a*", "file:///a,*", "file:///*", "x://b/*", "*"];
/// The SHA-256 of two keys.
const KEYS: [&str; 2] = [
    "6ab9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0",
    "015f7e6bc5aeaf483724089e9252cc13b50951a6b69412522765cff4d780306e",
];
const PROMPTS: [&str; 4] = ["p", "pq", "p*", "*"];
const METHODS: [&str; 5] = ["foo/bar", "foo/*", "ping", "notifications/*", "*"];

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
        json!({ "source": "api_key" }),
        json!({ "api_key_sha256": KEYS[0] }),
        json!({ "api_key_sha256": KEYS[0].to_uppercase() }),
        json!({ "api_key_sha256": KEYS[0], "source": "api_key" }),
        json!({ "api_key_sha256": KEYS[1] }),
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
    let grants = (grants(), prop::bool::weighted(0.1)).prop_map(|((old, new), gone)| {
        let new = if gone { Vec::new() } else { new };
        (old, new)
    });
    (rules(), grants, modes, sizes)
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
                    json!([{ "jwt": { "payload": "p" } }, { "mtls": "uri_san" }, { "api_key": { "header": "x-key" } }]),
                );
                if !grants.is_empty() {
                    document.insert("grants".to_owned(), Value::Array(grants));
                }
            }
            (Value::Object(old), Value::Object(new))
        })
        .boxed()
}
