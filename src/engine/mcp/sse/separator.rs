//! Characters that some readers of event streams take for line ends, although the standard does not.
//!
//! Python's `str.splitlines` is such a reader: behind one of these characters in a comment it finds a `data` line that
//! nobody else sees. So they are written in another way before anything is read.

use std::borrow::Cow;

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
        if self.begun.is_empty() && !chunk.iter().any(|byte| is_first(*byte)) {
            return Cow::Borrowed(chunk);
        }
        let mut rest = std::mem::take(&mut self.begun);
        rest.extend_from_slice(chunk);
        let mut rest = rest.as_slice();
        let mut out = Vec::with_capacity(rest.len());
        while let Some(at) = rest.iter().position(|byte| is_first(*byte)) {
            let (before, found) = rest.split_at(at);
            out.extend_from_slice(before);
            let (new, length): (&[u8], usize) = match found {
                [0xc2, 0x85, ..] => (br"\u0085", 2),
                [0xe2, 0x80, 0xa8, ..] => (br"\u2028", 3),
                [0xe2, 0x80, 0xa9, ..] => (br"\u2029", 3),
                [0xc2 | 0xe2] | [0xe2, 0x80] => {
                    self.begun = found.to_vec();
                    return Cow::Owned(out);
                }
                [first @ (0xc2 | 0xe2), ..] => (std::slice::from_ref(first), 1),
                _ => (b" ", 1),
            };
            out.extend_from_slice(new);
            rest = found.get(length..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        Cow::Owned(out)
    }

    /// Returns what is left at the end of the stream.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.begun)
    }
}

/// Tells whether such a character can begin with this byte: VT, FF, FS, GS, RS; NEL (U+0085), U+2028 and U+2029 in
/// UTF-8.
fn is_first(byte: u8) -> bool {
    matches!(byte, 0x0b | 0x0c | 0x1c..=0x1e | 0xc2 | 0xe2)
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
