//! Texts that servers read in several ways: as a list, or only up to a NUL.

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
/// [`Obstacle::List`] if a server may read the text as a list; [`Obstacle::Cut`] if the part stands only behind or across a
/// NUL; [`Obstacle::Work`] if the budget does not suffice.
pub(super) fn holds_part(text: &str, part: &str, work: &Work) -> Result<bool, Obstacle> {
    spend(work, work_of_search(text, part))?;
    // In the list that a server may read, an element must be equal, and not only contain it.
    if list_in(text, work)?.is_some() {
        return Err(Obstacle::List);
    }
    let found = text.contains(part);
    match before_nul(text) {
        Some(before) if before.contains(part) != found => Err(Obstacle::Cut),
        _ => Ok(found),
    }
}

/// Returns how many units of work it takes at most to look for a part of a text.
fn work_of_search(text: &str, part: &str) -> usize {
    let read = (text.len() >> 2).saturating_add(text.len() >> 3);
    read.saturating_add(part.len().saturating_mul(2)).saturating_add(12)
}

/// Returns the JSON list that a string holds, if it does. Behind a NUL a string may hold anything else.
///
/// # Errors
/// [`Obstacle::List`] if only some servers read it as a list; [`Obstacle::Work`] if the budget does not suffice.
pub(super) fn list_in<'t>(text: &'t str, work: &Work) -> Result<Option<Document<'t>>, Obstacle> {
    let text = trim(text, work)?;
    if !text.starts_with('[') {
        return Ok(None);
    }
    spend(work, text.len() >> 4)?;
    let text = trim(before_nul(text).unwrap_or(text), work)?;
    if !text.ends_with(']') {
        return Ok(None);
    }
    spend(work, work::of_reading(text.len()))?;
    match json::read(text.as_bytes()) {
        // Of equal keys, halves of characters and depths beyond what is read, servers make different lists.
        Ok(list) if list.defect().is_none() => Ok(Some(list)),
        Ok(_) => Err(Obstacle::List),
        // Python reads these as numbers.
        Err(Malformed { at, .. }) => {
            let rest = text.get(at..).unwrap_or_default();
            let is_number = ["NaN", "Infinity"].iter().any(|word| rest.starts_with(word));
            if is_number { Err(Obstacle::List) } else { Ok(None) }
        }
    }
}

/// Returns a text without the white space around it.
pub(super) fn trim<'t>(text: &'t str, work: &Work) -> Result<&'t str, Obstacle> {
    let inner = trimmed(text);
    spend(work, text.len().saturating_sub(inner.len()) >> 1)?;
    Ok(inner)
}
