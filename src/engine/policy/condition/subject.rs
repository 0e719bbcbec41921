//! What a condition speaks of: tests that could never hold, or never be evaluated, are faults.

use super::{Comparison, Condition, Scalar, Test};
use crate::document::{Faults, InIdentity, InRule, Part};
use crate::policy::keys;
use crate::policy::path::{Origin, ValuePath};
use crate::policy::time_zone::{is_date, is_time_of_day};
use crate::policy::words::WEEKDAYS;

/// Notes a fault if the test does not suit what the condition speaks of. `operator` and `operand` are the
/// parts of the condition.
pub(super) fn check(
    condition: &Condition,
    operator: Option<&Part<'_>>,
    operand: Option<&Part<'_>>,
    faults: &mut Faults,
) {
    let (attribute, test) = (&condition.attribute, &condition.test);
    let subject = || attribute.to_string();
    if attribute.is_list_of_words() {
        let suits = matches!(
            test,
            Test::Contains(_)
                | Test::NotContains(_)
                | Test::Exists(_)
                | Test::With(Comparison::Contains | Comparison::NotContains, _)
        );
        if let Some(part) = operator.filter(|_| !suits) {
            let ops = "`contains`, `not_contains` or `exists`";
            faults.add(part, InRule::NoSuchTest { subject: subject(), ops });
            return;
        }
    }
    let ordered = matches!(attribute.origin(), Origin::TimeOfDay | Origin::Date);
    let orders = matches!(test, Test::TextOrder(..) | Test::With(Comparison::Order(_), _));
    if let Some(part) = operator.filter(|_| orders && attribute.origin().is_text() && !ordered) {
        let ops = "an operator that does not order";
        faults.add(part, InRule::NoSuchTest { subject: subject(), ops });
        return;
    }
    let Some(part) = operand.filter(|_| attribute.origin().is_text()) else { return };
    if !test.is_of_text() {
        faults.add(part, InRule::NotOfStrings { subject: subject() });
        return;
    }
    check_texts(attribute.origin(), test, part, faults);
}

/// Notes a fault for each literal that is not of the form of the times that it is compared with.
fn check_texts(origin: Origin, test: &Test, part: &Part<'_>, faults: &mut Faults) {
    let (fits, expected): (fn(&str) -> bool, _) = match origin {
        Origin::TimeOfDay => (is_time_of_day, &keys::TIME_OF_DAY),
        Origin::Date => (is_date, &keys::DATE),
        Origin::Weekday => (|text| WEEKDAYS.contains(&text), &keys::WEEKDAY),
        _ => return,
    };
    if !matches!(test, Test::OneOf(_) | Test::NoneOf(_) | Test::TextOrder(..)) {
        return;
    }
    let wrong =
        |part: &Part<'_>| !part.value.is_array() && !part.value.string().is_some_and(|text| fits(&text));
    for part in std::iter::once(part.clone()).chain(part.elements()).filter(wrong) {
        faults.unfit(&part, expected);
    }
}

/// Notes a fault for each name with which the condition compares the source of a caller, if no source has it. `part` is the
/// operand of the condition.
pub(super) fn check_sources(condition: &Condition, part: &Part<'_>, sources: &[String], faults: &mut Faults) {
    let compares = matches!(condition.test, Test::OneOf(_) | Test::NoneOf(_));
    if condition.attribute.origin() != Origin::Source || !compares {
        return;
    }
    for part in std::iter::once(part.clone()).chain(part.elements()) {
        let name = part.value.string().filter(|name| !sources.iter().any(|source| source == name));
        if let Some(name) = name {
            let (name, known) = (name.into_owned(), sources.to_vec());
            faults.add(&part, InIdentity::NoSource { name, known });
        }
    }
}

/// Notes a fault if the other value of the request is never what the comparison takes. `part` is its path.
pub(super) fn check_operand(
    comparison: Comparison,
    attribute: Option<&ValuePath>,
    other: &ValuePath,
    part: &Part<'_>,
    faults: &mut Faults,
) {
    let value = || other.to_string();
    if !other.is_one_value() {
        faults.add(part, InRule::ManyValues);
        return;
    }
    let takes_list = matches!(comparison, Comparison::In | Comparison::NotIn);
    if takes_list && other.origin().is_text() && !other.is_list_of_words() {
        faults.add(part, InRule::NeverFits { value: value(), expected: "a list" });
    } else if !takes_list && other.is_list_of_words() {
        faults.add(part, InRule::NeverFits { value: value(), expected: "a string, a number or a boolean" });
    } else if let (Comparison::Order(_), Some(attribute)) = (comparison, attribute) {
        let origin = attribute.origin();
        let expected = match origin {
            Origin::TimeOfDay => "a time of day",
            Origin::Date => "a date",
            _ => "a number, a time of day or a date",
        };
        let timed = |origin: Origin| matches!(origin, Origin::TimeOfDay | Origin::Date);
        let differs = timed(origin) && other.origin().is_text() && other.origin() != origin;
        if differs || other.origin().is_text() && !timed(other.origin()) {
            faults.add(part, InRule::NeverFits { value: value(), expected });
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
