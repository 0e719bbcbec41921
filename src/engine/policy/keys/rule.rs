//! The keys of a rule and its limits.

use super::{CLAUSE, MODE, NAME};
use crate::document::Absent::{As, Nothing, Refused};
use crate::document::Takes::{Boolean, Either, Filled, Integer, List, Object, Positive, Schema, Text, Words};
use crate::document::{Takes, object, words};
use crate::policy::words::{ACTIONS, KINDS, SCOPES, WINDOWS};

/// The longest window, in seconds: some 31 years.
pub(in crate::policy) const LONGEST_WINDOW: u32 = 1_000_000_000;
const WINDOW_SHAPE: Takes = Either(&[Words(&words(&WINDOWS)), Integer { least: 1, most: LONGEST_WINDOW }]);
/// A window.
pub(in crate::policy) const WINDOW: Takes =
    Takes::Said("`second`, `minute`, `hour`, `day` or a number of seconds", &WINDOW_SHAPE);
/// A window, for a message about a wrong number.
pub(in crate::policy) const WINDOW_IN_FULL: Takes = Takes::Said(
    "`second`, `minute`, `hour`, `day` or a whole number of seconds from 1 to 1000000000",
    &WINDOW_SHAPE,
);
/// The path of an argument that is a number.
pub(in crate::policy) const ARGUMENT: Takes = Takes::Said("a path such as `args.amount`", &Filled);
/// What one call adds.
pub(in crate::policy) const AMOUNT: Takes = Takes::Said(
    "a positive number, a path such as `args.amount` or a list of such paths",
    &Either(&[Positive, Filled, List(&ARGUMENT)]),
);
/// The path of the values that have a tally each.
pub(in crate::policy) const BY: Takes =
    Takes::Said("a path such as `args.account` or `claims.tenant`", &Filled);

/// The digest of a tool's definition.
pub(in crate::policy) const DEFINITION: Takes =
    Takes::Said("`sha256:` and 64 hex digits, as `mcp-policy scan --pin` writes them", &Filled);

/// Whether a limit is shared.
pub(in crate::policy) const SHARED: Takes = Takes::Said("`true` or `false`", &Boolean);

object! {
    /// What applies to the targets of one entry.
    RULE, Rule: "an object, `{}` to allow", Any;

    Action "action": Words(&words(&ACTIONS)), As(r#""allow""#), "the verdict where nothing else refuses";
    Reason "reason": Text, Nothing, "what the caller is told on a denial";
    OnDeny "on_deny": Text, Nothing, "another spelling of `reason`";
    Mode "mode": MODE, As(r#""enforce""#), "whether the rule takes effect";
    When "when": List(&CLAUSE), As("[]"), "conditions that must all hold, or the rule does not apply";
    Definition "definition": DEFINITION, Nothing,
        "the digest of the tool's definition; a tool that is listed otherwise is refused";
    Arguments "arguments": Schema, Nothing, "what the arguments of a call must be";
    Require "require": List(&CLAUSE), As("[]"), "conditions that must all hold";
    DenyIf "deny_if": List(&CLAUSE), As("[]"), "conditions of which none may hold";
    Limits "limits": List(&Object(&LIMIT)), As("[]"), "limits, all of which must have room";
    RateLimit "rate_limit": Object(&RATE_LIMIT), Nothing, "a limit of each session, named after the entry";
}

object! {
    /// How much of something may happen within a window.
    LIMIT, Limit: "an object with `counter`, `window` and `max`", Any;

    Counter "counter": NAME, Refused, "the name of what it counts; limits that name one counter share it";
    Window "window": WINDOW, Refused, "over what time it counts";
    Max "max": Positive, Refused, "how much may fall within a window";
    Scope "scope": Words(&words(&SCOPES)), As(r#""grant""#), "whose tally it is";
    By "by": BY, Nothing, "the argument or claim whose values have a tally each";
    Amount "amount": AMOUNT, As("1"), "how much one call adds: a number, or the arguments that are added up";
    Type "type": Words(&words(&KINDS)), As(r#""sliding""#),
        "whether windows move with time or with the calendar";
    Shared "shared": SHARED, As("false"), "whether all proxies with this policy count it together";
}

object! {
    /// A limit in short.
    RATE_LIMIT, RateLimit: "an object with `max` and `window`", Any;

    Max "max": Positive, Refused, "how many calls may fall within a window";
    Window "window": WINDOW, Refused, "over what time it counts";
}
