//! Characters that some readers of event streams take for line ends, although the standard does not.
//!
//! Python's `str.splitlines` is such a reader: behind one of these characters in a comment it finds a `data` line that
//! nobody else sees. If it reads the stream as Latin-1, each byte 0x85 is such a character, and most letters `Å` are one.
//! So they are written in another way before anything is read.

use std::borrow::Cow;

use crate::json;
use crate::text::hex;

/// Takes the characters out of a stream.
#[derive(Debug, Default)]
pub(super) struct Separators {
    /// The first bytes of a character: three at most
    begun: Vec<u8>,
}

impl Separators {
    /// Returns the next bytes of a stream without such characters. Those that JSON allows in strings become escapes,
    /// which mean the same there; the others become spaces. The last three bytes may come out with the next ones.
    pub fn replace<'c>(&mut self, chunk: &'c [u8]) -> Cow<'c, [u8]> {
        if self.begun.is_empty() {
            let (whole, begun) = whole(chunk);
            self.begun.extend_from_slice(begun);
            return written(whole).map_or(Cow::Borrowed(whole), Cow::Owned);
        }
        let mut joined = std::mem::take(&mut self.begun);
        joined.extend_from_slice(chunk);
        let (whole, begun) = whole(&joined);
        self.begun.extend_from_slice(begun);
        Cow::Owned(written(whole).unwrap_or_else(|| whole.to_vec()))
    }

    /// Returns what is left at the end of the stream.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.begun)
    }
}

/// Splits bytes in front of a character at their end that is not complete.
fn whole(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().rev().take(3).position(|byte| *byte >= 0xc2).map_or(0, |at| at.saturating_add(1));
    let at = bytes.len().saturating_sub(end);
    let is_begun = bytes.get(at).is_some_and(|lead| end < length(*lead));
    bytes.split_at(if is_begun { at } else { bytes.len() })
}

/// Returns how many bytes a character has that begins with this one (RFC 3629).
fn length(lead: u8) -> usize {
    match lead {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    }
}

/// Writes bytes without the characters; `None` if there are none, as in almost every stream.
fn written(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut done, mut at) = (0, 0);
    loop {
        at = json::separator(bytes, at);
        let (start, char) = match bytes.get(at..).unwrap_or_default() {
            [] => break,
            [0xe2, 0x80, 0xa8, ..] => (at, Some('\u{2028}')),
            [0xe2, 0x80, 0xa9, ..] => (at, Some('\u{2029}')),
            [0xe2, ..] => {
                at = at.saturating_add(1);
                continue;
            }
            [0x85, ..] => around(bytes, at).map_or((at, None), |(start, char)| (start, Some(char))),
            _ => (at, None),
        };
        out.extend_from_slice(bytes.get(done..start).unwrap_or_default());
        match char {
            Some(char) => push_escape(&mut out, char),
            None => out.push(b' '),
        }
        at = start.saturating_add(char.map_or(1, char::len_utf8));
        done = at;
    }
    if done == 0 {
        return None;
    }
    out.extend_from_slice(bytes.get(done..).unwrap_or_default());
    Some(out)
}

/// Returns the character that the byte at `at` is a part of, but not the first one, and where it begins.
fn around(bytes: &[u8], at: usize) -> Option<(usize, char)> {
    let start = (1..=3)
        .map(|back| at.saturating_sub(back))
        .find(|start| bytes.get(*start).is_some_and(|byte| *byte >= 0xc2))?;
    let end = start.saturating_add(length(*bytes.get(start)?));
    let text = std::str::from_utf8(bytes.get(start..end)?).ok()?;
    (at < end).then_some((start, text.chars().next()?))
}

/// Appends the escape that JSON has for a character.
fn push_escape(out: &mut Vec<u8>, char: char) {
    for unit in char.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(b"\\u");
        out.extend_from_slice(hex(&unit.to_be_bytes()).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_separators_change_whatever_the_chunks() {
        for (text, expected) in [
            ("data: {}\r\n\t\u{7f}", "data: {}\r\n\t\u{7f}"),
            ("a\u{b}b\u{c}c\u{1c}d\u{1d}e\u{1e}f\u{1f}", "a b c d e f\u{1f}"),
            ("\u{85}\u{2028}\u{2029}", "\\u0085\\u2028\\u2029"),
            ("é\u{a0}©…\u{2027}\u{202a}✓\u{2028}…", "é\u{a0}©…\u{2027}\u{202a}✓\\u2028…"),
            ("\u{2028}\u{2028}x\u{85}", "\\u2028\\u2028x\\u0085"),
            ("Åå\u{85}Å", "\\u00c5å\\u0085\\u00c5"),
            ("\u{5143}\u{5145}\u{2005}\u{2028}", "\\u5143\\u5145\\u2005\\u2028"),
            ("\u{1f605}\u{1f600}\u{1f145}", "\\ud83d\\ude05\u{1f600}\\ud83c\\udd45"),
        ] {
            for size in [1, 2, 3, 1000] {
                let mut separators = Separators::default();
                let mut out: Vec<u8> = text
                    .as_bytes()
                    .chunks(size)
                    .flat_map(|chunk| separators.replace(chunk).into_owned())
                    .collect();
                out.extend(separators.finish());
                assert_eq!(str::from_utf8(&out), Ok(expected), "{text:?} by {size}");
            }
        }
        for (bytes, expected) in [
            (&b"a\x85b"[..], &b"a b"[..]),
            (b"\xc3\x85\x85\x85", b"\\u00c5  "),
            (b"\xe2\x85a\xf0\x9f\x85b\x85", b"\xe2 a\xf0\x9f b "),
            (b"\xc0\x85\xf5\x85", b"\xc0 \xf5 "),
        ] {
            let mut separators = Separators::default();
            let mut out = separators.replace(bytes).into_owned();
            out.extend(separators.finish());
            assert_eq!(out, expected);
        }
        for cut in [&b"a\xc2"[..], b"\xe2", b"a\xe2\x80", b"\xe2\xe2\x80", b"\xc2\xc2"] {
            let mut separators = Separators::default();
            let mut out = separators.replace(cut).into_owned();
            out.extend(separators.finish());
            assert_eq!(out, cut);
        }
    }
}
