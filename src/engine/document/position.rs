//! Lines and columns, as editors count them.

use std::fmt;

/// A line and a column of a text, both counted from 1. Columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line
    pub line: usize,
    /// The column
    pub column: usize,
}

impl Position {
    /// Returns the position of byte `at` of a text, or of its end if it has fewer bytes. Bytes that are not
    /// UTF-8 count as the characters that a decoder would put in their place.
    #[must_use]
    pub fn of(text: &[u8], at: usize) -> Self {
        let before = String::from_utf8_lossy(text.get(..at).unwrap_or(text));
        let (line, last) = before.split('\n').enumerate().last().unwrap_or_default();
        Self { line: line.saturating_add(1), column: last.chars().count().saturating_add(1) }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}, column {}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_columns_are_characters() {
        for (text, at, expected) in [
            (&b""[..], 0, "line 1, column 1"),
            (b"ab", 1, "line 1, column 2"),
            (b"ab", 2, "line 1, column 3"),
            (b"ab", 9, "line 1, column 3"),
            (b"a\nb", 1, "line 1, column 2"),
            (b"a\nb", 2, "line 2, column 1"),
            (b"a\r\nb", 3, "line 2, column 1"),
            ("é€😀x".as_bytes(), 9, "line 1, column 4"),
            (b"a\xffb", 2, "line 1, column 3"),
        ] {
            assert_eq!(Position::of(text, at).to_string(), expected, "{text:?} {at}");
        }
    }
}
