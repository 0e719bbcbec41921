//! Names that every server reads alike.
//!
//! C libraries cut a name at a NUL, many servers strip white space around it, and some drop characters that take no space.
//! To them `get_secret\0` is `get_secret`, for which a policy can have an entry of its own.

use std::fmt;

/// The longest name of a tool or a prompt, in bytes. MCP recommends at most 128 characters. It is bounded, because it may
/// be compared with many patterns.
const LONGEST: usize = 1_024;

/// Why no call may have a name. Its text says what the name must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// It has too many bytes
    TooLong,
    /// It begins or ends with white space
    SpaceAround,
    /// It has a character that some servers drop, or that ends a name
    Dropped(char),
}

impl fmt::Display for Unusable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(out, "must have at most {LONGEST} bytes"),
            Self::SpaceAround => out.write_str("must not begin or end with white space"),
            Self::Dropped(char) => write!(out, "must not have {}, which some servers drop", Code(*char)),
        }
    }
}

/// A character as its code point, such as U+200B.
#[derive(Debug, Clone, Copy)]
pub struct Code(pub char);

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(char) = *self;
        write!(out, "U+{:04X}", u32::from(char))
    }
}

/// Returns why no call may have this name of a tool or a prompt.
#[must_use]
pub fn unusable(name: &str) -> Option<Unusable> {
    if name.len() > LONGEST {
        return Some(Unusable::TooLong);
    }
    // A line break is a control character, but at an end it is better called white space.
    if name.trim().len() != name.len() {
        return Some(Unusable::SpaceAround);
    }
    first_dropped(name).map(Unusable::Dropped)
}

/// Returns the first character of a text that some servers drop wherever it stands, other than white space.
#[must_use]
pub fn first_dropped(text: &str) -> Option<char> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    let mut before = 'a';
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let after = chars.peek().copied().unwrap_or('a');
        if is_dropped(char) && !is_of_script(before, char, after) {
            return Some(char);
        }
        before = char;
    }
    None
}

/// Tells whether a character that takes no space belongs to its neighbours: a variation selector to an emoji before it, a
/// joiner between two emoji or letters of a script that joins them. Dropping it makes no ASCII name.
fn is_of_script(before: char, char: char, after: char) -> bool {
    match char {
        '\u{fe0e}' | '\u{fe0f}' => !before.is_ascii() && !is_dropped(before),
        '\u{200c}' | '\u{200d}' => ![before, after].iter().any(|near| near.is_ascii() || near.is_control()),
        _ => false,
    }
}

/// Returns how many units of work it takes at most to judge a name of this many bytes.
#[must_use]
pub fn work(length: usize) -> usize {
    (length.min(LONGEST) >> 3).saturating_add(1)
}

/// Tells whether a character is a control character, which some servers drop or end a name at, or one that nobody sees
/// (Unicode's `Default_Ignorable_Code_Point`).
fn is_dropped(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_servers_read_in_two_ways_is_unusable() {
        for (name, expected) in [
            ("get_secret", None),
            ("get the secret", None),
            ("größe.lesen/2", None),
            ("a\u{a0}b\u{2003}c", None),
            ("", None),
            ("⚠\u{fe0f} delete", None),
            ("👩\u{200d}💻 code", None),
            ("می\u{200c}خواهم", None),
            ("1\u{fe0f}", Some(Unusable::Dropped('\u{fe0f}'))),
            ("é\u{fe0f}\u{fe0f}", Some(Unusable::Dropped('\u{fe0f}'))),
            ("é\u{200d}b", Some(Unusable::Dropped('\u{200d}'))),
            ("a\u{200c}é", Some(Unusable::Dropped('\u{200c}'))),
            ("é\u{200d}", Some(Unusable::Dropped('\u{200d}'))),
            ("get_secret ", Some(Unusable::SpaceAround)),
            (" get_secret", Some(Unusable::SpaceAround)),
            ("get_secret\n", Some(Unusable::SpaceAround)),
            ("get_secret\u{a0}", Some(Unusable::SpaceAround)),
            ("\u{2028}get_secret", Some(Unusable::SpaceAround)),
            ("get_secret\0", Some(Unusable::Dropped('\0'))),
            ("get\tsecret", Some(Unusable::Dropped('\t'))),
            ("get_secret\u{1f}", Some(Unusable::Dropped('\u{1f}'))),
            ("get_secret\u{7f}", Some(Unusable::Dropped('\u{7f}'))),
            ("get\u{85}secret", Some(Unusable::Dropped('\u{85}'))),
            ("get_\u{ad}secret", Some(Unusable::Dropped('\u{ad}'))),
            ("get_secret\u{200b}", Some(Unusable::Dropped('\u{200b}'))),
            ("\u{feff}get_secret", Some(Unusable::Dropped('\u{feff}'))),
            ("get_secret\u{202e}", Some(Unusable::Dropped('\u{202e}'))),
            ("get_secret\u{2066}", Some(Unusable::Dropped('\u{2066}'))),
            ("get_secret\u{fe0f}", Some(Unusable::Dropped('\u{fe0f}'))),
            ("get_secret\u{3164}", Some(Unusable::Dropped('\u{3164}'))),
            ("get_secret\u{e0001}", Some(Unusable::Dropped('\u{e0001}'))),
        ] {
            assert_eq!(unusable(name), expected, "{name:?}");
        }
        assert_eq!(unusable(&"a".repeat(LONGEST)), None);
        assert_eq!(unusable(&"a".repeat(LONGEST + 1)), Some(Unusable::TooLong));
    }

    #[test]
    fn what_is_said_of_an_unusable_name_names_the_character() {
        assert_eq!(
            Unusable::Dropped('\u{200b}').to_string(),
            "must not have U+200B, which some servers drop"
        );
        assert_eq!(Unusable::TooLong.to_string(), "must have at most 1024 bytes");
    }
}
