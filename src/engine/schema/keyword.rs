//! The keywords whose values contain no schemas.

use super::literal::Literals;
use super::node::{Bound, Check, Counted};
use super::pattern::Pattern;
use super::types::{self, Types};
use crate::document::{Faults, InSchema, Part, Takes, Wrong, words};
use crate::json::{Known, Value, decimal};

const TYPE: Takes = Takes::Said(
    "one of `array`, `boolean`, `integer`, `number`, `object`, `string`, `null`",
    &Takes::Words(&words(&types::NAMES)),
);
const NAME: Takes = Takes::Said("a name", &Takes::Text);
const NAMES: Takes = Takes::Said("a list of names", &Takes::List(&NAME));
const VALUES: Takes = Takes::Said("a list of one value or more", &Takes::List(&Takes::Anything));
const DIVISOR: Takes = Takes::Said("a positive number of at most 37 digits", &Takes::Number);
const COUNT: Takes = Takes::Said("a whole number, 0 or more, below 1.8e13", &Takes::Number);
const FLAG: Takes = Takes::Said("`true` or `false`", &Takes::Boolean);
const PATTERN: Takes = Takes::Said("a regular expression", &Takes::Text);

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    /// Values
    Values,
    /// The names of members: it stands in `propertyNames`
    Names,
}

/// Reads a keyword whose value contains no schemas. Returns `None` if the keyword checks nothing or has a
/// fault. An unknown keyword is a fault.
pub(super) fn check(name: &str, part: &Part<'_>, of: Of, faults: &mut Faults) -> Option<Check> {
    use {Bound::*, Counted::*};
    match name {
        "type" => types(part, faults).map(Check::Type),
        "enum" => literals(part, of, faults).map(Check::Literals),
        "const" => Some(Check::Literals(Literals::new(&[literal(part, faults)], of))),
        "minimum" => bound(AtLeast, part, faults),
        "maximum" => bound(AtMost, part, faults),
        "exclusiveMinimum" => bound(MoreThan, part, faults),
        "exclusiveMaximum" => bound(LessThan, part, faults),
        "multipleOf" => divisor(part, faults),
        "minLength" => count(Characters, AtLeast, part, faults),
        "maxLength" => count(Characters, AtMost, part, faults),
        "minItems" => count(Elements, AtLeast, part, faults),
        "maxItems" => count(Elements, AtMost, part, faults),
        "minProperties" => count(Members, AtLeast, part, faults),
        "maxProperties" => count(Members, AtMost, part, faults),
        "uniqueItems" => match part.value.raw() {
            "true" => Some(Check::Unique),
            "false" => None,
            _ => faults.fit(part, None, &FLAG),
        },
        "pattern" => pattern(part, of, faults),
        _ => {
            faults.add_key(part, InSchema::UnknownKeyword { keyword: name.to_owned() });
            None
        }
    }
}

/// Reads a list of names.
pub(super) fn names(part: &Part<'_>, faults: &mut Faults) -> Vec<String> {
    if !part.value.is_array() {
        faults.unfit(part, &NAMES);
    }
    let mut names = Vec::new();
    for element in part.elements() {
        names.extend(faults.fit(&element, element.value.string(), &NAME).map(|name| name.into_owned()));
    }
    names
}

fn types(part: &Part<'_>, faults: &mut Faults) -> Option<Types> {
    if !part.value.is_array() {
        return one_type(part, faults);
    }
    let mut types = Types::default();
    for element in part.elements() {
        types = types.or(one_type(&element, faults).unwrap_or_default());
    }
    if part.value.elements().next().is_none() {
        faults.add(part, InSchema::NoType);
    }
    Some(types)
}

fn one_type(part: &Part<'_>, faults: &mut Faults) -> Option<Types> {
    faults.fit(part, part.value.string().and_then(|name| Types::named(&name)), &TYPE)
}

fn literals(part: &Part<'_>, of: Of, faults: &mut Faults) -> Option<Literals> {
    for element in part.booleans_that_may_have_been_words() {
        faults.add(&element, Wrong::MaybeWord);
    }
    let literals: Vec<_> = part.elements().map(|element| literal(&element, faults)).collect();
    faults
        .fit(part, Some(literals).filter(|literals| !literals.is_empty()), &VALUES)
        .map(|values| Literals::new(&values, of))
}

fn literal<'d>(part: &Part<'d>, faults: &mut Faults) -> Value<'d> {
    // A string never equals a number, so the author must say which one is meant.
    if part.may_have_been_a_number() {
        faults.add(part, Wrong::MaybeNumber);
    }
    part.value
}

fn bound(bound: Bound, part: &Part<'_>, faults: &mut Faults) -> Option<Check> {
    let number = faults.fit(part, part.number(), &Takes::Number)?;
    Some(Check::Bound(bound, Known::new(&number)))
}

fn divisor(part: &Part<'_>, faults: &mut Faults) -> Option<Check> {
    let divisor = part.number().filter(|number| {
        // This is `None` for a divisor with too many digits to divide by.
        decimal::compare(number, "0").is_gt() && decimal::is_multiple(number, number) == Some(true)
    });
    faults.fit(part, divisor, &DIVISOR).map(|divisor| Check::MultipleOf(divisor.as_ref().into()))
}

fn count(counted: Counted, bound: Bound, part: &Part<'_>, faults: &mut Faults) -> Option<Check> {
    faults.fit(part, part.whole(), &COUNT).map(|number| Check::Count(counted, bound, number))
}

fn pattern(part: &Part<'_>, of: Of, faults: &mut Faults) -> Option<Check> {
    let text = faults.fit(part, part.value.string(), &PATTERN)?;
    expression(&text, part, of, faults).map(|pattern| Check::Pattern(Box::new(pattern)))
}

/// Compiles a regular expression that stands at `part`.
pub(super) fn expression(text: &str, part: &Part<'_>, of: Of, faults: &mut Faults) -> Option<Pattern> {
    let compiled = match of {
        Of::Values => Pattern::of_values(text),
        Of::Names => Pattern::of_names(text),
    };
    compiled.map_err(|why| faults.add(part, InSchema::NoPattern { text: text.to_owned(), why })).ok()
}

/// Reads a count: of `minContains` and `maxContains`.
pub(super) fn whole(part: &Part<'_>, faults: &mut Faults) -> Option<u64> {
    faults.fit(part, part.whole(), &COUNT)
}
