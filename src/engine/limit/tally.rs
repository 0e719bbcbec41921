//! What a counter has counted in its window: one algorithm for both kinds of windows.
//!
//! Time is divided into slots, and a tally keeps a sum for each of the latest slots: 26 slots of a 25th of
//! the window (sliding), or 1 slot of the whole window (calendar). A sliding window ends somewhere in the
//! latest slot, so it begins somewhere in the 26th slot, counted backwards. All 26 slots count in full. So
//! everything in the window counts, and nothing older than 1.04 windows does.

use super::amount::Amount;
use super::window::{Kind, Window};

/// How many sums a tally keeps.
const SLOTS: usize = 26;

/// How many bytes a tally is stored in: kind, seconds, latest slot and sums, little endian.
pub(super) const BYTES: usize = HEADER + SLOTS * 8;

/// The bytes before the sums.
const HEADER: usize = 1 + 4 + 8;

/// The sum of one slot in millionths, as it is stored.
type Sum = [u8; 8];

/// What a counter has counted in its latest slots, borrowed from the stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally<'a> {
    window: Window,
    /// The latest slot that was charged, counted from the epoch.
    latest: u64,
    /// The latest slot's sum first, then back in time.
    sums: &'a [Sum; SLOTS],
}

/// A tally that is changed in the stored bytes.
#[derive(Debug)]
pub(super) struct TallyMut<'a> {
    window: Window,
    latest: &'a mut [u8; 8],
    sums: &'a mut [Sum; SLOTS],
}

/// How much of a limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The sum that counts now. It includes this call if all limits have room, and leaves it out otherwise
    pub used: Amount,
    /// The most that may count within the window
    pub max: Amount,
    /// The seconds until `used` is zero, if nothing else is charged
    pub resets_in_seconds: u64,
}

/// The usage of a limit before a charge, and what it would be after the charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) before: Usage,
    pub(super) after: Result<Usage, NoRoom>,
}

/// The limit has no room for the charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRoom {
    /// In how many seconds the charge fits if nothing else is charged; `None` if it never does.
    pub(super) retry_after_seconds: Option<u64>,
}

impl<'a> Tally<'a> {
    /// Makes the tally of a counter that has counted nothing.
    pub(super) fn new(window: Window, now_ns: u64) -> Self {
        Self { window, latest: window.slot(now_ns), sums: &[[0; 8]; SLOTS] }
    }

    /// Reads a stored tally; `None` if the bytes are not of this format.
    pub(super) fn read(bytes: &'a [u8; BYTES]) -> Option<Self> {
        let (header, sums) = bytes.split_first_chunk::<HEADER>()?;
        let latest = u64::from_le_bytes(*header.last_chunk()?);
        Some(Self { window: read_window(header)?, latest, sums: sums.as_chunks().0.first_chunk()? })
    }

    pub(super) fn window(&self) -> Window {
        self.window
    }

    /// If the tally is ahead of the clock by more than a window, the clock was stepped back. Then returns the
    /// slot to move the tally back to. After the move, charges count longer than without the step, never
    /// shorter, and they still expire.
    pub(super) fn healed(&self, now_ns: u64) -> Option<u64> {
        let present = self.window.slot(now_ns);
        let is_ahead = self.latest.saturating_sub(present) > self.window.divisions();
        is_ahead.then(|| match self.window.kind() {
            // A part of the present slot has passed. If the sums were moved to it, they could expire early,
            // by a part of a slot.
            Kind::Sliding => present.saturating_add(1),
            Kind::Calendar => present,
        })
    }

    /// Tells whether any sum still counts. Such a tally must be kept.
    pub(super) fn is_live(&self, now_ns: u64) -> bool {
        self.counted(self.window.slot(now_ns)).any(|sum| sum > 0)
    }

    /// Checks whether `amount` can be added without exceeding `max`. The tally must not need healing (see
    /// [`Tally::healed`]).
    pub(super) fn judge(&self, now_ns: u64, amount: Amount, max: Amount) -> Standing {
        let present = self.window.slot(now_ns);
        // So few sums of 64 bits do not overflow 128.
        let used = self.counted(present).map(u128::from).fold(0, u128::wrapping_add);
        let resets_in_seconds = match self.counted(present).position(|sum| sum > 0) {
            Some(age) => self.window.seconds_until(self.leaves(age), now_ns),
            None => 0,
        };
        let before = Usage { used: saturated(used), max, resets_in_seconds };

        let sum = used.saturating_add(amount.micros().into());
        let after = if sum > max.micros().into() {
            Err(NoRoom { retry_after_seconds: self.retry_after(now_ns, used, amount, max) })
        } else if amount == Amount::ZERO {
            Ok(before)
        } else {
            let leaves = present.max(self.latest).saturating_add(self.window.counted());
            let resets_in_seconds = self.window.seconds_until(leaves, now_ns);
            Ok(Usage { used: saturated(sum), max, resets_in_seconds })
        };
        Standing { before, after }
    }

