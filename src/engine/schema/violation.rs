//! The message about an argument that does not fit: which argument, and what would fit.

use std::fmt::{self, Write as _};

use super::node::{Bound, Check, Counted, Elements};
use super::validate::{Constraint, Mismatch};
use crate::document::{Path, shortened};
use crate::json::Value;

/// The longest key from the caller that a message quotes, in characters.
const KEY: usize = 64;
/// The longest path in a message, in characters.
const PLACE: usize = 256;
/// The longest pattern that a message quotes, in characters.
const TEXT: usize = 128;
/// The most values or names of a schema that a message lists.
const MANY: usize = 16;

/// An argument and the constraint that it violates. The text quotes the schema, never the argument's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path of the argument, such as `args.items[2].sku`
    pub argument: String,
    /// The constraint, such as `must be a string`
    pub constraint: String,
    /// Whether the budget of work did not suffice
    pub exhausted: bool,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` {}", self.argument, self.constraint)
    }
}

impl Violation {
    pub(super) fn new(arguments: Value<'_>, mismatch: Mismatch<'_, '_>) -> Self {
        let mut place = locate(arguments, mismatch.value);
        if let Constraint::Missing(name) = mismatch.constraint {
            place = place.key(name);
        }
        let place = place.to_string();
        let argument = match place.char_indices().nth(PLACE).and_then(|(at, _)| place.get(..at)) {
            Some(short) => format!("{short}…"),
            None => place,
        };
        let mut constraint = String::new();
        // Writing to a `String` cannot fail.
        let _ = mismatch.constraint.describe(mismatch.value, &mut constraint);
        Self { argument, constraint, exhausted: mismatch.is_exhausted() }
    }
}

/// Finds the path of a value within the arguments by its byte span.
fn locate(arguments: Value<'_>, value: Value<'_>) -> Path {
    let at = value.span();
    let holds = |outer: &Value<'_>| outer.span().start <= at.start && at.end <= outer.span().end;
    let mut path = Path::default().key("args");
    let mut outer = arguments;
    while outer.span() != at {
        let member = outer.entries().find(|(_, member)| holds(member));
        let element = outer.elements().enumerate().find(|(_, element)| holds(element));
        (outer, path) = match (member, element) {
            (Some((key, member)), _) => (member, path.key(&brief(&key))),
            (None, Some((index, element))) => (element, path.index(index)),
            (None, None) => break,
        };
    }
    path
}

fn brief(key: &str) -> String {
    match key.char_indices().nth(KEY).and_then(|(at, _)| key.get(..at)) {
        Some(short) => format!("{short}…"),
        None => key.to_owned(),
    }
}

impl Constraint<'_> {
    fn describe(self, value: Value<'_>, out: &mut String) -> fmt::Result {
        match self {
            Self::Check(Check::Type(types)) => mistyped(*types, value, out),
            Self::Check(check) => check.describe(out),
            Self::Types(types) => mistyped(types, value, out),
            Self::Missing(_) => write!(out, "is missing"),
            Self::Unknown(members) => {
                let known = members.named.iter().filter(|named| named.schema.is_some());
                write!(out, "is unknown, expected ")?;
                let patterns = members.patterns.iter().map(|(pattern, _)| &*pattern.text);
                list(out, known.map(|named| &*named.name).chain(patterns), "nothing else")
            }
            Self::Name => write!(out, "has a name that is not allowed"),
            Self::Digits => write!(out, "must be a number of no more digits than a double keeps"),
            Self::Fraction => {
                write!(out, "must be a value whose fraction cannot matter, since some servers cut it off")
            }
            Self::Cut => write!(out, "must not contain U+0000, where some servers end the text"),
            Self::Unclear => write!(out, "has a key that servers could read differently"),
            Self::Work => write!(out, "takes more work to judge than one request may cause: send less"),
            Self::Respelled(of) => write!(out, "is another spelling of {}", shortened(of, KEY)),
            Self::Several => write!(out, "must fit exactly one of its alternatives, but fits several"),
        }
    }
}

/// Writes the message about a wrong type. For a number that is not an integer it leaves out "found a number".
fn mistyped(types: super::types::Types, value: Value<'_>, out: &mut String) -> fmt::Result {
    match value.number() {
        Some(_) if types.numeric() => write!(out, "must be {types}"),
        _ => write!(out, "must be {types}, found {}", value.kind().name()),
    }
}

impl Check {
    fn describe(&self, out: &mut String) -> fmt::Result {
        match self {
            Self::Never => write!(out, "is not allowed"),
            Self::Type(types) => write!(out, "must be {types}"),
            Self::Literals(literals) => {
                write!(out, "must be ")?;
                list(out, literals.texts.iter().map(|text| &**text), "something else")
            }
            Self::Bound(bound, limit) => {
                let words = match bound {
                    Bound::AtLeast => "at least",
                    Bound::AtMost => "at most",
                    Bound::MoreThan => "more than",
                    Bound::LessThan => "less than",
                };
                write!(out, "must be {words} {}", brief(limit.text()))
            }
            Self::MultipleOf(divisor) => write!(out, "must be a multiple of {}", brief(divisor)),
            Self::Count(counted, bound, limit) => {
                let words = if *bound == Bound::AtLeast { "at least" } else { "at most" };
                let (one, many) = match counted {
                    Counted::Characters => ("character", "characters"),
                    Counted::Elements => ("element", "elements"),
                    Counted::Members => ("member", "members"),
                };
                write!(out, "must have {words} {limit} {}", if *limit == 1 { one } else { many })
            }
            Self::Pattern(pattern) => {
                write!(out, "must match the pattern {}", shortened(&pattern.text, TEXT))
            }
            Self::Unique => write!(out, "must not have two equal elements"),
            Self::Any(nodes) | Self::One(nodes) => {
                write!(out, "must fit one of its {} alternatives", nodes.len())
            }
            Self::Not(_) => write!(out, "is of a form that is not allowed"),
            // The violation is always that of a check within these.
            Self::Members(_) | Self::Items(_) | Self::All(_) | Self::If(_) => write!(out, "does not fit"),
            Self::Elements(elements) => contained(elements, out),
        }
    }
}

/// Writes how many elements must fit `contains`.
fn contained(elements: &Elements, out: &mut String) -> fmt::Result {
    let Elements { least, most, .. } = elements;
    let count = |count: u64| if count == 1 { "element" } else { "elements" };
    match *most {
        u64::MAX => {
            write!(out, "must have at least {least} {} of the form that the schema asks for", count(*least))
        }
        most => {
            write!(out, "must have {least} to {most} {} of the form that the schema asks for", count(most))
        }
    }
}

/// Writes a list such as "`a`, `b` or `c`", shortened; writes `none` if there are no texts.
fn list<'s>(out: &mut String, texts: impl Iterator<Item = &'s str>, none: &str) -> fmt::Result {
    let mut texts: Vec<String> =
        texts.take(MANY.saturating_add(1)).map(|text| shortened(text, KEY)).collect();
    if texts.len() > MANY {
        texts.truncate(MANY);
        return write!(out, "{} or another", texts.join(", "));
    }
    match texts.split_last() {
        None => write!(out, "{none}"),
        Some((last, [])) => write!(out, "{last}"),
        Some((last, rest)) => write!(out, "{} or {last}", rest.join(", ")),
    }
}
