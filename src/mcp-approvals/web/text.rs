//! Makes untrusted text visible, character by character.
//!
//! The texts of a call can be deceptive: a name with an invisible letter, or a sentence that runs
//! backwards. maud escapes them for HTML. This module also replaces every character that is invisible, or
//! that changes how others are shown, by a mark with its code point. Letters that look like others stay, and
//! are followed by a mark with the name of their alphabet.

use std::iter::Peekable;
use std::str::CharIndices;

use maud::{Markup, html};

use super::lookalike::{self, Odd};
use super::unseen;

#[cfg(test)]
mod tests;

/// The cost of a mark, if another character costs one; about what it adds to the page.
const MARK_COST: usize = 8;

/// The cost of a mark after a look-alike, with the underline of the look-alike.
const ODD_COST: usize = 16;

/// The most characters of a name in a title.
const PLAIN: usize = 60;

/// How a text is shown, and how much of it.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// Whether line breaks and tabs take effect; otherwise they are marked
    lines: bool,
    /// Whether it is a name: leading and trailing spaces are marked, and more look-alikes
    name: bool,
    /// The space for the start of a text that is too long
    head: usize,
    /// The space for its end
    tail: usize,
}

impl Form {
    /// A name within a line of text.
    pub const NAME: Self = Self { lines: false, name: true, head: 160, tail: 40 };
    /// The start of a text, on one line.
    pub const BRIEF: Self = Self { lines: false, name: false, head: 72, tail: 0 };
    /// One or two sentences.
    pub const SENTENCE: Self = Self { lines: false, name: false, head: 800, tail: 200 };
    /// Prose of a person, with its line breaks.
    pub const PROSE: Self = Self { lines: true, name: false, head: 4000, tail: 400 };
    /// A string among a call's arguments, with its line breaks.
    pub const STRING: Self = Self { lines: true, name: false, head: 2048, tail: 256 };

    /// Returns the most space that a text of this form can take.
    pub fn space(self) -> usize {
        self.head.saturating_add(self.tail)
    }

    /// Limits the form to `space`; seven eighths are for the start of the text.
    pub fn within(self, space: usize) -> Self {
        if space >= self.space() {
            return self;
        }
        let tail = space / 8;
        Self { head: space.saturating_sub(tail), tail, ..self }
    }
}

/// A text that has been made visible.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The text, isolated from the direction of the surrounding text
    pub markup: Markup,
    /// How much space it took
    pub cost: usize,
    /// How many characters were left out of the middle
    pub hidden: usize,
}

/// Shows `text` in the given form.
pub fn show(text: &str, form: Form) -> Shown {
    let (fits, cost) = prefix(text, form.space());
    if fits == text.len() {
        let (markup, marks) = marked(text, form);
        let cost = cost.saturating_add(marks);
        return Shown { markup: html! { bdi { (markup) } }, cost, hidden: 0 };
    }
    let (head, head_cost) = prefix(text, form.head);
    let (tail, tail_cost) = suffix(text, form.tail);
    let tail = tail.max(head);
    let hidden = text.get(head..tail).unwrap_or_default().chars().count();
    let (start, start_marks) = marked(text.get(..head).unwrap_or_default(), form);
    let (end, end_marks) = marked(text.get(tail..).unwrap_or_default(), form);
    let markup = html! {
        bdi { (start) }
        span.gap dir="ltr" { "… " (grouped(hidden)) " more characters …" }
        bdi { (end) }
    };
    let cost = [head_cost, tail_cost, start_marks, end_marks].into_iter().fold(0, usize::saturating_add);
    Shown { markup, cost, hidden }
}

/// Shows a name on one line, shortened if it is very long.
pub fn name(text: &str) -> Markup {
    show(text, Form::NAME).markup
}

/// Shows one or two sentences.
pub fn sentence(text: &str) -> Markup {
    show(text, Form::SENTENCE).markup
}

/// Returns the start of a name as plain text, for the title of a page.
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    let start: String = text.chars().take(PLAIN).collect();
    for char in lookalike::labeled(&start, true).chars() {
        match unseen::name(char) {
            Some(_) => out.push_str(&format!("⟨U+{:04X}⟩", u32::from(char))),
            None => out.push(char),
        }
    }
    if text.chars().nth(PLAIN).is_some() {
        out.push('…');
    }
    out
}

