//! Comparing the numbers of a call with those of the policy, for all ways in which servers read numbers.
//!
//! Some servers keep every digit, others keep a double, and some cut a fraction off when they want an
//! integer. A comparison whose result depends on the server is in doubt.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use super::decimal::{self, Decimal};
use super::number::{Fit, fit};

/// Integers below this have a double each.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The longest integers that are read without rounding, in digits.
const SHORT: usize = 15;

/// The most characters of a number that is always read fast.
const LONG: usize = 19;

/// Why the result of a comparison depends on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// The number would compare differently as a double
    Digits,
    /// The number has a fraction, without which it could equal an integer of the policy
    Fraction,
}

/// A number of a call, read once.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'t> {
    text: &'t str,
    double: f64,
}

impl<'t> Sent<'t> {
    /// Reads the text of a JSON number.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        Self { text, double: double(text) }
    }

    /// Returns the text.
    #[must_use]
    pub fn text(self) -> &'t str {
        self.text
    }

    /// Returns how many units of work it takes to read the number.
    #[must_use]
    pub fn work(self) -> usize {
        let length = self.text.len();
        // More digits than fit 64 bits may have to be read one by one to tell which double is nearest.
        let long = if length > LONG { length.saturating_add(length >> 1).saturating_add(32) } else { 0 };
        (length >> 2).saturating_add(2).saturating_add(long)
    }

    /// Returns how many units of work it takes at most to [judge](Self::judge) whether this is a multiple of
    /// `divisor`.
    #[must_use]
    pub fn work_of_division(self, divisor: &str) -> usize {
        // An exponent can stand for that many digits.
        let zeros = |text: &str| if text.contains(['e', 'E']) { 128 } else { 0 };
        let digits =
            [self.text, divisor].map(|text| text.len().saturating_add(zeros(text))).iter().sum::<usize>();
        let one = digits.saturating_mul(9).saturating_add(20);
        if self.is_plain() { one } else { one.saturating_mul(3).saturating_add(500) }
    }

    /// Returns the texts of other numbers that servers may read: the double, exactly and in its shortest
    /// form.
    fn readings(self) -> impl Iterator<Item = String> {
        let exact = (self.double.abs() >= EXACT).then(|| format!("{:.0}", self.double));
        exact.into_iter().chain([format!("{:e}", self.double)])
    }

    /// Returns what `test` says of the number, or `None` if it says nothing, or something else of a number that
    /// servers may read instead.
    #[must_use]
    pub fn judge(self, test: impl Fn(&str) -> Option<bool>) -> Option<bool> {
        let own = test(self.text)?;
        let alike = self.is_plain() || self.readings().all(|reading| test(&reading) == Some(own));
        alike.then_some(own)
    }

    /// Returns the double in its shortest form; `None` if that is this number in any case.
    #[must_use]
    pub fn rounded(self) -> Option<String> {
        (!self.is_plain()).then(|| format!("{:e}", self.double))
    }

    /// Returns the integers before and behind a number that has a fraction, as doubles; `None` if it has none. The double
    /// of a number with many digits can be an integer, and the number none.
    fn integers_around(self) -> Option<[f64; 2]> {
        let double = self.double;
        if double.fract() != 0.0 {
            return Some([double.floor(), double.ceil()]);
        }
        if self.text.len() <= SHORT || self.is_integer() {
            return None;
        }
        // Without its fraction it is the integer before it, counted from zero. With an exponent it could be either.
        let step = double.signum();
        Some(match self.text.split_once(['.', 'e', 'E']) {
            Some((whole, _)) if !self.text.contains(['e', 'E']) => match self::double(whole) == double {
                true => [double, double + step],
                false => [double - step, double],
            },
            _ => [double - step, double + step],
        })
    }

    /// Tells whether the number has no fraction.
    fn is_integer(self) -> bool {
        match self.text.split_once('.') {
            _ if self.text.contains(['e', 'E']) => decimal::is_integer(self.text),
            Some((_, fraction)) => fraction.bytes().all(|digit| digit == b'0'),
            None => true,
        }
    }

    /// Tells whether every server that keeps doubles keeps this number.
    fn is_plain(self) -> bool {
        match fit(self.text) {
            Fit::Integer => self.double.abs() < EXACT,
            _ => Decimal::read(self.text).is_short(),
        }
    }
}

/// A number of the policy.
#[derive(Clone)]
pub struct Known {
    text: Box<str>,
    double: f64,
}

