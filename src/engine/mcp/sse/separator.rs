//! Characters that some readers of event streams take for line ends, although the standard does not.
//!
//! Python's `str.splitlines` is such a reader: behind one of these characters in a comment it finds a `data` line that
//! nobody else sees. So they are written in another way before anything is read.

use std::borrow::Cow;

use crate::json;

/// Takes the characters out of a stream.
#[derive(Debug, Default)]
pub(super) struct Separators {
    /// The first bytes of what may be one: two at most
    begun: Vec<u8>,
}

impl Separators {
    /// Returns the next bytes of a stream without such characters. Those that JSON allows in strings become escapes,
    /// which mean the same there; the others become spaces. The last two bytes may come out with the next ones.
    pub fn replace<'c>(&mut self, chunk: &'c [u8]) -> Cow<'c, [u8]> {
        if self.begun.is_empty() {
            let (new, end) = self.write(chunk);
            return new.map_or(Cow::Borrowed(chunk.get(..end).unwrap_or(chunk)), Cow::Owned);
        }
        let mut joined = std::mem::take(&mut self.begun);
        joined.extend_from_slice(chunk);
        let (new, end) = self.write(&joined);
        joined.truncate(end);
        Cow::Owned(new.unwrap_or(joined))
    }

    /// Writes bytes without such characters; `None` if there are none, as in almost every stream. Also returns where the last
    /// one begins if it is not whole, and keeps its bytes.
    fn write(&mut self, bytes: &[u8]) -> (Option<Vec<u8>>, usize) {
        let mut out = Vec::new();
        let (mut written, mut at) = (0, 0);
        let end = loop {
            at = json::separator(bytes, at);
            let (new, length): (&[u8], usize) = match bytes.get(at..).unwrap_or_default() {
                [] => break bytes.len(),
                [0xc2, 0x85, ..] => (br"\u0085", 2),
                [0xe2, 0x80, 0xa8, ..] => (br"\u2028", 3),
                [0xe2, 0x80, 0xa9, ..] => (br"\u2029", 3),
                begun @ ([0xc2 | 0xe2] | [0xe2, 0x80]) => {
                    self.begun = begun.to_vec();
                    break at;
                }
                [0xc2 | 0xe2, ..] => {
                    at = at.saturating_add(1);
                    continue;
                }
                _ => (b" ", 1),
            };
            out.extend_from_slice(bytes.get(written..at).unwrap_or_default());
            out.extend_from_slice(new);
            at = at.saturating_add(length);
            written = at;
        };
        if written == 0 {
            return (None, end);
        }
        out.extend_from_slice(bytes.get(written..end).unwrap_or_default());
        (Some(out), end)
    }

    /// Returns what is left at the end of the stream.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.begun)
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
        for cut in [&b"a\xc2"[..], b"\xe2", b"a\xe2\x80", b"\xe2\xe2\x80", b"\xc2\xc2"] {
            let mut separators = Separators::default();
            let mut out = separators.replace(cut).into_owned();
            out.extend(separators.finish());
            assert_eq!(out, cut);
        }
    }
}
