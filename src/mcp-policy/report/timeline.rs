//! Verdicts over time, in periods of one length.

use std::collections::BTreeMap;

use super::ranking::Verdicts;

/// The lengths of periods in milliseconds. Each is a multiple of the one before.
const LENGTHS: [i64; 16] = [
    1_000,
    5_000,
    15_000,
    30_000,
    60_000,
    300_000,
    900_000,
    1_800_000,
    3_600_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    604_800_000,
    2_419_200_000,
    31_449_600_000,
];
/// The most periods between the first and the last.
const MOST: i64 = 120;

/// The verdicts of each period.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    length: usize,
    periods: BTreeMap<i64, Verdicts>,
}

impl Timeline {
    /// Counts a decision at a time, in milliseconds since the Unix epoch.
    pub fn add(&mut self, at_ms: i64, decision: &str) {
        let period = at_ms.div_euclid(self.length_ms());
        self.periods.entry(period).or_default().add(decision);
        while self.span() > MOST && self.length.saturating_add(1) < LENGTHS.len() {
            self.lengthen();
        }
    }

    /// Returns the length of a period in milliseconds.
    pub fn length_ms(&self) -> i64 {
        LENGTHS.get(self.length).copied().unwrap_or(i64::MAX)
    }

    /// Returns the start of each period in milliseconds since the Unix epoch and its verdicts, from the first to the last
    /// with none left out.
    pub fn periods(&self) -> Vec<(i64, Verdicts)> {
        let (Some(first), Some(last)) = (self.periods.keys().next(), self.periods.keys().next_back()) else {
            return Vec::new();
        };
        let last = (*last).min(first.saturating_add(MOST.saturating_mul(2)));
        let period = |at: i64| {
            (at.saturating_mul(self.length_ms()), self.periods.get(&at).copied().unwrap_or_default())
        };
        (*first..=last).map(period).collect()
    }

    fn span(&self) -> i64 {
        let (first, last) = (self.periods.keys().next(), self.periods.keys().next_back());
        first.zip(last).map_or(0, |(first, last)| last.saturating_sub(*first).saturating_add(1))
    }

    fn lengthen(&mut self) {
        let before = self.length_ms();
        self.length = self.length.saturating_add(1);
        let times = self.length_ms().checked_div(before).unwrap_or(1).max(1);
        let mut periods: BTreeMap<i64, Verdicts> = BTreeMap::new();
        for (period, verdicts) in &self.periods {
            periods.entry(period.div_euclid(times)).or_default().merge(*verdicts);
        }
        self.periods = periods;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_get_longer_and_no_call_is_lost() {
        for (step, length) in [(10, 1_000), (1_000, 15_000), (60_000, 900_000), (86_400_000, 2_419_200_000)] {
            let mut timeline = Timeline::default();
            for number in 0..1500 {
                timeline.add(1_800_000_000_000 + number * step, "allow");
            }
            let periods = timeline.periods();
            assert_eq!(timeline.length_ms(), length, "{step}");
            assert!(periods.len() <= 121, "{}", periods.len());
            assert_eq!(periods.iter().map(|(_, verdicts)| verdicts.allowed).sum::<u64>(), 1500);
        }
    }
}
