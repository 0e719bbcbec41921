//! The keys of a condition.

use super::{NAME, SCALAR};
use crate::document::Absent::{Means, Nothing, Refused};
use crate::document::Takes::{Boolean, Either, Filled, List, Number, Text, Words};
use crate::document::{Takes, object, words};
use crate::policy::words::OPS;

/// What a condition speaks of.
pub(in crate::policy) const VALUE_PATH: Takes = Takes::Said(
    "a path such as `args.items[0].sku`, `args.recipients[*]`, `args[\"a.b\"]`, `grant`, `principal` or \
     `claims.team`",
    &Filled,
);
/// How a condition compares, for a message about a missing operator.
pub(in crate::policy) const OPERATOR: Takes = Takes::Said("an operator such as `eq`", &Words(&words(&OPS)));
/// What a condition compares a list with.
pub(in crate::policy) const SCALARS: Takes =
    Takes::Said("a list of strings, numbers or booleans, not empty", &List(&SCALAR));

object! {
    /// What a rule asks of a value.
    CONDITION, Condition: "an object with `path`, `op` and `value`", Any;

    Path "path": VALUE_PATH, Refused, "what the condition speaks of";
    Op "op": Words(&words(&OPS)), Refused, "how it compares";
    Value "value": Takes::Said(
        "what the operator compares with",
        &Either(&[Text, Number, Boolean, List(&SCALAR)]),
    ), Means("refused, but for `exists`: true"), "what it compares with";
    Reason "reason": Text, Nothing, "what the caller is told on a denial by it";
    Name "name": NAME, Nothing, "what the caller is told that it is called";
}
