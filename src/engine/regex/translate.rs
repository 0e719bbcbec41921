//! Translates an expression from the meaning of ECMA-262 to that of `regex-lite`, and measures it.

mod class;
mod escape;
mod repetition;

use std::iter::Peekable;
use std::str::Chars;

use super::size::{Shape, Size};
use crate::text::fold;

/// The reason of a fault of a letter beyond ASCII whose case would have to be ignored.
const CASE: &str = "`i` ignores the case of ASCII letters only, so other letters must be written in a class of both cases, such as `[äÄ]`";

/// The reason of a fault of a look-ahead that cannot be split off.
const AHEAD: &str = "look-around is supported only behind `^` at the beginning, for all alternatives and beside no other `(?` than `(?:`, as in `^(?!a)(?:b|c)`";

/// The reason of a fault of a group that only other dialects know.
const GROUP: &str = "`(?>` and `(?#` are not supported: write `(?:`, and leave comments out";

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
    /// Nothing: the beginning of an alternative
    Nothing,
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
        before: Before::Nothing,
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

/// Tells whether this is a letter beyond ASCII that has a case.
#[inline(never)]
fn is_cased(char: char) -> bool {
    !char.is_ascii() && (char.is_lowercase() || char.is_uppercase())
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
                self.before = Before::Nothing;
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
            _ if self.is_skipped(char) => self.skip(char),
            _ => self.literal(char),
        }
    }

    /// Tells whether the compiler skips this character, or what begins with it.
    fn is_skipped(&self, char: char) -> bool {
        self.flags.verbose && (char == '#' || char.is_whitespace())
    }

    /// Copies white space or a comment.
    fn skip(&mut self, char: char) {
        self.out.push(char);
        // A `?` behind it does not make a repetition lazy.
        if self.before == Before::Repetition {
            self.before = Before::Lazy;
        }
        if char == '#' {
            self.copy_to('\n');
        }
    }

    /// Copies what comes next, up to this character.
    fn copy_to(&mut self, end: char) {
        for char in self.rest.by_ref() {
            self.out.push(char);
            if char == end {
                break;
            }
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
        if !self.any_case(char) {
            self.item(char.encode_utf8(&mut [0; 4]), Size::ONE);
        }
    }

    /// Appends a letter whose case is ignored otherwise than by the compiler. Returns `false` for others.
    fn any_case(&mut self, char: char) -> bool {
        match char {
            _ if !self.flags.any_case => return self.folded(char),
            'k' | 'K' => self.item(r"[kK\u{212a}]", Size::ONE),
            's' | 'S' => self.item(r"[sS\u{17f}]", Size::ONE),
            _ if is_cased(char) => {
                self.mistaken.get_or_insert(CASE);
            }
            _ => return false,
        }
        true
    }

    /// Appends what a letter beyond ASCII is in a folded name, which can be several letters. Returns `false` for others.
    fn folded(&mut self, char: char) -> bool {
        if self.case == Case::Matters || char.is_ascii() {
            return false;
        }
        let folded: String = fold::char(char).collect();
        let width = folded.chars().count();
        self.item(&format!("(?:{folded})"), Size { states: width.max(1), width });
        true
    }

    #[inline(never)]
    fn open(&mut self) {
        self.out.push('(');
        let mut flags = self.flags;
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
            match self.rest.peek() {
                Some('=' | '!') => _ = self.mistaken.get_or_insert(AHEAD),
                Some('>' | '#') => _ = self.mistaken.get_or_insert(GROUP),
                _ => {}
            }
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
                    '<' => {
                        self.copy_to('>');
                        break;
                    }
                    'a'..='z' | 'A'..='Z' => {}
                    _ => break,
                }
            }
        }
        self.before = Before::Nothing;
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
