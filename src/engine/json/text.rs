//! Strings between their JSON form and their own.

use super::scan;
use crate::text::push_hex;

/// Turns the text between a string's quotes into the string. The reader has checked the escapes;
/// a surrogate without its other half, a defect already, becomes U+FFFD.
#[must_use]
pub fn unescape(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        out.push_str(plain);
        let (char, length) = escaped_char(escape);
        out.push(char);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Reads the escape at the start of `text`: the character and how many bytes it took.
fn escaped_char(text: &str) -> (char, usize) {
    let plain = match text.as_bytes().get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            let first = code_unit(text, 0);
            if let 0xd800..=0xdbff = first
                && let low @ 0xdc00..=0xdfff = code_unit(text, 6)
            {
                let high = first.saturating_sub(0xd800) << 10;
                let scalar = high.saturating_add(low.saturating_sub(0xdc00)).saturating_add(0x1_0000);
                return (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
            }
            return (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6);
        }
        Some(&byte) => char::from(byte),
        None => char::REPLACEMENT_CHARACTER,
    };
    (plain, 2)
}

/// Reads the UTF-16 code unit of a `\uXXXX` escape that starts at `at`; zero where there is none.
pub(super) fn code_unit(text: &str, at: usize) -> u32 {
    let end = at.saturating_add(6);
    match text.get(at..end).and_then(|escape| escape.strip_prefix("\\u")) {
        Some(digits) => u32::from_str_radix(digits, 16).unwrap_or_default(),
        None => 0,
    }
}

/// Tells whether a string in its JSON form has half of a surrogate pair.
pub(super) fn has_half_pair(text: &str) -> bool {
    let mut rest = text;
    while let Some(escape) = rest.find('\\').and_then(|at| rest.get(at..)) {
        let (_, length) = escaped_char(escape);
        if length == 6 && matches!(code_unit(escape, 0), 0xd800..=0xdfff) {
            return true;
        }
        rest = escape.get(length..).unwrap_or_default();
    }
    false
}

/// Appends `string` to `out` as a JSON string on one line, with its quotes. Escapes control characters
/// (also U+007F and the C1 controls, which a terminal acts on) and characters that cannot be seen, which
/// JSON allows but which mislead people who read logs.
pub fn quote(out: &mut String, string: &str) {
    out.push('"');
    // Most strings need no escape anywhere.
    if scan::is_visible(string.as_bytes()) {
        out.push_str(string);
        out.push('"');
        return;
    }
    let end = scan::visible_end(string.as_bytes(), 0);
    let (plain, rest) = string.split_at_checked(end).unwrap_or(("", string));
    out.push_str(plain);
    for char in rest.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            unseen if is_unseen(unseen) => {
                out.push_str("\\u");
                push_hex(out, &code_point(unseen).to_be_bytes());
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Returns the code point of a character below U+10000.
fn code_point(char: char) -> u16 {
    u16::try_from(u32::from(char)).unwrap_or_default()
}

/// Tells whether a character is a control character, ends a line (U+2028, U+2029), changes the direction of
/// the text or has no width. All of them are below U+10000.
#[must_use]
pub fn is_unseen(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_their_characters() {
        for (inner, expected) in [
            ("plain", "plain"),
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"caf\u00e9", "café"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\u0000", "\0"),
            (r"\ud83d", "\u{fffd}"),
            (r"\ud83d\u0041", "\u{fffd}A"),
        ] {
            assert_eq!(unescape(inner), expected, "{inner}");
        }
    }

    #[test]
    fn a_quoted_string_reads_back_as_itself() {
        let string = "a\"b\\c\n\u{1}\u{7f}\u{9b}é\u{61c}\u{200b}\u{2028}\u{202e}\u{2069}\u{feff}😀";
        let mut out = String::new();
        quote(&mut out, string);
        assert!(out.chars().all(|char| (' '..='~').contains(&char) || "é😀".contains(char)), "{out:?}");
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), string);
    }
}
