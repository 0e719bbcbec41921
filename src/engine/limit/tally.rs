//! What a counter has counted in its window: one algorithm for both kinds of windows.
//!
//! Time is divided into slots, and a tally keeps a sum for each of the latest: 11 slots of a tenth
//! of the window (sliding), or 1 of the whole window (calendar). A sliding window that ends at some
//! time begins in the 11th slot back; all 11 count whole, so never less counts than the window
//! holds, and never anything older than 1.1 windows.

use super::amount::Amount;
use super::window::{Kind, Window};

/// How many sums a tally keeps.
const SLOTS: usize = 11;

/// The sums of a counter's latest slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    window: Window,
    /// The latest slot that was charged or looked at, counted from the epoch.
    latest: u64,
    /// Sums in millionths, the latest slot's first, then back in time.
    sums: [u64; SLOTS],
}

/// How much of a limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// What counts at present; after the call if it was charged, without it if it was not
    pub used: Amount,
    /// What the window holds
    pub max: Amount,
    /// In how many seconds nothing of it counts any more, if nothing is charged in between
    pub resets_in_seconds: u64,
}

/// A limit has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    /// In how many seconds the call fits if nothing else is charged; `None` if it never does.
    pub(super) retry_after_seconds: Option<u64>,
}

impl Tally {
    /// How many bytes a tally is stored in.
    pub(super) const BYTES: usize = 1 + 4 + 8 + SLOTS * 8;

    pub(super) fn new(window: Window, now_ns: u64) -> Self {
        Self { window, latest: window.slot(now_ns), sums: [0; SLOTS] }
    }

    /// Moves a tally back that is ahead of the clock by more than a window: the clock was stepped
    /// back. Everything it holds becomes younger than it is, never older, and so passes with time.
    /// Tells whether it did.
    pub(super) fn heal(&mut self, now_ns: u64) -> bool {
        let present = self.window.slot(now_ns);
        let behind = self.latest.saturating_sub(present);
        if behind <= self.window.divisions() {
            return false;
        }
        self.latest = match self.window.kind() {
            // The present slot has begun already: a sum in it could look older than it is by a part
            // of a slot.
            Kind::Sliding => present.saturating_add(1),
            Kind::Calendar => present,
        };
        true
    }

    /// Tells whether anything of it still counts, so that it cannot be forgotten.
    pub(super) fn is_live(&self, now_ns: u64) -> bool {
        self.used(now_ns) > 0
    }

    /// Judges whether `amount` more stays within `max`. Returns the usage that the charge would make.
    pub(super) fn judge(&self, now_ns: u64, amount: Amount, max: Amount) -> Result<Usage, Refusal> {
        let mut at = *self;
        at.advance(now_ns);
        let after = at.used(now_ns).saturating_add(amount.micros().into());
        if after > max.micros().into() {
            return Err(Refusal { retry_after_seconds: at.retry_after(now_ns, amount, max) });
        }
        at.charge(now_ns, amount);
        Ok(at.usage(now_ns, max))
    }

    /// Tells how much of `max` is used.
    pub(super) fn usage(&self, now_ns: u64, max: Amount) -> Usage {
        let mut at = *self;
        at.advance(now_ns);
        let used = Amount::from_micros(u64::try_from(at.used(now_ns)).unwrap_or(u64::MAX));
        let youngest = at.counted().find(|(_, sum)| *sum > 0);
        let resets_in_seconds = youngest.map_or(0, |(leaves, _)| at.window.seconds_until(leaves, now_ns));
        Usage { used, max, resets_in_seconds }
    }

    /// Adds `amount` to the present slot, and returns the slot's number. The caller has judged.
    pub(super) fn charge(&mut self, now_ns: u64, amount: Amount) -> u64 {
        self.advance(now_ns);
        if let Some(sum) = self.sums.first_mut() {
            *sum = sum.saturating_add(amount.micros());
        }
        self.latest
    }

    /// Takes back what was charged to `slot`, if the tally still has that slot.
    pub(super) fn withdraw(&mut self, slot: u64, amount: Amount) {
        let age = self.latest.checked_sub(slot).and_then(|age| usize::try_from(age).ok());
        if let Some(sum) = age.and_then(|age| self.sums.get_mut(age)) {
            *sum = sum.saturating_sub(amount.micros());
        }
    }

    /// Writes the tally in [`Tally::BYTES`] bytes, little endian: kind, seconds, latest slot, sums.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(match self.window.kind() {
            Kind::Sliding => 0,
            Kind::Calendar => 1,
        });
        let seconds = u32::try_from(self.window.seconds()).unwrap_or(u32::MAX);
        out.extend_from_slice(&seconds.to_le_bytes());
        out.extend_from_slice(&self.latest.to_le_bytes());
        for sum in self.sums {
            out.extend_from_slice(&sum.to_le_bytes());
        }
    }

    /// Reads what [`Tally::write`] wrote from the front of `bytes`; `None` if it is anything else.
    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let [kind] = take(bytes)?;
        let kind = match kind {
            0 => Kind::Sliding,
            1 => Kind::Calendar,
            _ => return None,
        };
        let window = Window::new(u32::from_le_bytes(take(bytes)?).into(), kind)?;
        let latest = u64::from_le_bytes(take(bytes)?);
        let mut sums = [0; SLOTS];
        for sum in &mut sums {
            *sum = u64::from_le_bytes(take(bytes)?);
        }
        Some(Self { window, latest, sums })
    }

    pub(super) fn window(&self) -> Window {
        self.window
    }

    /// Makes the present slot the latest. A clock that is slightly behind the tally (a worker reads
    /// it before it reads the tally) counts as the tally's latest slot.
    fn advance(&mut self, now_ns: u64) {
        self.heal(now_ns);
        let passed = self.window.slot(now_ns).saturating_sub(self.latest);
        let gone =
            if passed < self.window.counted() { usize::try_from(passed).unwrap_or(SLOTS) } else { SLOTS };
        self.sums.rotate_right(gone);
        self.sums.iter_mut().take(gone).for_each(|sum| *sum = 0);
        self.latest = self.latest.saturating_add(passed);
    }

    /// Returns the sum of all slots that count at `now_ns`, in millionths.
    fn used(&self, now_ns: u64) -> u128 {
        let present = self.window.slot(now_ns);
        self.counted().filter(|(leaves, _)| *leaves > present).map(|(_, sum)| u128::from(sum)).sum()
    }

    /// Returns the sums from the latest slot back, each with the slot at whose beginning it leaves.
    fn counted(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> {
        let after = self.latest.saturating_add(self.window.counted());
        let slots = usize::try_from(self.window.counted()).unwrap_or(SLOTS);
        let mut age = 0_u64;
        let leaves = self.sums.map(|sum| {
            let leaves = after.saturating_sub(age);
            age = age.saturating_add(1);
            (leaves, sum)
        });
        leaves.into_iter().take(slots)
    }

    /// Returns the whole seconds until enough of the oldest slots have left, all of which leave after
    /// the present one: never 0.
    fn retry_after(&self, now_ns: u64, amount: Amount, max: Amount) -> Option<u64> {
        let room = u128::from(max.micros().checked_sub(amount.micros())?);
        let mut left = self.used(now_ns);
        let (leaves, _) = self.counted().rev().find(|(_, sum)| {
            left = left.saturating_sub(u128::from(*sum));
            left <= room
        })?;
        Some(self.window.seconds_until(leaves, now_ns))
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (front, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*front)
}

#[cfg(test)]
mod tests;
