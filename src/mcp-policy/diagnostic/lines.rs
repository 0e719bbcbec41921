//! Lines and columns of a text, found fast.

use mcp_policy_engine::document::Position;

/// How many bytes are counted at most to find a column.
const BLOCK: usize = 4_096;

/// Where the lines of a text begin, and how many characters are before each block of it.
#[derive(Debug)]
pub struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    characters: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// Looks through a text once.
    pub fn of(text: &'t str) -> Self {
        let behind = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(behind.map(|(at, _)| at.saturating_add(1))).collect();
        let mut characters = vec![0_usize];
        for block in text.as_bytes().chunks(BLOCK) {
            let before = characters.last().copied().unwrap_or_default();
            characters.push(before.saturating_add(count(block)));
        }
        Self { text, starts, characters }
    }

    /// Returns the position of byte `at`, or of the end: the same as [`Position::of`].
    pub fn position(&self, at: usize) -> Position {
        let at = at.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let column = self.before(at).saturating_sub(self.before(start)).saturating_add(1);
        Position { line, column }
    }

    /// Counts the characters that begin before byte `at`.
    fn before(&self, at: usize) -> usize {
        let block = at.checked_div(BLOCK).unwrap_or_default();
        let start = block.saturating_mul(BLOCK);
        let counted = self.characters.get(block).copied().unwrap_or_default();
        let rest = self.text.as_bytes().get(start..at).unwrap_or_default();
        counted.saturating_add(count(rest))
    }
}

/// Counts the characters that begin in these bytes of UTF-8.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_the_engine() {
        for text in ["", "\n", "a\nb\r\nc", "é€😀x\n日本", &"日本x\n".repeat(3_000), &"é".repeat(10_000)]
        {
            let lines = Lines::of(text);
            let ends =
                text.char_indices().map(|(at, _)| at).chain([text.len(), text.len().saturating_add(9)]);
            for at in ends.step_by(if text.len() > 100 { 997 } else { 1 }) {
                assert_eq!(lines.position(at), Position::of(text.as_bytes(), at), "{at}");
            }
        }
    }
}
