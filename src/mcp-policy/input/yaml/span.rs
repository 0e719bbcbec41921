//! Places of YAML values, from what the parser says about them.

use std::ops::Range;

/// The places of a text's characters. The parser counts characters.
pub(super) struct Offsets {
    /// Where each character begins, and the text's end; `None` if each character is one byte
    starts: Option<Vec<usize>>,
    len: usize,
}

impl Offsets {
    pub(super) fn of(text: &str) -> Self {
        let starts = || text.char_indices().map(|(at, _)| at).collect();
        Self { starts: (!text.is_ascii()).then(starts), len: text.len() }
    }

    /// Returns the byte at which a character begins.
    pub(super) fn bytes(&self, character: usize) -> usize {
        match &self.starts {
            Some(starts) => starts.get(character).copied().unwrap_or(self.len),
            None => character.min(self.len),
        }
    }
}

/// Returns the place of a value without the anchor and the tag before it.
pub(super) fn content(text: &str, span: Range<usize>) -> Range<usize> {
    let start = after_properties(text, &span);
    let inside = text.get(start..span.end.max(start)).unwrap_or_default();
    let end = start.saturating_add(inside.trim_end().len());
    start..end
}

/// Returns the place of a scalar in quotes. The parser's place can include a comment behind it.
pub(super) fn quoted(text: &str, span: Range<usize>) -> Range<usize> {
    let Range { start, end } = content(text, span);
    let mut inside = text.get(start..).unwrap_or_default().char_indices();
    let Some((_, quote)) = inside.next() else { return start..end };
    let mut is_escaped = false;
    let mut last = None;
    for (at, char) in inside {
        match (last, char == quote) {
            // In single quotes two stand for one.
            (Some(_), true) if quote == '\'' => last = None,
            (Some(close), _) => return start..start.saturating_add(close).saturating_add(1),
            (None, true) if !is_escaped => last = Some(at),
            (None, _) => is_escaped = quote == '"' && char == '\\' && !is_escaped,
        }
    }
    start..last.map_or(end, |close| start.saturating_add(close).saturating_add(1))
}

/// Returns the place where a value stands that has no text: behind what is before it.
pub(super) fn before(text: &str, span: Range<usize>) -> Range<usize> {
    let before = text.get(..span.start).unwrap_or_default().trim_end().len();
    before..before
}

/// Returns the place of the lines of a block scalar, without indentation before the first and breaks after the last.
pub(super) fn block(text: &str, span: Range<usize>) -> Range<usize> {
    let start = after_properties(text, &span);
    let mut inside = text.get(start..span.end.max(start)).unwrap_or_default();
    if start > span.start {
        // The header `|` or `>` with its indicators ends with its line.
        inside = inside.split_once('\n').map_or("", |(_, lines)| lines);
    }
    let end = start.max(span.end);
    let lines = inside.trim_start_matches([' ', '\r', '\n']);
    let start = end.saturating_sub(lines.len());
    start..start.saturating_add(lines.trim_end_matches([' ', '\t', '\r', '\n']).len())
}

/// Returns where a value begins behind the anchor and the tag before it, with what may stand between.
fn after_properties(text: &str, span: &Range<usize>) -> usize {
    let inside = text.get(span.clone()).unwrap_or_default();
    let mut rest = inside;
    while rest.starts_with(['&', '!']) {
        let property = rest.split([' ', '\t', '\r', '\n', ',']).next().unwrap_or_default();
        rest = rest.get(property.len()..).unwrap_or_default();
        rest = past_space(rest);
    }
    span.start.saturating_add(inside.len().saturating_sub(rest.len()))
}

/// Returns what follows white space, line breaks and comments.
fn past_space(text: &str) -> &str {
    let mut rest = text.trim_start();
    while rest.starts_with('#') {
        rest = rest.split_once('\n').map_or("", |(_, lines)| lines).trim_start();
    }
    rest
}
