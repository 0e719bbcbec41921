//! What messages say of it.

use std::fmt;

use super::InRule;
use crate::document::message::{QUOTED, Quoted};

/// How many names a message lists.
const LISTED: usize = 10;

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
