//! A policy as a YAML file of its own: short lists and objects are on one line, as people write them.

use std::rc::Rc;

use mcp_policy_engine::document::Path;

use super::{indented, name, quoted, text};
use crate::input::{self, File};
use crate::outcome::Failure;
use crate::written::Json;

/// How wide a line may be, in characters.
const WIDTH: usize = 116;
/// How deep objects always have a line for each member: the document, and its sections.
const TABLES: usize = 2;

/// Writes a policy for the file of this name.
///
/// # Errors
/// The policy has a number that YAML does not keep for the filter.
pub fn document(file: &str, policy: &Json) -> Result<String, Failure> {
    if let Some((path, number)) = inexact(policy, &Path::default()) {
        return Err(Failure::new(format!(
            "`{file}`: `{path}` is {number}, but numbers in YAML are integers of 32 bits for Envoy: choose a file whose \
             name ends in `.json`"
        )));
    }
    let written = value(policy, 0, 0, 0).trim_start().to_owned();
    let read = Rc::new(File { name: "policy.yaml".to_owned(), text: written.clone() });
    match input::policies_of(&read)?.as_slice() {
        [found] if found.problems.is_empty() && found.holds(&policy.compact()) => Ok(written),
        _ => Err(Failure::new(format!(
            "`{file}`: the policy would change in YAML: choose a file whose name ends in `.json`"
        ))),
    }
}

/// Returns the first number that Envoy reads as another value.
fn inexact<'j>(json: &'j Json, path: &Path) -> Option<(Path, &'j serde_json::Number)> {
    match json {
        Json::Number(number) => {
            let is_kept = number.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
            (!is_kept).then(|| (path.clone(), number))
        }
        Json::List(elements) => {
            elements.iter().enumerate().find_map(|(index, element)| inexact(element, &path.index(index)))
        }
        Json::Object(members) => members.iter().find_map(|(key, member)| inexact(member, &path.key(key))),
        Json::Null | Json::Bool(_) | Json::Text(_) => None,
    }
}

/// Writes what stands behind a key or a dash that ends in the column `before`, up to the end of the line. The lines of an
/// object or a list are indented by `spaces`. `depth` is the number of objects around it.
fn value(json: &Json, spaces: usize, before: usize, depth: usize) -> String {
    let on_one_line = flow(json);
    let fits = before.saturating_add(on_one_line.chars().count()) < WIDTH;
    let indent = " ".repeat(spaces);
    match json {
        Json::Object(members) if !members.is_empty() && (depth < TABLES || !fits) => {
            let member = |(key, member): &(String, Json)| {
                let key = format!("{indent}{}:", name(key));
                let before = key.chars().count();
                key + &value(member, spaces.saturating_add(2), before, depth.saturating_add(1))
            };
            format!("\n{}", members.iter().map(member).collect::<String>())
        }
        Json::List(elements) if !elements.is_empty() && !fits => {
            let element = |element: &Json| {
                let inner = spaces.saturating_add(2);
                let behind = value(element, inner, inner, depth.saturating_add(1));
                // The first line of an object or a list stands behind the dash.
                format!("{indent}- {}", behind.trim_start())
            };
            format!("\n{}", elements.iter().map(element).collect::<String>())
        }
        Json::Text(long) if long.contains('\n') && long.chars().all(is_shown) => {
            format!(" {}", text(long, spaces))
        }
        Json::Text(long) if !fits && long.chars().all(is_shown) => match folded(long, spaces) {
            Some(folded) => format!(" >-\n{}", indented(&folded, spaces)),
            None => format!(" {on_one_line}\n"),
        },
        _ => format!(" {on_one_line}\n"),
    }
}

