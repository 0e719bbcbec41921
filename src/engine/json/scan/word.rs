//! A block is one word of 8 bytes.

/// How many bytes a block has.
const SIZE: usize = 8;

/// The marked bytes, in their highest bits. The lowest one is right; further ones may be wrong.
#[derive(Clone, Copy)]
pub struct Marks(u64);

impl super::Marks for Marks {
    #[inline]
    fn lowest(self) -> Option<usize> {
        let Self(bits) = self;
        (bits != 0).then(|| usize::try_from(bits.trailing_zeros() >> 3).unwrap_or_default())
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Marks the control characters, quotes and backslashes behind the first `skip` bytes of a block.
#[inline]
pub fn interrupting(block: &[u8; SIZE], skip: usize) -> Marks {
    let word = behind(block, skip);
    Marks(ends(word) & !word & HIGH)
}

/// Marks, likewise, what [`interrupting`] marks, and DEL and what is not ASCII.
#[inline]
pub fn unseen(block: &[u8; SIZE], skip: usize) -> Marks {
    let word = behind(block, skip);
    Marks(((ends(word) | equal(word, 0x7f)) & !word & HIGH) | (word & HIGH))
}

/// Marks line feeds and carriage returns, likewise.
#[inline]
pub fn ending(block: &[u8; SIZE], skip: usize) -> Marks {
    let word = behind(block, skip);
    Marks((equal(word, b'\n') | equal(word, b'\r')) & !word & HIGH)
}

/// Marks, likewise, the bytes with which a separator can begin: see [`separator`](super::separator).
#[inline]
pub fn separating(block: &[u8; SIZE], skip: usize) -> Marks {
    let word = behind(block, skip);
    let ascii = [0x0b, 0x0c, 0x1c, 0x1d, 0x1e].into_iter().fold(0, |marks, byte| marks | equal(word, byte));
    let other = |byte| {
        let differs = word ^ ONES.wrapping_mul(byte);
        below(differs, 1) & !differs
    };
    Marks(((ascii & !word) | other(0x85) | other(0xe2)) & HIGH)
}

/// Returns the bytes behind the first `skip`. NULs follow.
fn behind(block: &[u8; SIZE], skip: usize) -> u64 {
    let bits = u32::try_from(skip).unwrap_or_default().wrapping_mul(8);
    u64::from_le_bytes(*block).wrapping_shr(bits)
}

/// Marks the bytes of `word` that end or interrupt a string, and others that are not ASCII.
fn ends(word: u64) -> u64 {
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
