//! Scanning bytes eight at a time.

/// Returns the place of the first byte, at or behind `from`, that ends or interrupts a string: a quote, a
/// backslash or a control character. Returns the length where there is none.
#[inline]
pub(crate) fn plain_end(bytes: &[u8], from: usize) -> usize {
    let marks = |word: u64| interrupting(word) & !word & HIGH;
    end(bytes, from, marks, |byte| matches!(byte, 0..=0x1f | b'"' | b'\\'))
}

/// Returns the place of the first byte, at or behind `from`, that is no visible ASCII character, or a quote or a
/// backslash. Returns the length where there is none.
#[inline]
pub(crate) fn visible_end(bytes: &[u8], from: usize) -> usize {
    let marks = |word: u64| ((interrupting(word) | equal(word, 0x7f)) & !word & HIGH) | (word & HIGH);
    end(bytes, from, marks, |byte| !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\'))
}

/// Returns the place of the first byte, at or behind `from`, that is `marked`. The lowest of the `marks` of a
/// word, in the highest bits of its bytes, is that of the first such byte; further ones may be wrong.
#[inline]
fn end(bytes: &[u8], from: usize, marks: impl Fn(u64) -> u64, marked: impl Fn(u8) -> bool) -> usize {
    let (words, rest) = bytes.get(from..).unwrap_or_default().as_chunks::<8>();
    let mut at = from;
    for word in words {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return at.wrapping_add(lowest(marks));
        }
        at = at.wrapping_add(8);
    }
    at.wrapping_add(rest.iter().position(|byte| marked(*byte)).unwrap_or(rest.len()))
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Marks the control characters, quotes and backslashes of `word`.
fn interrupting(word: u64) -> u64 {
    below(word, 0x20) | equal(word, b'"') | equal(word, b'\\')
}

/// Marks the bytes of `word` that are below `bound`, and others that are not ASCII. A mark above the lowest
/// one may be wrong, since the subtraction borrows.
fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(ONES.wrapping_mul(u64::from(bound)))
}

/// Marks the bytes of `word` that equal `byte`, likewise.
fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ ONES.wrapping_mul(u64::from(byte)), 1)
}

/// Returns the number of the lowest byte that is marked.
fn lowest(marks: u64) -> usize {
    usize::try_from(marks.trailing_zeros() >> 3).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_where_a_search_byte_by_byte_ends() {
        let marked = |byte: &u8| matches!(byte, 0..=0x1f | b'"' | b'\\');
        let unseen = |byte: &u8| !(b' '..=b'~').contains(byte) || marked(byte);
        for byte in 0..=u8::MAX {
            for other in [b' ', b'!', b'#', b'\\', b'a', 0x7f, 0x80, 0xff, 0] {
                for length in 0..20 {
                    let mut bytes = vec![b'x'; length];
                    bytes.push(byte);
                    bytes.push(other);
                    bytes.extend_from_slice(b"xxxxxxxxxxxx");
                    for from in [0, 1, 5] {
                        let expected = bytes.iter().skip(from).position(unseen);
                        let expected = expected.map_or(bytes.len(), |at| at + from);
                        assert_eq!(visible_end(&bytes, from), expected, "{byte:#x} {other:#x} at {length}");
                        let expected = bytes.iter().skip(from).position(marked);
                        let expected = expected.map_or(bytes.len(), |at| at + from);
                        assert_eq!(plain_end(&bytes, from), expected, "{byte:#x} {other:#x} at {length}");
                    }
                }
            }
        }
        assert_eq!(plain_end(b"", 0), 0);
    }
}
