//! The scopes of a caller: the words of the claim `scope` (RFC 8693, section 4.2) or `scp`.

use std::borrow::Cow;

use super::{Attributes, Operand};
use crate::policy::ValuePath;

/// Returns the list of scopes, or with `[*]` each of them.
pub(super) fn operands<'d>(path: &ValuePath, attributes: &Attributes<'d>) -> Vec<Operand<'d>> {
    let words = match attributes.claims.scopes(attributes.work) {
        Ok(Some(words)) => words.iter().map(|word| Cow::Borrowed(word.as_str())),
        Ok(None) => return vec![Operand::Missing],
        Err(obstacle) => return vec![Operand::Unusable(obstacle)],
    };
    if path.is_one_value() {
        return vec![Operand::Words(words.collect())];
    }
    if words.len() == 0 { vec![Operand::Missing] } else { words.map(Operand::Text).collect() }
}
