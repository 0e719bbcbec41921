//! Checks of arrays: their elements, and how many there are of something.

use std::borrow::Cow;

use super::{Constraint, Fit, Mismatch, Results, Subject, Unsure, validate};
use crate::json::Value;
use crate::schema::node::{Check, Counted, Elements};
use crate::text::before_nul;

impl Elements {
    pub(super) fn validate<'s, 'd>(&'s self, check: &'s Check, subject: &Subject<'d, '_>) -> Fit<'s, 'd> {
        let (value, work) = (subject.value, subject.work);
        if !value.is_array() {
            return Ok(());
        }
        let mut results = Results::default();
        for (index, element) in value.elements().enumerate() {
            if let Some(node) = self.prefix.get(index).or(self.rest.as_ref()) {
                results.add(validate(node, element, work))?;
            }
        }
        results.add(self.count(check, subject))?;
        results.all()
    }

    /// Counts the elements that fit `contains`.
    fn count<'s, 'd>(&'s self, check: &'s Check, subject: &Subject<'d, '_>) -> Fit<'s, 'd> {
        let Some(contained) = &self.contains else { return Ok(()) };
        let (mut least, mut most) = (0_u64, 0_u64);
        let mut unsure = None;
        for element in subject.value.elements() {
            match validate(contained, element, subject.work) {
                Ok(()) => {
                    least = least.saturating_add(1);
                    most = most.saturating_add(1);
                }
                Err(mismatch) if mismatch.is_exhausted() => return Err(mismatch),
                Err(mismatch) if mismatch.unsure.is_some() => {
                    most = most.saturating_add(1);
                    unsure = Some(mismatch);
                }
                Err(_) => {}
            }
        }
        let outside = |count| count < self.least || count > self.most;
        match unsure {
            _ if most < self.least || least > self.most => {
                Err(Mismatch::of(subject.value, Constraint::Check(check)))
            }
            Some(mismatch) if outside(least) || outside(most) => Err(mismatch),
            _ => Ok(()),
        }
    }
}

impl Counted {
    /// Returns whether the number of characters, elements or members is right. A value of another type is.
    ///
    /// # Errors
    /// [`Unsure::Cut`] if that is another one for a string up to its first NUL.
    pub(super) fn admits(self, value: Value<'_>, is_right: impl Fn(u64) -> bool) -> Result<bool, Unsure> {
        let is_right = |count| u64::try_from(count).is_ok_and(&is_right);
        Ok(match self {
            Self::Characters => {
                let Some(text) = value.string() else { return Ok(true) };
                let whole = is_right(text.chars().count());
                // JSON has a NUL only as an escape, and a text with escapes is a copy.
                let Cow::Owned(text) = text else { return Ok(whole) };
                match before_nul(&text) {
                    Some(before) if is_right(before.chars().count()) != whole => return Err(Unsure::Cut),
                    _ => whole,
                }
            }
            Self::Elements if value.is_array() => is_right(value.elements().count()),
            Self::Members if value.is_object() => is_right(value.keyed().count()),
            Self::Elements | Self::Members => true,
        })
    }

    /// Returns how many units of work it takes to count.
    pub(super) fn work(self, value: Value<'_>) -> usize {
        match self {
            Self::Characters => value.string_work().saturating_add(value.raw().len() >> 3),
            Self::Elements | Self::Members => value.size() >> 1,
        }
    }
}
