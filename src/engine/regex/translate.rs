//! Translates an expression from the meaning of ECMA-262 to that of `regex-lite`, and measures it.

use std::iter::Peekable;
use std::str::Chars;

use super::size::{Shape, Size};

/// What ECMA-262 calls white space and line ends, as the content of a class that ends with a range.
const SPACE: &str =
    r"\t-\r\x20\u{a0}\u{1680}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}\u{2000}-\u{200a}";

/// Everything else, likewise.
const NO_SPACE: &str = r"\x00-\x08\x0e-\x1f!-\u{9f}\u{a1}-\u{167f}\u{1681}-\u{1fff}\u{200b}-\u{2027}\u{202a}-\u{202e}\u{2030}-\u{205e}\u{2060}-\u{2fff}\u{3001}-\u{fefe}\u{ff00}-\u{10ffff}";

/// What `.` matches.
const DOT: &str = r"[^\n\r\u{2028}\u{2029}]";

/// The inline flags that matter here.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    /// `s`: `.` matches line ends
    dot_all: bool,
    /// `x`: white space and comments are skipped
    verbose: bool,
    /// `i`: case is ignored
    any_case: bool,
    /// `m`: `^` matches behind line ends
    lines: bool,
}

/// A group that is not closed.
#[derive(Debug, Clone, Copy)]
struct Group {
    /// The flags to return to when it closes
    flags: Flags,
    /// The alternatives so far
    before: Option<Size>,
    /// The current alternative, without its last item
    current: Size,
    /// The item that a repetition would apply to
    last: Size,
}

struct Translator<'t> {
    rest: Peekable<Chars<'t>>,
    out: String,
    flags: Flags,
    group: Group,
    outer: Vec<Group>,
    /// Whether each match begins at the beginning of the text
    anchored: bool,
    /// The first part that has another meaning in ECMA-262, as the reason of the fault
    mistaken: Option<&'static str>,
}

/// Returns the translated expression and its size. Faults in the syntax remain in the result.
///
/// # Errors
/// What has another meaning in ECMA-262 and cannot be translated, and what to write in its place.
pub(super) fn translate(text: &str) -> Result<(String, Shape), &'static str> {
    let mut translator = Translator {
        rest: text.chars().peekable(),
        out: String::with_capacity(text.len()),
        flags: Flags::default(),
        group: Group::new(Flags::default()),
        outer: Vec::new(),
        anchored: false,
        mistaken: None,
    };
    while let Some(char) = translator.rest.next() {
        translator.step(char);
    }
    while !translator.outer.is_empty() {
        translator.close();
    }
    let Translator { out, group, anchored, mistaken, .. } = translator;
    if let Some(mistaken) = mistaken {
        return Err(mistaken);
    }
    let size = group.size();
    let reach = if anchored { size.width.saturating_add(1) } else { usize::MAX };
    Ok((out, Shape { states: size.states.saturating_add(1), reach }))
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

impl Group {
    fn new(flags: Flags) -> Self {
        Self { flags, before: None, current: Size::default(), last: Size::default() }
    }

    fn size(self) -> Size {
        let last = self.current.then(self.last);
        self.before.map_or(last, |before| before.or(last))
    }
}

