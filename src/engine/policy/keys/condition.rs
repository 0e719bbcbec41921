//! The keys of a condition.

use super::{NAME, SCALAR};
use crate::document::Absent::{Means, Nothing, Refused};
use crate::document::Takes::{Boolean, Either, Filled, List, Number, Object, Text, Words};
use crate::document::{Takes, object, words};
use crate::policy::words::{OPS, WEEKDAYS};

/// What a condition speaks of.
pub(in crate::policy) const VALUE_PATH: Takes = Takes::Said(
    "a path such as `args.items[0].sku`, `args.recipients[*]`, `args[\"a.b\"]`, `grant`, `principal`, \
     `claims.team`, `scopes`, `source`, `tool` or `time.of_day`",
    &Filled,
);
/// How a condition compares, for a message about a missing operator.
pub(in crate::policy) const OPERATOR: Takes = Takes::Said("an operator such as `eq`", &Words(&words(&OPS)));
/// What a condition compares a list with.
pub(in crate::policy) const SCALARS: Takes =
    Takes::Said("a list of strings, numbers or booleans, not empty", &List(&SCALAR));

/// A time of day, to compare the caller's with.
pub(in crate::policy) const TIME_OF_DAY: Takes = Takes::Said("a time of day such as `08:30`", &Filled);
/// A date, to compare today's with.
pub(in crate::policy) const DATE: Takes = Takes::Said("a date such as `2027-01-31`", &Filled);
/// A day of the week.
pub(in crate::policy) const WEEKDAY: Takes = Words(&WEEKDAYS);
/// A clause. It is a static, because groups of clauses refer back to it.
pub(in crate::policy) static CLAUSE: Takes = Takes::Said(
    "a condition with `path` and `op`, or a group with `conditions` or `any`",
    &Either(&[Object(&CONDITION), Object(&GROUP)]),
);

object! {
    /// What a rule asks of a value.
    CONDITION, Condition: "an object with `path`, `op` and `value`", Any;

    Path "path": VALUE_PATH, Refused, "what the condition speaks of";
    Op "op": Words(&words(&OPS)), Refused, "how it compares";
    Value "value": Takes::Said(
        "what the operator compares with",
        &Either(&[Text, Number, Boolean, List(&SCALAR), Object(&OPERAND)]),
    ), Means("refused, but for `exists`: true"), "what it compares with";
    Reason "reason": Text, Nothing, "what the caller is told on a denial by it";
    OnDeny "on_deny": Text, Nothing, "another spelling of `reason`";
    Name "name": NAME, Nothing, "what the caller is told that it is called";
}

object! {
    /// Conditions that are one.
    GROUP, Group: "an object with `conditions` or `any`", Some;

    Conditions "conditions": List(&CLAUSE), Nothing, "conditions, all of which must hold";
    Any "any": List(&CLAUSE), Nothing, "conditions, one of which must hold";
    Reason "reason": Text, Nothing, "what the caller is told on a denial by it";
    OnDeny "on_deny": Text, Nothing, "another spelling of `reason`";
    Name "name": NAME, Nothing, "what the caller is told that it is called";
}

object! {
    /// A value of the request.
    OPERAND, Operand: "an object with `path`", Any;

    Path "path": VALUE_PATH, Refused, "where the value is";
}
