//! Lists of pinned tools, whose definitions cost much to digest.

use serde_json::{Map, Value, json};

use super::others::{Other, other};
use crate::requests::{self, Request};

/// The most bytes of a list that is filtered.
const LARGEST: usize = 4 * 1024 * 1024 - 1_000;

/// How many tools the policy with many of them pins.
const MANY: usize = 1_000;

/// Returns every policy with its lists.
pub fn all() -> Vec<Other> {
    let rule = |number: usize| json!({ "definition": format!("sha256:{number:064x}") });
    let tools: Map<String, Value> = (0..MANY).map(|number| (name(number), rule(number))).collect();
    let grant = |number: usize| json!({ "name": format!("g{number}"), "match": "any", "default": "allow", "tools": { "a0": rule(number) } });
    let grants: Vec<Value> = (0..MANY).map(grant).collect();
    let policy = |key: &str, value: Value| json!({ "version": "1", "default": "allow", key: value });
    let list = |name: &str, policy: Value| other(name, policy.to_string(), lists());
    vec![
        list("pins: one tool", policy("tools", json!({ "a0": rule(0) }))),
        list("pins: 1,000 tools", policy("tools", Value::Object(tools))),
        list("pins: one tool in 1,000 grants", policy("grants", json!(grants))),
    ]
}

fn name(number: usize) -> String {
    format!("a{number}")
}

/// Returns what definitions can have, with how often it is repeated.
fn parts() -> Vec<(String, String)> {
    let mut parts = vec![("the name alone".to_owned(), String::new())];
    for (what, part) in [
        ("letters", r#""xxxxxxxxxxxxxxxxxxxxxxxx""#),
        ("escapes", r#""\u0001\u0001\n\n\ud83d\ude00""#),
        ("quotation marks", r#""\"\"\"\"\"\"""#),
        ("umlauts", r#""äöüäöüäöü""#),
        ("fractions", "0.12345678901234567"),
        ("halves", "0.5"),
        ("large numbers", "9E19"),
        ("small numbers", "5e-324"),
        ("digits", "7"),
        ("lists", "[]"),
        ("levels", "[[[[[[[[[[]]]]]]]]]]"),
    ] {
        for times in [4, 20_000] {
            parts.push((format!("{what}, {times} times"), vec![part; times].join(",")));
        }
    }
    parts
}

/// Returns the members of objects with many keys.
fn keys() -> Vec<(String, String)> {
    let member = |key: String| format!(r#""{key}":1"#);
    let all = |count: usize, key: &dyn Fn(usize) -> String| {
        (0..count).rev().map(|number| member(key(number))).collect::<Vec<_>>().join(",")
    };
    let long = "k".repeat(200);
    vec![
        ("10 keys".to_owned(), all(10, &|number| format!("k{number}"))),
        ("10,000 keys".to_owned(), all(10_000, &|number| format!("k{number:05}"))),
        ("40,000 short keys".to_owned(), all(40_000, &|number| format!("{number:x}"))),
        ("1,500 long keys".to_owned(), all(1_500, &|number| format!("{long}{number:05}"))),
        ("5,000 keys with escapes".to_owned(), all(5_000, &|number| format!(r"\u0001\ud83d\ude00{number}"))),
    ]
}

fn lists() -> Vec<(String, Request)> {
    let arrays = parts().into_iter().map(|(what, part)| (what, format!(r#""x":[{part}]"#)));
    let objects = keys().into_iter().map(|(what, members)| (what, format!(r#""x":{{{members}}}"#)));
    let mut lists = Vec::new();
    for (what, member) in arrays.chain(objects) {
        let element = |number: usize| format!(r#"{{"name":"{}",{member}}}"#, name(number % MANY));
        let count = LARGEST / (element(MANY - 1).len() + 1);
        let many: Vec<String> = (0..count).map(element).collect();
        for (same, list) in [("", many), (", the same tool", vec![element(0); count])] {
            let result = format!(r#"{{"tools":[{}]}}"#, list.join(","));
            lists.push((format!("{what}{same}"), requests::list("tools/list", &result)));
        }
    }
    // What cannot be read, with and without a name.
    for element in [r#"{"name":"a0","x":1,"x":1}"#, r#"{"name":"a0","name":"a0"}"#, "1"] {
        let elements = vec![element; LARGEST / (element.len() + 1)].join(",");
        lists.push((
            format!("{element} many times"),
            requests::list("tools/list", &format!(r#"{{"tools":[{elements}]}}"#)),
        ));
    }
    lists
}
