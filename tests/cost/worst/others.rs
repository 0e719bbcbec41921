//! Requests whose cost has other causes than the conditions and schemas of a call.

use serde_json::{Value, json};

use super::bodies::LARGEST;
use crate::policies::{self, TOOL};
use crate::requests::{self, Request};

/// A policy, and requests that cost much under it.
pub struct Other {
    pub name: String,
    pub policy: String,
    pub requests: Vec<(String, Request)>,
}

/// Returns every policy with its requests.
pub fn all() -> Vec<Other> {
    let open = json!({ "version": "1", "default": "allow" });
    let with = |key: &str, value: Value| {
        let mut policy = open.clone();
        policy[key] = value;
        policy.to_string()
    };
    let audit = |audit: Value| with("audit", audit);
    let mut all = vec![
        other("no rules", open.to_string(), hostile()),
        other("records of all arguments", audit(json!({ "arguments": "full" })), hostile()),
        other("BLAKE3", audit(json!({ "arguments": "hash", "digest": "blake3" })), hostile()),
        other("approval", policies::approval(), hostile()),
    ];
    all.extend(names());
    all.push(other("mirrored arguments", mirrored(), hostile()));
    all
}

pub fn other(name: &str, policy: String, requests: Vec<(String, Request)>) -> Other {
    Other { name: name.to_owned(), policy, requests }
}

fn post(name: &str, body: String) -> (String, Request) {
    (name.to_owned(), requests::post(&body))
}

/// Fills a text up to the largest body with the units that `unit` makes of their numbers, separated by commas.
fn filled(before: &str, unit: impl Fn(usize) -> String, behind: &str) -> String {
    let mut text = before.to_owned();
    for number in 0.. {
        let unit = unit(number);
        if text.len() + unit.len() + behind.len() + 1 > LARGEST {
            break;
        }
        if number > 0 {
            text.push(',');
        }
        text.push_str(&unit);
    }
    text.push_str(behind);
    text
}

