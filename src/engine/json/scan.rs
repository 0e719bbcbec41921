//! Scanning bytes block by block: 16 at a time where WebAssembly has instructions for it, else 8.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vector;
mod word;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use vector as block;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
use word as block;

/// Returns the place of the first byte, at or behind `from`, that ends or interrupts a string: a quote, a
/// backslash or a control character. Returns the length where there is none.
#[inline]
pub(crate) fn plain_end(bytes: &[u8], from: usize) -> usize {
    first(bytes, from, block::interrupting).unwrap_or_else(|| plain_end_beyond(bytes, from))
}

#[inline(never)]
fn plain_end_beyond(bytes: &[u8], from: usize) -> usize {
    end(bytes, from, block::interrupting, |bytes, from| {
        end(bytes, from, word::interrupting, |bytes, from| by_bytes(bytes, from, is_interrupting))
    })
}

/// Returns the place of the first byte, at or behind `from`, that is no visible ASCII character, or a quote or a
/// backslash. Returns the length where there is none.
#[inline]
pub(crate) fn visible_end(bytes: &[u8], from: usize) -> usize {
    first(bytes, from, block::unseen).unwrap_or_else(|| visible_end_beyond(bytes, from))
}

#[inline(never)]
fn visible_end_beyond(bytes: &[u8], from: usize) -> usize {
    end(bytes, from, block::unseen, |bytes, from| {
        end(bytes, from, word::unseen, |bytes, from| by_bytes(bytes, from, is_unseen))
    })
}

/// Returns the place of the first line feed or carriage return at or behind `from`. Returns the length where there is none.
#[inline(never)]
pub(crate) fn line_end(bytes: &[u8], from: usize) -> usize {
    end(bytes, from, block::ending, |bytes, from| {
        end(bytes, from, word::ending, |bytes, from| by_bytes(bytes, from, is_ending))
    })
}

fn is_ending(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Returns the place of the first byte, at or behind `from`, with which a character can begin that some readers take for a
/// line end: VT, FF, FS, GS, RS; NEL (U+0085), U+2028 and U+2029 in UTF-8. Returns the length where there is none.
#[inline(never)]
pub(crate) fn separator(bytes: &[u8], from: usize) -> usize {
    end(bytes, from, block::separating, |bytes, from| {
        end(bytes, from, word::separating, |bytes, from| by_bytes(bytes, from, is_separating))
    })
}

fn is_separating(byte: u8) -> bool {
    matches!(byte, 0x0b | 0x0c | 0x1c..=0x1e | 0x85 | 0xe2)
}

/// Tells whether no byte ends or interrupts a string: see [`plain_end`].
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    none(bytes, block::interrupting)
        .or_else(|| none(bytes, word::interrupting))
        .unwrap_or_else(|| !bytes.iter().any(|byte| is_interrupting(*byte)))
}

fn is_interrupting(byte: u8) -> bool {
    matches!(byte, 0..=0x1f | b'"' | b'\\')
}

/// Tells whether all bytes are visible ASCII characters, but no quotes or backslashes.
pub(crate) fn is_visible(bytes: &[u8]) -> bool {
    none(bytes, block::unseen)
        .or_else(|| none(bytes, word::unseen))
        .unwrap_or_else(|| !bytes.iter().any(|byte| is_unseen(*byte)))
}

fn is_unseen(byte: u8) -> bool {
    !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\')
}

/// Tells whether no byte is marked; `None` if they are fewer than a block has.
#[inline]
fn none<const SIZE: usize, M: Marks>(bytes: &[u8], marks: impl Fn(&[u8; SIZE], usize) -> M) -> Option<bool> {
    let is_clear = |block| marks(block, 0).lowest().is_none();
    let last = bytes.last_chunk::<SIZE>()?;
    let (blocks, _) = bytes.as_chunks::<SIZE>();
    Some(is_clear(last) && blocks.iter().all(is_clear))
}

