//! What stands outside of strings: brackets, commas and colons.

use super::{Finding, Member, Place, Screen, is_scalar};
use crate::json::plain_end;

impl Screen {
    /// Reads on below the levels whose keys matter, up to their end. Most bytes are there.
    pub(super) fn deep(&mut self, bytes: &[u8], mut at: usize) -> usize {
        let shallow = self.message.saturating_add(1);
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    let end = plain_end(bytes, at.wrapping_add(1));
                    if bytes.get(end) != Some(&b'"') {
                        self.place = Place::String;
                        return at.wrapping_add(1);
                    }
                    at = end;
                }
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth <= shallow {
                        return at.wrapping_add(1);
                    }
                }
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => {}
                byte if is_scalar(byte) => {}
                _ => {
                    self.finding = Finding::Unreadable;
                    return at.wrapping_add(1);
                }
            }
            at = at.wrapping_add(1);
        }
        at
    }

    /// Reads one byte outside of strings.
    pub(super) fn structure(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'{' | b'[' => self.open(byte == b'{'),
            b'/' if self.depth == 0 => self.place = Place::Slash,
            _ if self.depth == 0 => {
                self.finding = if begins_text(byte) { Finding::NoMessage } else { Finding::Unreadable };
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.key_next = false;
                if self.depth < self.message {
                    self.member = Member::Other;
                }
            }
            b'"' => {
                self.place = Place::String;
                self.begin_token();
            }
            b':' => self.key_next = false,
            b',' => self.key_next = self.is_object(),
            byte if is_scalar(byte) && !self.key_next => {
                self.place = Place::Scalar;
                self.begin_token();
                self.keep(&[byte]);
            }
            _ => self.finding = Finding::Unreadable,
        }
    }

    fn open(&mut self, object: bool) {
        if self.depth == 0 {
            *self = Self { message: if object { 1 } else { 2 }, ..Self::default() };
        }
        self.depth = self.depth.saturating_add(1);
        if let Some(bit) = self.bit() {
            self.objects = if object { self.objects | bit } else { self.objects & !bit };
            self.key_next = object;
        } else {
            self.key_next = false;
        }
        if self.depth == self.message {
            self.member = Member::Other;
        }
    }

    /// Returns the bit of the current level, if its keys matter.
    pub(super) fn bit(&self) -> Option<u8> {
        let shift =
            u32::try_from(self.depth).ok().filter(|_| self.depth <= self.message.saturating_add(1))?;
        1_u8.checked_shl(shift)
    }

    pub(super) fn is_object(&self) -> bool {
        self.bit().is_some_and(|bit| self.objects & bit != 0)
    }
}

/// Tells whether a text that begins with this byte is no JSON array or object for any reader. White space of
/// Unicode, byte order marks and comments are what lenient readers skip.
fn begins_text(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || b"\"<-+.=*#;:,!]}".contains(&byte)
        || matches!(byte, 0xc3..=0xdf | 0xe4..=0xee | 0xf0..=0xf4)
}
