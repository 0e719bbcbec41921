//! Where counters live: a fixed set of keys, whatever callers send.

use std::fmt;
use std::num::NonZeroU32;

use siphasher::sip128::SipHasher13;
use smallvec::SmallVec;

use super::window::{Kind, Window};

/// What the keys of counters begin with that have one each, followed by the counter's identity in hex;
/// the number is the version of the format of keys and values.
const COUNTER: &str = "mcp-policy/1/c/";

/// What the keys of the table begin with, followed by the bucket's number in hex.
const TABLE: &str = "mcp-policy/1/t/";

/// No key has more bytes.
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
        let id = self.identify(counter);
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

    /// Hashes everything that tells counters apart. Each part goes in with its length, so that no
    /// two lists of parts run together alike.
    fn identify(&self, counter: &Counter<'_>) -> u128 {
        let (scope, grant, caller): (&[u8], &str, &[u8]) = match counter.scope {
            Scope::Global => (b"global", "", b""),
            Scope::Grant(grant) => (b"grant", grant, b""),
            Scope::Principal { grant, principal } => (b"principal", grant, principal),
            Scope::Session { grant, session } => (b"session", grant, session),
        };
        let kind: &[u8] = match counter.window.kind() {
            Kind::Sliding => b"sliding",
            Kind::Calendar => b"calendar",
        };
        // One buffer and one pass: hashing part by part costs three times as much.
        let mut parts = SmallVec::<[u8; 256]>::new();
        for part in [
            counter.server.as_bytes(),
            counter.name.as_bytes(),
            &counter.window.seconds().to_le_bytes(),
            kind,
            scope,
            grant.as_bytes(),
            caller,
        ] {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            parts.extend_from_slice(&length.to_le_bytes());
            parts.extend_from_slice(part);
        }
        SipHasher13::new_with_key(&self.secret).hash(&parts).as_u128()
    }
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
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    fn layout(capacity: u32) -> Layout {
        Layout::new([7; 16], NonZeroU32::new(capacity).unwrap())
    }

    fn window(seconds: u64) -> Window {
        Window::new(seconds, Kind::Sliding).unwrap()
    }

    fn session(session: &str) -> Counter<'_> {
        let scope = Scope::Session { grant: "g", session: session.as_bytes() };
        Counter { server: "s", name: "n", window: window(60), scope }
    }

    #[test]
    fn buckets_hold_the_capacity_exactly() {
        for (capacity, buckets) in [
            (1, 1),
            (16, 1),
            (63, 1),
            (64, 1),
            (127, 1),
            (128, 2),
            (16_384, 256),
            (1000, 8),
            (u32::MAX, 1 << 25),
        ] {
            let layout = layout(capacity);
            assert_eq!(layout.buckets, buckets, "{capacity}");
            if buckets <= 256 {
                let rooms: usize = (0..buckets).map(|bucket| layout.room(bucket)).sum();
                assert_eq!(rooms, usize::try_from(capacity).unwrap());
                assert!(
                    (0..buckets).all(|bucket| capacity < 128 || (64..128).contains(&layout.room(bucket)))
                );
            }
        }
    }

    #[test]
    fn sessions_share_a_fixed_set_of_short_keys_evenly() {
        let layout = layout(1024);
        let mut keys = HashMap::new();
        for number in 0..16_000 {
            let place = layout.place(&session(&format!("session {number}")));
            assert!(place.key().len() <= 64 && place.room == 64);
            *keys.entry(place.key).or_insert(0) += 1;
        }
        assert_eq!(keys.len(), 16);
        assert!(keys.values().all(|count| (850..1150).contains(count)), "{keys:?}");
        assert!(keys.keys().all(|key| key.starts_with("mcp-policy/1/t/")));
    }

    #[test]
    fn each_part_of_a_counter_tells_it_apart() {
        let layout = layout(1);
        let at = |server, name, window, scope| layout.place(&Counter { server, name, window, scope }).id;
        let principal =
            |grant, principal: &'static str| Scope::Principal { grant, principal: principal.as_bytes() };
        let calendar = Window::new(60, Kind::Calendar).unwrap();
        let ids = [
            at("s", "n", window(60), Scope::Global),
            at("S", "n", window(60), Scope::Global),
            at("s", "N", window(60), Scope::Global),
            at("s", "n", window(61), Scope::Global),
            at("s", "n", calendar, Scope::Global),
            at("s", "n", window(60), Scope::Grant("")),
            at("s", "n", window(60), Scope::Grant("a")),
            at("s", "n", window(60), principal("", "")),
            at("s", "n", window(60), principal("a", "bc")),
            at("s", "n", window(60), principal("ab", "c")),
            at("s", "n", window(60), Scope::Session { grant: "ab", session: b"c" }),
            at("sn", "", window(60), Scope::Global),
            at("", "sn", window(60), Scope::Global),
        ];
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert_eq!(at("s", "n", window(60), Scope::Global), ids[0], "and the same parts give the same");
    }

    #[test]
    fn another_secret_gives_other_places() {
        let one = layout(1).place(&session("x"));
        let two = Layout::new([8; 16], NonZeroU32::MIN).place(&session("x"));
        assert_ne!(one.id, two.id);
    }

    #[test]
    fn counters_of_the_document_have_a_key_each() {
        let layout = layout(1);
        let named = |scope| layout.place(&Counter { server: "s", name: "n", window: window(60), scope });
        let (global, grant) = (named(Scope::Global), named(Scope::Grant("g")));
        assert_ne!(global.key(), grant.key());
        for place in [global, grant] {
            assert!(place.key().starts_with("mcp-policy/1/c/") && place.key().len() <= 64 && place.room == 1);
        }
    }

    #[test]
    fn places_stay_where_they_are() {
        // Counters must outlive an update of the module: these keys were written by its first version.
        let layout = layout(1 << 20);
        let window = Window::new(86_400, Kind::Calendar).unwrap();
        let place = |name, scope| layout.place(&Counter { server: "payments", name, window, scope });
        let long = "n".repeat(1000);
        for (place, key, id) in [
            (
                place("spend", Scope::Grant("agents")),
                "mcp-policy/1/c/303f17234599fd925d8bcf068033249a",
                0x303f_1723_4599_fd92_5d8b_cf06_8033_249a_u128,
            ),
            (
                place(&long, Scope::Global),
                "mcp-policy/1/c/f1707db5d9f461ae4bd58998458eaeb6",
                0xf170_7db5_d9f4_61ae_4bd5_8998_458e_aeb6,
            ),
            (
                place("rate", Scope::Principal { grant: "agents", principal: b"alice" }),
                "mcp-policy/1/t/1de3",
                220_758_704_081_377_740_766_588_311_541_762_252_259,
            ),
            (
                place("rate", Scope::Session { grant: "", session: b"\xff" }),
                "mcp-policy/1/t/2e16",
                211_638_099_472_591_576_969_667_111_854_541_401_622,
            ),
        ] {
            assert_eq!((place.key(), place.id), (key, id));
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        assert_eq!(format!("{:?}", layout(5)), "Layout { capacity: 5, buckets: 1, .. }");
    }
}
