//! The keys of a policy document, object by object, from [`DOCUMENT`] on.

mod approvals;
mod condition;
mod document;
mod grant;
mod identity;
mod rule;
mod shared;

pub use approvals::APPROVALS;
pub(super) use approvals::{Approvals, META};
pub(super) use condition::{
    CLAUSE, Condition, DATE, Group, OPERATOR, Operand, SCALARS, TIME_OF_DAY, VALUE_PATH, WEEKDAY,
};
pub use condition::{CONDITION, GROUP, OPERAND};
pub use document::{AUDIT, COUNTERS, DOCUMENT};
pub(super) use document::{Audit, Counters, Document, EXEMPT_PATH, TIME_ZONE};
pub(super) use grant::{CLAIMS, DIGEST, Grant, MATCHING, Match, SCOPE_WORD, SCOPE_WORDS};
pub use grant::{GRANT, MATCH};
pub use identity::{API_KEY, HEADER, JWT, SOURCE, UNAUTHENTICATED};
pub(super) use identity::{ATTRIBUTE, ApiKey, Header, Jwt, ORIGIN, Source, Unauthenticated};
pub(super) use rule::{
    AMOUNT, ARGUMENT, BY, DEFINITION, LONGEST_WINDOW, Limit, RateLimit, Rule, SHARED, WINDOW, WINDOW_IN_FULL,
};
pub use rule::{LIMIT, RATE_LIMIT, RULE};
pub use shared::SHARED_LIMITS;
pub(super) use shared::SharedLimits;

use super::words::{DEFAULTS, EFFECTS, MODES};
use crate::document::Takes::{Boolean, Either, Filled, List, Named, Number, Object, Text, Words};
use crate::document::{Keys, Note, Takes, words};

const NAME: Takes = Takes::Said("a name", &Filled);
const RULES: Takes = Takes::Said("an object of patterns and their rules", &Named(&ENTRY));
const NAMED_RULES: Takes = Takes::Said("an object of names and their rules", &Named(&Object(&RULE)));
/// What stands in a list of rules.
pub(super) const RULE_OR_NAME: Takes =
    Takes::Said("a rule, `{}` to allow, or the name of one", &Either(&[Object(&RULE), Filled]));
/// What decides on the targets of an entry.
pub(super) const ENTRY: Takes = Takes::Said(
    "a rule, `{}` to allow, the name of one, or a list of these",
    &Either(&[Object(&RULE), Filled, List(&RULE_OR_NAME)]),
);
const METHODS: Takes = Takes::Said("an object of methods and `allow` or `deny`", &Named(&EFFECT));
const HIDDEN: Takes = List(&PATTERN);
const VERDICT: Takes = Words(&words(&DEFAULTS));
const MODE: Takes = Words(&words(&MODES));
/// What hides a tool.
pub(super) const PATTERN: Takes = Takes::Said("a pattern such as `get_*`", &Filled);
/// What decides on a method.
pub(super) const EFFECT: Takes = Words(&words(&EFFECTS));
/// What a condition compares with.
pub(super) const SCALAR: Takes =
    Takes::Said("a string, a number or a boolean", &Either(&[Text, Number, Boolean]));

/// Every object of a policy document, with the notes on its keys.
pub static OBJECTS: [(&crate::document::Object, &[Note]); 18] = [
    (&DOCUMENT, Document::NOTES),
    (&AUDIT, Audit::NOTES),
    (&COUNTERS, Counters::NOTES),
    (&APPROVALS, Approvals::NOTES),
    (&SHARED_LIMITS, SharedLimits::NOTES),
    (&RULE, Rule::NOTES),
    (&LIMIT, Limit::NOTES),
    (&RATE_LIMIT, RateLimit::NOTES),
    (&CONDITION, Condition::NOTES),
    (&GROUP, Group::NOTES),
    (&OPERAND, Operand::NOTES),
    (&SOURCE, Source::NOTES),
    (&JWT, Jwt::NOTES),
    (&API_KEY, ApiKey::NOTES),
    (&HEADER, Header::NOTES),
    (&UNAUTHENTICATED, Unauthenticated::NOTES),
    (&GRANT, Grant::NOTES),
    (&MATCH, Match::NOTES),
];

/// The keys that the document and a grant have in common: a set of rules.
pub(super) trait RuleKeys: Keys {
    const DEFAULT: Self;
    const HIDE: Self;
    const ALL_TOOLS: Self;
    const TOOLS: Self;
    const RESOURCES: Self;
    const PROMPTS: Self;
    const METHODS: Self;
}

macro_rules! rule_keys {
    ($($keys:ident),+) => {
        $(impl RuleKeys for $keys {
            const DEFAULT: Self = Self::Default;
            const HIDE: Self = Self::Hide;
            const ALL_TOOLS: Self = Self::AllTools;
            const TOOLS: Self = Self::Tools;
            const RESOURCES: Self = Self::Resources;
            const PROMPTS: Self = Self::Prompts;
            const METHODS: Self = Self::Methods;
        })+
    };
}
rule_keys!(Document, Grant);
