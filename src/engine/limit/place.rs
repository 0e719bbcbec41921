//! Where counters live: a fixed set of keys, whatever callers send.

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

/// A bucket of the table holds at least so many entries, if the capacity allows.
const BUCKET: u32 = 64;

/// Whose calls a counter counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Everyone's
    Global,
    /// Those under the grant of this name
    Grant(&'a str),
    /// Those of one principal under a grant
    Principal {
        /// The grant's name
        grant: &'a str,
        /// The principal, as its identity source names it
        principal: &'a [u8],
    },
    /// Those of one session under a grant
    Session {
        /// The grant's name
        grant: &'a str,
        /// The session id
        session: &'a [u8],
    },
}

impl<'a> Scope<'a> {
    /// Returns the principal or the session, empty where there is neither.
    fn caller(self) -> &'a [u8] {
        match self {
            Self::Global | Self::Grant(_) => b"",
            Self::Principal { principal, .. } => principal,
            Self::Session { session, .. } => session,
        }
    }
}

/// What tells one tally from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter<'a> {
    /// The protected server's name
    pub server: &'a str,
    /// The counter's name
    pub name: &'a str,
    /// Over what time it counts
    pub window: Window,
    /// Whose calls
    pub scope: Scope<'a>,
}

/// Where a counter's tally is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) key: String,
    pub(super) id: u128,
    pub(super) window: Window,
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
/// Scopes that the policy document bounds (global, grant) have a key each. Those that callers choose
/// (principal, session) share a table of at most `capacity` live entries, so that a flood of them
/// takes room from nobody else. The table is divided into buckets of 64 entries and up (below 128
/// entries it is one bucket); a keyed hash picks the bucket, so that nobody can aim at one.
#[derive(Clone)]
pub struct Layout {
    secret: [u8; 16],
    capacity: u32,
    buckets: u32,
}

impl Layout {
    /// Makes the layout for a table of `capacity` entries. All workers must use the same `secret`,
    /// for as long as the store lives: with another one every counter is a new one.
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

    /// Returns the place of `counter`, of which `prefix` holds all but the caller.
    pub(super) fn place_behind(&self, mut prefix: SipHasher13, counter: &Counter<'_>) -> Place {
        write(&mut prefix, counter.scope.caller());
        let id = prefix.finish128().as_u128();
        let (key, room) = match counter.scope {
            Scope::Global | Scope::Grant(_) => (key(COUNTER, nibbles(id.to_be_bytes())), 1),
            Scope::Principal { .. } | Scope::Session { .. } => {
                // `buckets` is a power of two: the mask takes the low bits of the hash.
                let bucket = low_bits(id) & self.buckets.saturating_sub(1);
                let zeros = usize::try_from(bucket.leading_zeros() / 4).map_or(0, |zeros| zeros.min(7));
                (key(TABLE, nibbles(bucket.to_be_bytes()).skip(zeros)), self.room(bucket))
            }
        };
        Place { key, id, window: counter.window, room }
    }

    /// Returns how many entries a bucket holds; all buckets together hold the capacity.
    fn room(&self, bucket: u32) -> usize {
        let each = self.capacity.checked_div(self.buckets).unwrap_or(0);
        let left = self.capacity.checked_rem(self.buckets).unwrap_or(0);
        let room = each.saturating_add(u32::from(bucket < left));
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// Hashes everything that tells counters apart but the caller.
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

/// Hashes a part behind its length, so that no two lists of parts run together alike.
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
