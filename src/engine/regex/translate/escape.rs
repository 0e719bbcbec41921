//! Escapes and classes.

use super::super::size::Size;
use super::{Case, Translator};

/// What ECMA-262 calls white space and line ends, as the content of a class that ends with a range.
const SPACE: &str =
    r"\t-\r\x20\u{a0}\u{1680}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}\u{2000}-\u{200a}";

/// Everything else, likewise.
const NO_SPACE: &str = r"\x00-\x08\x0e-\x1f!-\u{9f}\u{a1}-\u{167f}\u{1681}-\u{1fff}\u{200b}-\u{2027}\u{202a}-\u{202e}\u{2030}-\u{205e}\u{2060}-\u{2fff}\u{3001}-\u{fefe}\u{ff00}-\u{10ffff}";

impl Translator<'_> {
    #[inline(never)]
    pub(super) fn escape(&mut self) {
        match self.escaped() {
            Some('s') => self.class_of(SPACE),
            Some('S') => self.class_of(NO_SPACE),
            // For the compiler they are the beginning and the end of a word.
            Some(char @ ('<' | '>')) => self.literal(char),
            Some(char) => {
                if matches!(char, 'b' | 'B') {
                    self.assertion("\\");
                } else {
                    self.item("\\", Size::ONE);
                }
                self.out.push(char);
                self.hex(char);
            }
            None => self.out.push('\\'),
        }
    }

    fn class_of(&mut self, content: &str) {
        self.item("[", Size::ONE);
        self.out.push_str(content);
        self.out.push(']');
    }

    /// Copies the braces of `\u{…}`, `\x{…}`, `\p{…}` and `\b{…}`, which are no repetition.
    fn hex(&mut self, escaped: char) {
        let mut ahead = self.rest.clone();
        let named = ahead.next() == Some('{') && ahead.next().is_some_and(|char| char.is_ascii_alphabetic());
        if matches!(escaped, 'x' | 'u' | 'U' | 'p' | 'P') && self.rest.peek() == Some(&'{')
            || escaped == 'b' && named
        {
            for char in self.rest.by_ref() {
                self.out.push(char);
                if char == '}' {
                    break;
                }
            }
        }
    }

    #[inline(never)]
    pub(super) fn class(&mut self) {
        let mut text = "[".to_owned();
        let negated = self.rest.next_if_eq(&'^').is_some();
        if negated {
            text.push('^');
        }
        // In ECMA-262 it closes the class: `[]` matches nothing, and `[^]` everything.
        if self.rest.peek() == Some(&']') {
            self.mistaken.get_or_insert("a `]` at the beginning of a class must be written `\\]`");
            self.rest.next();
        }
        // In ECMA-262 `[--a]` is a range; for the compiler it is two characters.
        if self.rest.next_if_eq(&'-').is_some() {
            text.push('-');
            if self.rest.peek() == Some(&'-') {
                self.mistaken.get_or_insert(
                    "`--` at the beginning of a class must be written `\\-`, or `\\--` for a range",
                );
            }
        }
        let mut closed = false;
        while let Some(char) = self.rest.next() {
            match char {
                ']' => {
                    closed = true;
                    break;
                }
                '\\' => match self.escaped() {
                    Some('s') => text.push_str(SPACE),
                    Some('S') => text.push_str(NO_SPACE),
                    Some(char @ ('<' | '>')) => text.push(char),
                    Some(escaped) => text.extend(['\\', escaped]),
                    None => text.push('\\'),
                },
                '[' => {
                    text.push('[');
                    // Of the form `[:alpha:]`.
                    if self.rest.next_if_eq(&':').is_some() {
                        text.push(':');
                        for char in self.rest.by_ref() {
                            text.push(char);
                            if char == ']' {
                                break;
                            }
                        }
                    }
                }
                _ => text.push(char),
            }
        }
        if !closed {
            // The compiler says what is wrong.
            return self.out.push_str(&text);
        }
        text.push(']');
        // A class with many ranges takes longer.
        let states = text.len().checked_div(64).unwrap_or_default().saturating_add(1);
        if negated && self.case == Case::Ignored && !self.flags.any_case {
            text = format!("(?-i:{text})");
        }
        self.item(&text, Size { states, width: 1 });
    }

    /// Takes the character behind a backslash.
    fn escaped(&mut self) -> Option<char> {
        let escaped = self.rest.next();
        self.mistaken = self.mistaken.or(escaped.and_then(mistaken));
        escaped
    }
}

/// Returns what to write in place of an escape that only other dialects know.
fn mistaken(escaped: char) -> Option<&'static str> {
    Some(match escaped {
        'A' => r"`\A` is no escape of ECMA-262, write `^`",
        'z' => r"`\z` is no escape of ECMA-262, write `$`",
        'Z' => r"`\Z` is no escape of ECMA-262, write `$`",
        'a' => r"`\a` is no escape of ECMA-262, write `\x07`",
        _ => return None,
    })
}
