//! Faults as text: one line each, in words that say what would be right.

use std::fmt::{self, Write as _};

use super::fault::{Fault, Faults};
use super::keys::Takes;
use super::wrong::{Found, InRule, InSchema, Wrong};

/// How many characters of a faulty value a message quotes.
const QUOTED: usize = 40;

/// How many names a message lists.
const LISTED: usize = 10;

impl<W: fmt::Display> fmt::Display for Fault<W> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.path, self.wrong)
    }
}

impl<W: fmt::Display> fmt::Display for Faults<W> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.iter().enumerate() {
            if index > 0 {
                out.write_str("\n")?;
            }
            fault.fmt(out)?;
        }
        Ok(())
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("is empty, it must hold a policy"),
            Self::NotJson { what, at, yaml } => {
                let advice = if *yaml { "; YAML can go as a `google.protobuf.Struct`" } else { "" };
                write!(out, "must be JSON, but {what} at {at}{advice}")
            }
            Self::TooDeep(at) => {
                out.write_str("arrays and objects nest deeper than 100 levels")?;
                at.map_or(Ok(()), |at| write!(out, " at {at}"))
            }
            Self::TooDeepForStruct => {
                out.write_str("nests too deep for a Struct, write the policy as JSON")
            }
            Self::NoTextOfStruct => out.write_str("the Struct cannot be written as JSON"),
            Self::Defect(defect) => defect.fmt(out),
            Self::Unfit { expected, found } => write!(out, "must be {expected}{found}"),
            Self::UnfitNumber => out.write_str("must be a number within 64-bit integers or doubles"),
            Self::LoneSurrogate => out.write_str("must not hold half of a surrogate pair"),
            Self::NotFinite => out.write_str("must be a finite number"),
            Self::Inexact => out.write_str(
                "an integer beyond 2^53 may have been changed on its way as a Struct, write the policy as JSON",
            ),
            Self::MaybeNumber => out.write_str(
                "may be a number that became a string on its way as a Struct, write the policy as JSON",
            ),
            Self::MaybeWord => out.write_str(
                "may be a word such as `no` or `off` that YAML read as a boolean, quote the word or write the \
                 policy as JSON",
            ),
            Self::EmptyString => out.write_str("must not be an empty string"),
            Self::Missing { expected } => write!(out, "is missing, must be {expected}"),
            Self::UnknownKey { object, .. } => {
                out.write_str("unknown key, expected ")?;
                alternatives(out, object.keys.iter().map(|key| key.name))
            }
            Self::DuplicateKey => out.write_str("duplicate key, an object must have each key once"),
            Self::Rule(wrong) => wrong.fmt(out),
            Self::Schema(wrong) => wrong.fmt(out),
            Self::Identity(wrong) => wrong.fmt(out),
        }
    }
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

impl fmt::Display for InSchema {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKeyword { .. } => out.write_str("unknown keyword, it would have no effect"),
            Self::NoType => out.write_str("must name one type or more"),
            Self::NoPattern { text, why } => {
                write!(
                    out,
                    "must be a regular expression, but {} does not compile: {why}",
                    Quoted(text, QUOTED)
                )
            }
            Self::Recursive => out.write_str("leads back to itself by a `$ref`, recursion is not supported"),
            Self::TooHigh => {
                out.write_str("more than 100 schemas stand within one another, once `$ref`s are followed")
            }
            Self::TooLarge { most } => {
                let what = "its `$ref`s make more than";
                write!(out, "{what} {most} schemas of it, once each is followed anew")
            }
        }
    }
}

impl fmt::Display for Found {
    /// Writes the end of "must be …": a scalar's text, or the type of an array or object.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untold => Ok(()),
            Self::Scalar(text) => write!(out, ", found {}", Quoted(text, QUOTED)),
            Self::Compound(kind) => write!(out, ", found {}", kind.name()),
        }
    }
}

impl fmt::Display for Takes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything => out.write_str("a value"),
            Self::Text => out.write_str("a string"),
            Self::Filled => out.write_str("a string that is not empty"),
            Self::Words(words) => alternatives(out, words.iter().copied()),
            Self::Integer { least, most } => write!(out, "an integer from {least} to {most}"),
            Self::Positive => out.write_str("a positive number"),
            Self::Number => out.write_str("a number"),
            Self::Boolean => out.write_str("a boolean"),
            Self::List(_) => out.write_str("a list"),
            Self::Object(object) => out.write_str(object.expected),
            Self::Named(_) => out.write_str("an object"),
            Self::Schema => out.write_str("a schema: an object, `true` or `false`"),
            Self::Either(all) => {
                for (index, takes) in all.iter().enumerate() {
                    write!(out, "{}{takes}", if index > 0 { " or " } else { "" })?;
                }
                Ok(())
            }
            Self::Said(text, _) => out.write_str(text),
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

/// Writes "`a`, `b` or `c`".
fn alternatives(
    out: &mut fmt::Formatter<'_>,
    words: impl ExactSizeIterator<Item = &'static str>,
) -> fmt::Result {
    let last = words.len().saturating_sub(1);
    for (index, word) in words.enumerate() {
        let separator = match index {
            0 => "",
            _ if index == last => " or ",
            _ => ", ",
        };
        write!(out, "{separator}`{word}`")?;
    }
    Ok(())
}

/// A text in a message, cut after so many characters. Characters that a log or a terminal would act on are
/// escaped, so that a document cannot write log lines of its own.
struct Quoted<'t>(&'t str, usize);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text, most) = self;
        out.write_char('`')?;
        for (index, char) in text.chars().enumerate() {
            match char {
                _ if index == *most => {
                    out.write_char('…')?;
                    break;
                }
                '"' | '\'' | '\\' => out.write_char(char)?,
                _ => char.escape_debug().try_for_each(|char| out.write_char(char))?,
            }
        }
        out.write_char('`')
    }
}

/// Quotes a text in a message, up to `most` characters.
#[must_use]
pub(crate) fn shortened(text: &str, most: usize) -> String {
    Quoted(text, most).to_string()
}
