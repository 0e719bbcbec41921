//! Recognizes the plainest answers without a list in a fraction of the time that a [`Screen`](super::Screen) takes.

use super::is_scalar;
use crate::json::{plain_end, visible_end};
use crate::mcp::{keys, method};

/// Tells whether the bytes are one whole object in which a [`Screen`](super::Screen) finds nothing. Returns `false` if
/// telling takes a closer look. Almost every answer takes none.
pub(super) fn is_without_list(bytes: &[u8]) -> bool {
    let Some((b'{', _)) = bytes.split_first() else { return false };
    let mut depth = 1_usize;
    let mut at = 1_usize;
    while let Some(&byte) = bytes.get(at) {
        at = at.wrapping_add(1);
        match class(byte) {
            Class::Quote if depth <= DEEPEST_KEY => {
                let end = visible_end(bytes, at);
                if may_be_list(bytes.get(at..end).unwrap_or_default()) || bytes.get(end) != Some(&b'"') {
                    return false;
                }
                at = end.wrapping_add(1);
            }
            Class::Quote => match string_end(bytes, at) {
                Some(end) => at = end,
                None => return false,
            },
            // No more brackets than bytes are open.
            Class::Opens => depth = depth.wrapping_add(1),
            Class::Closes => {
                depth = depth.wrapping_sub(1);
                if depth == 0 {
                    return at == bytes.len();
                }
            }
            Class::Colon => {
                at = scalar_end(bytes, at.wrapping_add(usize::from(bytes.get(at) == Some(&b' '))))
            }
            Class::Between => {}
            // At the upper levels it could be a key without quotes.
            Class::Scalar if depth > DEEPEST_KEY => at = scalar_end(bytes, at),
            Class::Scalar | Class::Other => return false,
        }
    }
    false
}

/// The depth of a result's members, in a message that is no part of an array.
const DEEPEST_KEY: usize = 2;

/// Tells whether a string could be the key of a list, in some spelling without escapes, or of what may have one.
fn may_be_list(string: &[u8]) -> bool {
    match string.last() {
        // The keys of all lists are plurals.
        Some(b's' | b'S') => method::lists().any(|list| string.eq_ignore_ascii_case(list.member.as_bytes())),
        Some(b'_') => string == keys::PROTOTYPE.as_bytes(),
        _ => false,
    }
}

/// Returns the place behind the quote that ends a string; `None` if there is none, or a control character before it.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = plain_end(bytes, from);
    while bytes.get(at) == Some(&b'\\') {
        at = plain_end(bytes, at.wrapping_add(2));
    }
    (bytes.get(at) == Some(&b'"')).then(|| at.wrapping_add(1))
}

/// Returns the place of the first byte that is no part of a number, `true` or the like.
#[inline]
fn scalar_end(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| class(*byte) == Class::Scalar) {
        at = at.wrapping_add(1);
    }
    at
}

/// What a byte outside of strings is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Quote,
    Opens,
    Closes,
    Colon,
    /// A comma or white space
    Between,
    /// A part of a number, `true` or the like
    Scalar,
    Other,
}

/// The classes of all bytes. To look one up takes less than to compare the byte with each character.
static CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let (mut at, mut byte) = (0, 0_u8);
    while at < classes.len() {
        #[expect(clippy::indexing_slicing, reason = "the compiler runs this, and would fail")]
        let class = &mut classes[at];
        *class = match byte {
            b'"' => Class::Quote,
            b'{' | b'[' => Class::Opens,
            b'}' | b']' => Class::Closes,
            b':' => Class::Colon,
            b',' | b' ' | b'\t' | b'\n' | b'\r' => Class::Between,
            byte if is_scalar(byte) => Class::Scalar,
            _ => Class::Other,
        };
        (at, byte) = (at.wrapping_add(1), byte.wrapping_add(1));
    }
    classes
};

#[inline]
fn class(byte: u8) -> Class {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(Class::Other)
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
            (r#"{"result":{"__proto__":{"tools":[]}}}"#, false),
            (r#"{"__proto__":{"result":{"tools":[]}}}"#, false),
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
                "{\"result\":{", "\"tools\":[]", "\"__proto__\"", "}}", "\"x\":{\"tools\":1}", "\"\\\\\"", "\"\\\"\"", "null", " ", "tools", "\"",
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
