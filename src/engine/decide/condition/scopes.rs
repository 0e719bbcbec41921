//! The scopes of a caller: the words of the claim `scope` (RFC 8693, section 4.2) or `scp`.

use std::borrow::Cow;

use super::{Obstacle, Operand};
use crate::json::{Kind, Value};
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

/// Returns the scopes in `claims`: the words of a string, or of each string in a list. Returns `None` if there is no such
/// claim. `scope` comes before `scp`.
fn words(claims: Value<'_>) -> Option<Result<Vec<Cow<'_, str>>, Obstacle>> {
    let claim = |name| claims.get(name).filter(|value| value.kind() != Kind::Null);
    let value = claim("scope").or_else(|| claim("scp"))?;
    let mut words = Vec::new();
    let mut add = |value: Value<'_>| -> Option<()> {
        words.extend(
            value
                .string()?
                .split(' ')
                .filter(|word| !word.is_empty())
                .map(|word| Cow::Owned(word.to_owned())),
        );
        Some(())
    };
    let read = if value.is_array() { value.elements().try_for_each(&mut add) } else { add(value) };
    Some(read.map(|()| words).ok_or(Obstacle::Type))
}
