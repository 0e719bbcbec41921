//! How much a call adds, and how much a window holds.

use std::fmt;

/// How many millionths one is.
const MICROS: u64 = 1_000_000;

/// How many decimals an amount can have.
const DECIMALS: i64 = 6;

/// An amount of calls or spend in millionths, from 0 to about 18 * 10^12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(u64);

/// Why a number is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmountError {
    /// The text is not a JSON number
    NotANumber,
    /// The number is below zero
    Negative,
    /// The number has more than six decimals
    TooPrecise,
    /// The number is above [`Amount::MAX`]
    TooLarge,
}

impl Amount {
    /// Nothing: such a charge is judged, and nothing is written.
    pub const ZERO: Self = Self(0);
    /// One call.
    pub const ONE: Self = Self(MICROS);
    /// The largest amount, 18446744073709.551615.
    pub const MAX: Self = Self(u64::MAX);

    /// Makes an amount of so many millionths.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Returns the amount in millionths.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Adds two amounts; `None` above [`Amount::MAX`].
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// Subtracts an amount; zero if it is larger than this one.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Reads the text of a JSON number (RFC 8259, section 6) exactly, in any of its forms: `2.50`,
    /// `25e-1` and `0.25E+1` are one amount, and `-0` is zero.
    ///
    /// # Errors
    /// Tells how the number fails to be an amount; nothing is ever rounded.
    pub fn from_decimal(text: &str) -> Result<Self, AmountError> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
            Some(_) => return Err(AmountError::NotANumber),
            None => (mantissa, ""),
        };
        if !is_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
            return Err(AmountError::NotANumber);
        }

        // The number is `significant` * 10^`power` millionths: zeros at either end go into the power.
        let digits = format!("{whole}{fraction}");
        let kept = digits.trim_end_matches('0');
        let significant = kept.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(Self::ZERO);
        }
        if negative {
            return Err(AmountError::Negative);
        }
        let power = exponent
            .saturating_sub(length(fraction))
            .saturating_add(length(&digits).saturating_sub(length(kept)))
            .saturating_add(DECIMALS);
        let power = u32::try_from(power).map_err(|_| match power {
            ..0 => AmountError::TooPrecise,
            _ => AmountError::TooLarge,
        })?;
        let micros = significant.parse::<u64>().ok().zip(10_u64.checked_pow(power));
        let micros = micros.and_then(|(significant, factor)| significant.checked_mul(factor));
        micros.map(Self).ok_or(AmountError::TooLarge)
    }
}

/// Reads what follows the `e`. An exponent beyond `i64` saturates: unless the number is zero, it is out of
/// range with either exponent.
fn read_exponent(text: &str) -> Result<i64, AmountError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !is_digits(digits) {
        return Err(AmountError::NotANumber);
    }
    let size = digits.parse::<i64>().unwrap_or(i64::MAX);
    Ok(if negative { size.saturating_neg() } else { size })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

impl fmt::Display for Amount {
    /// Writes the shortest decimal: `10`, `0.25`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0 / MICROS;
        match self.0 % MICROS {
            0 => write!(f, "{whole}"),
            fraction => write!(f, "{whole}.{}", format!("{fraction:06}").trim_end_matches('0')),
        }
    }
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "must be a number",
            Self::Negative => "must not be negative",
            Self::TooPrecise => "must have at most 6 decimals",
            Self::TooLarge => "must not be above 18446744073709.551615",
        })
    }
}

impl std::error::Error for AmountError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_number_is_read_exactly_or_refused_with_its_fault() {
        use AmountError::{Negative, NotANumber, TooLarge, TooPrecise};
        let long_zero = format!("1.{}", "0".repeat(3000));
        for (text, expected) in [
            ("0", Ok(0)),
            ("-0", Ok(0)),
            ("-0.0e7", Ok(0)),
            ("0e99999999999999999999", Ok(0)),
            ("1", Ok(1_000_000)),
            ("10", Ok(10_000_000)),
            ("0.000001", Ok(1)),
            ("1.50", Ok(1_500_000)),
            ("1.2345670", Ok(1_234_567)),
            ("25e-1", Ok(2_500_000)),
            ("0.25E+1", Ok(2_500_000)),
            ("1e3", Ok(1_000_000_000)),
            ("1e-6", Ok(1)),
            ("1230000000000e-12", Ok(1_230_000)),
            ("0.00000000001e11", Ok(1_000_000)),
            (&*long_zero, Ok(1_000_000)),
            ("18446744073709.551615", Ok(u64::MAX)),
            ("18446744073709551615e-6", Ok(u64::MAX)),
            ("18446744073709.551616", Err(TooLarge)),
            ("18446744073709551616", Err(TooLarge)),
            ("1e14", Err(TooLarge)),
            ("1e99999999999999999999", Err(TooLarge)),
            ("1e4294967296", Err(TooLarge)),
            ("0.0000001", Err(TooPrecise)),
            ("1.2345678", Err(TooPrecise)),
            ("1e-7", Err(TooPrecise)),
            ("1e-99999999999999999999", Err(TooPrecise)),
            ("-1", Err(Negative)),
            ("-0.0000001", Err(Negative)),
            ("-1e400", Err(Negative)),
            ("", Err(NotANumber)),
            ("-", Err(NotANumber)),
            ("+1", Err(NotANumber)),
            ("01", Err(NotANumber)),
            ("1.", Err(NotANumber)),
            (".5", Err(NotANumber)),
            ("1e", Err(NotANumber)),
            ("1e+", Err(NotANumber)),
            ("1e+-1", Err(NotANumber)),
            ("1e1.5", Err(NotANumber)),
            ("1_000", Err(NotANumber)),
            (" 1", Err(NotANumber)),
            ("0x10", Err(NotANumber)),
            ("NaN", Err(NotANumber)),
            ("--1", Err(NotANumber)),
        ] {
            assert_eq!(Amount::from_decimal(text).map(Amount::micros), expected, "{text}");
        }
    }

    #[test]
    fn an_amount_is_written_without_trailing_zeros() {
        for (micros, expected) in [
            (0, "0"),
            (1, "0.000001"),
            (1_000_000, "1"),
            (10_000_000, "10"),
            (2_500_000, "2.5"),
            (u64::MAX, "18446744073709.551615"),
        ] {
            assert_eq!(Amount::from_micros(micros).to_string(), expected);
            assert_eq!(Amount::from_decimal(expected), Ok(Amount::from_micros(micros)));
        }
    }

    #[test]
    fn a_sum_beyond_the_largest_amount_is_none() {
        assert_eq!(Amount::ONE.checked_add(Amount::ONE), Some(Amount::from_micros(2_000_000)));
        assert_eq!(Amount::MAX.checked_add(Amount::from_micros(1)), None);
    }
}
