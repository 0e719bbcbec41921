//! Reads the elements of lists, also with numbers that this program cannot hold.

use std::ops::Range;

use mcp_policy_engine::document::Path;
use mcp_policy_engine::json;
use serde_json::{Map, Number, Value};

/// A number that no 64-bit integer and no finite double stands for, such as `1e400`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// Where it is within the element, such as `inputSchema.properties.amount.maximum`
    pub place: String,
    /// The number as the server wrote it
    pub number: String,
}

impl Beyond {
    /// Says what is wrong with the number.
    pub fn why(&self) -> String {
        // A number can have thousands of digits.
        let shown: String = self.number.chars().take(40).collect();
        let more = if shown.len() < self.number.len() { "…" } else { "" };
        format!("the number `{shown}{more}` is beyond what 64-bit integers and doubles hold")
    }
}

/// Reads an element. If it has numbers that cannot be held, they become strings, and the first of them is returned too.
///
/// # Errors
/// It cannot be read for another reason.
pub fn read(sent: json::Value<'_>) -> Result<(Value, Option<Beyond>), serde_json::Error> {
    serde_json::from_str(sent.raw()).map(|read| (read, None)).or_else(|error| {
        let mut first = None;
        let read = copy(sent, &Path::default(), &mut first);
        if first.is_some() { Ok((read, first)) } else { Err(error) }
    })
}

/// Returns a text of JSON with zeros in place of the numbers that cannot be held, for readers that take the text only
/// without them. `None` if there are none, or if the text is not JSON.
pub fn with_zeros(text: &str) -> Option<String> {
    let document = json::read(text.as_bytes()).ok()?;
    let mut spans = Vec::new();
    beyond(document.root(), &mut spans);
    let mut out = String::new();
    let mut from = 0;
    for span in &spans {
        out.push_str(text.get(from..span.start)?);
        out.push('0');
        from = span.end;
    }
    out.push_str(text.get(from..)?);
    (!spans.is_empty()).then_some(out)
}

/// Finds the numbers that cannot be held, in the order of the text.
fn beyond(value: json::Value<'_>, spans: &mut Vec<Range<usize>>) {
    if value.kind() == json::Kind::Number && value.raw().parse::<Number>().is_err() {
        spans.push(value.span());
    }
    value.elements().for_each(|element| beyond(element, spans));
    value.entries().for_each(|(_, member)| beyond(member, spans));
}

fn copy(sent: json::Value<'_>, path: &Path, first: &mut Option<Beyond>) -> Value {
    match sent.kind() {
        json::Kind::Null => Value::Null,
        json::Kind::Bool(flag) => Value::Bool(flag),
        json::Kind::Number => number(sent.raw(), path, first),
        json::Kind::String { .. } => Value::String(sent.string().unwrap_or_default().into_owned()),
        json::Kind::Array => {
            let elements = sent.elements().enumerate();
            Value::Array(elements.map(|(index, element)| copy(element, &path.index(index), first)).collect())
        }
        json::Kind::Object => {
            let members = sent.entries().map(|(key, member)| {
                let copied = copy(member, &path.key(&key), first);
                (key.into_owned(), copied)
            });
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}

fn number(text: &str, path: &Path, first: &mut Option<Beyond>) -> Value {
    if let Ok(number) = text.parse::<Number>() {
        return Value::Number(number);
    }
    first.get_or_insert_with(|| Beyond { place: path.to_string(), number: text.to_owned() });
    Value::String(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_cannot_be_held_is_told_with_its_place_and_all_else_stays() {
        let text = r#"{"a": [1, {"b": 1e400}], "c": "\u00e9", "d": -1e999, "e": 0.5, "f": null, "g": true}"#;
        let document = json::read(text.as_bytes()).unwrap();
        let (read, beyond) = read(document.root()).unwrap();
        let expected =
            r#"{"a": [1, {"b": "1e400"}], "c": "é", "d": "-1e999", "e": 0.5, "f": null, "g": true}"#;
        assert_eq!(read, serde_json::from_str::<Value>(expected).unwrap());
        assert_eq!(beyond, Some(Beyond { place: "a[1].b".to_owned(), number: "1e400".to_owned() }));
    }

    #[test]
    fn what_can_be_held_is_read_as_ever() {
        for text in ["1e308", "18446744073709551616", "1e-400", "[]"] {
            let document = json::read(text.as_bytes()).unwrap();
            let (read, beyond) = read(document.root()).unwrap();
            assert_eq!((read, beyond), (serde_json::from_str(text).unwrap(), None), "{text}");
        }
        let document = json::read(br#""\ud800""#).unwrap();
        assert!(read(document.root()).is_err());
    }

    #[test]
    fn zeros_stand_in_place_of_numbers_that_cannot_be_held_and_of_nothing_else() {
        for (text, expected) in [
            (
                r#"{"1e400": ["1e400", 1e400, -1e999], "b": {"c": 1e400 } }"#,
                Some(r#"{"1e400": ["1e400", 0, 0], "b": {"c": 0 } }"#),
            ),
            (" 1e400\n", Some(" 0\n")),
            ("[1, 2.5, 1e308]", None),
            ("[1e400", None),
            ("", None),
        ] {
            assert_eq!(with_zeros(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_long_number_is_shortened() {
        let beyond = Beyond { place: String::new(), number: format!("1{}", "0".repeat(5_000)) };
        assert!(beyond.why().len() < 150, "{}", beyond.why());
    }
}
