//! Text that stands in a file: the file itself, or a string in it, in which each byte has its place in the file.

mod align;

use std::ops::Range;

/// A text and where its bytes stand in the file.
#[derive(Debug, Clone)]
pub struct Source {
    /// The text
    pub text: String,
    origin: Origin,
}

/// Where the bytes of a text stand in the file.
#[derive(Debug, Clone)]
enum Origin {
    /// The text is the file
    File,
    /// The place of each byte; an escape has several bytes in the file
    Bytes(Vec<Range<usize>>),
    /// Somewhere in this place
    Within(Range<usize>),
}

impl Source {
    /// Makes the text of a file.
    pub fn of_file(text: String) -> Self {
        Self { text, origin: Origin::File }
    }

    /// Makes the text that a JSON or YAML string holds, from the string's place in `outer`.
    pub fn of_string(outer: &Self, span: &Range<usize>, text: String) -> Self {
        let origin = match align::align(&outer.text, span, &text) {
            Some(places) => Origin::Bytes(places.into_iter().map(|place| outer.in_file(&place)).collect()),
            None => Origin::Within(outer.in_file(span)),
        };
        Self { text, origin }
    }

    /// Makes the text in which each pair of a character is one of it, as programs write a character that stands for something
    /// else alone. Returns also the places in the file where it stands alone.
    pub fn undoubled(&self, doubled: char) -> (Self, Vec<Range<usize>>) {
        let (mut text, mut bytes, mut alone) =
            (String::with_capacity(self.text.len()), Vec::new(), Vec::new());
        let mut chars = self.text.char_indices().peekable();
        while let Some((at, char)) = chars.next() {
            let mut end = at.saturating_add(char.len_utf8());
            if char == doubled {
                match chars.next_if(|(_, next)| *next == doubled) {
                    Some((second, _)) => end = second.saturating_add(doubled.len_utf8()),
                    None => alone.push(self.in_file(&(at..end))),
                }
            }
            text.push(char);
            bytes.extend(std::iter::repeat_n(self.in_file(&(at..end)), char.len_utf8()));
        }
        (Self { text, origin: Origin::Bytes(bytes) }, alone)
    }

    /// Returns the place in the file of a place in the text.
    pub fn in_file(&self, place: &Range<usize>) -> Range<usize> {
        let bytes = match &self.origin {
            Origin::File => return place.clone(),
            Origin::Within(place) => return place.clone(),
            Origin::Bytes(bytes) => bytes,
        };
        let end = |at: usize| at.checked_sub(1).and_then(|before| bytes.get(before)).map(|before| before.end);
        let start =
            bytes.get(place.start).map(|byte| byte.start).or_else(|| bytes.last().map(|last| last.end));
        let start = start.unwrap_or_default();
        let end = if place.end > place.start { end(place.end.min(bytes.len())) } else { None };
        start..end.unwrap_or(start).max(start)
    }
}
