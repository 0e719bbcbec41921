//! Numbers and bytes as text, without the formatting machinery: it runs once for each request, and its code is cold.

/// Appends a number in decimal digits.
pub fn push_integer(out: &mut String, number: u64) {
    let rest = number / 10;
    if rest > 0 {
        push_integer(out, rest);
    }
    out.push(digit(u8::try_from(number % 10).unwrap_or_default()));
}

/// Appends bytes in lower-case hex, two digits each.
pub fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 0xf));
    }
}

/// Returns bytes in lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().saturating_mul(2));
    push_hex(&mut out, bytes);
    out
}

fn digit(nibble: u8) -> char {
    char::from(match nibble {
        0..=9 => b'0'.saturating_add(nibble),
        _ => b'a'.saturating_add(nibble.saturating_sub(10)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bytes_are_written_as_formatting_would() {
        for number in [0, 9, 10, 1_000, 65_535, u64::MAX] {
            let mut out = String::from("-");
            push_integer(&mut out, number);
            assert_eq!(out, format!("-{number}"));
        }
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(hex(&bytes), bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    }
}
