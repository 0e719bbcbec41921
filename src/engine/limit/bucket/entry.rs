//! One counter in its bucket, in its bytes: identity, unsettled charges, tally; little endian.

use super::super::amount::Amount;
use super::super::place::Place;
use super::super::tally::{self, Tally, TallyMut};

/// How many bytes an entry has.
pub(super) const BYTES: usize = ID + UNSETTLED + tally::BYTES;

/// The bytes of the counter's identity.
const ID: usize = 16;

/// The bytes that tell how many charges are unsettled, and since when.
const UNSETTLED: usize = 4 + 8;

/// A charge that is not settled after so long never will be: its worker is gone.
const STALE_NS: u64 = 1_000_000_000;

/// An entry is kept so long after its window, unless its room is needed: for a worker that read the clock a
/// moment ago it still counts.
const GRACE_NS: u64 = 1_000_000_000;

/// A stored entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) tally: Tally<'a>,
    unsettled: Unsettled,
}

/// A stored entry that is changed where it is.
#[derive(Debug)]
pub(super) struct EntryMut<'a> {
    pub(super) tally: TallyMut<'a>,
    unsettled: &'a mut [u8; UNSETTLED],
}

/// Charges that may yet be withdrawn, as other limits of the same calls may refuse.
#[derive(Debug, Clone, Copy)]
struct Unsettled {
    count: u32,
    /// When the latest of them was made.
    since_ns: u64,
}

/// Returns the bytes of an entry that has counted nothing.
pub(super) fn empty(place: &Place, now_ns: u64) -> impl Iterator<Item = u8> {
    let tally = tally::empty(place.window, now_ns);
    place.id.to_le_bytes().into_iter().chain([0; UNSETTLED]).chain(tally)
}

/// Tells whether the entry is that of the counter with this identity.
pub(super) fn is_of(bytes: &[u8; BYTES], id: u128) -> bool {
    bytes.first_chunk() == Some(&id.to_le_bytes())
}

impl<'a> Entry<'a> {
    /// Reads an entry; `None` if the bytes are not of this format.
    pub(super) fn read(bytes: &'a [u8; BYTES]) -> Option<Self> {
        let (_, rest) = bytes.split_first_chunk::<ID>()?;
        let (unsettled, rest) = rest.split_first_chunk()?;
        Some(Self { unsettled: Unsettled::read(unsettled)?, tally: Tally::read(rest.first_chunk()?)? })
    }

    /// Tells whether the entry counts, or counted until a second ago.
    pub(super) fn is_kept(&self, now_ns: u64) -> bool {
        self.tally.is_live(now_ns.saturating_sub(GRACE_NS))
    }

    /// Tells whether charges may yet be withdrawn.
    pub(super) fn is_pending(&self, now_ns: u64) -> bool {
        self.unsettled.is_pending(now_ns)
    }
}

impl<'a> EntryMut<'a> {
    /// Takes hold of an entry; `None` if the bytes are not of this format.
    pub(super) fn read(bytes: &'a mut [u8; BYTES]) -> Option<Self> {
        let (_, rest) = bytes.split_first_chunk_mut::<ID>()?;
        let (unsettled, rest) = rest.split_first_chunk_mut()?;
        Some(Self { unsettled, tally: TallyMut::read(rest.first_chunk_mut()?)? })
    }

    /// Charges the entry, and returns the charged slot. A pending charge is to be settled or withdrawn.
    pub(super) fn charge(&mut self, now_ns: u64, amount: Amount, pending: bool) -> Option<u64> {
        if pending {
            let others = Unsettled::read(self.unsettled)?;
            let others = if others.is_pending(now_ns) { others.count } else { 0 };
            Unsettled { count: others.saturating_add(1), since_ns: now_ns }.write(self.unsettled);
        }
        Some(self.tally.charge(now_ns, amount))
    }

    /// Counts one pending charge less.
    pub(super) fn settle(&mut self) {
        if let Some(unsettled) = Unsettled::read(self.unsettled) {
            Unsettled { count: unsettled.count.saturating_sub(1), ..unsettled }.write(self.unsettled);
        }
    }
}

impl Unsettled {
    fn read(bytes: &[u8; UNSETTLED]) -> Option<Self> {
        let (count, since) = bytes.split_first_chunk()?;
        let since_ns = u64::from_le_bytes(*since.first_chunk()?);
        Some(Self { count: u32::from_le_bytes(*count), since_ns })
    }

    fn write(self, bytes: &mut [u8; UNSETTLED]) {
        let stored = self.count.to_le_bytes().into_iter().chain(self.since_ns.to_le_bytes());
        bytes.iter_mut().zip(stored).for_each(|(to, byte)| *to = byte);
    }

    fn is_pending(self, now_ns: u64) -> bool {
        self.count > 0 && self.since_ns.abs_diff(now_ns) < STALE_NS
    }
}
