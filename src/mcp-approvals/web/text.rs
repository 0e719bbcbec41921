//! Text that somebody else wrote, so that a context sees every character of it.
//!
//! What a call holds is data, and some of it wants to be read as something else: a name with an
//! invisible letter, a sentence that runs backwards. maud escapes it for HTML; here every character
//! that shows nothing, or that changes how others show, gets a mark with its number.

use std::iter::Peekable;
use std::str::CharIndices;

use maud::{Markup, html};

use super::unseen;

#[cfg(test)]
mod tests;

/// What a mark costs of a room, where another character costs one: about what it adds to the page.
const MARK_COST: usize = 8;

/// The most characters of a name in a title.
const PLAIN: usize = 60;

/// How a text is laid out, and how much of it.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// Whether line ends and tabs do what they say, or are marked as others are
    lines: bool,
    /// Whether spaces at either end are marked, since nothing else shows them
    edges: bool,
    /// The room for the beginning of a text that has to be shortened
    head: usize,
    /// The room for its end
    tail: usize,
}

impl Form {
    /// A name within a line of text.
    pub const NAME: Self = Self { lines: false, edges: true, head: 160, tail: 40 };
    /// A sentence or two.
    pub const SENTENCE: Self = Self { lines: false, edges: false, head: 800, tail: 200 };
    /// What a context wrote, in its lines.
    pub const PROSE: Self = Self { lines: true, edges: false, head: 4000, tail: 400 };
    /// A string among a call's arguments, in its lines.
    pub const STRING: Self = Self { lines: true, edges: false, head: 2048, tail: 256 };

    /// The most room that a text of this form takes.
    pub fn room(self) -> usize {
        self.head.saturating_add(self.tail)
    }

    /// Narrows the form to `room`, the greater part for the beginning.
    pub fn within(self, room: usize) -> Self {
        if room >= self.room() {
            return self;
        }
        let tail = room / 8;
        Self { head: room.saturating_sub(tail), tail, ..self }
    }
}

/// A text made visible.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The text, isolated from the direction of what stands around it
    pub markup: Markup,
    /// Of the form's room, how much it took
    pub cost: usize,
    /// How many characters were left out of the middle
    pub hidden: usize,
}

/// CallerCredential `text` in the given form.
pub fn show(text: &str, form: Form) -> Shown {
    let (fits, cost) = prefix(text, form.room());
    if fits == text.len() {
        return Shown { markup: html! { bdi { (marked(text, form)) } }, cost, hidden: 0 };
    }
    let (head, head_cost) = prefix(text, form.head);
    let (tail, tail_cost) = suffix(text, form.tail);
    let tail = tail.max(head);
    let hidden = text.get(head..tail).unwrap_or_default().chars().count();
    let markup = html! {
        bdi { (marked(text.get(..head).unwrap_or_default(), form)) }
        span.gap dir="ltr" { "… " (grouped(hidden)) " more characters …" }
        bdi { (marked(text.get(tail..).unwrap_or_default(), form)) }
    };
    Shown { markup, cost: head_cost.saturating_add(tail_cost), hidden }
}

/// CallerCredential a name: one line, shortened when it is very long.
pub fn name(text: &str) -> Markup {
    show(text, Form::NAME).markup
}

/// CallerCredential a sentence or two that may have come from anywhere.
pub fn sentence(text: &str) -> Markup {
    show(text, Form::SENTENCE).markup
}

/// Returns the beginning of a name as plain text, for where there is no markup: a page's title.
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars().take(PLAIN) {
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

/// Writes a number with a comma between every three digits.
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

/// Returns how many bytes of the beginning fit into `room`, and what they cost.
fn prefix(text: &str, room: usize) -> (usize, usize) {
    let mut cost: usize = 0;
    for (at, char) in text.char_indices() {
        let after = cost.saturating_add(char_cost(char));
        if after > room {
            return (at, cost);
        }
        cost = after;
    }
    (text.len(), cost)
}

/// Returns from which byte on the end fits into `room`, and what it costs.
fn suffix(text: &str, room: usize) -> (usize, usize) {
    let mut cost: usize = 0;
    let mut from = text.len();
    for (at, char) in text.char_indices().rev() {
        let after = cost.saturating_add(char_cost(char));
        if after > room {
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

/// Writes `text` with a mark in place of every character that needs one.
fn marked(text: &str, form: Form) -> Markup {
    html! {
        @for piece in pieces(text, form) {
            @match piece {
                Piece::Plain(plain) => (plain),
                Piece::Line => span.newline { "\n" },
                Piece::Tab => span.tab { "\t" },
                Piece::Mark { char, name, times } => span.mark dir="ltr" title=(name) {
                    "⟨U+" (format!("{:04X}", u32::from(char))) "⟩"
                    @if times > 1 { "×" (grouped(times)) }
                },
            }
        }
    }
}

enum Piece<'t> {
    Plain(&'t str),
    Line,
    Tab,
    /// So many of one character, one after another
    Mark {
        char: char,
        name: &'static str,
        times: usize,
    },
}

fn pieces(text: &str, form: Form) -> Vec<Piece<'_>> {
    let inner =
        text.len().saturating_sub(text.trim_start_matches(' ').len())..text.trim_end_matches(' ').len();
    let mut pieces = Vec::new();
    let mut plain_from = 0;
    let mut accents: usize = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        accents = if unseen::is_combining(char) { accents.saturating_add(1) } else { 0 };
        let piece = match char {
            '\n' if form.lines => Piece::Line,
            '\t' if form.lines => Piece::Tab,
            ' ' if form.edges && !inner.contains(&at) => {
                Piece::Mark { char, name: "space", times: run(&mut chars, char) }
            }
            // A letter may carry two accents; more of them, or one without a letter, is paint over
            // what stands beside it.
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

/// Takes what follows of the same character, and returns how many there are with the first.
fn run(chars: &mut Peekable<CharIndices<'_>>, first: char) -> usize {
    let mut times: usize = 1;
    while chars.next_if(|(_, next)| *next == first).is_some() {
        times = times.saturating_add(1);
    }
    times
}
