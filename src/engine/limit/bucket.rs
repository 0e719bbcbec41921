//! The entries under one key of the store.
//!
//! They are worked on in the bytes in which they are stored: a value is checked once, changed where it is,
//! and written back.

mod entry;

use super::amount::Amount;
use super::place::Place;
use super::tally::Tally;
use entry::{Entry, EntryMut};

/// What a stored value begins with: the version of its format.
const VERSION: u8 = 1;

/// The entries of one key: those that count, and those that counted until a second ago.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    /// The version, then the entries in any order.
    value: Vec<u8>,
}

/// Identifies a charge that was made, to settle it, withdraw it or give it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    pub(super) id: u128,
    /// Whether the counter's key is a bucket of the table
    pub(super) in_table: bool,
    slot: u64,
    amount: Amount,
}

impl Bucket {
    /// Makes a bucket of a stored value, without the entries that have expired; an absent value is an empty
    /// bucket. `None` if the value is not of this format.
    ///
    /// The flag tells that the clock was stepped back and entries were moved back with it. The caller must
    /// write such a bucket before it judges by it: otherwise each call would move the entries again, and they
    /// would never expire.
    pub(super) fn read(value: Option<Vec<u8>>, now_ns: u64) -> Option<(Self, bool)> {
        let Some(value) = value else { return Some((Self::empty(), false)) };
        let (&VERSION, entries) = value.split_first()? else { return None };
        if !entries.as_chunks::<{ entry::BYTES }>().1.is_empty() {
            return None;
        }
        let mut bucket = Self { value };
        let mut healed = false;
        let mut at = 0_usize;
        while let Some(bytes) = bucket.entries_mut().get_mut(at) {
            if let Some(slot) = Entry::read(bytes)?.tally.healed(now_ns) {
                EntryMut::read(bytes)?.tally.heal(slot);
                healed = true;
            }
            if Entry::read(bytes)?.is_kept(now_ns) {
                at = at.saturating_add(1);
            } else {
                bucket.remove(at);
            }
        }
        Some((bucket, healed))
    }

    fn empty() -> Self {
        let mut value = Vec::with_capacity(entry::BYTES.saturating_add(1));
        value.push(VERSION);
        Self { value }
    }

    /// Returns the value to store.
    pub(super) fn value(&self) -> &[u8] {
        &self.value
    }

    /// Returns the tally at `place`, a new one if there is none. `None` if the entry with this identity has
    /// another window.
    pub(super) fn tally(&self, place: &Place, now_ns: u64) -> Option<Tally<'_>> {
        match self.find(place) {
            Some(entry) => (entry.tally.window() == place.window).then_some(entry.tally),
            None => Some(Tally::new(place.window, now_ns)),
        }
    }

    /// Tells whether the counter at `place` has an entry.
    pub(super) fn holds(&self, place: &Place) -> bool {
        self.find(place).is_some()
    }

    /// Tells whether the counter at `place` has an entry that counts. One that is only kept for a while takes
    /// room again when it is charged.
    pub(super) fn has_live(&self, place: &Place, now_ns: u64) -> bool {
        self.find(place).is_some_and(|entry| entry.tally.is_live(now_ns))
    }

    /// Returns how many entries count.
    pub(super) fn live(&self, now_ns: u64) -> usize {
        self.read_all().filter(|entry| entry.tally.is_live(now_ns)).count()
    }

    /// Tells whether the counter at `place` has charges that may yet be withdrawn.
    pub(super) fn is_pending(&self, place: &Place, now_ns: u64) -> bool {
        self.find(place).is_some_and(|entry| entry.is_pending(now_ns))
    }

    /// Tells whether any entry may yet go because its charges are withdrawn.
    pub(super) fn any_pending(&self, now_ns: u64) -> bool {
        self.read_all().any(|entry| entry.is_pending(now_ns))
    }

    /// Charges the counter at `place`; the caller has judged it and knows that it has room. `None` if the
    /// entry cannot be read, which [`Bucket::read`] has ruled out.
    pub(super) fn charge(
        &mut self,
        place: &Place,
        now_ns: u64,
        amount: Amount,
        pending: bool,
    ) -> Option<Receipt> {
        if !self.holds(place) {
            if self.entries().len() >= place.room {
                self.retain(|entry| entry.tally.is_live(now_ns));
            }
            self.value.extend(entry::empty(place, now_ns));
        }
        let slot = self.find_mut(place.id)?.charge(now_ns, amount, pending)?;
        Some(Receipt { id: place.id, in_table: place.in_table, slot, amount })
    }

    /// Makes a pending charge final.
    pub(super) fn settle(&mut self, receipt: &Receipt) {
        if let Some(mut entry) = self.find_mut(receipt.id) {
            entry.settle();
        }
    }

    /// Takes a pending charge back. An entry that holds nothing else goes.
    pub(super) fn withdraw(&mut self, receipt: &Receipt, now_ns: u64) {
        if let Some(mut entry) = self.find_mut(receipt.id) {
            entry.settle();
            entry.tally.withdraw(receipt.slot, receipt.amount);
        }
        self.retain(|entry| entry.is_kept(now_ns));
    }

    /// Gives back a charge that is not pending. Tells whether the tally still had it.
    pub(super) fn give_back(&mut self, receipt: &Receipt, now_ns: u64) -> bool {
        let Some(mut entry) = self.find_mut(receipt.id) else { return false };
        let had = entry.tally.withdraw(receipt.slot, receipt.amount);
        self.retain(|entry| entry.is_kept(now_ns));
        had
    }

    fn find(&self, place: &Place) -> Option<Entry<'_>> {
        Entry::read(self.entries().iter().find(|bytes| entry::is_of(bytes, place.id))?)
    }

    fn find_mut(&mut self, id: u128) -> Option<EntryMut<'_>> {
        EntryMut::read(self.entries_mut().iter_mut().find(|bytes| entry::is_of(bytes, id))?)
    }

    fn read_all(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries().iter().filter_map(Entry::read)
    }

    fn entries(&self) -> &[[u8; entry::BYTES]] {
        self.value.get(1..).unwrap_or_default().as_chunks().0
    }

    fn entries_mut(&mut self) -> &mut [[u8; entry::BYTES]] {
        self.value.get_mut(1..).unwrap_or_default().as_chunks_mut().0
    }

    fn retain(&mut self, keep: impl Fn(&Entry<'_>) -> bool) {
        let mut at = 0_usize;
        while let Some(bytes) = self.entries().get(at) {
            if Entry::read(bytes).is_some_and(|entry| keep(&entry)) {
                at = at.saturating_add(1);
            } else {
                self.remove(at);
            }
        }
    }

    /// Removes an entry; the last one takes its place.
    fn remove(&mut self, at: usize) {
        let entries = self.entries_mut();
        if let Some(last) = entries.last().copied()
            && let Some(gone) = entries.get_mut(at)
        {
            *gone = last;
            self.value.truncate(self.value.len().saturating_sub(entry::BYTES));
        }
    }
}

#[cfg(test)]
mod tests;
