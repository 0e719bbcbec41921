//! What a caller is told of arguments that do not fit: which one, and what would.

use std::fmt::{self, Write as _};

use super::judge::{Broken, Constraint};
use super::node::{Bound, Check, Counted};
use crate::document::{Path, shortened};
use crate::json::Value;

/// How much of a key that a caller sent is told, in characters.
const KEY: usize = 64;
/// How much of a path is told, in characters.
const PLACE: usize = 256;
/// How much of a pattern or a value of the schema is told, in characters.
const TEXT: usize = 128;
/// How many values or names of a schema are told.
const MANY: usize = 16;

/// One argument and the constraint that it does not meet. Quotes the schema, never the argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where it is, such as `args.items[2].sku`
    pub argument: String,
    /// What it has to be, such as `must be a string`
    pub constraint: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` {}", self.argument, self.constraint)
    }
}

impl Violation {
    pub(super) fn new(arguments: Value<'_>, broken: Broken<'_, '_>) -> Self {
        let mut place = locate(arguments, broken.value);
        if let Constraint::Missing(name) = broken.constraint {
            place = place.key(name);
        }
        let place = place.to_string();
        let argument = match place.char_indices().nth(PLACE).and_then(|(at, _)| place.get(..at)) {
            Some(short) => format!("{short}…"),
            None => place,
        };
        let mut constraint = String::new();
        // Writing to a String cannot fail.
        let _ = broken.constraint.describe(broken.value, &mut constraint);
        Self { argument, constraint }
    }
}

/// Finds the place of a value, from outside in: the reader has kept where each begins and ends.
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
                list(out, known.map(|named| &*named.name), "nothing else")
            }
            Self::Digits => write!(out, "must be a number of no more digits than a double keeps"),
            Self::Respelled(of) => write!(out, "is another spelling of {}", shortened(of, KEY)),
            Self::Several => write!(out, "must fit exactly one of its alternatives, but fits several"),
        }
    }
}

/// A number that is no integer was sent as a number all the same, so that is not held against it.
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
                list(out, literals.iter().map(super::literal::Literal::text), "something else")
            }
            Self::Bound(bound, limit) => {
                let words = match bound {
                    Bound::AtLeast => "at least",
                    Bound::AtMost => "at most",
                    Bound::MoreThan => "more than",
                    Bound::LessThan => "less than",
                };
                write!(out, "must be {words} {}", brief(limit))
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
            Self::Pattern(_, text) => write!(out, "must match the pattern {}", shortened(text, TEXT)),
            Self::Unique => write!(out, "must not have two equal elements"),
            Self::Any(nodes) | Self::One(nodes) => {
                write!(out, "must fit one of its {} alternatives", nodes.len())
            }
            Self::Not(_) => write!(out, "is of a form that is not allowed"),
            // Whatever breaks one of these breaks a check within it.
            Self::Members(_) | Self::Items(_) | Self::All(_) => write!(out, "does not fit"),
        }
    }
}

/// Writes "`a`, `b` or `c`", shortened, or `none` where there is nothing.
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