/// Looks only at the first block: most strings end in it.
#[inline]
fn first<const SIZE: usize, M: Marks>(
    bytes: &[u8],
    from: usize,
    marks: impl Fn(&[u8; SIZE], usize) -> M,
) -> Option<usize> {
    let block = bytes.get(from..)?.first_chunk::<SIZE>()?;
    Some(from.wrapping_add(marks(block, 0).lowest()?))
}

/// The marked bytes of a block.
trait Marks: Copy {
    /// Returns the number of the lowest byte that is marked; `None` if none is.
    fn lowest(self) -> Option<usize>;
}

/// Returns the place of the first byte, at or behind `from`, that is marked. `marks` marks the bytes of a block behind
/// the first ones, as many as its second argument says. `short` takes over if all bytes are fewer than a block has.
#[inline]
fn end<const SIZE: usize, M: Marks>(
    bytes: &[u8],
    from: usize,
    marks: impl Fn(&[u8; SIZE], usize) -> M,
    short: impl Fn(&[u8], usize) -> usize,
) -> usize {
    let (blocks, rest) = bytes.get(from..).unwrap_or_default().as_chunks::<SIZE>();
    let mut at = from;
    for block in blocks {
        if let Some(found) = marks(block, 0).lowest() {
            return at.wrapping_add(found);
        }
        at = at.wrapping_add(SIZE);
    }
    // The last block overlaps what was read before.
    match bytes.last_chunk::<SIZE>() {
        _ if rest.is_empty() => at,
        Some(block) => {
            let found = marks(block, SIZE.wrapping_sub(rest.len())).lowest();
            at.wrapping_add(found.unwrap_or(rest.len()))
        }
        None => short(bytes, at),
    }
}

fn by_bytes(bytes: &[u8], from: usize, marked: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from.wrapping_add(rest.iter().position(|byte| marked(*byte)).unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_plain_or_visible_if_a_search_finds_none_that_is_not() {
        for byte in 0..=u8::MAX {
            for length in 0..40 {
                let mut bytes = vec![b'x'; length];
                assert!(is_visible(&bytes) && is_plain(&bytes));
                for at in 0..length {
                    bytes[at] = byte;
                    assert_eq!(is_visible(&bytes), !is_unseen(byte), "{byte:#x} at {at} of {length}");
                    assert_eq!(is_plain(&bytes), !is_interrupting(byte), "{byte:#x} at {at} of {length}");
                    bytes[at] = b'x';
                }
            }
        }
    }

    #[test]
    fn a_run_ends_where_a_search_byte_by_byte_ends() {
        let marked = |byte: u8| matches!(byte, 0..=0x1f | b'"' | b'\\');
        let unseen = |byte: u8| !(b' '..=b'~').contains(&byte) || marked(byte);
        type Search = fn(&[u8], usize) -> usize;
        let searches: [(Search, &dyn Fn(u8) -> bool); 4] = [
            (visible_end, &unseen),
            (plain_end, &marked),
            (line_end, &is_ending),
            (separator, &is_separating),
        ];
        for byte in 0..=u8::MAX {
            for other in [b' ', b'!', b'#', b'\\', b'a', 0x7f, 0x80, 0xff, 0, 0x0b, 0x84, 0xe3] {
                for (length, behind) in (0..36).flat_map(|length| [(length, 0), (length, 3), (length, 20)]) {
                    let mut bytes = vec![b'x'; length];
                    bytes.push(byte);
                    bytes.push(other);
                    bytes.resize(bytes.len() + behind, b'x');
                    for from in [0, 1, 5, length, length + 1] {
                        for (number, (search, is_end)) in searches.iter().enumerate() {
                            let found = bytes.iter().skip(from).position(|byte| is_end(*byte));
                            let expected = found.map_or(bytes.len().max(from), |at| at + from);
                            let found = search(&bytes, from);
                            assert_eq!(found, expected, "{number}: {byte:#x} {other:#x} at {length}");
                        }
                    }
                }
            }
        }
        assert_eq!(plain_end(b"", 0), 0);
    }
}
