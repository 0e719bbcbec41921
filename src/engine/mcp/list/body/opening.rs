//! How a body begins, if nothing says its type and its encoding.
//!
//! Clients that take every answer for JSON find its encoding in its first bytes: a byte order mark, or NULs around the first
//! bracket (RFC 4627, section 3).

/// What the first bytes of a body say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// It may be JSON, perhaps in another encoding than UTF-8
    Json,
    /// The byte order mark of UTF-8 precedes it
    Mark,
    /// It is no JSON
    Other,
    /// More bytes decide
    Unknown,
}

/// The byte order mark of UTF-8.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";

/// How many bytes decide at most.
pub(super) const LONGEST: usize = 4;

/// The byte order marks of UTF-16 and UTF-32.
const MARKS: [&[u8]; 3] = [b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff"];

/// Tells what the first bytes of a body say, up to [`LONGEST`] of them.
pub(super) fn of(bytes: &[u8]) -> Opening {
    if bytes == MARK || bytes.strip_prefix(MARK).is_some() {
        return Opening::Mark;
    }
    if MARKS.iter().any(|mark| bytes.starts_with(mark)) {
        return Opening::Json;
    }
    let begins = |byte: &u8| b"{[ \t\n\r".contains(byte);
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    match bytes.get(zeros) {
        // In UTF-16 a NUL precedes an ASCII character, and in UTF-32 three.
        Some(byte) if begins(byte) && matches!(zeros, 0 | 1 | 3) => Opening::Json,
        None if zeros < LONGEST => Opening::Unknown,
        _ if bytes.len() < LONGEST && [MARK].iter().chain(&MARKS).any(|mark| mark.starts_with(bytes)) => {
            Opening::Unknown
        }
        _ => Opening::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_in_every_encoding_and_from_other_files() {
        for (bytes, expected) in [
            (&b"{\"a\""[..], Opening::Json),
            (b"[", Opening::Json),
            (b"\xef\xbb\xbf", Opening::Mark),
            (b"\xef\xbb\xbf{", Opening::Mark),
            (b"\xef\xbb", Opening::Unknown),
            (b"\xef\xbc", Opening::Other),
            (b"\xff\xfe{\0", Opening::Json),
            (b"\xff", Opening::Unknown),
            (b"\xff\xd8\xff\xe0", Opening::Other),
            (b"\xfe\xff\0{", Opening::Json),
            (b"\0{\0\"", Opening::Json),
            (b"\0 \0{", Opening::Json),
            (b"\0\0\0{", Opening::Json),
            (b"\0\0\xfe\xff", Opening::Json),
            (b"\0", Opening::Unknown),
            (b"\0\0\0", Opening::Unknown),
            (b"\0\0\xfe", Opening::Unknown),
            // An icon, a font, a film and a module of WebAssembly.
            (b"\0\0\x01\0", Opening::Other),
            (b"\0\x01\0\0", Opening::Other),
            (b"\0\0\0\x18", Opening::Other),
            (b"\0asm", Opening::Other),
            (b"\0\0\0\0", Opening::Other),
            (b"<html", Opening::Other),
            (b"", Opening::Unknown),
        ] {
            assert_eq!(of(bytes), expected, "{bytes:?}");
        }
    }
}
