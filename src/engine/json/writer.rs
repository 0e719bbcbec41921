//! Writing JSON: objects member by member, and strings with no more escapes than they need.

use super::scan::{is_plain, plain_end};
use crate::text::{push_decimal, push_hex};

/// The initial size of an object's text, in bytes. Most objects fit.
const CAPACITY: usize = 512;

/// A JSON object on one line, written member by member. Names of members are written as they are, so they must need
/// no escapes.
#[derive(Debug)]
pub struct ObjectWriter(String);

impl Default for ObjectWriter {
    fn default() -> Self {
        Self(String::with_capacity(CAPACITY))
    }
}

impl ObjectWriter {
    /// Adds a member whose value is a string.
    pub fn string(&mut self, name: &str, text: &str) {
        push_string(self.value(name), text);
    }

    /// Adds a member whose value is a string, or null for `None`.
    pub fn string_or_null(&mut self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => self.string(name, text),
            None => self.json(name, "null"),
        }
    }

    /// Adds a member whose value is a number.
    pub fn number(&mut self, name: &str, number: u64) {
        push_decimal(self.value(name), number);
    }

    /// Adds a member whose value is JSON text already.
    pub fn json(&mut self, name: &str, json: &str) {
        self.value(name).push_str(json);
    }

    /// Returns the object's text.
    #[must_use]
    pub fn finish(self) -> String {
        let Self(mut text) = self;
        text.push_str(if text.is_empty() { "{}" } else { "}" });
        text
    }

    /// Begins a member. Its value comes next.
    fn value(&mut self, name: &str) -> &mut String {
        let Self(text) = self;
        text.push_str(if text.is_empty() { "{\"" } else { ",\"" });
        text.push_str(name);
        text.push_str("\":");
        text
    }
}

/// Appends a string with its quotes. Only what JSON does not allow in a string is escaped, in the form of RFC 8785,
/// section 3.2.2.2.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    // Most strings need no escape anywhere.
    if is_plain(text.as_bytes()) {
        out.push_str(text);
        out.push('"');
        return;
    }
    let mut rest = text;
    while let Some((plain, behind)) = rest.split_at_checked(plain_end(rest.as_bytes(), 0)) {
        out.push_str(plain);
        let mut chars = behind.chars();
        let Some(char) = chars.next() else { break };
        push_escaped(out, char);
        rest = chars.as_str();
    }
    out.push('"');
}

/// Appends the escape of a quote, a backslash or a control character below U+0020.
#[cold]
#[inline(never)]
fn push_escaped(out: &mut String, char: char) {
    match char {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\u{c}' => out.push_str("\\f"),
        '\r' => out.push_str("\\r"),
        other => {
            out.push_str("\\u00");
            push_hex(out, &[u8::try_from(other).unwrap_or_default()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the general writer makes of a string.
    fn general(text: &str) -> String {
        serde_json::to_string(text).unwrap()
    }

    #[test]
    fn a_string_has_the_escapes_that_the_general_writer_gives_it() {
        let all: String = (0..=0x2ff).filter_map(char::from_u32).chain("\u{2028}😀".chars()).collect();
        for text in ["", "plain", "\"", "a\\", "a long text with a \" in its middle\n", &all] {
            let mut out = "x".to_owned();
            push_string(&mut out, text);
            assert_eq!(out, format!("x{}", general(text)));
        }
    }

    #[test]
    fn an_object_has_its_members_in_order() {
        let mut object = ObjectWriter::default();
        object.string("a", "\u{1}");
        object.string_or_null("b", None);
        object.string_or_null("c", Some("d"));
        object.number("e", u64::MAX);
        object.json("f", &ObjectWriter::default().finish());
        let expected = r#"{"a":"\u0001","b":null,"c":"d","e":18446744073709551615,"f":{}}"#;
        assert_eq!(object.finish(), expected);
    }

    proptest::proptest! {
        #[test]
        fn any_string_is_written_as_the_general_writer_does(text in ".{0,40}|[\"\\\\\\x00-\\x1f a-c]{0,40}") {
            let mut out = String::new();
            push_string(&mut out, &text);
            proptest::prop_assert_eq!(out, general(&text));
        }
    }
}
