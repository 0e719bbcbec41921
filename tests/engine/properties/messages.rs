//! Generates messages, from valid to nonsense, and writes them in different ways.

use mcp_policy_engine::mcp::headers::Headers;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::writing::{Json, Style};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";

fn key() -> impl Strategy<Value = String> {
    let protocol = select(vec![
        "jsonrpc",
        "method",
        "params",
        "id",
        "name",
        "arguments",
        "uri",
        "ref",
        "type",
        "result",
        "error",
        "_meta",
        "notifications",
        "resourceSubscriptions",
        VERSION,
        "x",
        "",
    ]);
    let other = select(vec![
        "Name",
        "NAME",
        "name\0",
        "name\0x",
        "Method",
        "METHOD",
        "method\0",
        "Params",
        "param\u{17f}",
        "ID",
        "\u{131}d",
        "i\u{307}d",
        "argument\u{17f}",
        "Arguments",
        "URI",
        "_Meta",
        "re\u{17f}ult",
        "Error",
        "JsonRpc",
        "names",
        " name",
    ]);
    prop_oneof![4 => protocol, 2 => other].prop_map(str::to_owned)
}

fn literal() -> impl Strategy<Value = Json> {
    let sound =
        vec!["null", "true", "false", "0", "1", "-7", "1.0", "1e2", "9007199254740993", r#""\ud83d\ude00""#];
    let unsound = vec!["1e400", "18446744073709551616", r#""\ud800""#, r#""\ude00\ud83d""#];
    let texts =
        vec!["2.0", "tools/call", "ping", "danger", "safe", "ref/prompt", "", "a", "\u{1f600}", "danger\0"];
    prop_oneof![
        30 => select(sound).prop_map(|word| Json::Literal(word.to_owned())),
        30 => select(texts).prop_map(text),
        10 => any::<String>().prop_map(Json::Text),
        3 => number().prop_map(Json::Literal),
        1 => select(unsound).prop_map(|word| Json::Literal(word.to_owned())),
    ]
}

pub fn number() -> impl Strategy<Value = String> {
    let digits = "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,12})?";
    (digits, proptest::option::of(-330_i32..330)).prop_map(|(digits, power)| match power {
        Some(power) => format!("{digits}e{power}"),
        None => digits,
    })
}

pub fn tree() -> impl Strategy<Value = Json> {
    literal().prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            entries(key(), inner.clone()),
            entries("[a-d]{1,2}", inner),
        ]
    })
}

/// Makes objects; a few have a duplicate key.
fn entries(
    keys: impl Strategy<Value = String>,
    values: impl Strategy<Value = Json>,
) -> impl Strategy<Value = Json> {
    let entries = prop::collection::vec((keys, values), 0..12);
    (entries, prop::bool::weighted(0.9)).prop_map(|(mut entries, sound)| {
        if sound {
            entries.sort_by(|left, right| left.0.cmp(&right.0));
            entries.dedup_by(|left, right| left.0 == right.0);
        }
        Json::Object(entries)
    })
}

