//! Texts that servers read in several ways: as JSON, or only up to a NUL.

use super::{Obstacle, spend};
use crate::json::{self, Document, Malformed};
use crate::text::{before_nul, trimmed};
use crate::work::{self, Work};

/// Returns whether two texts are equal. Reads no more of them than they have in common: a long text can be compared with
/// each element of a list.
///
/// # Errors
/// [`Obstacle::Cut`] if they are equal only up to a NUL.
pub(super) fn same_text(one: &str, other: &str) -> Result<bool, Obstacle> {
    if one == other {
        return Ok(true);
    }
    let (mut one, mut other) = (one.bytes(), other.bytes());
    loop {
        match (one.next(), other.next()) {
            (None | Some(0), None | Some(0)) => return Err(Obstacle::Cut),
            (one, other) if one == other => {}
            _ => return Ok(false),
        }
    }
}

/// Returns whether a text contains a part.
///
/// # Errors
/// [`Obstacle::Cut`] if the part stands only behind or across a NUL; [`Obstacle::Work`] if the budget does not suffice.
pub(super) fn holds_part(text: &str, part: &str, work: &Work) -> Result<bool, Obstacle> {
    spend(work, work_of_search(text, part))?;
    let found = text.contains(part);
    match before_nul(text) {
        Some(before) if before.contains(part) != found => Err(Obstacle::Cut),
        _ => Ok(found),
    }
}

/// Returns how many units of work it takes at most to look for a part of a text.
fn work_of_search(text: &str, part: &str) -> usize {
    let read = (text.len() >> 2).saturating_add(text.len() >> 3).saturating_add(text.len() >> 4);
    read.saturating_add(part.len().saturating_mul(2)).saturating_add(12)
}

/// Returns the JSON list or object that a string holds, if it does. Behind a NUL a string may hold anything else.
///
/// # Errors
/// [`Obstacle::Json`] if only some servers read it as JSON; [`Obstacle::Work`] if the budget does not suffice.
pub(super) fn json_in<'t>(text: &'t str, work: &Work) -> Result<Option<Document<'t>>, Obstacle> {
    let text = trim(text, work)?;
    let end = match text.bytes().next() {
        Some(b'[') => ']',
        Some(b'{') => '}',
        _ => return Ok(None),
    };
    spend(work, text.len() >> 4)?;
    let text = trim(before_nul(text).unwrap_or(text), work)?;
    if !text.ends_with(end) {
        return Ok(None);
    }
    spend(work, work::of_reading(text.len()))?;
    match json::read(text.as_bytes()) {
        // Of equal keys, halves of characters and depths beyond what is read, servers make different values.
        Ok(json) if json.defect().is_none() => Ok(Some(json)),
        Ok(_) => Err(Obstacle::Json),
        // Python reads these as numbers.
        Err(Malformed { at, .. }) => {
            let rest = text.get(at..).unwrap_or_default();
            let is_number = ["NaN", "Infinity"].iter().any(|word| rest.starts_with(word));
            if is_number { Err(Obstacle::Json) } else { Ok(None) }
        }
    }
}

/// Tells whether some servers read a text as null, and take the value for missing.
pub(super) fn reads_null(text: &str, work: &Work) -> Result<bool, Obstacle> {
    Ok(trim(before_nul(text).unwrap_or(text), work)? == "null")
}

/// Returns a text without the white space around it.
pub(super) fn trim<'t>(text: &'t str, work: &Work) -> Result<&'t str, Obstacle> {
    let inner = trimmed(text);
    spend(work, text.len().saturating_sub(inner.len()) >> 1)?;
    Ok(inner)
}
