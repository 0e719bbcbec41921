//! The values under `by`: one name for everything that servers could read as the same value.
//!
//! Servers convert values. If `1`, `1.0` and `"1"` had a tally each, a caller could use up a limit several
//! times by spelling one value in several ways. So a name does not tell types apart, and numbers have one
//! notation.

use std::cmp::Ordering;

use crate::json::{Kind, Value, decimal};
use crate::policy::alike::{name_of_number as number, name_of_text};

/// The least integer that a double does not tell from its neighbour.
const INEXACT: &str = "9007199254740992";

/// Returns the name of the tally of a value: a text, or a number in the notation of [`decimal::normalize`].
///
/// `None` if the value has none: it is an array or an object, a number with a fraction or from 2^53 on, which
/// servers round, or a text [without a name](name_of_text).
pub(super) fn name(value: Value<'_>) -> Option<Box<str>> {
    match value.kind() {
        Kind::Bool(flag) => Some(number(if flag { "1" } else { "0" })),
        Kind::Number => {
            let text = value.raw();
            let magnitude = text.strip_prefix('-').unwrap_or(text);
            let exact = decimal::compare(magnitude, INEXACT) == Ordering::Less;
            (exact && decimal::is_integer(text)).then(|| number(text))
        }
        Kind::String { .. } => name_of_text(&value.string()?),
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use crate::policy::alike::LONGEST;

    fn name_of(value: &str) -> Option<Box<str>> {
        name(json::read(value.as_bytes()).unwrap().root())
    }

    #[test]
    fn values_that_servers_could_read_as_the_same_have_one_name() {
        for (one, others) in [
            ("1", &["1.0", "1e0", "10e-1", "true", r#""1""#, r#""01""#, r#"" +1.0 ""#, r#""TRUE""#][..]),
            ("0", &["-0", "0.0", "0e5", "false", r#""0""#, r#""-0""#, r#""False""#]),
            ("-12", &["-12.0", "-1.2e1", r#""-12""#, r#""-012""#]),
            ("1000", &["1e3", r#""1e+3""#, r#""1000.""#]),
            ("9007199254740991", &[r#""9007199254740991""#]),
            (r#""1.5""#, &[r#""1.50""#, r#""15e-1""#, r#""\u00a01.5\n""#]),
            (r#""0xff""#, &["255", r#""0XFF""#, r#""0x00fF""#, r#""0o377""#, r#""0B11111111""#, r#""255""#]),
            ("-7", &[r#""-0x7""#, r#"" -0o07\n""#]),
            (r#""0xABcdef0123456789abcdef""#, &[r#""0X00abcdef0123456789ABCDEF""#]),
            (r#""bob""#, &[r#""b\u006fb""#]),
        ] {
            let name = name_of(one);
            assert!(name.is_some(), "{one}");
            for other in others {
                assert_eq!(name_of(other), name, "{one} {other}");
            }
        }
    }

    #[test]
    fn other_values_have_other_names() {
        let values = [
            "0",
            "1",
            "-1",
            "2",
            "10",
            "100",
            r#""1.5""#,
            r#""a""#,
            r#""A""#,
            r#"" a""#,
            r#""""#,
            r#""1.2.3""#,
            r#""1a""#,
            r#""--1""#,
            r#""e1""#,
            r#"".""#,
            r#""0xABcdef0123456789abcde1""#,
            r#""0xABcdef0123456789abcde0""#,
            r#""0xg""#,
            r#""0b2""#,
            r#""0x""#,
            r#""nullable""#,
            r#""9007199254740992""#,
            r#""9007199254740993""#,
            r#""2026-01-01""#,
            r#""1_a""#,
        ];
        let names: std::collections::BTreeSet<_> =
            values.iter().map(|value| name_of(value).unwrap()).collect();
        assert_eq!(names.len(), values.len(), "{names:?}");
    }

    #[test]
    fn what_servers_read_differently_has_no_name() {
        let long = format!("\"{}\"", "x".repeat(LONGEST + 1));
        for value in [
            "1.5",
            "1e-1",
            "0.000001",
            "9007199254740992",
            "-9007199254740993",
            "1e300",
            "null",
            "[]",
            "[1]",
            "{}",
            r#""1.00000000000000001""#,
            r#""0.99999999999999999999""#,
            r#""1000000000000000.1""#,
            r#""1e400""#,
            r#""0x0_1""#,
            r#"" null\n""#,
            r#""1_0""#,
            r#""1_0.0""#,
            r#""\uff11""#,
            r#""-\u0661\u0662""#,
            r#"" 1_1""#,
            r#""a\u0000b""#,
            r#""1\u0000""#,
            &long,
        ] {
            assert_eq!(name_of(value), None, "{value}");
        }
    }
}
