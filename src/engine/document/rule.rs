//! What can be wrong with rules, limits, conditions and grants, and its text.

use std::fmt;

use super::keys::{Object, Takes};
use super::message::{QUOTED, Quoted};
use super::path::Path;
use crate::limit::Amount;

/// How many names a message lists.
const LISTED: usize = 10;

/// What is wrong with a rule, a limit, a condition or a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InRule {
    /// A pattern is empty
    EmptyPattern,
    /// A pattern of names has characters that only a regular expression needs
    RegexAsPattern,
    /// A pattern of names begins or ends with white space
    SpaceAround,
    /// A pattern overlaps with another one, and neither decides
    Overlaps {
        /// The path of the other one
        other: Path,
    },
    /// A method is decided by another section
    OfSection {
        /// The method
        method: String,
        /// The section
        section: &'static str,
    },
    /// A pattern of resources matches no URI that a pattern can decide on
    NeverPlain {
        /// What all of these URIs have
        obstacle: &'static str,
    },
    /// A resource has a rule for arguments
    NoArguments {
        /// The rule, if it stands elsewhere and the resource names it
        of: Option<String>,
    },
    /// A rule that is not for one tool alone has the digest of a definition
    NoDefinition,
    /// A rule with `when` has the digest of a definition
    DefinitionOfSome,
    /// Another rule of the entry has another digest of the tool's definition
    OtherDefinition {
        /// The path of that digest
        first: String,
    },
    /// A list of rules is empty
    NoRules,
    /// The name of a rule is empty
    EmptyRuleName,
    /// No rule has this name
    NoSuchRule {
        /// The name
        name: String,
        /// The name of a rule that is almost the same
        alike: Option<String>,
        /// The names of all rules
        known: Vec<String>,
    },
    /// A digest is chosen where arguments are not hashed
    NoDigest,
    /// A rule needs an approval, and the document does not say whom to ask
    NobodyToAsk,
    /// The word for a window is unknown
    UnknownWindow {
        /// The word
        word: String,
        /// What belongs there
        expected: &'static Takes,
    },
    /// A counter is defined in another way elsewhere
    Disagrees {
        /// Its name
        counter: String,
        /// The key that differs
        on: &'static str,
        /// The path of the limit that came first
        first: Path,
    },
    /// A limit has no room for what each call adds
    NoRoom {
        /// What each call adds
        adds: Amount,
        /// What may fall within a window
        max: Amount,
    },
    /// Another limit of the same rule adds another amount to the same counter
    OtherAmount {
        /// The counter's name
        counter: String,
        /// The path of that limit
        first: String,
    },
    /// A limit is shared, and the document does not say where it is counted
    NoService,
    /// A limit cannot be shared
    Unshareable {
        /// What would be right, and why
        told: &'static str,
    },
    /// A shared limit does not fit into the whole numbers that the service counts
    TooManyHits {
        /// The most that fits
        most: Amount,
        /// The amount of one hit
        hit: Amount,
        /// The path of the limit that makes hits so small
        finest: String,
        /// The argument whose decimals nothing bounds, if that is the reason
        unbounded: Option<String>,
    },
    /// The same argument is added up twice
    AddedTwice,
    /// A text is not a path to a value
    NoValuePath {
        /// The text
        text: String,
        /// What belongs there
        expected: &'static Takes,
        /// Why it is not
        why: &'static str,
    },
    /// Groups of conditions nest too deep
    TooNested {
        /// How deep they may nest
        most: usize,
    },
    /// A group has both kinds of lists
    TwoGroups,
    /// `any` is empty
    EmptyAny,
    /// A reason stands there in both spellings
    TwoReasons,
    /// A rule with `when` restricts nothing where it applies
    RestrictsNothing,
    /// A text is not a time zone
    NoTimeZone {
        /// The text
        text: String,
        /// What belongs there
        expected: &'static Takes,
        /// Why it is not
        why: &'static str,
    },
    /// A condition compares with more than one value
    ManyValues,
    /// A condition compares with a value that is never what the operator takes
    NeverFits {
        /// The path to the value
        value: String,
        /// What the operator takes
        expected: &'static str,
    },
    /// The operator cannot be used for what a condition speaks of
    NoSuchTest {
        /// The path to what it speaks of
        subject: String,
        /// The operators that can
        ops: &'static str,
    },
    /// A regular expression of a condition does not compile
    NoRegex {
        /// The expression
        text: String,
        /// Why
        why: String,
    },
    /// A condition compares a string with something that is not a string
    NotOfStrings {
        /// The path to the string
        subject: String,
    },
    /// A description fits everybody
    FitsAll(&'static Object),
    /// Another grant has the same name
    NameTaken {
        /// That grant's path
        by: String,
    },
}

