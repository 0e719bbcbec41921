//! A block is one vector of 16 bytes, of WebAssembly's SIMD.

use core::arch::wasm32::{
    i8x16_bitmask, i8x16_lt, i8x16_splat, u8x16_eq, u8x16_lt, u8x16_splat, u8x16_sub, u64x2, v128, v128_or,
};

/// How many bytes a block has.
const SIZE: usize = 16;

/// The marked bytes, one bit for each.
#[derive(Clone, Copy)]
pub struct Marks(u32);

impl super::Marks for Marks {
    #[inline]
    fn lowest(self) -> Option<usize> {
        let Self(bits) = self;
        (bits != 0).then(|| usize::try_from(bits.trailing_zeros()).unwrap_or_default())
    }
}

/// Marks the control characters, quotes and backslashes behind the first `skip` bytes of a block.
#[inline]
pub fn interrupting(block: &[u8; SIZE], skip: usize) -> Marks {
    let bytes = vector(block);
    behind(v128_or(u8x16_lt(bytes, u8x16_splat(0x20)), ends(bytes)), skip)
}

/// Marks, likewise, what [`interrupting`] marks, and DEL and what is not ASCII.
#[inline]
pub fn unseen(block: &[u8; SIZE], skip: usize) -> Marks {
    let bytes = vector(block);
    // As signed numbers, bytes that are not ASCII are negative.
    let outside = v128_or(i8x16_lt(bytes, i8x16_splat(0x20)), u8x16_eq(bytes, u8x16_splat(0x7f)));
    behind(v128_or(outside, ends(bytes)), skip)
}

/// Marks line feeds and carriage returns, likewise.
#[inline]
pub fn ending(block: &[u8; SIZE], skip: usize) -> Marks {
    let bytes = vector(block);
    behind(v128_or(u8x16_eq(bytes, u8x16_splat(b'\n')), u8x16_eq(bytes, u8x16_splat(b'\r'))), skip)
}

/// Marks, likewise, the bytes with which a separator can begin: see [`separator`](super::separator).
#[inline]
pub fn separating(block: &[u8; SIZE], skip: usize) -> Marks {
    let bytes = vector(block);
    let among = |first, count| u8x16_lt(u8x16_sub(bytes, u8x16_splat(first)), u8x16_splat(count));
    let wide = v128_or(u8x16_eq(bytes, u8x16_splat(0x85)), u8x16_eq(bytes, u8x16_splat(0xe2)));
    behind(v128_or(wide, v128_or(among(0x0b, 2), among(0x1c, 3))), skip)
}

fn vector(block: &[u8; SIZE]) -> v128 {
    let ([low, high], []) = block.as_chunks::<8>() else { return u64x2(0, 0) };
    u64x2(u64::from_le_bytes(*low), u64::from_le_bytes(*high))
}

/// Marks quotes and backslashes.
fn ends(bytes: v128) -> v128 {
    v128_or(u8x16_eq(bytes, u8x16_splat(b'"')), u8x16_eq(bytes, u8x16_splat(b'\\')))
}

fn behind(marked: v128, skip: usize) -> Marks {
    Marks(u32::from(i8x16_bitmask(marked)).wrapping_shr(u32::try_from(skip).unwrap_or_default()))
}
