//! Bodies that cause much work.

use super::documents::Document;

/// The largest body that a policy without `max_body_bytes` accepts.
pub const LARGEST: usize = 1_048_576;

/// The size of the bodies that are tried first.
pub const SMALLER: usize = LARGEST / 32;

/// The argument that stands beside the one that is filled, in some bodies.
pub const BESIDE: &str = "beside";

/// A body.
pub struct Body {
    pub name: String,
    pub text: String,
}

/// Returns the bodies of `size` bytes to try under a policy.
pub fn all(document: &Document, size: usize) -> Vec<Body> {
    let Document { tool, argument, .. } = document;
    let around = |arguments: String| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
        )
    };
    let room = size - around(format!(r#"{{"{argument}":[]}}"#)).len();
    let mut bodies = Vec::new();
    for (name, element) in elements() {
        let count = (room + 1) / (element.len() + 1);
        let list = vec![element.as_str(); count].join(",");
        bodies.push((name.to_owned(), around(format!(r#"{{"{argument}":[{list}]}}"#))));
    }
    for (name, unit) in
        [("one string", "a"), ("one string of escapes", "\\u0061"), ("one string of spaces", " ")]
    {
        let text = unit.repeat(room / unit.len() - 1);
        bodies.push((name.to_owned(), around(format!(r#"{{"{argument}":"{text}"}}"#))));
    }
    let list = format!("[{}1]", "1,".repeat((room - 8) / 2));
    bodies.push(("a list in a string".to_owned(), around(format!(r#"{{"{argument}":"{list}"}}"#))));
    let wide = "ΐ".repeat(20);
    for (name, key) in [
        ("keys", "k"),
        ("keys of other letters", "é"),
        ("keys of wide letters", &wide),
        ("keys in escapes", "\\u006b"),
    ] {
        let members = members(key, room - argument.len());
        bodies.push((format!("{name} of an argument"), around(format!(r#"{{"{argument}":{{{members}}}}}"#))));
        bodies.push((format!("{name} of the arguments"), around(format!("{{{members}}}"))));
    }
    bodies.extend(beside(argument, room).map(|(name, arguments)| (name, around(arguments))));
    bodies.into_iter().map(|(name, text)| Body { name, text }).collect()
}

/// Returns arguments of which one half is a list of texts, and the other half one long text, [`BESIDE`].
fn beside(argument: &str, room: usize) -> impl Iterator<Item = (String, String)> {
    let half = room / 2 - 10;
    let (nul, long) = ("\\u0000", "a".repeat(half));
    let list = |element: &str| vec![element; half / (element.len() + 1)].join(",");
    let cut = format!("a{nul}{}", "b".repeat(half - 7));
    let beginning = "a".repeat(1_000);
    [
        ("short texts", list("\"a\""), &long),
        ("empty texts", list("\"\""), &long),
        ("long beginnings", list(&format!("\"{beginning}\"")), &long),
        ("long beginnings with a NUL", list(&format!("\"{beginning}{nul}\"")), &long),
        ("short texts", list("\"b\""), &cut),
        ("texts with a NUL", list(&format!("\"b{nul}\"")), &cut),
    ]
    .map(|(name, list, text)| {
        let with = if text.contains(nul) { "a long one with a NUL" } else { "a long one" };
        (format!("{name} beside {with}"), format!(r#"{{"{argument}":[{list}],"{BESIDE}":"{text}"}}"#))
    })
    .into_iter()
}

/// The elements of lists.
fn elements() -> Vec<(&'static str, String)> {
    let string = |unit: &str, times: usize| format!("\"{}\"", unit.repeat(times));
    vec![
        ("1.5", "1.5".to_owned()),
        ("integers", "99".to_owned()),
        ("numbers of 17 digits", "0.30000000000000004".to_owned()),
        ("integers of 19 digits", "1234567890123456789".to_owned()),
        ("numbers half-way between doubles", "1.00000000000000011102".to_owned()),
        (
            "long numbers half-way",
            format!("1.00000000000000011102230246251565404236316680908203125{}1", "0".repeat(200)),
        ),
        ("numbers of 300 digits", format!("0.25{}1", "0".repeat(300))),
        ("objects", r#"{"k":7.5}"#.to_owned()),
        ("objects with another spelling", r#"{"ſ":1,"k":{}}"#.to_owned()),
        ("lists", "[]".to_owned()),
        ("short strings", string("a", 3)),
        ("strings of 61 bytes", string("a", 61)),
        ("strings of 1 kB", string("a", 1_000)),
        ("strings of 1 kB of spaces", string(" ", 1_000)),
        ("strings of 1 kB of escapes", string("\\u0061", 170)),
        ("strings of 16 kB", string("a", 16_000)),
        ("lists in strings", format!("\"[{}1]\"", "1,".repeat(200))),
        ("empty strings", "\"\"".to_owned()),
    ]
}

/// Returns members with different keys.
fn members(key: &str, room: usize) -> String {
    let mut members = String::new();
    for number in 0_u32.. {
        let member = format!("\"{key}{number:x}\":1,");
        if members.len() + member.len() > room {
            break;
        }
        members.push_str(&member);
    }
    members.pop();
    members
}
