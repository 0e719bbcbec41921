//! Recognizes the plainest answers without a list in a fraction of the time that a [`Screen`](super::Screen) takes.

use super::is_scalar;
use crate::json::{plain_end, visible_end};
use crate::mcp::method;

/// Tells whether the bytes are one whole object in which a [`Screen`](super::Screen) finds nothing. Returns `false` if
/// telling takes a closer look. Almost every answer takes none.
pub(super) fn is_without_list(bytes: &[u8]) -> bool {
    let Some((b'{', _)) = bytes.split_first() else { return false };
    let mut depth = 1_usize;
    let mut at = 1_usize;
    while let Some(&byte) = bytes.get(at) {
        at = at.saturating_add(1);
        match byte {
            b'"' if depth <= DEEPEST_KEY => {
                let end = visible_end(bytes, at);
                if may_be_list(bytes.get(at..end).unwrap_or_default()) || bytes.get(end) != Some(&b'"') {
                    return false;
                }
                at = end.saturating_add(1);
            }
            b'"' => match string_end(bytes, at) {
                Some(end) => at = end,
                None => return false,
            },
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at == bytes.len();
                }
            }
            b':' => at = scalar_end(bytes, at.saturating_add(usize::from(bytes.get(at) == Some(&b' ')))),
            b',' | b' ' | b'\t' | b'\n' | b'\r' => {}
            // At the upper levels it could be a key without quotes.
            byte if depth > DEEPEST_KEY && is_scalar(byte) => at = scalar_end(bytes, at),
            _ => return false,
        }
    }
    false
}

/// The depth of a result's members, in a message that is no part of an array.
const DEEPEST_KEY: usize = 2;

/// Tells whether a string could be the key of a list, in some spelling without escapes.
fn may_be_list(string: &[u8]) -> bool {
    matches!(string.len(), 5..=17)
        && method::lists().any(|list| string.eq_ignore_ascii_case(list.member.as_bytes()))
}

/// Returns the place behind the quote that ends a string; `None` if there is none, or a control character before it.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = plain_end(bytes, from);
    while bytes.get(at) == Some(&b'\\') {
        at = plain_end(bytes, at.saturating_add(2));
    }
    (bytes.get(at) == Some(&b'"')).then(|| at.saturating_add(1))
}

/// Returns the place of the first byte that is no part of a number, `true` or the like.
fn scalar_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from.saturating_add(rest.iter().position(|byte| !is_scalar(*byte)).unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::super::{Finding, Screen};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_usual_answer_takes_no_closer_look() {
        for (text, expected) in [
            (
                r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"a \"b\"\né"}],"isError":false}}"#,
                true,
            ),
            (
                "{\n  \"jsonrpc\": \"2.0\", \"id\": -1.5e3, \"error\": { \"code\": -1, \"data\": [null, true] } }",
                true,
            ),
            (r#"{"result":{"a":{"tools":[1]}}}"#, true),
            ("{}", true),
            (r#"{"result":{"tools":[]}}"#, false),
            (r#"{"result":{"Tools":[]}}"#, false),
            (r#"{"result":{"t\u006fols":[]}}"#, false),
            (r#"{"result":{"toolſ":[]}}"#, false),
            (r#"{"result":{tools:[]}}"#, false),
            (r#"{"result":{"a":1 tools:[]}}"#, false),
            (r#"{"result":{/**/"a":[]}}"#, false),
            (r#"{"result":{'tools':[]}}"#, false),
            (r#"{"result":{"a":[{/**/"a":1}]}}"#, false),
            (r#"{"result":{"a":1}"#, false),
            (r#"{"result":{"a":"}}"#, false),
            (r#"{"result":{"a":["\"#, false),
            (r#"{} {"result":{"tools":[]}}"#, false),
            (r#"[{"id":1}]"#, false),
            ("", false),
        ] {
            assert_eq!(is_without_list(text.as_bytes()), expected, "{text}");
        }
        for list in method::lists() {
            let text = format!(r#"{{"result":{{"{}":[]}}}}"#, list.member);
            assert!(!is_without_list(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        /// The oracle is the screen.
        #[test]
        fn the_screen_finds_nothing_either(
            words in prop::collection::vec(prop::sample::select(&[
                "{", "}", "[", "]", ",", ":", "\"result\"", "\"tools\"", "\"RESOURCES\"", "\"a\"", "1", "\"\\u0074ools\"",
                "{\"result\":{", "\"tools\":[]", "}}", "\"x\":{\"tools\":1}", "\"\\\\\"", "\"\\\"\"", "null", " ", "tools", "\"",
                "\\", "\"b\":[{\"c\":\"", "\"}]", "\"skill\u{17f}\"", "/", "\u{1}",
            ][..]), 0..14),
        ) {
            let text = format!("{{{}", words.concat());
            let mut screen = Screen::default();
            let read = screen.push(text.as_bytes());
            if is_without_list(text.as_bytes()) {
                prop_assert_eq!((screen.finding(), screen.is_within(), read), (Finding::Nothing, false, text.len()), "{}", text);
            }
        }
    }
}
