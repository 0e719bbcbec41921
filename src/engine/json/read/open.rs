//! The array or object that is being read.

use crate::json::node::Kind;

/// The innermost array or object that is not closed yet.
#[derive(Clone, Copy)]
pub(super) struct Open {
    /// Index of its node
    pub index: usize,
    /// The bracket that closes it
    pub bracket: u8,
    /// Whether nothing of its content has been read
    pub empty: bool,
    /// The filter of its keys
    pub keys: KeyFilter,
}

impl Open {
    pub fn new(index: usize, kind: Kind) -> Self {
        let bracket = if kind == Kind::Object { b'}' } else { b']' };
        Self { index, bracket, empty: true, keys: KeyFilter(0) }
    }
}

/// Finds out cheaply that no key of an object stands twice: one bit for each key, all bits where two keys
/// share one.
#[derive(Clone, Copy)]
pub(super) struct KeyFilter(pub u32);

impl KeyFilter {
    /// Adds the text between a key's quotes. An escaped key may be equal to any other.
    #[inline]
    pub fn add(&mut self, key: &[u8], escaped: bool) {
        let bit = bit(key);
        self.0 = if escaped || self.0 & bit != 0 { u32::MAX } else { self.0 | bit };
    }

    /// Tells whether a key may stand twice.
    pub fn may_repeat(self) -> bool {
        self.0 == u32::MAX
    }
}

/// Returns the bit of a key. The factors give the keys of common MCP objects bits of their own.
fn bit(key: &[u8]) -> u32 {
    let [first, last] = [key.first(), key.last()].map(|byte| u32::from(byte.copied().unwrap_or_default()));
    let length = u32::try_from(key.len()).unwrap_or_default();
    let number = first.wrapping_mul(3).wrapping_add(last.wrapping_mul(4)).wrapping_add(length);
    1_u32.wrapping_shl(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_common_objects_have_bits_of_their_own() {
        for keys in [
            "jsonrpc id method params",
            "name arguments _meta requestState inputResponses",
            "name title description inputSchema outputSchema annotations _meta icons",
            "type properties required additionalProperties $schema description",
            "jsonrpc id result",
            "uri name title description mimeType size annotations",
        ] {
            let mut filter = KeyFilter(0);
            keys.split(' ').for_each(|key| filter.add(key.as_bytes(), false));
            assert!(!filter.may_repeat(), "{keys}");
        }
    }

    #[test]
    fn equal_and_escaped_keys_may_repeat() {
        for (first, second, escaped) in [("", "", false), ("name", "name", false), ("a", "\\u0061", true)] {
            let mut filter = KeyFilter(0);
            filter.add(first.as_bytes(), false);
            filter.add(second.as_bytes(), escaped);
            assert!(filter.may_repeat(), "{first} {second}");
        }
    }
}
