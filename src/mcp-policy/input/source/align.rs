//! Lays the text of a string beside the characters that write it, so that each byte gets a place.
//!
//! The reader has decoded the string already. This only follows what it did, and gives up where it cannot.

use std::ops::Range;

/// Returns the place in `outer` of each byte of `text`, the string that is written at `span`: in JSON or in any style of
/// YAML. `None` if they do not fit together.
pub(super) fn align(outer: &str, span: &Range<usize>, text: &str) -> Option<Vec<Range<usize>>> {
    let first = outer.get(span.clone())?.chars().next();
    let quote = first.filter(|first| matches!(first, '"' | '\''));
    let in_quotes = quote.and_then(|quote| Alignment::in_quotes(outer, span, quote).of(text));
    in_quotes.or_else(|| Alignment::of_lines(outer, span, text)?.of(text))
}

struct Alignment<'t> {
    outer: &'t str,
    /// The next byte of `outer`
    at: usize,
    /// Where the string ends at the latest
    end: usize,
    quote: Option<char>,
    /// How many spaces begin each line of a block without belonging to it
    indentation: usize,
    places: Vec<Range<usize>>,
}

impl<'t> Alignment<'t> {
    fn in_quotes(outer: &'t str, span: &Range<usize>, quote: char) -> Self {
        let (at, end) = (span.start.saturating_add(1), span.end.saturating_sub(1));
        Self { outer, at, end, quote: Some(quote), indentation: usize::MAX, places: Vec::new() }
    }

    /// Begins with a plain scalar or a block.
    fn of_lines(outer: &'t str, span: &Range<usize>, text: &str) -> Option<Self> {
        let line = outer.get(..span.start)?.rsplit(['\n', '\r']).next()?;
        let is_indented = line.bytes().all(|byte| byte == b' ');
        // The place of a block begins with its first word: empty lines before it have no place of their own.
        let blank = text.len().saturating_sub(text.trim_start_matches(['\n', ' ']).len());
        let breaks = text.get(..blank)?.rfind('\n').map_or(0, |last| last.saturating_add(1));
        let lines = text.get(breaks..)?;
        let spaces = lines.len().saturating_sub(lines.trim_start_matches(' ').len());
        let indentation = if is_indented { line.len().checked_sub(spaces)? } else { usize::MAX };
        let at = span.start.checked_sub(if is_indented { spaces } else { 0 })?;
        let places = vec![at..at; breaks];
        Some(Self { outer, at, end: outer.len(), quote: None, indentation, places })
    }

    /// Gives each byte of the text a place, except those that have one.
    fn of(mut self, text: &str) -> Option<Vec<Range<usize>>> {
        for char in text.get(self.places.len()..)?.chars() {
            let place = self.next(char)?;
            self.places.extend(std::iter::repeat_n(place, char.len_utf8()));
        }
        // What is left of a string in quotes can be an escaped line break.
        let rest = self.outer.get(self.at..self.end)?;
        let is_done = self.quote.is_none() || rest.chars().all(|char| char.is_whitespace() || char == '\\');
        is_done.then_some(self.places)
    }

    /// Finds the character, behind what the reader drops.
    fn next(&mut self, char: char) -> Option<Range<usize>> {
        loop {
            let rest = self.outer.get(self.at..self.end)?;
            let next = rest.chars().next()?;
            if let Some((written, len)) = self.special(rest) {
                let place = self.take(len)?;
                match written {
                    Some(written) if written == char => return Some(place),
                    Some(_) => return None,
                    // An escaped line break, and the spaces that begin the next line.
                    None => self.skip_indentation(),
                }
            } else if let Some(len) = line_break(rest) {
                let place = self.take(len)?;
                self.skip_indentation();
                if matches!(char, '\n' | ' ') {
                    return Some(place);
                }
            } else if next == char {
                return self.take(char.len_utf8());
            } else if matches!(next, ' ' | '\t') {
                self.take(1)?;
            } else {
                return None;
            }
        }
    }

    /// Reads an escape: the character that it stands for, `None` for a line break that it removes, and its length.
    fn special(&self, rest: &str) -> Option<(Option<char>, usize)> {
        match self.quote? {
            '\'' => rest.starts_with("''").then_some((Some('\''), 2)),
            _ => {
                let escaped = rest.strip_prefix('\\')?;
                if let Some(len) = line_break(escaped) {
                    return Some((None, len.saturating_add(1)));
                }
                escape(escaped).map(|(char, len)| (Some(char), len.saturating_add(1)))
            }
        }
    }

    fn take(&mut self, len: usize) -> Option<Range<usize>> {
        let start = self.at;
        self.at = start.checked_add(len)?;
        Some(start..self.at)
    }

    fn skip_indentation(&mut self) {
        let rest = self.outer.get(self.at..self.end).unwrap_or_default();
        let is_space = |byte: &u8| *byte == b' ' || (*byte == b'\t' && self.indentation == usize::MAX);
        let spaces = rest.bytes().take(self.indentation).take_while(is_space).count();
        self.at = self.at.saturating_add(spaces);
    }
}

/// Returns the length of the line break with which a text begins.
fn line_break(text: &str) -> Option<usize> {
    match text.as_bytes() {
        [b'\r', b'\n', ..] => Some(2),
        [b'\r' | b'\n', ..] => Some(1),
        _ => None,
    }
}

/// Reads what follows the backslash of an escape in double quotes, of JSON or YAML: its character and its length.
fn escape(text: &str) -> Option<(char, usize)> {
    let kind = text.chars().next()?;
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => return single(kind).map(|char| (char, kind.len_utf8())),
    };
    let unit = |from: usize| u32::from_str_radix(text.get(from..from.checked_add(digits)?)?, 16).ok();
    let first = unit(1)?;
    let len = digits.saturating_add(1);
    if let Some(char) = char::from_u32(first) {
        return Some((char, len));
    }
    // JSON writes a character beyond 16 bits as two halves.
    let second = text.get(len..)?.strip_prefix("\\u").and_then(|_| unit(len.saturating_add(2)))?;
    let halves = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let char = char::decode_utf16(halves).next()?.ok()?;
    Some((char, len.saturating_mul(2).saturating_add(1)))
}

/// Returns what an escape of one character stands for.
fn single(kind: char) -> Option<char> {
    Some(match kind {
        '"' | '\\' | '/' | ' ' | '\t' => kind,
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
