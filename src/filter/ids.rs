//! Ids of decisions: unique among all workers of all proxies. They do not reveal how many there were.

use std::cell::Cell;
use std::hash::Hasher as _;

use mcp_policy_engine::text::hex;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// A source of ids. Each worker has one.
#[derive(Debug)]
pub struct Ids {
    key: [u8; 16],
    next: Cell<u64>,
}

impl Ids {
    /// Makes a source from random bytes, which must be different for each source.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        Self { key, next: Cell::new(0) }
    }

    /// Returns the next id: 32 hex digits.
    #[must_use]
    pub fn next(&self) -> String {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write_u64(number);
        hex(&hasher.finish128().as_u128().to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_comes_twice() {
        let sources = [Ids::new([1; 16]), Ids::new([2; 16])];
        let ids: std::collections::HashSet<String> =
            sources.iter().flat_map(|ids| (0..500).map(|_| ids.next())).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32));
    }
}