    /// Returns the sums that count in the slot `present`, the latest first. A worker reads the clock before
    /// it reads the tally, so `present` may be slightly before the latest slot. Then all slots count.
    fn counted(&self, present: u64) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator {
        let passed = present.saturating_sub(self.latest);
        let count = usize::try_from(self.window.counted().saturating_sub(passed)).unwrap_or(SLOTS);
        self.sums.iter().take(count).map(|sum| u64::from_le_bytes(*sum))
    }

    /// Returns the first slot in which a sum no longer counts; the sum is that of the slot `age` slots before
    /// the latest.
    fn leaves(&self, age: usize) -> u64 {
        let age = u64::try_from(age).unwrap_or(0);
        self.latest.saturating_add(self.window.counted()).saturating_sub(age)
    }

    /// Returns the whole seconds, at least 1, until enough of the oldest sums no longer count for `amount` to
    /// fit; `None` if the amount alone is more than `max`.
    fn retry_after(&self, now_ns: u64, used: u128, amount: Amount, max: Amount) -> Option<u64> {
        let room = u128::from(max.micros().checked_sub(amount.micros())?);
        let mut left = used;
        let (age, _) = self.counted(self.window.slot(now_ns)).enumerate().rev().find(|(_, sum)| {
            left = left.saturating_sub(u128::from(*sum));
            left <= room
        })?;
        Some(self.window.seconds_until(self.leaves(age), now_ns))
    }
}

impl<'a> TallyMut<'a> {
    /// Borrows a stored tally to change it; `None` if the bytes are not of this format.
    pub(super) fn read(bytes: &'a mut [u8; BYTES]) -> Option<Self> {
        let (header, sums) = bytes.split_first_chunk_mut::<HEADER>()?;
        let window = read_window(header)?;
        Some(Self {
            window,
            latest: header.last_chunk_mut()?,
            sums: sums.as_chunks_mut().0.first_chunk_mut()?,
        })
    }

    /// Moves the tally back to the slot that [`Tally::healed`] named.
    pub(super) fn heal(&mut self, latest: u64) {
        *self.latest = latest.to_le_bytes();
    }

    /// Adds `amount` to the present slot, and returns the slot's number. [`Tally::judge`] must have found
    /// room.
    pub(super) fn charge(&mut self, now_ns: u64, amount: Amount) -> u64 {
        let latest = u64::from_le_bytes(*self.latest);
        let present = self.window.slot(now_ns).max(latest);
        if present > latest {
            self.shift(present.saturating_sub(latest));
            *self.latest = present.to_le_bytes();
        }
        if let Some(sum) = self.sums.first_mut() {
            *sum = u64::from_le_bytes(*sum).saturating_add(amount.micros()).to_le_bytes();
        }
        present
    }

    /// Takes back what was charged to `slot`, if the tally still has that slot. Tells whether it has.
    pub(super) fn withdraw(&mut self, slot: u64, amount: Amount) -> bool {
        let age = u64::from_le_bytes(*self.latest).checked_sub(slot);
        let age = age.and_then(|age| usize::try_from(age).ok());
        let Some(sum) = age.and_then(|age| self.sums.get_mut(age)) else { return false };
        *sum = u64::from_le_bytes(*sum).saturating_sub(amount.micros()).to_le_bytes();
        true
    }

    /// Makes room at the front for `slots` new slots, and drops as many of the oldest.
    fn shift(&mut self, slots: u64) {
        let slots = Some(slots).filter(|slots| *slots < self.window.counted());
        let slots = slots.and_then(|slots| usize::try_from(slots).ok()).unwrap_or(SLOTS).min(SLOTS);
        self.sums.copy_within(..SLOTS.saturating_sub(slots), slots);
        self.sums.iter_mut().take(slots).for_each(|sum| *sum = [0; 8]);
    }
}

/// Returns the bytes of a tally that has counted nothing.
pub(super) fn empty(window: Window, now_ns: u64) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    let kind = match window.kind() {
        Kind::Sliding => 0,
        Kind::Calendar => 1,
    };
    let seconds = u32::try_from(window.seconds()).unwrap_or(u32::MAX).to_le_bytes();
    let latest = window.slot(now_ns).to_le_bytes();
    let header = [kind].into_iter().chain(seconds).chain(latest);
    bytes.iter_mut().zip(header).for_each(|(to, byte)| *to = byte);
    bytes
}

/// Reads the window that a tally's bytes begin with.
fn read_window(header: &[u8; HEADER]) -> Option<Window> {
    let (kind, rest) = header.split_first()?;
    let kind = match kind {
        0 => Kind::Sliding,
        1 => Kind::Calendar,
        _ => return None,
    };
    Window::new(u32::from_le_bytes(*rest.first_chunk()?).into(), kind)
}

fn saturated(micros: u128) -> Amount {
    Amount::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
