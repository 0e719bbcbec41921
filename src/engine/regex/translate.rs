//! Translates an expression from the meaning of ECMA-262 to that of `regex-lite`, and measures it.

mod escape;
mod repetition;

use std::iter::Peekable;
use std::str::Chars;

use super::size::{Shape, Size};
use crate::text::fold;

/// What `.` matches.
const DOT: &str = r"[^\n\r\u{2028}\u{2029}]";

/// Whether letters match in the other case, too, where the expression does not say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Matters,
    Ignored,
}

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

/// What stands before a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// What can be repeated
    Item,
    /// `^`, `$`, `\b` or `\B`
    Assertion,
    /// A repetition, which `?` makes lazy
    Repetition,
    /// A lazy repetition
    Lazy,
}

struct Translator<'t> {
    rest: Peekable<Chars<'t>>,
    out: String,
    before: Before,
    flags: Flags,
    group: Group,
    outer: Vec<Group>,
    case: Case,
    /// Whether each match begins at the beginning of the text
    anchored: bool,
    /// The first part that has another meaning in ECMA-262, as the reason of the fault
    mistaken: Option<&'static str>,
}

/// Returns the translated expression and its size. Faults in the syntax remain in the result.
///
/// # Errors
/// What has another meaning in ECMA-262 and cannot be translated, and what to write in its place.
pub(super) fn translate(text: &str, case: Case) -> Result<(String, Shape), &'static str> {
    let mut translator = Translator {
        rest: text.chars().peekable(),
        out: String::with_capacity(text.len()),
        before: Before::Item,
        flags: Flags::default(),
        group: Group::new(Flags::default()),
        outer: Vec::new(),
        case,
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
                self.before = Before::Item;
            }
            '?' if self.before == Before::Repetition => {
                self.out.push('?');
                self.before = Before::Lazy;
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
                self.assertion("^");
            }
            '$' => self.assertion("$"),
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
        self.before = Before::Item;
    }

    fn assertion(&mut self, text: &str) {
        self.item(text, Size { states: 1, width: 0 });
        self.before = Before::Assertion;
    }

    fn literal(&mut self, char: char) {
        match char {
            'k' | 'K' if self.flags.any_case => self.item(r"[kK\u{212a}]", Size::ONE),
            's' | 'S' if self.flags.any_case => self.item(r"[sS\u{17f}]", Size::ONE),
            _ if self.flags.any_case && !char.is_ascii() && (char.is_lowercase() || char.is_uppercase()) => {
                self.mistaken.get_or_insert(
                    "`i` ignores the case of ASCII letters only, so other letters must be written in a class of both cases, such as `[äÄ]`",
                );
            }
            _ if self.case == Case::Ignored && !char.is_ascii() => self.folded(char),
            _ => self.item(char.encode_utf8(&mut [0; 4]), Size::ONE),
        }
    }

    /// Appends what a letter beyond ASCII is in a folded name, which can be several letters.
    fn folded(&mut self, char: char) {
        let folded: String = fold::char(char).collect();
        let width = folded.chars().count();
        self.item(&format!("(?:{folded})"), Size { states: width.max(1), width });
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
        self.before = Before::Item;
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
}
