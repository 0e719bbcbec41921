//! Conditions on a call's arguments and its caller.

use std::borrow::Cow;

use super::Order;
use super::keys;
use super::path::{Origin, ValuePath};
use super::pattern::Pattern;
use super::scalars::Scalars;
use super::words::{OPS, Op};
use crate::document::{Faults, Fields, InRule, Part, Takes, Wrong};
use crate::json::{Kind, Known};
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

/// Reads a list of conditions.
pub(super) fn conditions(list: Vec<Part<'_>>, faults: &mut Faults) -> Vec<Condition> {
    list.into_iter().filter_map(|part| condition(&part, faults)).collect()
}

fn condition(part: &Part<'_>, faults: &mut Faults) -> Option<Condition> {
    let path = &part.path;
    let mut fields = Fields::<keys::Condition>::open(part, faults)?;
    let attribute = fields.need(keys::Condition::Path, faults).and_then(|part| attribute(&part, faults));
    let op = if fields.has_any(&[keys::Condition::Op]) {
        fields.word(keys::Condition::Op, &OPS, Op::Eq, faults)
    } else {
        fields.take(keys::Condition::Op);
        fields.missing(keys::Condition::Op, &keys::OPERATOR, faults);
        None
    };
    let operand = fields.take(keys::Condition::Value);
    let test = match (op, &operand) {
        (None, _) => None,
        (Some(op), Some(part)) => test(op, part, faults),
        (Some(Op::Exists), None) => Some(Test::Exists(true)),
        (Some(op), None) => {
            fields.missing(keys::Condition::Value, expected(op), faults);
            None
        }
    };
    let reason = fields.text(keys::Condition::Reason, faults);
    let name = fields.name(keys::Condition::Name, faults);
    fields.close(faults);
    let (attribute, test) = (attribute?, test?);
    if let Some(part) = operand
        .filter(|_| matches!(attribute.origin(), Origin::Grant | Origin::Principal) && !test.is_of_text())
    {
        faults.add(&part, InRule::NotOfStrings { subject: attribute.to_string() });
    }
    Some(Condition { path: path.to_string(), attribute, test, reason, name })
}

fn attribute(part: &Part<'_>, faults: &mut Faults) -> Option<ValuePath> {
    let Some(text) = part.value.string() else {
        faults.unfit(part, &keys::VALUE_PATH);
        return None;
    };
    match ValuePath::parse(&text) {
        Ok(attribute) => Some(attribute),
        Err(why) => {
            let (text, expected) = (text.into_owned(), &keys::VALUE_PATH);
            faults.add(part, InRule::NoValuePath { text, expected, why });
            None
        }
    }
}

/// Returns what an operator takes as its `value`.
fn expected(op: Op) -> &'static Takes {
    match op {
        Op::Eq | Op::Neq | Op::Contains | Op::NotContains => &keys::SCALAR,
        Op::In | Op::NotIn => &keys::SCALARS,
        Op::Order(_) => &Takes::Number,
        Op::StartsWith | Op::EndsWith | Op::Glob | Op::Regex => &Takes::Filled,
        Op::Exists => &Takes::Boolean,
    }
}

fn test(op: Op, part: &Part<'_>, faults: &mut Faults) -> Option<Test> {
    match op {
        Op::Eq => scalar(part, faults).map(|scalar| Test::OneOf(vec![scalar].into())),
        Op::Neq => scalar(part, faults).map(|scalar| Test::NoneOf(vec![scalar].into())),
        Op::In => scalars(part, faults).map(|scalars| Test::OneOf(scalars.into())),
        Op::NotIn => scalars(part, faults).map(|scalars| Test::NoneOf(scalars.into())),
        Op::Order(order) => {
            let number = faults.fit(part, part.number(), expected(op));
            number.map(|number| Test::Order(order, Known::new(&number)))
        }
        Op::Contains => sought(part, faults).map(Test::Contains),
        Op::NotContains => sought(part, faults).map(Test::NotContains),
        Op::StartsWith => filled(part, op, faults).map(Test::StartsWith),
        Op::EndsWith => filled(part, op, faults).map(Test::EndsWith),
        Op::Glob => filled(part, op, faults).map(|text| Test::Glob(Pattern::new(&text))),
        Op::Regex => filled(part, op, faults).and_then(|text| regex(text, part, faults)).map(Test::Regex),
        Op::Exists => {
            let wanted = match part.value.kind() {
                Kind::Bool(wanted) => Some(wanted),
                _ => None,
            };
            faults.fit(part, wanted, expected(op)).map(Test::Exists)
        }
    }
}

/// Reads a string that is not empty.
fn filled(part: &Part<'_>, op: Op, faults: &mut Faults) -> Option<String> {
    let text = part.value.string().filter(|text| !text.is_empty());
    faults.fit(part, text, expected(op)).map(Cow::into_owned)
}

fn scalar(part: &Part<'_>, faults: &mut Faults) -> Option<Scalar> {
    match (part.value.kind(), part.value.string()) {
        (Kind::Bool(flag), _) => Some(Scalar::Bool(flag)),
        (Kind::Number, _) => Some(Scalar::Number(part.value.raw().to_owned())),
        (_, Some(text)) => {
            // A string never equals a number, so the author must say which one is meant.
            if part.may_have_been_a_number() {
                faults.add(part, Wrong::MaybeNumber);
            }
            Some(Scalar::Text(text.into_owned()))
        }
        (_, None) => {
            faults.unfit(part, &keys::SCALAR);
            None
        }
    }
}

fn scalars(part: &Part<'_>, faults: &mut Faults) -> Option<Vec<Scalar>> {
    if part.value.elements().next().is_none() {
        faults.unfit(part, &keys::SCALARS);
        return None;
    }
    Some(part.elements().filter_map(|element| scalar(&element, faults)).collect())
}

/// Reads the operand of `contains` or `not_contains`.
fn sought(part: &Part<'_>, faults: &mut Faults) -> Option<Scalar> {
    let sought = scalar(part, faults);
    // Every string contains the empty string.
    if part.value.string().is_some_and(|text| text.is_empty()) {
        faults.add(part, Wrong::EmptyString);
    }
    sought
}

fn regex(text: String, part: &Part<'_>, faults: &mut Faults) -> Option<Regex> {
    match Regex::new(&text) {
        Ok(regex) => Some(regex),
        Err(why) => {
            faults.add(part, InRule::NoRegex { text, why });
            None
        }
    }
}

impl Test {
    /// Returns whether the test can be evaluated for every string.
    fn is_of_text(&self) -> bool {
        let text = |scalar: &Scalar| matches!(scalar, Scalar::Text(_));
        match self {
            Self::OneOf(scalars) | Self::NoneOf(scalars) => scalars.iter().all(text),
            Self::Contains(scalar) | Self::NotContains(scalar) => text(scalar),
            Self::Order(..) => false,
            _ => true,
        }
    }
}
