//! Where tallies are stored: under a fixed set of keys, whatever callers send.

use std::fmt;
use std::hash::Hasher;
use std::num::NonZeroU32;

use siphasher::sip128::{Hasher128, SipHasher13};

use super::window::{Kind, Window};

/// The beginning of a key that holds one counter; the counter's identity follows in hex. The number is the
/// version of the format of keys and values.
const COUNTER: &str = "mcp-policy/1/c/";

/// The beginning of a key that holds a bucket of the table; the bucket's number follows in hex.
const TABLE: &str = "mcp-policy/1/t/";

/// How many bytes the longest key has.
const KEY: usize = COUNTER.len() + 32;

/// The least number of entries that a bucket of the table has room for, unless the capacity is smaller.
const BUCKET: u32 = 64;

/// The callers whose calls share one tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// All callers
    Global,
    /// The callers with the grant of this name
    Grant(&'a str),
    /// One principal with one grant
    Principal {
        /// The grant's name
        grant: &'a str,
        /// The principal, as its identity source names it
        principal: &'a [u8],
    },
    /// One session with one grant
    Session {
        /// The grant's name
        grant: &'a str,
        /// The session id
        session: &'a [u8],
    },
}

impl<'a> Scope<'a> {
    /// Returns the principal or the session; empty for a scope that has neither.
    fn caller(self) -> &'a [u8] {
        match self {
            Self::Global | Self::Grant(_) => b"",
            Self::Principal { principal, .. } => principal,
            Self::Session { session, .. } => session,
        }
    }
}

/// Identifies one tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter<'a> {
    /// The protected server's name
    pub server: &'a str,
    /// The counter's name
    pub name: &'a str,
    /// The window over which it counts
    pub window: Window,
    /// The callers whose calls it counts
    pub scope: Scope<'a>,
}

/// Where a counter's tally is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) key: String,
    pub(super) id: u128,
    pub(super) window: Window,
    /// Whether the key is a bucket of the table
    pub(super) in_table: bool,
    /// How many entries its key holds at most.
    pub(super) room: usize,
}

impl Place {
    /// Returns the store's key, in at most 64 bytes of ASCII.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Gives each counter its place.
///
/// The policy document determines how many global and grant scopes there are, so their counters have a
/// key each. Callers can create any number of principals and sessions. Their counters share a table of
/// at most `capacity` live entries, so they cannot displace other counters. The table is divided into buckets
/// of at least 64 entries; a table of fewer than 128 entries is one bucket. A keyed hash selects the
/// bucket, so callers cannot choose it.
#[derive(Clone)]
pub struct Layout {
    secret: [u8; 16],
    capacity: u32,
    buckets: u32,
}

impl Layout {
    /// Makes the layout for a table of `capacity` entries. All workers must use the same `secret`
    /// for the lifetime of the store: with another secret, all counters start from zero.
    #[must_use]
    pub fn new(secret: [u8; 16], capacity: NonZeroU32) -> Self {
        let capacity = capacity.get();
        let buckets = (capacity / BUCKET).checked_ilog2().map_or(1, |power| 1_u32 << power);
        Self { secret, capacity, buckets }
    }

    /// Returns the place of `counter`.
    #[must_use]
    pub fn place(&self, counter: &Counter<'_>) -> Place {
        self.place_behind(self.prefix(counter), counter)
    }

    /// Returns the place of `counter`; `prefix` is the result of [`Layout::prefix`].
    pub(super) fn place_behind(&self, mut prefix: SipHasher13, counter: &Counter<'_>) -> Place {
        write(&mut prefix, counter.scope.caller());
        let id = prefix.finish128().as_u128();
        let in_table = matches!(counter.scope, Scope::Principal { .. } | Scope::Session { .. });
        let room = if in_table { self.room(self.bucket(id)) } else { 1 };
        Place { key: self.key(id, in_table), id, window: counter.window, in_table, room }
    }

    /// Returns the key of the counter with this identity.
    pub(super) fn key(&self, id: u128, in_table: bool) -> String {
        if !in_table {
            return key(COUNTER, nibbles(id.to_be_bytes()));
        }
        let bucket = self.bucket(id);
        let zeros = usize::try_from(bucket.leading_zeros() / 4).map_or(0, |zeros| zeros.min(7));
        key(TABLE, nibbles(bucket.to_be_bytes()).skip(zeros))
    }

    /// Returns the number of the bucket for the counter with this identity.
    fn bucket(&self, id: u128) -> u32 {
        // `buckets` is a power of two: the mask takes the low bits of the hash.
        low_bits(id) & self.buckets.saturating_sub(1)
    }

    /// Returns how many entries a bucket has room for. The sum over all buckets is the capacity.
    fn room(&self, bucket: u32) -> usize {
        let each = self.capacity.checked_div(self.buckets).unwrap_or(0);
        let left = self.capacity.checked_rem(self.buckets).unwrap_or(0);
        let room = each.saturating_add(u32::from(bucket < left));
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// Hashes everything that identifies the counter, except the caller.
    pub(super) fn prefix(&self, counter: &Counter<'_>) -> SipHasher13 {
        let (scope, grant): (&[u8], &str) = match counter.scope {
            Scope::Global => (b"global", ""),
            Scope::Grant(grant) => (b"grant", grant),
            Scope::Principal { grant, .. } => (b"principal", grant),
            Scope::Session { grant, .. } => (b"session", grant),
        };
        let kind: &[u8] = match counter.window.kind() {
            Kind::Sliding => b"sliding",
            Kind::Calendar => b"calendar",
        };
        let mut hasher = SipHasher13::new_with_key(&self.secret);
        for part in [
            counter.server.as_bytes(),
            counter.name.as_bytes(),
            &counter.window.seconds().to_le_bytes(),
            kind,
            scope,
            grant.as_bytes(),
        ] {
            write(&mut hasher, part);
        }
        hasher
    }
}

/// Hashes the length of a part and then the part, so that different lists of parts never give the same bytes.
fn write(hasher: &mut SipHasher13, part: &[u8]) {
    let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
    hasher.write(&length.to_le_bytes());
    hasher.write(part);
}

impl fmt::Debug for Layout {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capacity, buckets, .. } = self;
        f.debug_struct("Layout").field("capacity", capacity).field("buckets", buckets).finish_non_exhaustive()
    }
}

/// Makes a key of `prefix` and hex digits.
fn key(prefix: &str, nibbles: impl Iterator<Item = u8>) -> String {
    let mut key = String::with_capacity(KEY);
    key.push_str(prefix);
    key.extend(nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)));
    key
}

/// Splits bytes into the values of their hex digits.
fn nibbles<const N: usize>(bytes: [u8; N]) -> impl Iterator<Item = u8> {
    bytes.into_iter().flat_map(|byte| [byte >> 4, byte & 0xf])
}

fn low_bits(id: u128) -> u32 {
    u32::try_from(id & u128::from(u32::MAX)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