fn object(entries: &[(&str, Json)]) -> Json {
    Json::Object(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

pub fn message() -> impl Strategy<Value = Json> {
    let names = select(vec!["safe", "danger", "other", "ghost", "few"]);
    let call = (names, tree()).prop_map(|(name, more)| {
        let params = object(&[("name", text(name)), ("arguments", object(&[("a", more)]))]);
        ("tools/call", params)
    });
    let methods = select(vec![
        "ping",
        "initialize",
        "tools/list",
        "resources/read",
        "prompts/get",
        "completion/complete",
        "subscriptions/listen",
        "tasks/get",
        "notifications/x",
        "x/y",
        "Tools/Call",
        "tools/call\0",
    ]);
    let other = (methods, entries(key(), tree()));
    let ids = select(vec!["1", "-5", "\"a\"", r#""\u0061\"\ud83d\ude00""#, "18446744073709551615"]);
    let base = (prop_oneof![3 => call, 1 => other], proptest::option::weighted(0.8, ids));
    let edit = (any::<Index>(), any::<Index>(), 0..6, key(), tree());
    let edits = prop_oneof![Just(Vec::new()), prop::collection::vec(edit, 1..3)];
    (base, edits).prop_map(|(((method, params), id), edits)| {
        let mut message = object(&[("jsonrpc", text("2.0")), ("method", text(method)), ("params", params)]);
        if let (Json::Object(entries), Some(id)) = (&mut message, id) {
            entries.insert(1, ("id".to_owned(), Json::Literal(id.to_owned())));
        }
        for (object, member, kind, key, value) in edits {
            change(&mut message, object, member, kind, key, value);
        }
        message
    })
}

/// Changes one member of one object of a message.
fn change(message: &mut Json, object: Index, member: Index, kind: i32, key: String, value: Json) {
    let mut objects = 0;
    each_object(message, &mut |_| objects += 1);
    if objects == 0 {
        return;
    }
    // The message itself and its params are changed far more often than deeper objects.
    let (chosen, mut at) = (object.index(objects + 6), 0);
    let chosen = if chosen < objects { chosen } else { (chosen - objects) % objects.min(2) };
    each_object(message, &mut |entries| {
        if at == chosen {
            let member = (!entries.is_empty()).then(|| member.index(entries.len()));
            match (kind, member) {
                (0, Some(member)) => entries[member].0 = key.clone(),
                (1, Some(member)) => entries[member].1 = value.clone(),
                (2, Some(member)) => drop(entries.remove(member)),
                (3, Some(member)) => {
                    let again = (entries[member].0.clone(), value.clone());
                    entries.push(again);
                }
                (4, Some(member)) => {
                    let other = (another_spelling(&entries[member].0, &key), value.clone());
                    entries.push(other);
                }
                _ => entries.insert(0, (key.clone(), value.clone())),
            }
        }
        at += 1;
    });
}

/// Spells a key in a way that only a lax reader accepts; `way` chooses how.
fn another_spelling(key: &str, way: &str) -> String {
    match way.len() % 3 {
        0 => format!("{key}\0"),
        1 => key.to_uppercase(),
        _ => key.replace('s', "\u{17f}"),
    }
}

fn each_object(json: &mut Json, visit: &mut impl FnMut(&mut Vec<(String, Json)>)) {
    match json {
        Json::Array(elements) => elements.iter_mut().for_each(|element| each_object(element, visit)),
        Json::Object(entries) => {
            visit(entries);
            entries.iter_mut().for_each(|(_, value)| each_object(value, visit));
        }
        Json::Literal(_) | Json::Text(_) => {}
    }
}

pub fn written(json: impl Strategy<Value = Json>) -> impl Strategy<Value = Vec<u8>> {
    (json, any::<u64>()).prop_map(|(json, seed)| Style::seeded(seed).write(&json).into_bytes())
}

/// Removes, repeats and replaces some bytes of a text.
pub fn damaged(texts: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let pieces = select(vec![
        &b"\""[..],
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"1",
        b"-",
        b".",
        b"e",
        b"\\ud800",
        b"\\udc00",
        b"//",
        b" ",
        b"\x0b",
        b"NaN",
        b"'",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
    ]);
    let damage = prop::collection::vec((any::<Index>(), 0..4_usize, pieces), 1..4);
    (texts, damage).prop_map(|(mut text, damage)| {
        for (at, length, piece) in damage {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.iter().copied());
        }
        text
    })
}

pub fn soup() -> impl Strategy<Value = Vec<u8>> {
    let pieces = select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"a\":", "\\", "\\u0061", "\\ud83d", "\\ude00", "0",
        "-", "1", ".", "e", "+", "1e400", "true", "false", "null", "nul", " ", "\n", "\u{feff}", "é", "\0",
        "\"\\u",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

pub fn headers() -> impl Strategy<Value = Headers> {
    let value = || {
        let words = select(vec![
            &b"tools/call"[..],
            b"danger",
            b"safe",
            b"=?base64?ZGFuZ2Vy?=",
            b"=?base64?c2FmZQ==?=",
            b"=?base64?\xff?=",
            b"2026-07-28",
            b"",
            b"\xff",
        ]);
        prop_oneof![4 => words.prop_map(<[u8]>::to_vec), 1 => any::<Vec<u8>>()]
    };
    let names = select(vec!["mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id"]);
    let pairs = prop::collection::vec((names.prop_map(str::to_owned), value()), 0..3);
    prop_oneof![Just(Vec::new()), pairs].prop_map(|pairs| Headers::from_pairs(pairs, &[]))
}

pub fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => written(message()),
        1 => damaged(written(message())),
        1 => written(tree()),
        1 => any::<Vec<u8>>(),
    ]
}
