//! Numbers and bytes as text, without the cost of `format!`, white space, and case folding.

pub mod fold;

/// How many bytes the hashes have that are written most.
const MOST_HASHED: usize = 32;

/// Returns a text without what some servers strip around it: white space of Unicode, U+FEFF as JavaScript does, and control
/// characters as Java does.
#[must_use]
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|char: char| char.is_whitespace() || char.is_control() || char == '\u{feff}')
}

/// Returns what a text has before its first NUL, where some servers end it; `None` if it has no NUL.
#[must_use]
pub fn before_nul(text: &str) -> Option<&str> {
    text.split_once('\0').map(|(before, _)| before)
}

/// Returns bytes in lower-case hex, two digits each.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().saturating_mul(2));
    push_hex(&mut out, bytes);
    out
}

/// Appends bytes in lower-case hex, two digits each.
pub fn push_hex(out: &mut String, bytes: &[u8]) {
    for part in bytes.chunks(MOST_HASHED) {
        let mut ascii = [0; 2 * MOST_HASHED];
        let (fours, rest) = part.as_chunks::<4>();
        let (eights, _) = ascii.as_chunks_mut::<8>();
        for (four, eight) in fours.iter().zip(eights) {
            *eight = digits(u32::from_le_bytes(*four));
        }
        let done = fours.as_flattened().len().saturating_mul(2);
        push_ascii(out, ascii.get(..done).unwrap_or_default());
        for byte in rest {
            push_ascii(out, digits(u32::from(*byte)).first_chunk::<2>().unwrap_or(&[b'0'; 2]));
        }
    }
}

/// Returns the two hex digits of each byte of a number, the lowest byte first, all computed at once in the bytes of one
/// word.
fn digits(number: u32) -> [u8; 8] {
    let mut word = u64::from(number);
    word = (word | (word << 16)) & 0x0000_ffff_0000_ffff;
    word = (word | (word << 8)) & 0x00ff_00ff_00ff_00ff;
    // The higher half of a byte comes first.
    word = ((word >> 4) | (word << 8)) & 0x0f0f_0f0f_0f0f_0f0f;
    // No sum or product here reaches the next byte: 6 carries a nibble above 9 into bit 4.
    let letters = (word.wrapping_add(0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    let letters = letters.wrapping_mul(u64::from(b'a' - b'0' - 10));
    word.wrapping_add(0x3030_3030_3030_3030).wrapping_add(letters).to_le_bytes()
}

fn push_ascii(out: &mut String, ascii: &[u8]) {
    out.push_str(std::str::from_utf8(ascii).unwrap_or_default());
}

/// Appends a number in decimal.
pub fn push_decimal(out: &mut String, number: u64) {
    /// 2^64 has 20 digits.
    const MOST_DIGITS: usize = 20;
    let mut digits = [0; MOST_DIGITS];
    let mut rest = number;
    let mut start = MOST_DIGITS;
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0'.saturating_add(u8::try_from(rest % 10).unwrap_or_default());
        rest /= 10;
        start = at;
        if rest == 0 {
            break;
        }
    }
    let digits = digits.get(start..).unwrap_or_default();
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_hex() {
        assert_eq!(hex(&[0, 1, 0x9a, 0xff]), "00019aff");
        assert_eq!(hex(&[]), "");
        let bytes: Vec<u8> = (0..=255).chain(0..77).collect();
        assert_eq!(hex(&bytes), bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 1, 9, 10, 99, 100, 12_345, u64::from(u32::MAX), u64::MAX] {
            let mut out = "x".to_owned();
            push_decimal(&mut out, number);
            assert_eq!(out, format!("x{number}"));
        }
    }
}
