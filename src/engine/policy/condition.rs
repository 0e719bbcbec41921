//! Conditions: what a rule asks of a call's arguments and of its caller.

use super::Pattern;
use super::fault::{Faults, Path, quoted};
use super::fields::Fields;
use super::path::{Origin, ValuePath};
use super::regex::Regex;
use crate::json::{Kind, Value};

const SCALAR: &str = "a string, a number or a boolean";

/// A condition on one value, or on each value that its path names.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Its place in the document
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

/// On which side of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `lt`
    Less,
    /// `lte`
    LessOrEqual,
    /// `gt`
    Greater,
    /// `gte`
    GreaterOrEqual,
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

#[derive(Clone, Copy)]
enum Op {
    Eq,
    Neq,
    In,
    NotIn,
    Order(Order),
    Contains,
    NotContains,
    StartsWith,
    EndsWith,
    Glob,
    Regex,
    Exists,
}

const OPS: [(&str, Op); 15] = [
    ("eq", Op::Eq),
    ("neq", Op::Neq),
    ("in", Op::In),
    ("not_in", Op::NotIn),
    ("lt", Op::Order(Order::Less)),
    ("lte", Op::Order(Order::LessOrEqual)),
    ("gt", Op::Order(Order::Greater)),
    ("gte", Op::Order(Order::GreaterOrEqual)),
    ("contains", Op::Contains),
    ("not_contains", Op::NotContains),
    ("starts_with", Op::StartsWith),
    ("ends_with", Op::EndsWith),
    ("glob", Op::Glob),
    ("regex", Op::Regex),
    ("exists", Op::Exists),
];

/// Reads the conditions under `key` of a rule.
pub(super) fn conditions(fields: &mut Fields<'_>, key: &'static str, faults: &mut Faults) -> Vec<Condition> {
    let list = fields.list(key, faults);
    list.into_iter().filter_map(|(value, path)| condition(value, &path, faults)).collect()
}

