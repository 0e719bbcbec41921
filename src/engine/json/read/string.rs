//! Strings.

use super::bytes::Bytes;
use super::{Reader, malformed};
use crate::json::defect::{DefectKind, Malformed};
use crate::json::text;

impl Reader<'_> {
    /// Reads a string from its opening quote on. Returns the place behind it, and whether it has escapes.
    #[inline]
    pub(super) fn string(&mut self, bytes: Bytes<'_>, start: usize) -> Result<(usize, bool), Malformed> {
        let at = bytes.plain_end(start.wrapping_add(1));
        match bytes.at(at) {
            Some(b'"') => Ok((at.wrapping_add(1), false)),
            _ => Ok((self.escapes(bytes, at)?, true)),
        }
    }

    /// Reads the rest of a string, from an escape on.
    #[inline(never)]
    fn escapes(&mut self, bytes: Bytes<'_>, mut at: usize) -> Result<usize, Malformed> {
        loop {
            at = match bytes.at(at) {
                Some(b'"') => return Ok(at.wrapping_add(1)),
                Some(b'\\') => self.escape(bytes, at)?,
                Some(_) => return malformed(at, "a string holds an unescaped control character"),
                None => return malformed(at, "the text ends too early"),
            };
            at = bytes.plain_end(at);
        }
    }

    fn escape(&mut self, bytes: Bytes<'_>, start: usize) -> Result<usize, Malformed> {
        let mut at = start.wrapping_add(1);
        match bytes.at(at) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => return Ok(at.wrapping_add(1)),
            Some(b'u') => {}
            _ => return malformed(at, "an escape in a string is unknown"),
        }
        for _ in 0..4 {
            at = at.wrapping_add(1);
            if !bytes.at(at).is_some_and(|byte| byte.is_ascii_hexdigit()) {
                return malformed(at, "an escape in a string is unknown");
            }
        }
        let end = at.wrapping_add(1);
        self.surrogate(start, end);
        Ok(end)
    }

    /// Notes half a surrogate pair: a high half announces where its low half stands.
    fn surrogate(&mut self, start: usize, end: usize) {
        let lone = match text::code_unit(self.text, start) {
            0xd800..=0xdbff => {
                self.low_half = end;
                !matches!(text::code_unit(self.text, end), 0xdc00..=0xdfff)
            }
            0xdc00..=0xdfff => self.low_half != start,
            _ => false,
        };
        if lone {
            self.flag(start, DefectKind::LoneSurrogate);
        }
    }
}