impl fmt::Display for InRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyPattern => out.write_str("a pattern must not be empty, `*` stands for every name"),
            Self::RegexAsPattern => out.write_str(
                "patterns are not regular expressions, only `*` is special: it stands for any text",
            ),
            Self::SpaceAround => out.write_str("a pattern must not begin or end with white space"),
            Self::Overlaps { other } => {
                let why = "which has as many literal characters, so neither decides";
                write!(out, "overlaps `{other}`, {why}; spell out more of one of them")
            }
            Self::OfSection { method, section } => {
                write!(out, "is not allowed here, `{method}` is decided by `{section}`")
            }
            Self::NoDigest => {
                out.write_str("is not allowed here, only `\"arguments\": \"hash\"` makes a digest")
            }
            Self::NeverPlain { obstacle } => {
                write!(out, "never allows anything: patterns decide on plain URIs, and this has {obstacle}")
            }
            Self::NoArguments { of: None } => {
                out.write_str("is not allowed here, a resource takes no arguments")
            }
            Self::NoArguments { of: Some(rule) } => {
                write!(out, "must not use `{rule}`, which has `arguments`, a resource takes no arguments")
            }
            Self::NoDefinition => out.write_str(
                "is not allowed here, only a rule under the exact name of a tool can have its definition",
            ),
            Self::DefinitionOfSome => out.write_str(
                "is not allowed beside `when`, a tool has the same definition for all calls: write it in a rule of its own",
            ),
            Self::OtherDefinition { first } => {
                write!(out, "differs from `{first}`, a tool has one definition")
            }
            Self::NoRules => out.write_str("must not be an empty list, `{}` allows"),
            Self::EmptyRuleName => out.write_str("the name of a rule must not be empty"),
            Self::NoSuchRule { name, alike, known } => no_such_rule(out, name, alike.as_deref(), known),
            Self::NobodyToAsk => {
                out.write_str("must not be `require_approval` without the key `approvals`, which says whom to ask")
            }
            Self::UnknownWindow { word, expected } => {
                write!(out, "unknown window {}, expected {expected}", Quoted(word, QUOTED))
            }
            Self::Disagrees { counter, on, first } => {
                let (counter, why) =
                    (Quoted(counter, QUOTED), "limits that share a counter must agree on it");
                write!(out, "counter {counter} has another {on} at `{first}`, {why}")
            }
            Self::NoRoom { adds, max } => {
                write!(
                    out,
                    "must be at least {adds}, which each call adds, or no call ever passes, found `{max}`"
                )
            }
            Self::OtherAmount { counter, first } => {
                let (counter, why) =
                    (Quoted(counter, QUOTED), "a call charges a counter once, so both must add the same");
                write!(out, "counter {counter} is charged another amount at `{first}`, {why}")
            }
            Self::NoService => out.write_str(
                "must not be `true` without the key `shared_limits`, which says where shared limits are counted",
            ),
            Self::Unshareable { told } => out.write_str(told),
            Self::TooManyHits { most, hit, finest, unbounded } => {
                write!(out, "must be at most {most}, because the service counts up to 4294967295 hits of {hit}")?;
                match unbounded {
                    None => write!(out, ", as fine as at `{finest}`; use a smaller maximum or coarser amounts"),
                    Some(argument) => write!(
                        out,
                        "; let `arguments` at `{finest}` say how many decimals `{argument}` has, by \
                         `\"multipleOf\": 0.01` or `\"type\": \"integer\"`"
                    ),
                }
            }
            Self::AddedTwice => out.write_str("is in the list already, each argument is added up once"),
            Self::NoValuePath { text, expected, why } => {
                write!(out, "must be {expected}, but {} {why}", Quoted(text, QUOTED))
            }
            Self::TooNested { most } => write!(out, "groups of conditions nest deeper than {most} levels"),
            Self::TwoGroups => {
                out.write_str("is not allowed beside `conditions`, put one group into the other")
            }
            Self::EmptyAny => out.write_str("must not be empty, because an empty `any` never holds"),
            Self::TwoReasons => out.write_str("is not allowed beside `reason`, which means the same"),
            Self::RestrictsNothing => out.write_str(
                "restricts nothing: `when` only says when a rule applies; to allow calls only under a condition, \
                 write it in `require`",
            ),
            Self::NoTimeZone { text, expected, why } => {
                write!(out, "must be {expected}, but {} {why}", Quoted(text, QUOTED))
            }
            Self::ManyValues => out.write_str("must lead to one value, so without `[*]`"),
            Self::NeverFits { value, expected } => {
                write!(out, "must lead to {expected}, which `{value}` never is")
            }
            Self::NoSuchTest { subject, ops } => write!(out, "must be {ops} for `{subject}`"),
            Self::NoRegex { text, why } => {
                let text = Quoted(text, QUOTED);
                write!(out, "must be a regular expression, but {text} does not compile: {why}")
            }
            Self::NotOfStrings { subject } => {
                write!(out, "must have only strings, because `{subject}` is a string")
            }
            Self::FitsAll(object) => {
                write!(out, "must be {}, an empty one would match every caller", object.expected)
            }
            Self::NameTaken { by } => {
                write!(out, "is the name of `{by}` already, each grant needs its own")
            }
        }
    }
}

/// Writes which names of rules there are.
fn no_such_rule(
    out: &mut fmt::Formatter<'_>,
    name: &str,
    alike: Option<&str>,
    known: &[String],
) -> fmt::Result {
    write!(out, "no rule has the name {}, ", Quoted(name, QUOTED))?;
    if let Some(alike) = alike {
        return write!(out, "`rules` has {}", Quoted(alike, QUOTED));
    }
    if known.is_empty() {
        return out.write_str("`rules` defines none; `{}` allows, `{\"action\": \"deny\"}` denies");
    }
    out.write_str("`rules` has ")?;
    for (index, name) in known.iter().enumerate() {
        let separator = if index > 0 { ", " } else { "" };
        if index == LISTED {
            return write!(out, "{separator}…");
        }
        write!(out, "{separator}{}", Quoted(name, QUOTED))?;
    }
    Ok(())
}
