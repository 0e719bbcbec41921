//! Parts of the JSON that a string holds, which some servers read in place of the string.

use std::borrow::Cow;

use super::operand::{Judge, Operand};
use super::{Obstacle, spend};
use crate::json::{Kind, Value};
use crate::policy::Resolved;
use crate::work::Work;

/// Looks for a part of a list or an object, at any depth, for which `judge` does not return what it has returned for the string.
/// The keys are parts, too.
///
/// # Errors
/// [`Obstacle::Json`] if there is one, or one that cannot be judged.
pub(super) fn refuse_other(
    json: Value<'_>,
    found: bool,
    judge: Judge<'_>,
    work: &Work,
) -> Result<(), Obstacle> {
    for (key, part) in json.entries() {
        spend(work, key.len().saturating_add(8))?;
        refuse_other_text(key, found, judge, work)?;
        refuse_other_part(part, found, judge, work)?;
    }
    json.elements().try_for_each(|part| refuse_other_part(part, found, judge, work))
}

fn refuse_other_part(part: Value<'_>, found: bool, judge: Judge<'_>, work: &Work) -> Result<(), Obstacle> {
    spend(work, 8)?;
    if matches!(part.kind(), Kind::Array | Kind::Object) {
        return refuse_other(part, found, judge, work);
    }
    let operand = Operand::read(Resolved::Value(part), work)?;
    match operand.is_found(judge, work) {
        Ok(other) if other == found => Ok(()),
        Err(Obstacle::Type) if part.kind() == Kind::Null => Ok(()),
        // A part of another type than the string is judged as the text into which a server may convert it.
        Err(Obstacle::Type) if operand.text().is_none() => {
            refuse_other_text(part.raw().into(), found, judge, work)
        }
        Err(Obstacle::Work) => Err(Obstacle::Work),
        Ok(_) | Err(_) => Err(Obstacle::Json),
    }
}

fn refuse_other_text(text: Cow<'_, str>, found: bool, judge: Judge<'_>, work: &Work) -> Result<(), Obstacle> {
    match Operand::Text(text).is_found(judge, work) {
        Ok(other) if other == found => Ok(()),
        Err(Obstacle::Work) => Err(Obstacle::Work),
        Ok(_) | Err(_) => Err(Obstacle::Json),
    }
}
