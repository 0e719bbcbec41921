//! Amounts as whole hits, for a service that counts no fractions.

use super::amount::Amount;

/// How many decimals an amount can have.
const DECIMALS: u8 = 6;

/// How finely amounts are counted: one hit is 10 to the power of minus so many decimals, from 0 to 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Scale(u8);

impl Scale {
    /// Hits of a millionth: every amount is a number of them.
    pub const FINEST: Self = Self(DECIMALS);

    /// Returns the coarsest scale on which an amount is a whole number of hits.
    #[must_use]
    pub fn of(amount: Amount) -> Self {
        let mut scales = (0..DECIMALS).map(Self);
        scales
            .find(|scale| amount.micros().checked_rem(scale.hit().micros()) == Some(0))
            .unwrap_or(Self::FINEST)
    }

    /// Returns the number of decimals.
    #[must_use]
    pub fn decimals(self) -> u8 {
        self.0
    }

    /// Returns the amount of one hit.
    #[must_use]
    pub fn hit(self) -> Amount {
        let power = u32::from(DECIMALS.saturating_sub(self.0));
        Amount::from_micros(10_u64.saturating_pow(power))
    }

    /// Returns an amount in hits; `None` if it is no whole number of them, or does not fit 32 bits. Nothing is rounded.
    #[must_use]
    pub fn hits(self, amount: Amount) -> Option<u32> {
        let hit = self.hit().micros();
        let whole = amount.micros().checked_rem(hit) == Some(0);
        amount.micros().checked_div(hit).filter(|_| whole).and_then(|hits| u32::try_from(hits).ok())
    }

    /// Returns the amount of so many hits.
    #[must_use]
    pub fn amount(self, hits: u32) -> Amount {
        Amount::from_micros(u64::from(hits).saturating_mul(self.hit().micros()))
    }

    /// Returns the largest amount that can be counted.
    #[must_use]
    pub fn most(self) -> Amount {
        self.amount(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_counted_in_whole_hits_or_not_at_all() {
        let amount = |text: &str| Amount::from_decimal(text).unwrap();
        for (decimals, text, hits) in [
            (0, "0", Some(0)),
            (0, "1", Some(1)),
            (0, "4294967295", Some(u32::MAX)),
            (0, "4294967296", None),
            (0, "0.5", None),
            (2, "0.01", Some(1)),
            (2, "7.50", Some(750)),
            (2, "42949672.95", Some(u32::MAX)),
            (2, "42949672.96", None),
            (2, "0.001", None),
            (6, "0.000001", Some(1)),
            (6, "4294.967295", Some(u32::MAX)),
            (6, "4294.967296", None),
        ] {
            let scale = Scale(decimals);
            assert_eq!(scale.hits(amount(text)), hits, "{decimals} {text}");
            if let Some(hits) = hits {
                assert_eq!(scale.amount(hits), amount(text), "{decimals} {text}");
            }
        }
        assert_eq!(Scale(2).most(), amount("42949672.95"));
    }

    #[test]
    fn the_scale_of_an_amount_has_as_many_decimals() {
        for (text, decimals) in [
            ("0", 0),
            ("1", 0),
            ("100", 0),
            ("0.5", 1),
            ("0.25", 2),
            ("1.001", 3),
            ("0.000001", 6),
            ("2e-5", 5),
        ] {
            assert_eq!(Scale::of(Amount::from_decimal(text).unwrap()), Scale(decimals), "{text}");
        }
    }
}