impl Known {
    /// Reads the text of a JSON number.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.into(), double: double(text) }
    }

    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns how many units of work it takes at most to compare with a number.
    #[must_use]
    pub fn work(&self, sent: Sent<'_>) -> usize {
        if sent.double == self.double {
            self.text.len().saturating_add(sent.text.len()).saturating_add(30)
        } else {
            3
        }
    }

    /// Returns how `sent` compares with this number; `None` if that depends on the server.
    #[must_use]
    pub fn order(&self, sent: Sent<'_>) -> Option<Ordering> {
        match sent.double.total_cmp(&self.double) {
            // Rounding to a double keeps the order, so both are the same number or round to the same.
            Ordering::Equal => order_of_equal_doubles(sent, &self.text),
            order => Some(order),
        }
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The double follows from the text.
        self.text.fmt(out)
    }
}

/// A set of numbers of the policy.
#[derive(Debug, Clone, Default)]
pub struct KnownSet {
    /// The numbers by the bits of their doubles
    by_double: BTreeMap<u64, Vec<Known>>,
}

impl KnownSet {
    /// Makes the set of these numbers.
    #[must_use]
    pub fn new(texts: impl Iterator<Item = impl AsRef<str>>) -> Self {
        let mut set = Self::default();
        texts.for_each(|text| set.add(Known::new(text.as_ref())));
        set
    }

    fn add(&mut self, known: Known) {
        self.by_double.entry(known.double.to_bits()).or_default().push(known);
    }

    /// Tells whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_double.is_empty()
    }

    /// Returns how many units of work it takes at most to look for a number.
    #[must_use]
    pub fn work(&self, sent: Sent<'_>) -> usize {
        let same = self.of_double(sent.double);
        let digits: usize = same.iter().map(|known| known.text.len().saturating_add(sent.text.len())).sum();
        // Whether it has a fraction is told digit by digit, and what is left without it is read again.
        let long =
            if sent.text.len() > SHORT { sent.text.len().saturating_mul(2).saturating_add(60) } else { 0 };
        digits.saturating_add(same.len().saturating_mul(30)).saturating_add(12).saturating_add(long)
    }

    /// Returns whether a number of the set equals `sent`.
    ///
    /// # Errors
    /// The doubt, if that depends on the server.
    pub fn holds(&self, sent: Sent<'_>) -> Result<bool, Doubt> {
        let mut doubt = false;
        for known in self.of_double(sent.double) {
            match known.order(sent) {
                Some(Ordering::Equal) => return Ok(true),
                Some(_) => {}
                None => doubt = true,
            }
        }
        if doubt {
            return Err(Doubt::Digits);
        }
        match sent.integers_around() {
            Some(integers) if integers.into_iter().any(|integer| self.has_integer(integer)) => {
                Err(Doubt::Fraction)
            }
            _ => Ok(false),
        }
    }

    fn has_integer(&self, integer: f64) -> bool {
        // Of the two zeros, the positive one is meant.
        self.of_double(integer + 0.0).iter().any(|known| decimal::is_integer(&known.text))
    }

    /// Returns the numbers that round to this double.
    fn of_double(&self, double: f64) -> &[Known] {
        self.by_double.get(&double.to_bits()).map_or(&[], Vec::as_slice)
    }
}

/// Returns how the JSON number `a` compares with `b`, as [`Known::order`] does.
#[must_use]
pub fn compare_as_read(a: &str, b: &str) -> Option<Ordering> {
    Known::new(b).order(Sent::new(a))
}

/// Compares two numbers that round to the same double.
fn order_of_equal_doubles(sent: Sent<'_>, known: &str) -> Option<Ordering> {
    let exact = decimal::compare(sent.text, known);
    let [a, b] = [fit(sent.text), fit(known)];
    match (exact, a) {
        (Ordering::Equal, Fit::Integer) => Some(exact),
        // A double stands for the shortest text that reads back as it: 0.1 is meant as 0.1.
        (Ordering::Equal, _) if Decimal::read(sent.text).is_short() => Some(exact),
        (Ordering::Equal, _) => {
            decimal::compare(&format!("{:e}", sent.double), known).is_eq().then_some(exact)
        }
        (_, Fit::Integer) if b == Fit::Integer => {
            sent.readings().all(|reading| decimal::compare(&reading, known) == exact).then_some(exact)
        }
        _ => None,
    }
}

/// Returns the nearest double. Zero is positive, so that equal numbers have equal doubles.
fn double(text: &str) -> f64 {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.len() <= SHORT && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let amount = digits.bytes().fold(0.0, |sum, byte| sum * 10.0 + f64::from(byte.saturating_sub(b'0')));
        return if digits.len() == text.len() { amount } else { 0.0 - amount };
    }
    text.parse::<f64>().unwrap_or_default() + 0.0
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "the numbers are small")]
mod tests;
