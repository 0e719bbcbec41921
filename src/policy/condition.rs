//! Conditions: what a rule asks of a call's arguments and of its caller.

use regex_lite::{Regex, RegexBuilder};

use super::Pattern;
use super::fault::{Faults, Path, quoted};
use super::fields::Fields;
use super::path::{Origin, ValuePath};
use crate::json::{Kind, Value};

/// The most memory that a compiled regular expression may take, in bytes. With it grows the time that
/// a character of the text costs.
const REGEX_SIZE: usize = 65_536;

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
        faults.add(&path.key("value"), format_args!("must speak of a string, which `{subject}` always is"));
    }
    Some(Condition { path: path.to_string(), subject, test, reason, name })
}

fn subject(field: Option<(Value<'_>, Path)>, parent: &Path, faults: &mut Faults) -> Option<ValuePath> {
    let Some((value, path)) = field else {
        faults.add(&parent.key("path"), "is missing, must be a path such as `args.amount`");
        return None;
    };
    let Some(text) = value.string() else {
        faults.unfit(&path, "a path such as `args.amount`", value);
        return None;
    };
    match ValuePath::parse(&text) {
        Ok(subject) => Some(subject),
        Err(why) => {
            faults.add(&path, format_args!("{} {why}", quoted(&text)));
            None
        }
    }
}

fn test(op: Op, operand: Option<(Value<'_>, Path)>, parent: &Path, faults: &mut Faults) -> Option<Test> {
    const SCALAR: &str = "a string, a number or a boolean";
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
    let test = match op {
        Op::Eq => Scalar::read(value).map(|scalar| Test::OneOf(vec![scalar])),
        Op::Neq => Scalar::read(value).map(|scalar| Test::NoneOf(vec![scalar])),
        Op::In => return scalars(value, &path, expected, faults).map(Test::OneOf),
        Op::NotIn => return scalars(value, &path, expected, faults).map(Test::NoneOf),
        Op::Order(order) => value.number().map(|number| Test::Order(order, number.to_owned())),
        // The empty string is in every string.
        Op::Contains | Op::NotContains if value.string().is_some_and(|text| text.is_empty()) => {
            faults.add(&path, "must not be empty");
            return None;
        }
        Op::Contains => Scalar::read(value).map(Test::Contains),
        Op::NotContains => Scalar::read(value).map(Test::NotContains),
        Op::StartsWith => return filled(value, &path, expected, faults).map(Test::StartsWith),
        Op::EndsWith => return filled(value, &path, expected, faults).map(Test::EndsWith),
        Op::Glob => {
            return filled(value, &path, expected, faults).map(|text| Test::Glob(Pattern::new(&text)));
        }
        Op::Regex => {
            return filled(value, &path, expected, faults)
                .and_then(|text| regex(&text, &path, faults))
                .map(Test::Regex);
        }
        Op::Exists => match value.kind() {
            Kind::Bool(wanted) => Some(Test::Exists(wanted)),
            _ => None,
        },
    };
    if test.is_none() {
        faults.unfit(&path, expected, value);
    }
    test
}

/// Reads a string that is not empty.
fn filled(value: Value<'_>, path: &Path, expected: &str, faults: &mut Faults) -> Option<String> {
    let text = value.string().filter(|text| !text.is_empty());
    if text.is_none() {
        faults.unfit(path, expected, value);
    }
    text.map(|text| text.into_owned())
}

fn scalars(value: Value<'_>, path: &Path, expected: &str, faults: &mut Faults) -> Option<Vec<Scalar>> {
    if value.elements().next().is_none() {
        faults.unfit(path, expected, value);
        return None;
    }
    let mut scalars = Vec::new();
    for (index, element) in value.elements().enumerate() {
        match Scalar::read(element) {
            Some(scalar) => scalars.push(scalar),
            None => faults.unfit(&path.index(index), "a string, a number or a boolean", element),
        }
    }
    Some(scalars)
}

fn regex(text: &str, path: &Path, faults: &mut Faults) -> Option<Regex> {
    match RegexBuilder::new(text).size_limit(REGEX_SIZE).build() {
        Ok(regex) => Some(regex),
        Err(error) => {
            faults.add(path, format_args!("{} is no regular expression: {error}", quoted(text)));
            None
        }
    }
}

impl Scalar {
    fn read(value: Value<'_>) -> Option<Self> {
        match value.kind() {
            Kind::Bool(flag) => Some(Self::Bool(flag)),
            Kind::Number => Some(Self::Number(value.raw().to_owned())),
            Kind::String { .. } => value.string().map(|text| Self::Text(text.into_owned())),
            Kind::Null | Kind::Array | Kind::Object => None,
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
