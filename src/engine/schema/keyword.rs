//! The keywords that hold no schemas.

use regex_lite::RegexBuilder;

use super::literal::Literal;
use super::node::{Bound, Check, Counted};
use super::types::Types;
use crate::json::{Value, decimal};
use crate::policy::{Faults, Path, quoted, whole};

/// What a compiled regular expression may take, in bytes. Matching takes its length in steps for
/// each character, so this bounds time as well.
const MOST_PATTERN: usize = 65_536;

/// Reads the value of a keyword that says something of a value by itself. Notes a fault where there
/// is no such keyword.
pub(super) fn check(name: &str, value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Check> {
    use {Bound::*, Counted::*};
    match name {
        "type" => types(value, path, faults).map(Check::Type),
        "enum" => literals(value, path, faults).map(Check::Literals),
        "const" => Some(Check::Literals(vec![literal(value, path, faults)])),
        "minimum" => bound(AtLeast, value, path, faults),
        "maximum" => bound(AtMost, value, path, faults),
        "exclusiveMinimum" => bound(MoreThan, value, path, faults),
        "exclusiveMaximum" => bound(LessThan, value, path, faults),
        "multipleOf" => divisor(value, path, faults),
        "minLength" => count(Characters, AtLeast, value, path, faults),
        "maxLength" => count(Characters, AtMost, value, path, faults),
        "minItems" => count(Elements, AtLeast, value, path, faults),
        "maxItems" => count(Elements, AtMost, value, path, faults),
        "minProperties" => count(Members, AtLeast, value, path, faults),
        "maxProperties" => count(Members, AtMost, value, path, faults),
        "uniqueItems" => match value.raw() {
            "true" => Some(Check::Unique),
            "false" => None,
            _ => {
                faults.unfit(path, "`true` or `false`", value);
                None
            }
        },
        "pattern" => pattern(value, path, faults),
        _ => {
            faults.add(path, "unknown keyword, nothing would be judged by it");
            None
        }
    }
}

/// Reads a list of names.
pub(super) fn names(value: Value<'_>, path: &Path, faults: &mut Faults) -> Vec<String> {
    if !value.is_array() {
        faults.unfit(path, "a list of names", value);
    }
    let mut names = Vec::new();
    for (index, element) in value.elements().enumerate() {
        match element.string() {
            Some(name) => names.push(name.into_owned()),
            None => faults.unfit(&path.index(index), "a name", element),
        }
    }
    names
}

fn types(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Types> {
    if !value.is_array() {
        return one_type(value, path, faults);
    }
    let mut types = Types::default();
    for (index, element) in value.elements().enumerate() {
        types = types.or(one_type(element, &path.index(index), faults).unwrap_or_default());
    }
    if value.elements().next().is_none() {
        faults.add(path, "must name one type or more");
    }
    Some(types)
}

fn one_type(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Types> {
    let types = value.string().and_then(|name| Types::named(&name));
    if types.is_none() {
        let names: Vec<String> = Types::names().map(|name| format!("`{name}`")).collect();
        faults.unfit(path, &format!("one of {}", names.join(", ")), value);
    }
    types
}

fn literals(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Vec<Literal>> {
    let elements = value.elements().enumerate();
    let literals: Vec<_> =
        elements.map(|(index, element)| literal(element, &path.index(index), faults)).collect();
    if literals.is_empty() {
        faults.unfit(path, "a list of one value or more", value);
        return None;
    }
    Some(literals)
}

/// A string that holds a number may have been one, of those that YAML hands over as strings: then it
/// would never be equal to the number that is meant.
fn literal(value: Value<'_>, path: &Path, faults: &mut Faults) -> Literal {
    let ambiguous = value.string().filter(|_| faults.number(value).is_some());
    if ambiguous.is_some_and(|text| text.parse::<i32>().is_err()) {
        faults.add(
            path,
            "may be a number that became a string on its way as a Struct, write the policy as JSON",
        );
    }
    Literal::new(value)
}

fn bound(bound: Bound, value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Check> {
    let number = faults.number(value);
    if number.is_none() {
        faults.unfit(path, "a number", value);
    }
    Some(Check::Bound(bound, number?.as_ref().into()))
}

fn divisor(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Check> {
    let divisor = faults.number(value).filter(|number| {
        // A divisor that cannot be judged by is not even a multiple of itself.
        decimal::compare(number, "0").is_gt() && decimal::is_multiple(number, number) == Some(true)
    });
    if divisor.is_none() {
        faults.unfit(path, "a positive number of at most 37 digits", value);
    }
    divisor.map(|divisor| Check::MultipleOf(divisor.as_ref().into()))
}

fn count(
    counted: Counted,
    bound: Bound,
    value: Value<'_>,
    path: &Path,
    faults: &mut Faults,
) -> Option<Check> {
    let number = whole(value, faults);
    if number.is_none() {
        faults.unfit(path, "a whole number, 0 or more, below 1.8e13", value);
    }
    Some(Check::Count(counted, bound, number?))
}

fn pattern(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Check> {
    let Some(text) = value.string() else {
        faults.unfit(path, "a regular expression", value);
        return None;
    };
    // `.` matches no carriage return: patterns are in JavaScript's dialect.
    match RegexBuilder::new(&text).crlf(true).size_limit(MOST_PATTERN).build() {
        Ok(regex) => Some(Check::Pattern(regex, text.as_ref().into())),
        Err(error) => {
            faults
                .add(path, format_args!("must be a regular expression, {} is none: {error}", quoted(&text)));
            None
        }
    }
}
