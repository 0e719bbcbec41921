//! The entries under one key of the store, and their bytes.

use super::amount::Amount;
use super::place::Place;
use super::tally::Tally;

/// What a stored value begins with: the version of its format.
const VERSION: u8 = 1;

/// An entry's bytes: its identity, how many charges are unsettled and since when, and the tally.
const ENTRY: usize = 16 + 4 + 8 + Tally::BYTES;

/// A charge that is not settled after so long never will be: its worker is gone.
const STALE_NS: u64 = 1_000_000_000;

/// An entry is kept so long after its window, unless its room is needed: a worker that read the clock
/// a moment ago must not take a counter for unused that was used up at that moment.
const GRACE_NS: u64 = 1_000_000_000;

/// A counter's tally in its bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    id: u128,
    tally: Tally,
    /// How many charges may yet be withdrawn, as other limits of the same calls may refuse.
    pending: u32,
    /// When the latest of them was made.
    pending_since_ns: u64,
}

/// The entries of one key: those that count, and those that have just ceased to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    entries: Vec<Entry>,
}

/// A charge that was made, as it must be named to settle or withdraw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    id: u128,
    slot: u64,
    amount: Amount,
}

impl Bucket {
    /// Reads a value, leaving out the entries that have passed. The flag tells that the clock
    /// was stepped back and entries were moved with it: then the bucket must be written before
    /// anything is judged by it, or they would be moved along for ever. `None` if the value is not
    /// of this format; an absent value is an empty bucket.
    pub(super) fn decode(value: Option<&[u8]>, now_ns: u64) -> Option<(Self, bool)> {
        let Some(value) = value else { return Some((Self::default(), false)) };
        let (&VERSION, bytes) = value.split_first()? else { return None };
        let entries = bytes.chunks_exact(ENTRY);
        if !entries.remainder().is_empty() {
            return None;
        }
        let mut bucket = Self::default();
        let mut healed = false;
        for bytes in entries {
            let mut entry = Entry::read(bytes)?;
            healed |= entry.tally.heal(now_ns);
            if entry.is_kept(now_ns) {
                bucket.entries.push(entry);
            }
        }
        Some((bucket, healed))
    }

    /// Writes the entries that have not passed.
    pub(super) fn encode(&self, now_ns: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.entries.len().saturating_mul(ENTRY).saturating_add(1));
        out.push(VERSION);
        for entry in self.entries.iter().filter(|entry| entry.is_kept(now_ns)) {
            entry.write(&mut out);
        }
        out
    }

    /// Returns the tally at `place`, a new one if there is none. `None` if what has its identity has
    /// another window.
    pub(super) fn tally(&self, place: &Place, now_ns: u64) -> Option<Tally> {
        match self.find(place.id) {
            Some(entry) => (entry.tally.window() == place.window).then_some(entry.tally),
            None => Some(Tally::new(place.window, now_ns)),
        }
    }

    /// Tells whether the counter at `place` has an entry.
    pub(super) fn holds(&self, place: &Place) -> bool {
        self.find(place.id).is_some()
    }

    /// Returns how many entries count.
    pub(super) fn live(&self, now_ns: u64) -> usize {
        self.entries.iter().filter(|entry| entry.tally.is_live(now_ns)).count()
    }

    /// Tells whether the counter at `place` has charges that may yet be withdrawn.
    pub(super) fn is_pending(&self, place: &Place, now_ns: u64) -> bool {
        self.find(place.id).is_some_and(|entry| entry.is_pending(now_ns))
    }

    /// Tells whether any entry may yet go, its charges being withdrawn.
    pub(super) fn any_pending(&self, now_ns: u64) -> bool {
        self.entries.iter().any(|entry| entry.is_pending(now_ns))
    }

    /// Charges the counter at `place`; the caller has judged it and knows that it has room.
    pub(super) fn charge(&mut self, place: &Place, now_ns: u64, amount: Amount, pending: bool) -> Receipt {
        let mut entry = match self.entries.iter().position(|entry| entry.id == place.id) {
            Some(at) => self.entries.swap_remove(at),
            None => {
                if self.entries.len() >= place.room {
                    self.entries.retain(|entry| entry.tally.is_live(now_ns));
                }
                let tally = Tally::new(place.window, now_ns);
                Entry { id: place.id, tally, pending: 0, pending_since_ns: 0 }
            }
        };
        let slot = entry.tally.charge(now_ns, amount);
        if pending {
            let others = if entry.is_pending(now_ns) { entry.pending } else { 0 };
            entry.pending = others.saturating_add(1);
            entry.pending_since_ns = now_ns;
        }
        self.entries.push(entry);
        Receipt { id: place.id, slot, amount }
    }

    /// Makes a pending charge final.
    pub(super) fn settle(&mut self, receipt: &Receipt) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == receipt.id) {
            entry.pending = entry.pending.saturating_sub(1);
        }
    }

    /// Takes a pending charge back.
    pub(super) fn withdraw(&mut self, receipt: &Receipt) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == receipt.id) {
            entry.pending = entry.pending.saturating_sub(1);
            entry.tally.withdraw(receipt.slot, receipt.amount);
        }
    }

    fn find(&self, id: u128) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }
}

impl Entry {
    fn is_kept(&self, now_ns: u64) -> bool {
        self.tally.is_live(now_ns.saturating_sub(GRACE_NS))
    }

    fn is_pending(&self, now_ns: u64) -> bool {
        self.pending > 0 && self.pending_since_ns.abs_diff(now_ns) < STALE_NS
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk()?;
        let (pending, rest) = rest.split_first_chunk()?;
        let (since, rest) = rest.split_first_chunk()?;
        bytes = rest;
        Some(Self {
            id: u128::from_le_bytes(*id),
            pending: u32::from_le_bytes(*pending),
            pending_since_ns: u64::from_le_bytes(*since),
            tally: Tally::read(&mut bytes)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.pending.to_le_bytes());
        out.extend_from_slice(&self.pending_since_ns.to_le_bytes());
        self.tally.write(out);
    }
}

#[cfg(test)]
mod tests;
