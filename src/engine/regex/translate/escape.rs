//! Escapes.

use super::super::size::Size;
use super::Translator;

/// What ECMA-262 calls white space and line ends, as the content of a class that ends with a range.
const SPACE: &str =
    r"\t-\r\x20\u{a0}\u{1680}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}\u{2000}-\u{200a}";

/// Everything else, likewise.
const NO_SPACE: &str = r"\x00-\x08\x0e-\x1f!-\u{9f}\u{a1}-\u{167f}\u{1681}-\u{1fff}\u{200b}-\u{2027}\u{202a}-\u{202e}\u{2030}-\u{205e}\u{2060}-\u{2fff}\u{3001}-\u{fefe}\u{ff00}-\u{10ffff}";

/// The reason of a fault of a character that is escaped by its number.
const NUMBER: &str = r"a character must be written as in `\x41`, `\u0041` or `\u{1F600}`";

/// What an escape stands for.
pub(super) enum Escaped {
    Char(char),
    /// The content of a class that ends with a range
    Class(&'static str),
    /// What the compiler reads as ECMA-262 does, or refuses: the character behind the backslash
    Same(char),
}

impl Translator<'_> {
    #[inline(never)]
    pub(super) fn escape(&mut self) {
        match self.escaped(false) {
            Some(Escaped::Class(content)) => {
                self.item("[", Size::ONE);
                self.out.push_str(content);
                self.out.push(']');
            }
            Some(Escaped::Char(char)) => {
                if !self.any_case(char) {
                    self.item("", Size::ONE);
                    self.out.extend(char.escape_unicode());
                }
            }
            Some(Escaped::Same(char)) => {
                if matches!(char, 'b' | 'B') {
                    self.assertion("\\");
                } else {
                    self.item("\\", Size::ONE);
                }
                self.out.push(char);
                self.named(char);
            }
            None => self.out.push('\\'),
        }
    }

    /// Copies the braces of `\p{…}` and `\b{…}`, which are no repetition.
    fn named(&mut self, escaped: char) {
        let mut ahead = self.rest.clone();
        let named = ahead.next() == Some('{') && ahead.next().is_some_and(|char| char.is_ascii_alphabetic());
        if named && matches!(escaped, 'p' | 'P' | 'b') {
            self.copy_to('}');
        }
    }

    /// Takes an escape behind its backslash; `None` at the end of the expression.
    pub(super) fn escaped(&mut self, in_class: bool) -> Option<Escaped> {
        let escaped = self.rest.next()?;
        Some(match escaped {
            's' => Escaped::Class(SPACE),
            'S' => Escaped::Class(NO_SPACE),
            // For the compiler they are the beginning and the end of a word.
            '<' | '>' => Escaped::Char(escaped),
            'b' if in_class => Escaped::Char('\u{8}'),
            '0' => {
                if self.rest.peek().is_some_and(char::is_ascii_digit) {
                    self.mistaken.get_or_insert(r"`\0` cannot stand before a digit, write `\x00`");
                }
                Escaped::Char('\0')
            }
            'c' => {
                let letter = self.rest.next_if(char::is_ascii_alphabetic);
                let control = letter.and_then(|letter| char::from_u32(u32::from(letter) & 0x1f));
                control.map_or(Escaped::Same(escaped), Escaped::Char)
            }
            'x' | 'u' | 'U' => match self.numbered(escaped) {
                Some(char) => Escaped::Char(char),
                None => {
                    self.mistaken.get_or_insert(NUMBER);
                    Escaped::Same(escaped)
                }
            },
            _ => {
                self.mistaken = self.mistaken.or(mistaken(escaped));
                Escaped::Same(escaped)
            }
        })
    }

    /// Takes the number behind `\x`, `\u` or `\U`. Two surrogates, as in `\ud83d\ude00`, are one character.
    fn numbered(&mut self, escaped: char) -> Option<char> {
        let first = self.number(escaped)?;
        let Some(high @ ..0x400) = first.checked_sub(0xd800) else { return char::from_u32(first) };
        self.rest.next_if_eq(&'\\')?;
        self.rest.next_if_eq(&'u')?;
        let low = self.number('u')?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
        char::from_u32((high << 10 | low).saturating_add(0x1_0000))
    }

    fn number(&mut self, escaped: char) -> Option<u32> {
        let mut digits = String::new();
        let braces = self.rest.next_if_eq(&'{').is_some();
        let count = match escaped {
            _ if braces => usize::MAX,
            'x' => 2,
            'u' => 4,
            _ => 8,
        };
        while digits.len() < count
            && let Some(digit) = self.rest.next_if(char::is_ascii_hexdigit)
        {
            digits.push(digit);
        }
        if braces {
            self.rest.next_if_eq(&'}')?;
        } else if digits.len() != count {
            return None;
        }
        let number = u32::from_str_radix(&digits, 16).ok()?;
        // Only in the form of `\ud83d` is a surrogate one half of a character.
        let half = escaped == 'u' && !braces;
        (half || char::from_u32(number).is_some()).then_some(number)
    }
}

/// Returns what to write in place of an escape that only other dialects know.
fn mistaken(escaped: char) -> Option<&'static str> {
    Some(match escaped {
        'A' => r"`\A` is no escape of ECMA-262, write `^`",
        'z' => r"`\z` is no escape of ECMA-262, write `$`",
        'Z' => r"`\Z` is no escape of ECMA-262, write `$`",
        'a' => r"`\a` is no escape of ECMA-262, write `\x07`",
        'e' => r"`\e` is no escape of ECMA-262, write `\x1b`",
        'h' => r"`\h` is no escape of ECMA-262, write `[ \t]`",
        _ => return None,
    })
}
