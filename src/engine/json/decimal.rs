//! Exact decimals: the texts of JSON numbers, compared as they stand.
//!
//! A double can hold neither 2^53 + 1 nor 0.1, so numbers are compared as text (RFC 8259, section 6): by
//! their digits, without the zeros around them, and by where the point is.

use std::cmp::Ordering;

use crate::text::push_decimal;

pub use super::compare::compare_as_read;

/// The longest divisor that is judged, in digits: ten times such a number plus a digit fits a `u128`.
const DIVISOR_DIGITS: usize = 37;

/// Larger exponents are read as this one, which is far outside of what [`fit`](super::fit) accepts.
const MOST_EXPONENT: i64 = 1 << 60;

/// More factors of ten than this make no difference to what divides a number: a divisor below 2^128 has no
/// more factors of two or five.
const TENS: i64 = 128;

/// A number as `0.digits × 10^point`, the digits without zeros around them. Zero has none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal<'t> {
    negative: bool,
    whole: &'t [u8],
    fraction: &'t [u8],
    point: i64,
}

impl<'t> Decimal<'t> {
    pub fn read(text: &'t str) -> Self {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text),
        };
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let whole = whole.trim_start_matches('0');
        let tail = if whole.is_empty() { fraction.trim_start_matches('0') } else { fraction };
        let leading = length(fraction).saturating_sub(length(tail));
        let point = length(whole).saturating_sub(leading).saturating_add(power(exponent));
        let tail = tail.trim_end_matches('0');
        let whole = if tail.is_empty() { whole.trim_end_matches('0') } else { whole };
        let zero = whole.is_empty() && tail.is_empty();
        Self {
            negative: negative && !zero,
            whole: whole.as_bytes(),
            fraction: tail.as_bytes(),
            point: if zero { 0 } else { point },
        }
    }

    fn digits(self) -> impl Iterator<Item = u8> + 't {
        self.whole.iter().chain(self.fraction).map(|byte| byte.saturating_sub(b'0'))
    }

    fn count(self) -> usize {
        self.whole.len().saturating_add(self.fraction.len())
    }

    fn is_zero(self) -> bool {
        self.count() == 0
    }

    /// Returns the power of ten of the last digit.
    fn last_power(self) -> i64 {
        self.point.saturating_sub(i64::try_from(self.count()).unwrap_or(i64::MAX))
    }

    /// Tells whether a double of its own stands for the number: it has up to 15 digits, and is far from the
    /// largest and smallest doubles.
    pub fn is_short(self) -> bool {
        self.count() <= 15 && (-300..=300).contains(&self.point)
    }

    /// Compares the amounts, signs aside, of two numbers that are not zero.
    fn compare_magnitude(self, other: Decimal<'_>) -> Ordering {
        self.point.cmp(&other.point).then_with(|| self.digits().cmp(other.digits()))
    }

    /// Returns -1, 0 or 1.
    fn sign(self) -> i8 {
        match (self.is_zero(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(MOST_EXPONENT)
}

/// Reads an exponent; one that is out of all bounds becomes the bound.
fn power(exponent: &str) -> i64 {
    let bound = if exponent.starts_with('-') { -MOST_EXPONENT } else { MOST_EXPONENT };
    exponent.parse().unwrap_or(bound).clamp(-MOST_EXPONENT, MOST_EXPONENT)
}

/// Compares two JSON numbers by their values, whatever their notation: `1`, `1.0` and `10e-1` are equal, so
/// are `0` and `-0`; 2^53 and 2^53 + 1 are not. Takes linear time and does not allocate.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Decimal::read(a), Decimal::read(b));
    match (a.sign(), b.sign()) {
        (1, 1) => a.compare_magnitude(b),
        (-1, -1) => b.compare_magnitude(a),
        (a, b) => a.cmp(&b),
    }
}

/// Appends a JSON number in one notation for all that are equal, such as `0.15e2` for `15` and `1.5e1`.
pub fn normalize(out: &mut String, text: &str) {
    let number = Decimal::read(text);
    if number.is_zero() {
        out.push('0');
        return;
    }
    out.push_str(if number.negative { "-0." } else { "0." });
    out.extend(number.digits().map(|digit| char::from(digit.saturating_add(b'0'))));
    out.push_str(if number.point < 0 { "e-" } else { "e" });
    push_decimal(out, number.point.unsigned_abs());
}

/// Tells whether a double of its own stands for a JSON number: no other one so short is read as that double.
#[must_use]
pub fn is_short(text: &str) -> bool {
    Decimal::read(text).is_short()
}

/// Tells whether a JSON number has no fractional part: `1.0` and `1e2` have none.
#[must_use]
pub fn is_integer(text: &str) -> bool {
    let number = Decimal::read(text);
    number.is_zero() || number.last_power() >= 0
}

/// Tells whether the JSON number `a` is an integer times `b`, exactly: `0.3` is one of `0.1`. Zero is a
/// multiple of everything but zero.
///
/// Returns `None` where that is not judged: `b` is zero, or has more than 37 digits (the zeros at
/// its ends aside) and may go into `a`.
#[must_use]
pub fn is_multiple(a: &str, b: &str) -> Option<bool> {
    let (a, b) = (Decimal::read(a), Decimal::read(b));
    if b.is_zero() {
        return None;
    }
    if a.is_zero() {
        return Some(true);
    }
    // Both are integers without a zero at the end, times a power of ten. Where `a` has the lower
    // power, the quotient has a fraction: ten does not divide a number without a zero at its end.
    let tens = a.last_power().saturating_sub(b.last_power());
    if tens < 0 || a.compare_magnitude(b) == Ordering::Less {
        return Some(false);
    }
    if b.count() > DIVISOR_DIGITS {
        return None;
    }
    let divisor = remainder(b.digits(), u128::MAX)?;
    let zeros = std::iter::repeat_n(0, usize::try_from(tens.min(TENS)).ok()?);
    Some(remainder(a.digits().chain(zeros), divisor)? == 0)
}

/// Returns the remainder of a number, digit by digit.
fn remainder(mut digits: impl Iterator<Item = u8>, divisor: u128) -> Option<u128> {
    digits.try_fold(0_u128, |rest, digit| {
        rest.checked_mul(10)?.checked_add(u128::from(digit))?.checked_rem(divisor)
    })
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "the oracle's integers have no bound")]
mod tests;
