//! What the limiter needs from the memory that all workers share.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The store cannot be used now; the call is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailable;

/// Values by key that all workers share, with compare-and-swap.
///
/// A swap must be one step, and succeed only if nobody has written the key since the read that gave
/// the version:
/// - Each write gives the key a version that it has not had before.
/// - The version of an absent key stands for "still absent". A host that inserts an absent key
///   whatever the version, and holds a present one against it, must be given a version that no
///   present key can have, and none that it takes for "do not compare". Then both first writers
///   insert, but only one finds the key absent.
/// - A key that was written once is never deleted.
pub trait Store {
    /// Stands for what a read found; a swap compares with it.
    type Version;

    /// Reads the value of `key`, or its absence, and the version of what was read.
    ///
    /// # Errors
    /// [`Unavailable`] when the store fails; never for an absent key.
    fn read(&self, key: &str) -> Result<(Option<Vec<u8>>, Self::Version), Unavailable>;

    /// Writes `value` to `key` unless somebody wrote it after `version` was read; `false` if so.
    ///
    /// # Errors
    /// [`Unavailable`] when the store fails; then nothing was written.
    fn swap(&self, key: &str, value: &[u8], version: Self::Version) -> Result<bool, Unavailable>;

    /// Lets another worker run before something is tried again because of it. Does nothing where a worker
    /// cannot yield, as in a proxy.
    fn pause(&self) {}
}

/// A store in this process's own memory, for native tools and tests.
#[derive(Debug, Default)]
pub struct MemoryStore {
    values: Mutex<HashMap<String, (Vec<u8>, u64)>>,
}

impl MemoryStore {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how many keys hold a value, and how many bytes all values have.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        (values.len(), values.values().map(|(value, _)| value.len()).sum())
    }
}

impl Store for MemoryStore {
    /// How often the key has been written; 0 while it is absent.
    type Version = u64;

    fn read(&self, key: &str) -> Result<(Option<Vec<u8>>, u64), Unavailable> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match values.get(key) {
            Some((value, version)) => (Some(value.clone()), *version),
            None => (None, 0),
        })
    }

    fn swap(&self, key: &str, value: &[u8], version: u64) -> Result<bool, Unavailable> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let current = values.get(key).map_or(0, |(_, version)| *version);
        if current != version {
            return Ok(false);
        }
        let next = version.checked_add(1).ok_or(Unavailable)?;
        values.insert(key.to_owned(), (value.to_vec(), next));
        Ok(true)
    }

    fn pause(&self) {
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_succeeds_only_on_what_was_read() {
        let store = MemoryStore::new();
        let (absent, first) = store.read("k").unwrap();
        assert_eq!(absent, None);
        assert_eq!(store.swap("k", b"one", first), Ok(true));
        assert_eq!(store.swap("k", b"two", first), Ok(false), "the second first writer loses");
        let (value, second) = store.read("k").unwrap();
        assert_eq!(value.as_deref(), Some(&b"one"[..]));
        assert_eq!(store.swap("k", b"one", second), Ok(true));
        assert_eq!(store.swap("k", b"two", second), Ok(false), "even if the value is the same again");
        assert_eq!(store.size(), (1, 3));
    }
}