/// Formats a number with a comma after every three digits.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().saturating_sub(index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Returns how many bytes of the start of `text` fit into `space`, and their cost.
fn prefix(text: &str, space: usize) -> (usize, usize) {
    let mut cost: usize = 0;
    for (at, char) in text.char_indices() {
        let after = cost.saturating_add(char_cost(char));
        if after > space {
            return (at, cost);
        }
        cost = after;
    }
    (text.len(), cost)
}

/// Returns the byte at which the longest end of `text` starts that fits into `space`, and its cost.
fn suffix(text: &str, space: usize) -> (usize, usize) {
    let mut cost: usize = 0;
    let mut from = text.len();
    for (at, char) in text.char_indices().rev() {
        let after = cost.saturating_add(char_cost(char));
        if after > space {
            break;
        }
        (cost, from) = (after, at);
    }
    (from, cost)
}

fn char_cost(char: char) -> usize {
    let plain = char.is_ascii_graphic() || char == ' ';
    if !plain && (unseen::name(char).is_some() || unseen::is_combining(char) || matches!(char, '\n' | '\t')) {
        MARK_COST
    } else {
        1
    }
}

/// Writes `text` with marks in place of unseen characters, and after look-alikes. Returns it with the cost
/// of the marks after look-alikes.
fn marked(text: &str, form: Form) -> (Markup, usize) {
    let odd = lookalike::find(text, form.name);
    let cost = odd.len().saturating_mul(ODD_COST);
    let markup = html! {
        @for piece in pieces(text, form, &odd) {
            @match piece {
                Piece::Plain(plain) => (plain),
                Piece::Line => span.newline { "\n" },
                Piece::Tab => span.tab { "\t" },
                Piece::Mark { char, name, times } => span.mark dir="ltr" title=(name) {
                    "⟨U+" (format!("{:04X}", u32::from(char))) "⟩"
                    @if times > 1 { "×" (grouped(times)) }
                },
                Piece::Odd { text, label } => {
                    span.odd { (text) }
                    span.mark dir="ltr" { "⟨" (label) "⟩" }
                },
            }
        }
    };
    (markup, cost)
}

enum Piece<'t> {
    Plain(&'t str),
    Line,
    Tab,
    /// A run of one character
    Mark {
        char: char,
        name: &'static str,
        times: usize,
    },
    /// Letters that look like others
    Odd {
        text: &'t str,
        label: &'t str,
    },
}

fn pieces<'t>(text: &'t str, form: Form, odd: &'t [Odd]) -> Vec<Piece<'t>> {
    let inner =
        text.len().saturating_sub(text.trim_start_matches(' ').len())..text.trim_end_matches(' ').len();
    let mut pieces = Vec::new();
    let mut plain_from = 0;
    let mut accents: usize = 0;
    let mut odd = odd.iter().peekable();
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        if let Some(odd) = odd.next_if(|odd| odd.place.start <= at) {
            while chars.next_if(|(next, _)| *next < odd.place.end).is_some() {}
            pieces.push(Piece::Plain(text.get(plain_from..odd.place.start).unwrap_or_default()));
            let letters = text.get(odd.place.clone()).unwrap_or_default();
            pieces.push(Piece::Odd { text: letters, label: &odd.label });
            // An accent after the mark would be drawn over the mark.
            (plain_from, accents) = (odd.place.end, 2);
            continue;
        }
        accents = if unseen::is_combining(char) { accents.saturating_add(1) } else { 0 };
        let piece = match char {
            '\n' if form.lines => Piece::Line,
            '\t' if form.lines => Piece::Tab,
            ' ' if form.name && !inner.contains(&at) => {
                Piece::Mark { char, name: "space", times: run(&mut chars, char) }
            }
            // A letter may have two accents. More of them, or one without a letter, could cover the text
            // next to it.
            _ if accents > 2 || (accents > 0 && at == 0) => {
                Piece::Mark { char, name: "combining mark", times: run(&mut chars, char) }
            }
            _ => match unseen::name(char) {
                Some(name) => Piece::Mark { char, name, times: run(&mut chars, char) },
                None => continue,
            },
        };
        pieces.push(Piece::Plain(text.get(plain_from..at).unwrap_or_default()));
        pieces.push(piece);
        plain_from = chars.peek().map_or(text.len(), |(next, _)| *next);
    }
    pieces.push(Piece::Plain(text.get(plain_from..).unwrap_or_default()));
    pieces
}

/// Takes the rest of a run of `first`, and returns its length.
fn run(chars: &mut Peekable<CharIndices<'_>>, first: char) -> usize {
    let mut times: usize = 1;
    while chars.next_if(|(_, next)| *next == first).is_some() {
        times = times.saturating_add(1);
    }
    times
}
