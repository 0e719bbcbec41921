//! Conditions on a call's arguments and its caller.

mod load;
mod subject;

pub(super) use load::{condition, reason};

use super::Order;
use super::path::{Origin, ValuePath};
use super::pattern::Pattern;
use super::scalars::Scalars;
use crate::json::Known;
use crate::regex::Regex;

/// A condition on each value that a path leads to.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Its path in the document
    pub path: String,
    /// The path to the values that it tests
    pub attribute: ValuePath,
    /// The test
    pub test: Test,
    /// The text for the caller if this condition denies a call
    pub reason: Option<String>,
    /// The name of the condition, which the denial quotes
    pub name: Option<String>,
}

/// The test of a value.
#[derive(Debug, Clone)]
pub enum Test {
    /// The value equals one of these: `eq`, `in`
    OneOf(Scalars),
    /// The value equals none of these: `neq`, `not_in`
    NoneOf(Scalars),
    /// The value is a number that compares so with this number: `lt`, `lte`, `gt`, `gte`
    Order(Order, Known),
    /// The value is a string or an array that contains this
    Contains(Scalar),
    /// The value is a string or an array that does not contain this
    NotContains(Scalar),
    /// The value is a string that starts with this
    StartsWith(String),
    /// The value is a string that ends with this
    EndsWith(String),
    /// The value is a string that matches this pattern as a whole
    Glob(Pattern),
    /// The value is a string in which this expression matches
    Regex(Regex),
    /// The value exists and is not null (`true`), or not (`false`)
    Exists(bool),
    /// The value is a text that compares so with this text of the same form, such as two dates
    TextOrder(Order, String),
    /// The value compares so with another value of the request
    With(Comparison, ValuePath),
}

/// How a value compares with another value of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// They are equal
    Equals,
    /// They are not equal
    Differs,
    /// The other value is a list that contains it
    In,
    /// The other value is a list that does not contain it
    NotIn,
    /// It compares so with the other value
    Order(Order),
    /// It contains the other value
    Contains,
    /// It does not contain the other value
    NotContains,
    /// It starts with the other value
    StartsWith,
    /// It ends with the other value
    EndsWith,
}

impl Condition {
    /// Returns whether the result depends on the arguments of the call.
    #[must_use]
    pub fn reads_arguments(&self) -> bool {
        let origin = |path: &ValuePath| path.origin() == Origin::Arguments;
        origin(&self.attribute) || self.operand().is_some_and(origin)
    }

    /// Returns whether the result depends on the time.
    #[must_use]
    pub fn reads_time(&self) -> bool {
        self.attribute.origin().is_time() || self.operand().is_some_and(|path| path.origin().is_time())
    }

    /// Returns the path to the other value of the request that the condition compares with, if it does so.
    #[must_use]
    pub fn operand(&self) -> Option<&ValuePath> {
        match &self.test {
            Test::With(_, path) => Some(path),
            _ => None,
        }
    }
}

/// A value of the policy, to compare others with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// A string
    Text(String),
    /// A number, as its JSON text
    Number(String),
    /// A boolean
    Bool(bool),
}

impl Scalar {
    /// Returns the string; `None` if it is another value.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}
