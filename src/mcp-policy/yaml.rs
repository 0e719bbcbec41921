//! YAML that every reader reads alike: strings are in quotes, unless they are plain words.

mod document;

use std::fmt::Write as _;

pub use document::document;

use crate::written::Json;

/// Indents each line of a text by this many spaces. Empty lines stay empty.
pub fn indented(text: &str, spaces: usize) -> String {
    let indent = " ".repeat(spaces);
    let line = |line: &str| {
        if line.trim_end_matches('\n').is_empty() { line.to_owned() } else { format!("{indent}{line}") }
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Writes a text as a scalar: in a literal block whose lines are indented by `spaces`, if that keeps each byte, else in
/// double quotes. The text comes behind `key: `, and ends its line.
pub fn text(text: &str, spaces: usize) -> String {
    let plain =
        |char: char| char == '\n' || (' '..='~').contains(&char) || ('\u{a1}'..='\u{d7ff}').contains(&char);
    let special = |char: char| matches!(char, '\u{2028}' | '\u{2029}' | '\u{ad}') || char.is_whitespace();
    let unsafe_char = |char: char| !plain(char) || (!char.is_ascii() && special(char));
    let first = text.chars().next();
    if text.contains(unsafe_char) || first.is_none_or(char::is_whitespace) {
        return format!("{}\n", quoted(text));
    }
    let body = text.trim_end_matches('\n');
    let (header, end) = match text.len().saturating_sub(body.len()) {
        0 => ("|-", "\n"),
        1 => ("|", ""),
        _ => ("|+", ""),
    };
    format!("{header}\n{}{end}", indented(text, spaces))
}

/// Writes a string in double quotes, as JSON does, with everything escaped that is not shown.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            ' '..='~' => out.push(char),
            // Letters and the like stay readable. Nothing beyond the basic plane: JSON escapes it in two halves.
            _ if char.is_alphanumeric() => out.push(char),
            // Writing to a String cannot fail.
            _ if u32::from(char) <= 0xffff => drop(write!(out, "\\u{:04x}", u32::from(char))),
            _ => drop(write!(out, "\\U{:08x}", u32::from(char))),
        }
    }
    out.push('"');
    out
}

/// Writes a value as a block whose lines are indented by `spaces`. An object or list begins on a line of its own.
pub fn block(value: &Json, spaces: usize) -> String {
    match value {
        Json::Object(members) if !members.is_empty() => {
            let indent = " ".repeat(spaces);
            let member =
                |(key, value): &(String, Json)| format!("{indent}{}:{}", name(key), behind(value, spaces));
            format!("\n{}", members.iter().map(member).collect::<String>())
        }
        Json::List(elements) if !elements.is_empty() && !elements.iter().all(is_scalar) => {
            let indent = " ".repeat(spaces);
            let element = |value: &Json| match behind(value, spaces) {
                // The first member stands behind the dash, under which the others begin.
                members if matches!(value, Json::Object(_)) && members.starts_with('\n') => {
                    format!("{indent}- {}", members.trim_start())
                }
                other => format!("{indent}-{other}"),
            };
            format!("\n{}", elements.iter().map(element).collect::<String>())
        }
        other => format!(" {}\n", flow(other)),
    }
}

fn behind(value: &Json, spaces: usize) -> String {
    block(value, spaces.saturating_add(2))
}

fn is_scalar(value: &Json) -> bool {
    !matches!(value, Json::List(_) | Json::Object(_))
}

/// Writes a value on one line.
fn flow(value: &Json) -> String {
    match value {
        Json::Text(text) => quoted(text),
        Json::List(elements) => format!("[{}]", elements.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::Object(members) => {
            let member = |(key, value): &(String, Json)| format!("{}: {}", name(key), flow(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        other => other.compact(),
    }
}

/// Words that YAML, or an older YAML, takes for something else.
const RESERVED: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Writes a key or a text on one line: a word of ASCII letters, digits and `_` that begins in lower case needs no quotes.
pub fn name(key: &str) -> String {
    let is_word = key.starts_with(|char: char| char.is_ascii_lowercase())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !RESERVED.contains(&key.to_ascii_lowercase().as_str());
    if is_word { key.to_owned() } else { quoted(key) }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::input::{self, File, Node};

    fn read(text: String) -> Node {
        let file = Rc::new(File { name: "a.yaml".to_owned(), text });
        input::tree(&file).unwrap_or_else(|wrong| panic!("{}\n{}", wrong.message, file.text))
    }

    #[test]
    fn a_text_is_read_back_byte_for_byte() {
        for expected in [
            "{}",
            "{\n  \"a\": 1\n}",
            "{}\n",
            "{}\n\n\n",
            " {}",
            "\n{}",
            "{\"a\": \"\\u2028é€\"}",
            "{\r\n}",
            "{\t}",
            "{\"a\":\"\u{2028}\"}",
            "{\"\u{1f600}\": 1}",
            "{\"\u{feff}\": 1}",
            "{\n\n  \n}",
            "",
        ] {
            let node = read(format!("x:\n  key: {}other: 1\n", text(expected, 4)));
            let node = node.member("x").and_then(|node| node.member("key")).and_then(Node::text);
            assert_eq!(node, Some(expected));
        }
    }

    #[test]
    fn a_block_is_read_back_as_the_same_value() {
        let value: serde_json::Value = serde_json::json!({
            "version": "1", "yes": "no", "n": null, "t": true, "f": 0.1, "i": 9007199254740991_i64, "": "",
            "list": [], "object": {}, "strings": ["a", "1", "on"], "deep": [{ "a": [{ "b": "c: d # e" }] }, [1, [2]]],
            "get_*": { "x": "\u{2028}\u{7}\u{1f600} 'é'" }, "true": "~",
        });
        let node =
            read(format!("key:{}", block(&Json::of_node(&Node::of_json(&value.to_string()).unwrap()), 2)));
        let read: serde_json::Value =
            serde_json::from_str(&Json::of_node(node.member("key").unwrap()).compact()).unwrap();
        assert_eq!(read, value);
    }
}