fn condition(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Condition> {
    let mut fields = Fields::open(value, path, "an object with `path`, `op` and `value`", faults)?;
    let subject = subject(fields.take("path"), path, faults);
    let op = match value.get("op") {
        Some(_) => fields.word("op", &OPS, Op::Eq, faults),
        None => {
            fields.take("op");
            faults.add(&path.key("op"), "is missing, must be an operator such as `eq`");
            None
        }
    };
    let operand = fields.take("value");
    let test = op.and_then(|op| test(op, operand, path, faults));
    let reason = fields.text("reason", faults).map(|text| text.into_owned());
    let name = fields.take("name").and_then(|(value, path)| filled(value, &path, "a name", faults));
    fields.close(faults);
    let (subject, test) = (subject?, test?);
    if matches!(subject.origin(), Origin::Grant | Origin::Principal) && !test.is_of_text() {
        faults.add(&path.key("value"), format_args!("must be of strings alone, since `{subject}` is one"));
    }
    Some(Condition { path: path.to_string(), subject, test, reason, name })
}

fn subject(field: Option<(Value<'_>, Path)>, parent: &Path, faults: &mut Faults) -> Option<ValuePath> {
    const EXPECTED: &str = "a path such as `args.items[0].sku`, `args.recipients[*]`, `args[\"a.b\"]`, `grant`, \
                            `principal` or `claims.team`";
    let Some((value, path)) = field else {
        faults.add(&parent.key("path"), format_args!("is missing, must be {EXPECTED}"));
        return None;
    };
    let Some(text) = value.string() else {
        faults.unfit(&path, EXPECTED, value);
        return None;
    };
    match ValuePath::parse(&text) {
        Ok(subject) => Some(subject),
        Err(why) => {
            faults.add(&path, format_args!("must be {EXPECTED}, but {} {why}", quoted(&text)));
            None
        }
    }
}

fn test(op: Op, operand: Option<(Value<'_>, Path)>, parent: &Path, faults: &mut Faults) -> Option<Test> {
    const TEXT: &str = "a string that is not empty";
    let expected = match op {
        Op::Eq | Op::Neq | Op::Contains | Op::NotContains => SCALAR,
        Op::In | Op::NotIn => "a list of strings, numbers or booleans, not empty",
        Op::Order(_) => "a number",
        Op::StartsWith | Op::EndsWith | Op::Glob | Op::Regex => TEXT,
        Op::Exists => "a boolean",
    };
    let Some((value, path)) = operand else {
        if let Op::Exists = op {
            return Some(Test::Exists(true));
        }
        faults.add(&parent.key("value"), format_args!("is missing, must be {expected}"));
        return None;
    };
    match op {
        Op::Eq => scalar(value, &path, faults).map(|scalar| Test::OneOf(vec![scalar])),
        Op::Neq => scalar(value, &path, faults).map(|scalar| Test::NoneOf(vec![scalar])),
        Op::In => scalars(value, &path, expected, faults).map(Test::OneOf),
        Op::NotIn => scalars(value, &path, expected, faults).map(Test::NoneOf),
        Op::Order(order) => {
            let number = faults.number(value);
            if number.is_none() {
                faults.unfit(&path, expected, value);
            }
            number.map(|number| Test::Order(order, number.into_owned()))
        }
        Op::Contains => part(value, &path, faults).map(Test::Contains),
        Op::NotContains => part(value, &path, faults).map(Test::NotContains),
        Op::StartsWith => filled(value, &path, expected, faults).map(Test::StartsWith),
        Op::EndsWith => filled(value, &path, expected, faults).map(Test::EndsWith),
        Op::Glob => filled(value, &path, expected, faults).map(|text| Test::Glob(Pattern::new(&text))),
        Op::Regex => filled(value, &path, expected, faults)
            .and_then(|text| regex(&text, &path, faults))
            .map(Test::Regex),
        Op::Exists => {
            let Kind::Bool(wanted) = value.kind() else {
                faults.unfit(&path, expected, value);
                return None;
            };
            Some(Test::Exists(wanted))
        }
    }
}

/// Reads a string that is not empty.
fn filled(value: Value<'_>, path: &Path, expected: &str, faults: &mut Faults) -> Option<String> {
    let text = value.string().filter(|text| !text.is_empty());
    if text.is_none() {
        faults.unfit(path, expected, value);
    }
    text.map(|text| text.into_owned())
}

fn scalar(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Scalar> {
    match (value.kind(), value.string()) {
        (Kind::Bool(flag), _) => Some(Scalar::Bool(flag)),
        (Kind::Number, _) => Some(Scalar::Number(value.raw().to_owned())),
        (_, Some(text)) => {
            // Whether this was meant as a number cannot be told, and the two are not alike.
            if faults.number(value).is_some() && text.parse::<i32>().is_err() {
                let what = "may be a number that became a string on its way as a Struct";
                faults.add(path, format_args!("{what}, write the policy as JSON"));
            }
            Some(Scalar::Text(text.into_owned()))
        }
        (_, None) => {
            faults.unfit(path, SCALAR, value);
            None
        }
    }
}

fn scalars(value: Value<'_>, path: &Path, expected: &str, faults: &mut Faults) -> Option<Vec<Scalar>> {
    if value.elements().next().is_none() {
        faults.unfit(path, expected, value);
        return None;
    }
    let elements = value.elements().enumerate();
    Some(elements.filter_map(|(index, element)| scalar(element, &path.index(index), faults)).collect())
}

/// Reads what is looked for in a string or an array.
fn part(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Scalar> {
    let part = scalar(value, path, faults);
    // The empty string is in every string.
    if value.string().is_some_and(|text| text.is_empty()) {
        faults.add(path, "must not be an empty string");
    }
    part
}

fn regex(text: &str, path: &Path, faults: &mut Faults) -> Option<Regex> {
    match Regex::new(text) {
        Ok(regex) => Some(regex),
        Err(error) => {
            let text = quoted(text);
            faults.add(
                path,
                format_args!("must be a regular expression, but {text} does not compile: {error}"),
            );
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
