//! What can be wrong with schemas, and its text.

use std::fmt;

use super::message::{QUOTED, Quoted};

/// What is wrong with a schema of arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InSchema {
    /// A keyword is unknown
    UnknownKeyword {
        /// The keyword
        keyword: String,
    },
    /// `type` is an empty list
    NoType,
    /// A `pattern` does not compile
    NoPattern {
        /// The pattern
        text: String,
        /// Why
        why: String,
    },
    /// An annotation `x-mcp-header` is elsewhere than on a property that a chain of `properties` leads to
    NoProperty,
    /// A schema leads back to itself
    Recursive,
    /// Schemas nest too deep
    TooHigh,
    /// A schema consists of too many schemas
    TooLarge {
        /// How many it may consist of
        most: usize,
    },
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
            Self::NoProperty => out.write_str(
                "has no effect here: write it in a property, to which only `properties` lead from the top, not `$ref`, `allOf` or the like",
            ),
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
