//! Conditions on one value that can be compared: bounds of a number, and lists of values.

use std::cmp::Ordering;

use mcp_policy_engine::json::decimal;

use crate::input::{Node, Value};

/// Whole numbers below this are exact as doubles.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What a condition accepts.
#[derive(Debug)]
enum Accepts<'t> {
    /// Numbers up to this one, or less if it is not included
    UpTo(Bound<'t>, bool),
    /// Numbers from this one on, or more if it is not included
    From(Bound<'t>, bool),
    /// These values
    OneOf(Vec<Value>),
}

/// A number that numbers are compared with.
#[derive(Debug, Clone, Copy)]
struct Bound<'t> {
    text: &'t str,
    double: f64,
}

impl<'t> Bound<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let double = text.parse::<f64>().ok().filter(|number| number.abs() < EXACT)?;
        Some(Self { text, double })
    }

    /// Returns how two bounds compare; `None` if they are different numbers with one double. Whatever servers round to this
    /// double cannot be compared with one of them.
    fn order(self, other: Self) -> Option<Ordering> {
        let order = self.double.partial_cmp(&other.double)?;
        (order.is_ne() || decimal::compare(self.text, other.text).is_eq()).then_some(order)
    }
}

/// Returns whether every value that the one condition accepts is accepted by the other. `false` if that is not known.
///
/// The conditions are written `path op value`.
pub fn accepts_no_more(one: &str, other: &str) -> bool {
    let (Some((path, accepts)), Some((others_path, others))) = (read(one), read(other)) else { return false };
    path == others_path && within(&accepts, &others)
}

/// Returns whether every value that the other condition refuses as `deny_if` is refused by the one.
pub fn denies_no_less(one: &str, other: &str) -> bool {
    let orders = |text| matches!(read(text), Some((_, Accepts::UpTo(..) | Accepts::From(..))));
    // A value of another type is refused by both: both want a number.
    orders(one) && orders(other) && accepts_no_more(other, one)
}

fn read(text: &str) -> Option<(&str, Accepts<'_>)> {
    let operators = [" lte ", " lt ", " gte ", " gt ", " in ", " eq "];
    let (operator, (path, value)) =
        operators.into_iter().find_map(|operator| Some((operator, text.split_once(operator)?)))?;
    let accepts = match operator {
        " lte " => Accepts::UpTo(Bound::read(value)?, true),
        " lt " => Accepts::UpTo(Bound::read(value)?, false),
        " gte " => Accepts::From(Bound::read(value)?, true),
        " gt " => Accepts::From(Bound::read(value)?, false),
        operator => match (operator, Node::of_json(value)?.value) {
            (" in ", Value::List(values)) => {
                Accepts::OneOf(values.into_iter().map(|node| node.value).collect())
            }
            (" eq ", value @ (Value::Bool(_) | Value::Number(_) | Value::Text(_))) => {
                Accepts::OneOf(vec![value])
            }
            _ => return None,
        },
    };
    Some((path, accepts))
}

fn within(one: &Accepts<'_>, other: &Accepts<'_>) -> bool {
    let fits = |order: Option<Ordering>, inner: Ordering, own_included: bool, included: bool| match order {
        Some(Ordering::Equal) => included || !own_included,
        order => order == Some(inner),
    };
    match (one, other) {
        (Accepts::UpTo(own, own_included), Accepts::UpTo(others, included)) => {
            fits(own.order(*others), Ordering::Less, *own_included, *included)
        }
        (Accepts::From(own, own_included), Accepts::From(others, included)) => {
            fits(own.order(*others), Ordering::Greater, *own_included, *included)
        }
        // Numbers in other notations count as others.
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
            ("args.a lte 0.1", "args.a lte 0.10000000000000001", false),
            ("args.a lte 0.10000000000000001", "args.a lte 0.1", false),
            ("args.a gte 0.1", "args.a gt 0.10000000000000001", false),
            ("args.a lte 0.1", "args.a lte 0.2", true),
            ("args.a in [0.1]", "args.a in [0.10000000000000001]", false),
            ("args.a eq 0.1", "args.a eq 0.10000000000000001", false),
            ("args.a in [0.1]", "args.a in [0.1,2]", true),
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
