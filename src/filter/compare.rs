//! The comparison of two pieces of memory, eight bytes at a time. The C library's takes them one by one.

#![expect(unsafe_code, reason = "memory is compared by its address")]

use std::cmp::Ordering;

/// Compares two pieces of memory as C's `memcmp` does. The compiler calls it for every comparison of two texts.
///
/// # Safety
/// Both must have `count` bytes.
#[cfg(target_family = "wasm")]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    // SAFETY: as the caller promises.
    unsafe { compare(left, right, count) as i32 }
}

/// Compares two pieces of memory as texts are ordered.
///
/// # Safety
/// Both must have `count` bytes.
unsafe fn compare(left: *const u8, right: *const u8, count: usize) -> Ordering {
    // SAFETY: the callers below leave as many bytes behind `at`.
    let words = |at: usize| unsafe {
        let [left, right] = [left, right].map(|text| text.wrapping_add(at).cast::<u64>().read_unaligned());
        differing(left, right)
    };
    // SAFETY: likewise.
    let half = |at: usize| unsafe {
        let [left, right] = [left, right].map(|text| text.wrapping_add(at).cast::<u32>().read_unaligned());
        differing(left.into(), right.into())
    };
    let mut at = 0;
    // The last word overlaps the one before it, in which nothing differs.
    if let Some(last) = count.checked_sub(8) {
        while at < last {
            if let Some(ordering) = words(at) {
                return ordering;
            }
            at = at.wrapping_add(8);
        }
        return words(last).unwrap_or(Ordering::Equal);
    }
    if let Some(last) = count.checked_sub(4) {
        return half(0).or_else(|| half(last)).unwrap_or(Ordering::Equal);
    }
    while at < count {
        // SAFETY: both have a byte here.
        let [left, right] = [left, right].map(|text| unsafe { text.wrapping_add(at).read() });
        if left != right {
            return left.cmp(&right);
        }
        at = at.wrapping_add(1);
    }
    Ordering::Equal
}

/// Compares the first bytes that differ in two words; `None` if none does.
#[inline]
fn differing(left: u64, right: u64) -> Option<Ordering> {
    // The first byte in memory is the lowest of a word.
    let [left, right] = [left, right].map(u64::from_le);
    let same = (left ^ right).trailing_zeros() & !7;
    (left != right).then(|| (left.wrapping_shr(same) as u8).cmp(&(right.wrapping_shr(same) as u8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_ordered_like_slices() {
        for length in 0..40 {
            let text: Vec<u8> = (0..length).map(|byte: u8| byte.wrapping_mul(7)).collect();
            for at in 0..text.len() {
                for byte in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut other = text.clone();
                    other[at] = byte;
                    for (left, right) in [(&text, &other), (&other, &text), (&text, &text)] {
                        // SAFETY: both have this length.
                        let ordering = unsafe { compare(left.as_ptr(), right.as_ptr(), left.len()) };
                        assert_eq!(ordering, left.cmp(right), "{left:?} {right:?}");
                    }
                }
            }
        }
    }
}
