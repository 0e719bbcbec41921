//! The values under `by`: one name for everything that servers could read as the same value.
//!
//! Servers convert values. If `1`, `1.0` and `"1"` had a tally each, a caller could use up a limit several
//! times by spelling one value in several ways. So a name does not tell types apart, and numbers have one
//! notation.

use std::cmp::Ordering;

use crate::json::{Kind, Value, decimal};

/// The longest text that names a tally, in bytes.
const LONGEST: usize = 1024;

/// The least integer that a double does not tell from its neighbour.
const INEXACT: &str = "9007199254740992";

/// Returns the name of the tally of a value: a text, or a number in the notation of [`decimal::normalize`].
///
/// `None` if the value has none: it is an array or an object, a number with a fraction or from 2^53 on, which
/// servers round, or a text that is too long, that has a NUL, where some servers end it, that only some servers read as
/// a number, or that is a number which servers round, other than an id of digits.
pub(super) fn name(value: Value<'_>) -> Option<Box<str>> {
    match value.kind() {
        Kind::Bool(flag) => Some(number(if flag { "1" } else { "0" })),
        Kind::Number => {
            let text = value.raw();
            let magnitude = text.strip_prefix('-').unwrap_or(text);
            let exact = decimal::compare(magnitude, INEXACT) == Ordering::Less;
            (exact && decimal::is_integer(text)).then(|| number(text))
        }
        Kind::String { .. } => text(&value.string()?),
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}

fn text(text: &str) -> Option<Box<str>> {
    if text.len() > LONGEST || text.contains('\0') {
        return None;
    }
    let trimmed =
        text.trim_matches(|char: char| char.is_whitespace() || char.is_control() || char == '\u{feff}');
    let unsigned = trimmed.strip_prefix('+').unwrap_or(trimmed);
    if is_number(unsigned) {
        // Long ids are digits alone, and kept as strings. Nobody writes other numbers with so many digits.
        let digits = unsigned.strip_prefix('-').unwrap_or(unsigned);
        let is_id = digits.bytes().all(|byte| byte.is_ascii_digit());
        return (is_id || decimal::is_short(unsigned)).then(|| number(unsigned));
    }
    if trimmed.eq_ignore_ascii_case("true") {
        return Some(number("1"));
    }
    if trimmed.eq_ignore_ascii_case("false") {
        return Some(number("0"));
    }
    // Some servers read digits of other scripts, and `_` between digits.
    let plain: String = unsigned
        .chars()
        .filter(|char| *char != '_')
        .map(|char| if char.is_numeric() && !char.is_ascii() { '0' } else { char })
        .collect();
    (!is_number(&plain)).then(|| text.into())
}

fn number(text: &str) -> Box<str> {
    let mut name = String::new();
    decimal::normalize(&mut name, text);
    name.into()
}

/// Tells whether a text is a decimal number, perhaps with leading zeros or without digits on one side of the
/// point.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let power = |text: &str| {
        let text = text.strip_prefix(['+', '-']).unwrap_or(text);
        !text.is_empty() && digits(text)
    };
    !(whole.is_empty() && fraction.is_empty())
        && digits(whole)
        && digits(fraction)
        && exponent.is_none_or(power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

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
            r#""0x1""#,
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
