//! Classes.

use regex_lite::RegexBuilder;

use super::super::MOST_MEMORY;
use super::super::size::Size;
use super::escape::Escaped;
use super::{CASE, Case, Translator, is_cased};

/// The reason of a fault of a `-` that dialects read in different ways.
const DASH: &str = r"a `-` beside another `-` or a class such as `\w` must be written `\-`";

/// What stands before the next item of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing, or a range: a `-` is a character
    Nothing,
    /// A character, with which a `-` begins a range
    Char,
    /// A class
    Class,
    /// A character and `-`
    Dash,
}

/// What a class has so far.
struct Class {
    text: String,
    before: Before,
    /// The letters beyond ASCII that have a case
    cased: Vec<char>,
}

impl Translator<'_> {
    #[inline(never)]
    pub(super) fn class(&mut self) {
        let mut class = Class { text: "[".to_owned(), before: Before::Nothing, cased: Vec::new() };
        let negated = self.rest.next_if_eq(&'^').is_some();
        if negated {
            class.text.push('^');
        }
        // In ECMA-262 it closes the class: `[]` matches nothing, and `[^]` everything.
        if self.rest.next_if_eq(&']').is_some() {
            self.mistaken.get_or_insert("a `]` at the beginning of a class must be written `\\]`");
        }
        loop {
            match self.rest.next() {
                Some(']') => break,
                Some(char) => self.class_item(&mut class, char),
                // The compiler says what is wrong.
                None => return self.out.push_str(&class.text),
            }
        }
        class.text.push(']');
        if self.flags.any_case && !class.has_both_cases() {
            self.mistaken.get_or_insert(CASE);
        }
        // A class with many ranges takes longer.
        let states = class.text.len().checked_div(64).unwrap_or_default().saturating_add(1);
        if negated && self.case == Case::Ignored && !self.flags.any_case {
            class.text = format!("(?-i:{})", class.text);
        }
        self.item(&class.text, Size { states, width: 1 });
    }

    fn class_item(&mut self, class: &mut Class, char: char) {
        match char {
            '-' => self.dash(class),
            '\\' => match self.escaped(true) {
                Some(Escaped::Char(char)) => {
                    class.text.extend(char.escape_unicode());
                    class.char(char);
                }
                Some(Escaped::Class(content)) => {
                    class.text.push_str(content);
                    self.inner_class(class);
                }
                Some(Escaped::Same(char)) => {
                    class.text.extend(['\\', char]);
                    if char.is_ascii_alphabetic() && !matches!(char, 'f' | 'n' | 'r' | 't' | 'v') {
                        self.inner_class(class);
                    } else {
                        class.char(char);
                    }
                }
                None => class.text.push('\\'),
            },
            '[' if class.before != Before::Dash => {
                class.text.push('[');
                // Of the form `[:alpha:]`.
                if self.rest.peek() != Some(&':') {
                    self.mistaken.get_or_insert("a `[` in a class must be written `\\[`");
                }
                for char in self.rest.by_ref() {
                    class.text.push(char);
                    if char == ']' {
                        break;
                    }
                }
                class.before = Before::Nothing;
            }
            _ => {
                // The compiler would skip it, even here.
                if self.is_skipped(char) {
                    class.text.extend(char.escape_unicode());
                } else {
                    class.text.push(char);
                }
                class.char(char);
            }
        }
    }

    fn dash(&mut self, class: &mut Class) {
        class.text.push('-');
        let next = self.rest.peek().copied();
        // In ECMA-262 `[--a]` is a range; for the compiler it is two characters.
        if next == Some('-') || class.before == Before::Class && next != Some(']') {
            self.mistaken.get_or_insert(DASH);
        }
        class.before = match class.before {
            Before::Char if next != Some(']') => Before::Dash,
            Before::Dash => Before::Nothing,
            _ => Before::Char,
        };
    }

    fn inner_class(&mut self, class: &mut Class) {
        if class.before == Before::Dash {
            self.mistaken.get_or_insert(DASH);
        }
        class.before = Before::Class;
    }
}

impl Class {
    #[inline(never)]
    fn char(&mut self, char: char) {
        self.before = if self.before == Before::Dash { Before::Nothing } else { Before::Char };
        if is_cased(char) && !self.cased.contains(&char) {
            self.cased.push(char);
        }
    }

    /// Tells whether the class treats the other case of its letters beyond ASCII like these letters. Of ranges, it looks at
    /// both ends.
    fn has_both_cases(&self) -> bool {
        if self.cased.is_empty() {
            return true;
        }
        // What does not compile alone does not compile at all.
        let Ok(compiled) = RegexBuilder::new(&self.text).size_limit(MOST_MEMORY).build() else { return true };
        let finds = |char: char| compiled.is_match(char.encode_utf8(&mut [0; 4]));
        self.cased.iter().all(|char| {
            // Case that takes several letters, as of `ß`, is not ignored, nor is that of `ı`.
            let (mut lower, mut upper) = (char.to_lowercase(), char.to_uppercase());
            let both = [(lower.next(), lower.next()), (upper.next(), upper.next())];
            both.into_iter().all(|case| match case {
                (Some(other), None) if !other.is_ascii() => finds(other) == finds(*char),
                _ => true,
            })
        })
    }
}
