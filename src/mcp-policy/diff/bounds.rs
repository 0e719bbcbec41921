//! Conditions on one value that can be compared: bounds of a number, and lists of values.

use serde_json::Value;

/// Whole numbers below this are exact as doubles.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What a condition accepts.
#[derive(Debug, PartialEq)]
enum Accepts {
    /// Numbers up to this one, or less if it is not included
    UpTo(f64, bool),
    /// Numbers from this one on, or more if it is not included
    From(f64, bool),
    /// These values
    OneOf(Vec<Value>),
}

/// Tells whether every value that the one condition accepts is accepted by the other. `false` if that is not known.
///
/// The conditions are written `path op value`.
pub fn accepts_no_more(one: &str, other: &str) -> bool {
    let (Some((path, accepts)), Some((others_path, others))) = (read(one), read(other)) else { return false };
    path == others_path && within(&accepts, &others)
}

/// Tells whether every value that the other condition refuses as `deny_if` is refused by the one.
pub fn denies_no_less(one: &str, other: &str) -> bool {
    let orders = |text| matches!(read(text), Some((_, Accepts::UpTo(..) | Accepts::From(..))));
    // A value of another type is refused by both: both want a number.
    orders(one) && orders(other) && accepts_no_more(other, one)
}

fn read(text: &str) -> Option<(&str, Accepts)> {
    let number = |value: &str| value.parse::<f64>().ok().filter(|number| number.abs() < EXACT);
    let operators = [" lte ", " lt ", " gte ", " gt ", " in ", " eq "];
    let (operator, (path, value)) =
        operators.into_iter().find_map(|operator| Some((operator, text.split_once(operator)?)))?;
    let accepts = match operator {
        " lte " => Accepts::UpTo(number(value)?, true),
        " lt " => Accepts::UpTo(number(value)?, false),
        " gte " => Accepts::From(number(value)?, true),
        " gt " => Accepts::From(number(value)?, false),
        " in " => Accepts::OneOf(serde_json::from_str(value).ok()?),
        _ => {
            Accepts::OneOf(vec![serde_json::from_str(value).ok().filter(|value: &Value| !value.is_object())?])
        }
    };
    Some((path, accepts))
}

fn within(one: &Accepts, other: &Accepts) -> bool {
    match (one, other) {
        (Accepts::UpTo(own, own_included), Accepts::UpTo(others, included)) => {
            own < others || (own <= others && (*included || !own_included))
        }
        (Accepts::From(own, own_included), Accepts::From(others, included)) => {
            own > others || (own >= others && (*included || !own_included))
        }
        (Accepts::OneOf(own), Accepts::OneOf(others)) => own.iter().all(|value| others.contains(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_and_lists_are_compared() {
        for (one, other, expected) in [
            ("args.a lte 10", "args.a lte 10", true),
            ("args.a lte 5", "args.a lte 10", true),
            ("args.a lte 11", "args.a lte 10", false),
            ("args.a lt 10", "args.a lte 10", true),
            ("args.a lte 10", "args.a lt 10", false),
            ("args.a gt 3", "args.a gte 3", true),
            ("args.a gte 3", "args.a gt 3", false),
            ("args.a lte 5", "args.b lte 10", false),
            ("args.a lte 5", "args.a gte 1", false),
            (r#"args.a in ["x"]"#, r#"args.a in ["x","y"]"#, true),
            (r#"args.a eq "x""#, r#"args.a in ["x","y"]"#, true),
            (r#"args.a in ["x","y"]"#, r#"args.a eq "x""#, false),
            ("args.a eq 1", r#"args.a eq "1""#, false),
            (r#"args.a eq {"path":"args.b"}"#, r#"args.a eq {"path":"args.b"}"#, false),
            ("args.a lte 9007199254740993", "args.a lte 9007199254740992", false),
            ("time.of_day lt \"08:00\" in CET", "time.of_day lt \"09:00\" in CET", false),
            ("all of (args.a lte 5)", "all of (args.a lte 9)", false),
        ] {
            assert_eq!(accepts_no_more(one, other), expected, "{one} / {other}");
        }
        assert!(denies_no_less("args.a gt 50", "args.a gt 100"));
        assert!(!denies_no_less("args.a gt 100", "args.a gt 50"));
        assert!(!denies_no_less(r#"args.a in ["x","y"]"#, r#"args.a in ["x"]"#));
    }
}
