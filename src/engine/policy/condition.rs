//! Conditions: what a rule asks of a call's arguments and of its caller.

use std::borrow::Cow;

use super::Order;
use super::keys;
use super::path::{Origin, ValuePath};
use super::pattern::Pattern;
use super::regex::Regex;
use super::words::{OPS, Op};
use crate::document::{Faults, Fields, InRule, Part, Takes, Wrong};
use crate::json::Kind;

/// A condition on one value, or on each value that its path names.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Its path in the document
    pub path: String,
    /// What it speaks of
    pub subject: ValuePath,
    /// What it says of it
    pub test: Test,
    /// What the caller is told on a denial by this condition
    pub reason: Option<String>,
    /// What the caller is told that the condition is called
    pub name: Option<String>,
}

/// What a condition says of a value.
#[derive(Debug, Clone)]
pub enum Test {
    /// It equals one of these: `eq`, `in`
    OneOf(Vec<Scalar>),
    /// It equals none of these: `neq`, `not_in`
    NoneOf(Vec<Scalar>),
    /// It is a number on this side of that number: `lt`, `lte`, `gt`, `gte`
    Order(Order, String),
    /// It is a string with this in it, or an array with this among its elements
    Contains(Scalar),
    /// It is a string or an array, and without this
    NotContains(Scalar),
    /// It is a string that begins with this
    StartsWith(String),
    /// It is a string that ends with this
    EndsWith(String),
    /// It is a string that fits as a whole
    Glob(Pattern),
    /// It is a string in which this is found
    Regex(Regex),
    /// It is there and not null, or it is not
    Exists(bool),
}

/// A value that others are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// A string
    Text(String),
    /// A number, as its JSON text
    Number(String),
    /// A boolean
    Bool(bool),
}

/// Reads a list of conditions.
pub(super) fn conditions(list: Vec<Part<'_>>, faults: &mut Faults) -> Vec<Condition> {
    list.into_iter().filter_map(|part| condition(&part, faults)).collect()
}

fn condition(part: &Part<'_>, faults: &mut Faults) -> Option<Condition> {
    let path = &part.path;
    let mut fields = Fields::<keys::Condition>::open(part, faults)?;
    let subject = fields.need(keys::Condition::Path, faults).and_then(|part| subject(&part, faults));
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
    let (subject, test) = (subject?, test?);
    if let Some(part) = operand
        .filter(|_| matches!(subject.origin(), Origin::Grant | Origin::Principal) && !test.is_of_text())
    {
        faults.add(&part, InRule::NotOfStrings { subject: subject.to_string() });
    }
    Some(Condition { path: path.to_string(), subject, test, reason, name })
}

fn subject(part: &Part<'_>, faults: &mut Faults) -> Option<ValuePath> {
    let Some(text) = part.value.string() else {
        faults.unfit(part, &keys::VALUE_PATH);
        return None;
    };
    match ValuePath::parse(&text) {
        Ok(subject) => Some(subject),
        Err(why) => {
            let (text, expected) = (text.into_owned(), &keys::VALUE_PATH);
            faults.add(part, InRule::NoValuePath { text, expected, why });
            None
        }
    }
}

/// Returns what an operator compares with.
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
        Op::Eq => scalar(part, faults).map(|scalar| Test::OneOf(vec![scalar])),
        Op::Neq => scalar(part, faults).map(|scalar| Test::NoneOf(vec![scalar])),
        Op::In => scalars(part, faults).map(Test::OneOf),
        Op::NotIn => scalars(part, faults).map(Test::NoneOf),
        Op::Order(order) => {
            let number = faults.fit(part, part.number(), expected(op));
            number.map(|number| Test::Order(order, number.into_owned()))
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
            // A string never equals a number, so it matters which of the two was meant.
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

/// Reads what is looked for in a string or an array.
fn sought(part: &Part<'_>, faults: &mut Faults) -> Option<Scalar> {
    let sought = scalar(part, faults);
    // The empty string is in every string.
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
    /// Tells whether a string can be judged by it, whatever is listed.
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
