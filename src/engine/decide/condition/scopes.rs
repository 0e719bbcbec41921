//! The scopes of a caller: the words of the claim `scope` (RFC 8693, section 4.2) or `scp`.

use std::borrow::Cow;

use super::{Attributes, Obstacle, Operand, spend};
use crate::identity;
use crate::policy::ValuePath;

/// Returns the list of scopes, or with `[*]` each of them.
pub(super) fn operands<'d>(path: &ValuePath, attributes: &Attributes<'d>) -> Vec<Operand<'d>> {
    let words = match words(attributes) {
        Ok(Some(words)) => words,
        Ok(None) => return vec![Operand::Missing],
        Err(obstacle) => return vec![Operand::Unusable(obstacle)],
    };
    if path.is_one_value() {
        return vec![Operand::Words(words)];
    }
    if words.is_empty() { vec![Operand::Missing] } else { words.into_iter().map(Operand::Text).collect() }
}

/// Returns the scopes of the caller's token; `None` if it has no claim for them.
fn words<'d>(attributes: &Attributes<'d>) -> Result<Option<Vec<Cow<'d, str>>>, Obstacle> {
    let Some(claims) = attributes.claims.root(attributes.work)? else { return Ok(None) };
    spend(attributes.work, identity::scopes_work(attributes.claims.length()))?;
    if !identity::has_scopes(claims) {
        return Ok(None);
    }
    let words = identity::scopes(claims).ok_or(Obstacle::Type)?;
    Ok(Some(words.into_iter().map(Cow::Owned).collect()))
}