impl Translator<'_> {
    fn step(&mut self, char: char) {
        match char {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.open(),
            ')' => {
                self.out.push(')');
                self.close();
            }
            '|' => {
                self.out.push('|');
                self.anchored &= !self.outer.is_empty();
                let before = self.group.size();
                self.group = Group { before: Some(before), ..Group::new(self.group.flags) };
            }
            '*' | '+' | '?' => {
                self.out.push(char);
                let times = if char == '?' { Some(1) } else { None };
                self.repeat(times, 1);
            }
            '{' => self.counted(),
            '.' if !self.flags.dot_all => self.item(DOT, Size::ONE),
            '^' => {
                self.anchored |= self.out.is_empty() && !self.flags.lines;
                self.item("^", Size { states: 1, width: 0 });
            }
            '$' => self.item("$", Size { states: 1, width: 0 }),
            '#' if self.flags.verbose => {
                self.out.push('#');
                for char in self.rest.by_ref() {
                    self.out.push(char);
                    if char == '\n' {
                        break;
                    }
                }
            }
            _ if self.flags.verbose && char.is_whitespace() => self.out.push(char),
            _ => self.literal(char),
        }
    }

    /// Appends an item that a repetition can apply to.
    #[inline(never)]
    fn item(&mut self, text: &str, size: Size) {
        self.out.push_str(text);
        self.group.current = self.group.current.then(self.group.last);
        self.group.last = size;
    }

    fn literal(&mut self, char: char) {
        match char {
            'k' | 'K' if self.flags.any_case => self.item(r"[kK\u{212a}]", Size::ONE),
            's' | 'S' if self.flags.any_case => self.item(r"[sS\u{17f}]", Size::ONE),
            _ => self.item(char.encode_utf8(&mut [0; 4]), Size::ONE),
        }
    }

    #[inline(never)]
    fn escape(&mut self) {
        match self.escaped() {
            Some('s') => self.class_of(SPACE),
            Some('S') => self.class_of(NO_SPACE),
            // For the compiler they are the beginning and the end of a word.
            Some(char @ ('<' | '>')) => self.literal(char),
            Some(char) => {
                let size = if matches!(char, 'b' | 'B') { Size { states: 1, width: 0 } } else { Size::ONE };
                self.item("\\", size);
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

    /// Copies the braces of `\u{…}`, `\x{…}` and `\b{…}`, which are no repetition.
    fn hex(&mut self, escaped: char) {
        let mut ahead = self.rest.clone();
        let named = ahead.next() == Some('{') && ahead.next().is_some_and(|char| char.is_ascii_alphabetic());
        if matches!(escaped, 'x' | 'u' | 'U') && self.rest.peek() == Some(&'{') || escaped == 'b' && named {
            for char in self.rest.by_ref() {
                self.out.push(char);
                if char == '}' {
                    break;
                }
            }
        }
    }

    #[inline(never)]
    fn class(&mut self) {
        let mut text = "[".to_owned();
        if self.rest.next_if_eq(&'^').is_some() {
            text.push('^');
        }
        // In ECMA-262 it closes the class: `[]` matches nothing, and `[^]` everything.
        if self.rest.peek() == Some(&']') {
            self.mistaken.get_or_insert("a `]` at the beginning of a class must be written `\\]`");
            self.rest.next();
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
        self.item(&text, Size { states, width: 1 });
    }

    /// Takes the character behind a backslash.
    fn escaped(&mut self) -> Option<char> {
        let escaped = self.rest.next();
        self.mistaken = self.mistaken.or(escaped.and_then(mistaken));
        escaped
    }

    #[inline(never)]
    fn open(&mut self) {
        self.out.push('(');
        let mut flags = self.flags;
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
            let mut on = true;
            while let Some(char) = self.rest.next() {
                self.out.push(char);
                match char {
                    '-' => on = false,
                    's' => flags.dot_all = on,
                    'x' => flags.verbose = on,
                    'i' => flags.any_case = on,
                    'm' => flags.lines = on,
                    ')' => {
                        // The flags hold until the group around them closes.
                        self.flags = flags;
                        return;
                    }
                    'P' => {}
                    '<' => {
                        for char in self.rest.by_ref() {
                            self.out.push(char);
                            if char == '>' {
                                break;
                            }
                        }
                        break;
                    }
                    'a'..='z' | 'A'..='Z' => {}
                    _ => break,
                }
            }
        }
        self.outer.push(self.group);
        self.group = Group::new(self.flags);
        self.flags = flags;
    }

    #[inline(never)]
    fn close(&mut self) {
        let Some(outer) = self.outer.pop() else { return };
        let Size { states, width } = self.group.size();
        self.flags = self.group.flags;
        self.group = outer;
        // A group that captures has a state at each of its ends.
        self.item("", Size { states: states.saturating_add(2), width });
    }

    #[inline(never)]
    fn repeat(&mut self, times: Option<usize>, copies: usize) {
        if matches!(self.out.as_str(), "^?" | "^*" | "^+") || self.out.starts_with("^{") {
            self.anchored = false;
        }
        self.group.last = self.group.last.repeated(times, copies);
    }

    #[inline(never)]
    fn counted(&mut self) {
        let mut bounds = String::new();
        for char in self.rest.by_ref() {
            bounds.push(char);
            if char == '}' {
                break;
            }
        }
        self.out.push('{');
        self.out.push_str(&bounds);
        let number = |text: &str| text.trim().parse::<usize>().ok();
        let inner = bounds.trim_end_matches('}');
        match inner.split_once(',') {
            None => {
                let times = number(inner).unwrap_or(1);
                self.repeat(Some(times), times);
            }
            Some((least, most)) => {
                let least = number(least).unwrap_or_default();
                let most = number(most);
                self.repeat(most, most.unwrap_or(least.saturating_add(1)));
            }
        }
    }
}
