//! The time over which a limit counts.

use std::num::{NonZeroU32, NonZeroU64};

/// One second in nanoseconds.
const SECOND: NonZeroU64 = nonzero(1_000_000_000);
/// A 25th of a second in nanoseconds, so that a 25th of any window is exact.
const PART: NonZeroU64 = nonzero(40_000_000);

const fn nonzero(value: u64) -> NonZeroU64 {
    match NonZeroU64::new(value) {
        Some(value) => value,
        None => NonZeroU64::MIN,
    }
}

/// How a window moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The window ends with the call: what was charged within its length before the call counts
    Sliding,
    /// The window moves in steps, aligned to the Unix epoch in UTC: the tally starts at zero at each boundary
    Calendar,
}

/// A window: its length, from one second to 136 years, and how it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    seconds: NonZeroU32,
    kind: Kind,
}

impl Window {
    /// The longest window in seconds.
    pub const MAX_SECONDS: u64 = u32::MAX as u64;

    /// Makes a window; `None` unless `seconds` is from 1 to [`Window::MAX_SECONDS`].
    #[must_use]
    pub fn new(seconds: u64, kind: Kind) -> Option<Self> {
        let seconds = NonZeroU32::new(u32::try_from(seconds).ok()?)?;
        Some(Self { seconds, kind })
    }

    /// Returns the length in seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.seconds.get().into()
    }

    /// Returns how the window moves.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.kind
    }

    /// Returns the whole seconds until the calendar window of this length ends that `now_ns` falls in, rounded up.
    #[must_use]
    pub fn calendar_ends_in(self, now_ns: u64) -> u64 {
        let calendar = Self { kind: Kind::Calendar, ..self };
        calendar.seconds_until(calendar.slot(now_ns).saturating_add(1), now_ns)
    }

    /// Returns how many slots a whole window is divided into.
    pub(super) fn divisions(self) -> u64 {
        match self.kind {
            Kind::Sliding => 25,
            Kind::Calendar => 1,
        }
    }

    /// Returns how many of the latest slots count. A sliding window begins somewhere within a slot
    /// and ends within another: all slots that it touches count whole.
    pub(super) fn counted(self) -> u64 {
        match self.kind {
            Kind::Sliding => 26,
            Kind::Calendar => 1,
        }
    }

    /// Returns the width of a slot in nanoseconds.
    pub(super) fn width(self) -> NonZeroU64 {
        let unit = match self.kind {
            Kind::Sliding => PART,
            Kind::Calendar => SECOND,
        };
        NonZeroU64::from(self.seconds).saturating_mul(unit)
    }

    /// Returns the slot that `now_ns` falls in, counted from the epoch.
    pub(super) fn slot(self, now_ns: u64) -> u64 {
        now_ns / self.width()
    }

    /// Returns the whole seconds from `now_ns` until `slot` begins, rounded up.
    pub(super) fn seconds_until(self, slot: u64, now_ns: u64) -> u64 {
        // Division of 128 bits is slow. It is needed only if the clock is far off.
        if let Some(begins) = slot.checked_mul(self.width().get()) {
            return begins.saturating_sub(now_ns).div_ceil(SECOND.get());
        }
        let begins = u128::from(slot).saturating_mul(self.width().get().into());
        let wait = begins.saturating_sub(now_ns.into());
        u64::try_from(wait.div_ceil(u128::from(SECOND.get()))).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_a_length_that_nanoseconds_hold() {
        for (seconds, fits) in
            [(0, false), (1, true), (86_400, true), (u64::from(u32::MAX), true), (1 << 32, false)]
        {
            for kind in [Kind::Sliding, Kind::Calendar] {
                assert_eq!(Window::new(seconds, kind).is_some(), fits, "{seconds}");
            }
        }
        let longest = Window::new(Window::MAX_SECONDS, Kind::Calendar).unwrap();
        assert_eq!(longest.width().get(), 4_294_967_295_000_000_000);
    }

    #[test]
    fn slots_are_a_25th_of_a_sliding_window_and_the_whole_of_a_calendar_one() {
        let sliding = Window::new(7, Kind::Sliding).unwrap();
        let calendar = Window::new(7, Kind::Calendar).unwrap();
        for (now_ns, part, whole) in [
            (0, 0, 0),
            (279_999_999, 0, 0),
            (280_000_000, 1, 0),
            (6_999_999_999, 24, 0),
            (7_000_000_000, 25, 1),
            (u64::MAX, 65_881_228_834, 2_635_249_153),
        ] {
            assert_eq!((sliding.slot(now_ns), calendar.slot(now_ns)), (part, whole), "{now_ns}");
        }
        for (now_ns, seconds) in [(0, 7), (1, 7), (6_999_999_999, 1), (7_000_000_000, 7)] {
            assert_eq!(sliding.calendar_ends_in(now_ns), seconds, "{now_ns}");
        }
    }

    #[test]
    fn waiting_is_rounded_up_to_whole_seconds() {
        let window = Window::new(10, Kind::Sliding).unwrap();
        for (slot, now_ns, seconds) in [
            (5, 2_000_000_000, 0),
            (5, 5_000_000_000, 0),
            (5, 1_999_999_999, 1),
            (5, 1_000_000_000, 1),
            (5, 999_999_999, 2),
            (6, 2_000_000_000, 1),
            (u64::MAX, 0, 7_378_697_629_483_820_646),
        ] {
            assert_eq!(window.seconds_until(slot, now_ns), seconds, "{slot} {now_ns}");
        }
    }
}
