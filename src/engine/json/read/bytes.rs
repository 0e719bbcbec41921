//! The bytes that are read. The reader hands them down, so that they are at hand in registers.

use super::malformed;
use crate::json::defect::Malformed;
use crate::json::scan;

/// The bytes of a text. Places are byte offsets.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'t>(pub &'t [u8]);

impl<'t> Bytes<'t> {
    #[inline]
    pub fn at(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    /// Returns the bytes from one place up to another.
    #[inline]
    pub fn between(self, start: usize, end: usize) -> &'t [u8] {
        self.0.get(start..end).unwrap_or_default()
    }

    /// Skips white space, and returns the byte behind it with its place.
    #[inline]
    pub fn token(self, mut at: usize) -> (usize, Option<u8>) {
        loop {
            match self.at(at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => at = at.wrapping_add(1),
                byte => return (at, byte),
            }
        }
    }

    /// Returns the place of the first byte that ends or interrupts a string.
    #[inline]
    pub fn plain_end(self, at: usize) -> usize {
        scan::plain_end(self.0, at)
    }

    /// Reads one digit or more, and returns the place behind them.
    pub fn digits(self, start: usize) -> Result<usize, Malformed> {
        let mut at = start;
        while self.at(at).is_some_and(|byte| byte.is_ascii_digit()) {
            at = at.wrapping_add(1);
        }
        if at == start { malformed(at, "a number has no digits") } else { Ok(at) }
    }
}
