//! Where tallies are stored: under a fixed set of keys, whatever callers send.

use std::fmt;
use std::hash::Hasher;
use std::num::NonZeroU32;

use siphasher::sip128::{Hasher128, SipHasher13};

use super::window::{Kind, Window};

/// The beginning of a key that holds one counter; the counter's identity follows in hex. The number is the
/// version of the format of keys and values.
const COUNTER: &str = "mcp-policy/2/c/";

/// The beginning of a key that holds a bucket of the table; the bucket's number follows in hex.
const TABLE: &str = "mcp-policy/2/t/";

/// How many bytes the longest key has.
const KEY: usize = COUNTER.len() + 32;

/// The least number of entries that a bucket of the table has room for, unless the capacity is smaller.
const BUCKET: u32 = 64;

/// The most entries that a bucket can have room for: all of them take 4 MB, which each call reads and writes.
const LARGEST_BUCKET: u32 = 16_384;

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

/// A value that has a tally of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Of<'a> {
    /// Where the value stands, as a path
    pub path: &'a str,
    /// The value, in one form for everything that servers could read as the same
    pub value: &'a [u8],
}

/// For which part of a policy a tally counts. What has no effect counts apart from what has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shadow {
    /// For a document in shadow mode
    pub document: bool,
    /// For a rule in shadow mode
    pub rule: bool,
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
    /// The value whose calls it counts, if each value has a tally
    pub of: Option<Of<'a>>,
    /// Whether it counts apart, because its rule or its document has no effect
    pub shadow: Shadow,
}

impl<'a> Counter<'a> {
    /// Identifies the tally of a rule that has effect, for all values.
    #[must_use]
    pub fn new(server: &'a str, name: &'a str, window: Window, scope: Scope<'a>) -> Self {
        Self { server, name, window, scope, of: None, shadow: Shadow::default() }
    }

    /// Returns whether the policy document determines how many tallies there are like this one. Otherwise
    /// callers do, and the tally is in the table.
    pub(super) fn is_of_document(&self) -> bool {
        matches!(self.scope, Scope::Global | Scope::Grant(_)) && self.of.is_none()
    }
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
/// key each. Callers can create any number of principals, sessions and values. Their counters share a table
/// of at most `capacity` live entries, so they cannot displace other counters. The table is divided into
/// buckets of at least 64 entries; a table of fewer than 128 entries is one bucket. A keyed hash selects the
/// bucket, so callers cannot choose it.
///
/// The number of buckets decides where a counter is. All users of a table must agree on it, even if their
/// capacities differ: see [`Layout::with_buckets`].
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

    /// Returns into how many buckets the table is divided.
    #[must_use]
    pub fn buckets(&self) -> u32 {
        self.buckets
    }

    /// Returns the layout for a table that was divided into `buckets` by somebody else, perhaps for another
    /// capacity. A table that was made for more entries keeps room for 64 in each bucket.
    ///
    /// `None` if that is not possible: `buckets` is not a power of two, or each bucket would have to hold
    /// more than 16,384 entries.
    #[must_use]
    pub fn with_buckets(self, buckets: u32) -> Option<Self> {
        if buckets == self.buckets {
            return Some(self);
        }
        let least = buckets.checked_mul(BUCKET)?;
        let capacity = if buckets > self.buckets { self.capacity.max(least) } else { self.capacity };
        let fits = buckets.is_power_of_two() && capacity.div_ceil(buckets) <= LARGEST_BUCKET;
        fits.then_some(Self { capacity, buckets, ..self })
    }

    /// Returns the place of `counter`.
    #[must_use]
    pub fn place(&self, counter: &Counter<'_>) -> Place {
        self.place_behind(self.prefix(counter), counter)
    }

    /// Returns the place of `counter`; `prefix` is the result of [`Layout::prefix`].
    pub(super) fn place_behind(&self, mut prefix: SipHasher13, counter: &Counter<'_>) -> Place {
        write(&mut prefix, counter.scope.caller());
        if let Some(Of { value, .. }) = counter.of {
            write(&mut prefix, value);
        }
        let id = prefix.finish128().as_u128();
        let in_table = !counter.is_of_document();
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

    /// Hashes everything that identifies the counter, except the caller and the value.
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
        let of = counter.of.map_or("", |of| of.path);
        let shadow = [u8::from(counter.shadow.document), u8::from(counter.shadow.rule)];
        let mut hasher = SipHasher13::new_with_key(&self.secret);
        for part in [
            counter.server.as_bytes(),
            counter.name.as_bytes(),
            &counter.window.seconds().to_le_bytes(),
            kind,
            scope,
            grant.as_bytes(),
            of.as_bytes(),
            &shadow,
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
