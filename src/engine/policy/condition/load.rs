//! Reads conditions.

use std::borrow::Cow;

use super::subject;
use super::{Comparison, Condition, Scalar, Test};
use crate::document::{Faults, Fields, InRule, Keys, Part, Takes, Wrong};
use crate::json::{Kind, Known};
use crate::policy::keys;
use crate::policy::path::ValuePath;
use crate::policy::pattern::Pattern;
use crate::policy::words::{OPS, Op};
use crate::regex::Regex;

/// Reads the reason of a rule, a condition or a group, which has two spellings.
pub(in crate::policy) fn reason<K: Keys>(
    fields: &mut Fields<'_, K>,
    reason: K,
    on_deny: K,
    faults: &mut Faults,
) -> Option<String> {
    if let Some(part) = fields.take(on_deny).filter(|_| fields.has_any(&[reason])) {
        faults.add_key(&part, InRule::TwoReasons);
    }
    let text = fields.text(reason, faults);
    let other = fields.text(on_deny, faults);
    text.or(other)
}

/// Reads a condition. `sources` are the names that it can compare a source with; `None` if they are not known.
pub(in crate::policy) fn condition(
    part: &Part<'_>,
    sources: Option<&[String]>,
    faults: &mut Faults,
) -> Option<Condition> {
    let path = &part.path;
    let mut fields = Fields::<keys::Condition>::open(part, faults)?;
    let attribute = fields.need(keys::Condition::Path, faults).and_then(|part| value_path(&part, faults));
    let operator = fields.take(keys::Condition::Op);
    let op = match &operator {
        Some(_) => fields.word(keys::Condition::Op, &OPS, Op::Eq, faults),
        None => {
            fields.missing(keys::Condition::Op, &keys::OPERATOR, faults);
            None
        }
    };
    let operand = fields.take(keys::Condition::Value);
    let test = match (op, &operand) {
        (None, _) => None,
        (Some(op), Some(part)) if part.value.is_object() => with(op, part, attribute.as_ref(), faults),
        (Some(op), Some(part)) => test(op, part, attribute.as_ref(), faults),
        (Some(Op::Exists), None) => Some(Test::Exists(true)),
        (Some(op), None) => {
            fields.missing(keys::Condition::Value, expected(op), faults);
            None
        }
    };
    let reason = reason(&mut fields, keys::Condition::Reason, keys::Condition::OnDeny, faults);
    let name = fields.name(keys::Condition::Name, faults);
    fields.close(faults);
    let condition = Condition { path: path.to_string(), attribute: attribute?, test: test?, reason, name };
    subject::check(&condition, operator.as_ref(), operand.as_ref(), faults);
    if let (Some(part), Some(sources)) = (&operand, sources) {
        subject::check_sources(&condition, part, sources, faults);
    }
    Some(condition)
}

fn value_path(part: &Part<'_>, faults: &mut Faults) -> Option<ValuePath> {
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

fn test(op: Op, part: &Part<'_>, attribute: Option<&ValuePath>, faults: &mut Faults) -> Option<Test> {
    match op {
        Op::Eq => scalar(part, faults).map(|scalar| Test::OneOf(vec![scalar].into())),
        Op::Neq => scalar(part, faults).map(|scalar| Test::NoneOf(vec![scalar].into())),
        Op::In => scalars(part, faults).map(|scalars| Test::OneOf(scalars.into())),
        Op::NotIn => scalars(part, faults).map(|scalars| Test::NoneOf(scalars.into())),
        Op::Order(order) if attribute.is_some_and(|path| path.origin().is_text()) => {
            let text = part.value.string().unwrap_or_default();
            Some(Test::TextOrder(order, text.into_owned()))
        }
        // The path has a fault, so it is not known whether a string belongs here.
        Op::Order(_) if attribute.is_none() && part.value.string().is_some() => None,
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

/// Reads the path to another value of the request, which the condition compares with.
fn with(op: Op, part: &Part<'_>, attribute: Option<&ValuePath>, faults: &mut Faults) -> Option<Test> {
    let comparison = match op {
        Op::Eq => Comparison::Equals,
        Op::Neq => Comparison::Differs,
        Op::In => Comparison::In,
        Op::NotIn => Comparison::NotIn,
        Op::Order(order) => Comparison::Order(order),
        Op::Contains => Comparison::Contains,
        Op::NotContains => Comparison::NotContains,
        Op::StartsWith => Comparison::StartsWith,
        Op::EndsWith => Comparison::EndsWith,
        Op::Glob | Op::Regex | Op::Exists => {
            faults.unfit(part, expected(op));
            return None;
        }
    };
    let mut fields = Fields::<keys::Operand>::open(part, faults)?;
    let place = fields.need(keys::Operand::Path, faults);
    let other = place.as_ref().and_then(|part| value_path(part, faults));
    fields.close(faults);
    let (place, other) = (place?, other?);
    subject::check_operand(comparison, attribute, &other, &place, faults);
    Some(Test::With(comparison, other))
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
    for element in part.booleans_that_may_have_been_words() {
        faults.add(&element, Wrong::MaybeWord);
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
