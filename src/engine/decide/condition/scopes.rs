//! The scopes of a caller: the words of the claim `scope` (RFC 8693, section 4.2) or `scp`.

use std::borrow::Cow;

use super::{Obstacle, Operand};
use crate::identity;
use crate::json::Value;
use crate::policy::ValuePath;

/// Returns the list of scopes, or with `[*]` each of them.
pub(super) fn operands<'d>(path: &ValuePath, claims: Value<'d>) -> Vec<Operand<'d>> {
    let words = match words(claims) {
        Some(Ok(words)) => words,
        Some(Err(obstacle)) => return vec![Operand::Unusable(obstacle)],
        None => return vec![Operand::Missing],
    };
    if path.is_one_value() {
        return vec![Operand::Words(words)];
    }
    if words.is_empty() { vec![Operand::Missing] } else { words.into_iter().map(Operand::Text).collect() }
}

/// Returns the scopes in `claims`; `None` if there is no claim for them.
fn words(claims: Value<'_>) -> Option<Result<Vec<Cow<'_, str>>, Obstacle>> {
    if !identity::has_scopes(claims) {
        return None;
    }
    let words = identity::scopes(claims).map(|words| words.into_iter().map(Cow::Owned).collect());
    Some(words.ok_or(Obstacle::Type))
}
