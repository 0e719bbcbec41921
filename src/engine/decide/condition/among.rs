//! Whether a value is one of those that the policy lists, and whether a server may take it for one.

use super::operand::{Operand, is_in};
use super::texts::trim;
use super::{Obstacle, spend};
use crate::json::{KnownSet, Sent};
use crate::policy::alike::{LONGEST, name_of_text};
use crate::policy::{Scalars, text_is_bool, text_is_number};
use crate::work::Work;

impl Operand<'_> {
    /// Returns whether one of `scalars` equals this value. It is compared with those of its own type.
    ///
    /// # Errors
    /// [`Obstacle::Type`] if none has its type, or if none equals it and a server may convert it into one of another type;
    /// another one if the comparison depends on the server or cannot be made.
    pub(super) fn is_among(&self, scalars: &Scalars, work: &Work) -> Result<bool, Obstacle> {
        let among = match self {
            Self::Text(text) => {
                let texts = scalars.texts.as_ref().ok_or(Obstacle::Type)?;
                spend(work, texts.work(text))?;
                texts.get(text).is_some()
            }
            Self::Bool(flag) => {
                let [off, on] = scalars.bools.ok_or(Obstacle::Type)?;
                if *flag { on } else { off }
            }
            Self::Number(text) => is_in(scalars.numbers.as_ref().ok_or(Obstacle::Type)?, text, work)?,
            _ => return Err(Obstacle::Type),
        };
        let doubt = !among
            && (scalars.are_mixed && self.may_be_converted(scalars, work)?
                || self.is_like_a_text(scalars, work)?);
        if doubt { Err(Obstacle::Type) } else { Ok(among) }
    }

    /// Returns whether a server may convert this value into one of `scalars` that has another type.
    fn may_be_converted(&self, scalars: &Scalars, work: &Work) -> Result<bool, Obstacle> {
        spend(work, 12)?;
        let [off, on] = scalars.bools.unwrap_or_default();
        Ok(match self {
            Self::Text(text) => {
                let text = trim(text, work)?;
                off && text_is_bool(text, false)
                    || on && text_is_bool(text, true)
                    || scalars.numbers.is_some() && text_is_number(text)
            }
            Self::Number(text) => {
                let sent = Sent::new(text);
                spend(work, sent.work())?;
                let numbers = scalars.numbers_of_bools.as_ref();
                scalars.has_text_of_number || numbers.is_some_and(|numbers| may_hold(numbers, sent))
            }
            Self::Bool(flag) => {
                let (number, [off, on]) = (if *flag { "1" } else { "0" }, scalars.has_text_of_bool);
                let is_number =
                    scalars.numbers.as_ref().is_some_and(|numbers| may_hold(numbers, Sent::new(number)));
                is_number || if *flag { on } else { off }
            }
            _ => false,
        })
    }

    /// Returns whether a server may read this text as the number or the boolean that it reads in one of the texts of `scalars`:
    /// `5.0` and `5`, or `yes` and `true`.
    fn is_like_a_text(&self, scalars: &Scalars, work: &Work) -> Result<bool, Obstacle> {
        let (Self::Text(text), Some(names)) = (self, &scalars.names) else { return Ok(false) };
        spend(work, 12)?;
        let trimmed = trim(text, work)?;
        let [off, on] = scalars.names_bool;
        if off && text_is_bool(trimmed, false) || on && text_is_bool(trimmed, true) {
            return Ok(true);
        }
        if !text_is_number(trimmed) {
            return Ok(false);
        }
        spend(work, trimmed.len().min(LONGEST).saturating_mul(8))?;
        if trimmed.len() > LONGEST {
            // Zeros can make a number as long as one likes, also a hexadecimal one.
            spend(work, trimmed.len())?;
            let may_be =
                |char: char| char.is_ascii_hexdigit() || char.is_numeric() || "+-._xXoO".contains(char);
            return Ok(trimmed.chars().all(may_be));
        }
        let Some(name) = name_of_text(trimmed) else { return Ok(true) };
        spend(work, names.work(&name))?;
        Ok(names.get(&name).is_some())
    }
}

/// Returns whether a set of numbers contains `number`, or may do so for some server.
fn may_hold(numbers: &KnownSet, number: Sent<'_>) -> bool {
    numbers.holds(number) != Ok(false)
}
