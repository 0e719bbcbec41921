//! Faults as text: one line each, in words that say what would be right.

use std::fmt::{self, Write as _};

use super::fault::{Fault, Faults};
use super::keys::Takes;
use super::wrong::{Found, Wrong};

/// How many characters of a faulty value a message quotes.
pub(super) const QUOTED: usize = 40;

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
pub(super) struct Quoted<'t>(pub &'t str, pub usize);

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