/// Writes a value on one line. A word needs no quotes, unless some reader takes it for something else.
fn flow(json: &Json) -> String {
    match json {
        Json::Text(text) => name(text),
        Json::List(elements) => format!("[{}]", elements.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::Object(members) if members.is_empty() => "{}".to_owned(),
        Json::Object(members) => {
            let member = |(key, value): &(String, Json)| format!("{}: {}", name(key), flow(value));
            format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        other => other.compact(),
    }
}

/// Returns whether a character can stand in a block. Others are escaped in quotes.
fn is_shown(char: char) -> bool {
    char == '\n' || (' '..='~').contains(&char) || quoted(&char.to_string()).chars().nth(1) == Some(char)
}

/// Breaks a text into lines that a reader joins again by one space each. `None` if it has other white space.
fn folded(text: &str, spaces: usize) -> Option<String> {
    let words: Vec<&str> = text.split(' ').collect();
    if words.iter().any(|word| word.is_empty() || word.contains(char::is_whitespace)) {
        return None;
    }
    let width = WIDTH.saturating_sub(spaces);
    let (mut lines, mut column) = (String::new(), 0_usize);
    for word in words {
        let length = word.chars().count();
        let end = column.saturating_add(length).saturating_add(1);
        if column == 0 {
            column = length;
        } else if end > width {
            lines.push('\n');
            column = length;
        } else {
            lines.push(' ');
            column = end;
        }
        lines.push_str(word);
    }
    lines.push('\n');
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: serde_json::Value) -> Json {
        Json::of_value(&value)
    }

    #[test]
    fn a_policy_is_written_as_people_write_it() {
        let long = "word ".repeat(30);
        let policy = Json::object([
            ("version", Json::text("1")),
            ("server", Json::text("no")),
            ("description", Json::text("About: it\nREAD: 1")),
            ("rules", json(serde_json::json!({ "read": { "reason": long.trim_end(), "mode": "shadow" } }))),
            (
                "tools",
                json(serde_json::json!({
                    "get_*": "read",
                    "yes": [{ "arguments": { "type": "object", "properties": { "é": { "const": "\u{202e}" } } } }],
                    "1": { "limits": [{ "counter": "a b", "window": "minute", "max": 3 }] },
                })),
            ),
        ]);
        let expected = format!(
            "version: \"1\"\nserver: \"no\"\ndescription: |-\n  About: it\n  READ: 1\nrules:\n  read:\n    mode: shadow\n    \
             reason: >-\n      {}\n      {}\ntools:\n  \"1\": {{ limits: [{{ counter: \"a b\", max: 3, window: minute }}] }}\n  \
             \"get_*\": read\n  \"yes\": [{{ arguments: {{ properties: {{ \"é\": {{ const: \"\\u202e\" }} }}, type: object }} }}]\n",
            "word ".repeat(22).trim_end(),
            "word ".repeat(8).trim_end(),
        );
        assert_eq!(document("a.yaml", &policy), Ok(expected));
    }

    #[test]
    fn texts_and_values_are_read_back_as_they_were() {
        let wide = "x".repeat(70);
        let texts = [
            "",
            " ",
            "a ",
            " a\nb",
            "a\n\n",
            "a  b",
            "~",
            "on",
            "1",
            "- a",
            "# a",
            "a: b",
            "\u{1f600}\n",
            "\t",
            "\r\n",
        ];
        for text in texts {
            for text in [text.to_owned(), format!("{wide} {text} {wide}"), format!("{wide}\n{text}")] {
                let policy = json(serde_json::json!({
                    "version": "1", "description": text,
                    "tools": { text.as_str(): { "reason": text, "arguments": { "enum": [null, true, -1, text, [text, {}]] } } },
                }));
                assert!(document("a.yaml", &policy).is_ok(), "{text:?}");
            }
        }
    }

    #[test]
    fn a_number_that_envoy_would_change_is_an_error_that_names_its_place() {
        for number in ["0.5", "2147483648", "-2147483649", "1e3"] {
            let text = format!(
                r#"{{"version": "1", "tools": {{"a": [{{"arguments": {{"maximum": {number}}}}}]}}}}"#
            );
            let policy = Json::of_value(&serde_json::from_str(&text).unwrap());
            let why = document("a.yaml", &policy).unwrap_err().to_string();
            assert!(why.starts_with("`a.yaml`: `tools.a[0].arguments.maximum` is "), "{number}: {why}");
            assert!(why.ends_with("choose a file whose name ends in `.json`"), "{number}: {why}");
        }
    }
}
