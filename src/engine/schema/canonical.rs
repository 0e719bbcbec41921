//! A canonical text for values: equal values have equal texts.

use crate::json::{self, Kind, Sent, Value};

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// With all digits
    Exact,
    /// As doubles
    Doubles,
}

/// Appends the canonical text of `value`: sorted keys, one way to escape strings, one notation for numbers.
/// Recurses as deep as the value nests, which the JSON reader bounds.
fn write(out: &mut String, value: Value<'_>, numbers: Numbers) {
    match value.kind() {
        Kind::Null | Kind::Bool(_) => out.push_str(value.raw()),
        Kind::Number if numbers == Numbers::Doubles => {
            let number = Sent::new(value.raw());
            match number.rounded() {
                Some(rounded) => json::decimal::normalize(out, &rounded),
                None => json::decimal::normalize(out, value.raw()),
            }
        }
        Kind::Number => json::decimal::normalize(out, value.raw()),
        Kind::String { .. } => json::quote(out, &value.string().unwrap_or_default()),
        Kind::Array => {
            out.push('[');
            for element in value.elements() {
                write(out, element, numbers);
                out.push(',');
            }
            out.push(']');
        }
        Kind::Object => {
            let mut entries: Vec<_> = value.entries().collect();
            entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            out.push('{');
            for (key, member) in entries {
                json::quote(out, &key);
                out.push(':');
                write(out, member, numbers);
                out.push(',');
            }
            out.push('}');
        }
    }
}

/// Returns whether all elements of an array are different; `None` if that depends on whether a server reads numbers
/// as doubles. Sorts the elements, so that the time is not quadratic.
pub(super) fn unique(array: Value<'_>) -> Option<bool> {
    let unique = are_different(array, Numbers::Exact);
    (!unique || are_different(array, Numbers::Doubles)).then_some(unique)
}

/// Returns how many units of work it takes at most to find out whether the elements of an array are different.
pub(super) fn work(array: Value<'_>) -> usize {
    let rounds = usize::try_from(array.size().ilog2()).unwrap_or_default().saturating_add(4);
    let copied = array.raw().len().saturating_add(array.size().saturating_mul(16));
    copied.saturating_add((array.raw().len() >> 4).saturating_add(array.size()).saturating_mul(rounds))
}

#[inline(never)]
fn are_different(array: Value<'_>, numbers: Numbers) -> bool {
    let mut texts = String::with_capacity(array.raw().len());
    let mut places = Vec::new();
    for element in array.elements() {
        let start = texts.len();
        write(&mut texts, element, numbers);
        places.push(start..texts.len());
    }
    let mut elements: Vec<&str> = places.into_iter().filter_map(|place| texts.get(place)).collect();
    elements.sort_unstable();
    elements.windows(2).all(|pair| pair.first() != pair.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_texts_and_others_do_not() {
        for (a, b, equal) in [
            (r#"{"a":1,"b":[2,{"c":null}]}"#, r#" { "b" : [2.0, {"\u0063": null} ] , "a":10e-1}"#, true),
            (r#""caf\u00e9\/""#, r#""café/""#, true),
            ("-0.0", "0", true),
            ("100", "1e2", true),
            ("0.001", "1e-3", true),
            ("9007199254740993", "9007199254740992", false),
            ("-1", "1", false),
            ("1", "10", false),
            ("0", "false", false),
            ("null", "\"null\"", false),
            ("[1,2]", "[2,1]", false),
            ("[[1],2]", "[[1,2]]", false),
            (r#"["a","b"]"#, r#"["a,b"]"#, false),
            (r#"["\",\""]"#, r#"["",""]"#, false),
            ("{}", "[]", false),
        ] {
            let text = |json: &str| {
                let mut out = String::new();
                write(&mut out, json::read(json.as_bytes()).unwrap().root(), Numbers::Exact);
                out
            };
            assert_eq!(text(a) == text(b), equal, "{a} {b}");
        }
    }
}