/// Returns calls that are hard to read, to hash, to write into a record or to bring into canonical form.
fn hostile() -> Vec<(String, Request)> {
    let head = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{TOOL}","arguments":{{"a":"#
    );
    let in_list =
        |name: &str, unit: &dyn Fn(usize) -> String| post(name, filled(&format!("{head}["), unit, "]}}}"));
    let in_object =
        |name: &str, unit: &dyn Fn(usize) -> String| post(name, filled(&format!("{head}{{"), unit, "}}}}"));
    let nested =
        |open: &str, middle: &str, close: &str| format!("{}{middle}{}", open.repeat(90), close.repeat(90));
    let string = |unit: &str| {
        let room = (LARGEST - head.len() - 8) / unit.len();
        format!("{head}\"{}\"}}}}}}", unit.repeat(room))
    };
    let whole = |name: &str, unit: &dyn Fn(usize) -> String| {
        let behind = r#","jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"summarize"}}"#;
        post(name, filled("{", unit, behind))
    };
    let in_params = |name: &str, unit: &dyn Fn(usize) -> String| {
        let before = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"summarize","#;
        post(name, filled(before, unit, "}}"))
    };
    vec![
        post("one string", string("a")),
        post("escapes", string("\\u0061")),
        post("line feeds", string("\\n")),
        post("pairs of surrogates", string("\\ud83d\\ude00")),
        post("other letters", string("é")),
        post("letters of three bytes", string("€")),
        post("control characters in escapes", string("\\u0001")),
        in_list("short numbers", &|_| "1".to_owned()),
        in_list("numbers", &|_| "1.5".to_owned()),
        in_list("doubles", &|number| format!("0.{:017}", 12_345_678_901_234_567 - number)),
        in_list("exponents", &|_| "1e-300".to_owned()),
        in_list("long exponents", &|number| format!("{number}.{number}e{}", number % 300)),
        in_list("large integers", &|number| format!("{}", 9_007_199_254_740_993_u64 + number as u64)),
        in_list("numbers of 300 digits", &|_| format!("{}.5", "7".repeat(300))),
        in_list("numbers of 1,000 digits", &|_| format!("0.{}", "7".repeat(1_000))),
        in_list("empty lists", &|_| "[]".to_owned()),
        in_list("empty objects", &|_| "{}".to_owned()),
        in_list("empty strings", &|_| "\"\"".to_owned()),
        in_list("small objects", &|_| r#"{"k":7.5}"#.to_owned()),
        in_list("objects of eight keys", &|_| {
            r#"{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1}"#.to_owned()
        }),
        in_list("objects of eight keys in escapes", &|_| {
            let key = |number: u32| format!(r#""\u006{number:x}":1"#);
            format!("{{{}}}", (1..=8).map(key).collect::<Vec<_>>().join(","))
        }),
        in_list("objects of nine keys", &|_| {
            r#"{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1}"#.to_owned()
        }),
        in_list("lists in lists", &|_| nested("[", "", "]")),
        in_list("objects in objects", &|_| nested("{\"\":", "1", "}")),
        in_list("objects in objects, keys in escapes", &|_| nested("{\"\\u0061\":", "1", "}")),
        in_object("keys", &|number| format!("\"{number:x}\":1")),
        in_object("keys in escapes", &|number| format!("\"\\u006b{number:x}\":1")),
        in_object("keys of other letters", &|number| format!("\"ſ{number:x}\":1")),
        in_object("long keys with one beginning", &|number| format!("\"{}{number:06x}\":1", "a".repeat(200))),
        in_object("long keys of other letters", &|number| format!("\"{}{number:06x}\":1", "é".repeat(200))),
        in_object("keys in falling order", &|number| format!("\"{:06x}\":1", 0xff_ffff - number)),
        whole("keys of the message", &|number| format!("\"{number:x}\":1")),
        whole("keys of the message, in escapes", &|number| format!("\"\\u006b{number:x}\":1")),
        whole("keys of the message, other letters", &|number| format!("\"ſ{number:x}\":1")),
        whole("keys of the message, sharp s", &|number| format!("\"ß{number:x}\":1")),
        whole("keys of the message, ligatures", &|number| format!("\"ﬃ{}{number:x}\":1", "ﬃ".repeat(20))),
        in_params("keys of the params", &|number| format!("\"{number:x}\":1")),
        in_params("keys of the params, other letters", &|number| format!("\"ſ{number:x}\":1")),
        in_params("keys of the params, ligatures", &|number| format!("\"ﬃ{}{number:x}\":1", "ﬃ".repeat(20))),
        post("white space", format!("{head}{}1}}}}}}", " ".repeat(LARGEST - head.len() - 8))),
    ]
}

/// Returns policies of many patterns, and requests with long names.
fn names() -> Vec<Other> {
    let entries = |count: usize, pattern: &dyn Fn(usize) -> String| {
        let entry = |number| (pattern(number), json!({}));
        Value::Object((0..count).map(entry).collect())
    };
    // Patterns that overlap must have different numbers of letters.
    let stars = |number: usize| format!("*{}b*", "a*".repeat(number + 1));
    let plain = |number: usize| format!("*{}b*", "a".repeat(number + 1));
    let policy = |section: &str, entries: Value| {
        let mut policy = json!({ "version": "1", "default": "allow" });
        policy[section] = entries;
        policy.to_string()
    };
    let call = |method: &str, name: &str| {
        let mut params = json!({ "arguments": {} });
        params[if method == "resources/read" { "uri" } else { "name" }] = json!(name);
        requests::post(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string())
    };
    let listen = |uri: &dyn Fn(usize) -> String| {
        let uris: Vec<String> = (0..1_000).map(uri).collect();
        let params = json!({ "notifications": { "resourceSubscriptions": uris } });
        let message =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params });
        requests::post(&message.to_string())
    };
    let long = "a".repeat(1_024);
    let uris: Vec<(String, Request)> = [10, 30, 100, 300, 1_000]
        .map(|size| {
            (
                format!("1,000 URIs of {size} bytes"),
                listen(&|number| format!("file:///{number:04}{}", "a".repeat(size))),
            )
        })
        .into_iter()
        .chain([10, 1_000, 30_000, 1_000_000].map(|size| {
            (
                format!("a URI of {size} bytes"),
                call("resources/read", &format!("file:///0000{}", "a".repeat(size))),
            )
        }))
        .collect();
    let spellings = || {
        let long = |unit: &str| format!("https://h/{}/?q#f", unit.repeat(960_000 / unit.len()));
        let mut found = Vec::new();
        for unit in ["@", "é", "%40", "%C3%A9", "%FF", "*", "a/", ":", "%"] {
            found.push((format!("a URI of {unit}"), call("resources/read", &long(unit))));
            for size in [30, 900] {
                let uri =
                    |number: usize| format!("https://h/{number:04}{}/?q#f", unit.repeat(size / unit.len()));
                found.push((format!("1,000 URIs of {size} bytes of {unit}"), listen(&uri)));
            }
        }
        found
    };
    let uris = || {
        uris.iter()
            .map(|(name, request)| {
                (name.clone(), requests::post(std::str::from_utf8(&request.body).expect("it is JSON")))
            })
            .collect::<Vec<_>>()
    };
    let tools = |name: &str, policy: String| {
        let calls = [long.clone(), "0000".to_owned() + &long[4..], "a0000".to_owned()];
        let calls = calls.map(|tool| (format!("a name of {} bytes", tool.len()), call("tools/call", &tool)));
        other(name, policy, calls.into())
    };
    let counted = |counter: &str| json!({ "counter": counter, "window": "minute", "max": 1_000_000 });
    let limits = |count: usize| {
        let limits: Vec<Value> = (0..count).map(|number| counted(&format!("c{number}"))).collect();
        policy("resources", json!({ "*": { "limits": limits } }))
    };
    let exact = |count: usize| {
        let text = |number| {
            if number % 2 == 0 { format!("db://t/%40{number}") } else { format!("db://t/@{number}/") }
        };
        entries(count, &text)
    };
    let encoded = |number: usize| format!("*{}%40*", "%C3%A9".repeat(number + 1));
    let hide: Vec<String> = (0..1_000).map(stars).collect();
    let mut asking = json!({
        "version": "1", "default": "allow",
        "approvals": { "cluster": "approvals", "authority": "approvals.internal" },
        "all_tools": { "action": "require_approval" },
    });
    asking["resources"] = json!({ "*": { "action": "require_approval" } });
    for number in 0..30 {
        asking["resources"][plain(number)] = json!({ "action": "require_approval" });
    }
    vec![
        tools("1,000 tools with many stars", policy("tools", entries(1_000, &stars))),
        tools("1,000 tools with two stars", policy("tools", entries(1_000, &plain))),
        tools("1,000 hidden tools with many stars", policy("hide", json!(hide))),
        other("two limits", limits(2), uris()),
        other("20 limits", limits(20), uris()),
        other("10 resources", policy("resources", entries(10, &plain)), uris()),
        other("100 resources", policy("resources", entries(100, &plain)), uris()),
        other("1,000 resources", policy("resources", entries(1_000, &plain)), uris()),
        other("10 resources with many stars", policy("resources", entries(10, &stars)), uris()),
        other("100 resources with many stars", policy("resources", entries(100, &stars)), uris()),
        other("30 resources with approval", asking.to_string(), uris()),
        other("100 exact resources", policy("resources", exact(100)), spellings()),
        other("10 resources, other spellings", policy("resources", entries(10, &plain)), spellings()),
        other("100 resources, other spellings", policy("resources", entries(100, &plain)), spellings()),
        other("30 encoded resources", policy("resources", entries(30, &encoded)), spellings()),
        other("30 resources with approval, spellings", asking.to_string(), spellings()),
    ]
}

/// Returns a policy with 50 arguments that headers repeat.
fn mirrored() -> String {
    let properties: serde_json::Map<String, Value> = (0..50)
        .map(|number| {
            (format!("p{number}"), json!({ "type": "string", "x-mcp-header": format!("P{number}") }))
        })
        .collect();
    let schema = json!({ "properties": { "a": { "properties": properties } } });
    json!({ "version": "1", "tools": { TOOL: { "arguments": schema } } }).to_string()
}
