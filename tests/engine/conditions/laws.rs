//! Laws that hold for every condition and every argument.

use mcp_policy_engine::decide::condition::Truth;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::{OPERATORS, called, judged, policy};

/// The JSON types that an operator with this value applies to.
fn speaks_of(op: &str, value: &str) -> Vec<&'static str> {
    let value: Value = serde_json::from_str(value).unwrap();
    let name = |value: &Value| match value {
        Value::String(_) => "string",
        Value::Number(_) => "number",
        _ => "boolean",
    };
    match (op, &value) {
        ("exists", _) => vec!["string", "number", "boolean", "array", "object"],
        ("contains" | "not_contains", Value::String(_)) => vec!["string", "array"],
        ("contains" | "not_contains", _) => vec!["array"],
        (_, Value::Array(values)) => values.iter().map(name).collect(),
        (_, value) => vec![name(value)],
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        select(vec![0, 4, 5, 6, 7, i64::MAX]).prop_map(Value::from),
        (-10.0..10.0).prop_map(Value::from),
        select(vec!["ab", "a", "b", "x", "5", "true", "", "[\"ab\"]", "{\"a\":5}"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        let object = prop::collection::vec((select(vec!["a", "b", "c"]), inner.clone()), 0..3);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|entries| {
                entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Value>()
            }),
        ]
    })
}

fn objects() -> impl Strategy<Value = Vec<(String, Value)>> {
    let keys = vec!["a", "b", "c", "d e"];
    prop::sample::subsequence(keys, 0..=4).prop_flat_map(|keys| {
        let values = prop::collection::vec(value(), keys.len());
        values.prop_map(move |values| keys.iter().map(|key| (*key).to_owned()).zip(values).collect())
    })
}

/// Writes entries in this order, with this white space around every token.
fn written(entries: &[(String, Value)], space: &str) -> String {
    fn of(value: &Value, space: &str, backwards: bool) -> String {
        match value {
            Value::Array(elements) => {
                let inner: Vec<_> = elements.iter().map(|element| of(element, space, backwards)).collect();
                format!("{space}[{}]{space}", inner.join(","))
            }
            Value::Object(object) => {
                let mut inner: Vec<_> = object
                    .iter()
                    .map(|(key, value)| {
                        format!("{space}{}{space}:{}", Value::from(key.as_str()), of(value, space, backwards))
                    })
                    .collect();
                if backwards {
                    inner.reverse();
                }
                format!("{space}{{{}}}{space}", inner.join(","))
            }
            scalar => format!("{space}{scalar}{space}"),
        }
    }
    let entries = entries.iter().map(|(key, value)| {
        format!("{space}{}{space}:{}", Value::from(key.as_str()), of(value, space, !space.is_empty()))
    });
    format!("{{{}{space}}}", entries.collect::<Vec<_>>().join(","))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 700, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn missing_values_nulls_and_other_types_fail_every_require(
        entries in objects(),
        (op, operand) in select(OPERATORS.to_vec()),
    ) {
        prop_assume!((op, operand) != ("exists", "false"));
        let argument = entries.iter().find(|(key, _)| key == "a").map(|(_, value)| value);
        let kind = argument.map_or("missing", kind);
        let [require, deny_if] = judged(op, operand, &written(&entries, ""));
        if matches!(kind, "missing" | "null") {
            prop_assert_eq!((require, deny_if), (Some(Truth::Missing), None));
        } else if !speaks_of(op, operand).contains(&kind) {
            prop_assert!(matches!(require, Some(Truth::Indeterminate(_))), "{:?}", require);
            prop_assert_eq!(require, deny_if);
        }
    }

    #[test]
    fn a_value_never_passes_both_require_and_deny_if_of_one_condition(
        value in value(),
        (op, operand) in select(OPERATORS.to_vec()),
    ) {
        prop_assume!(!value.is_null());
        let [require, deny_if] = judged(op, operand, &format!("{{\"a\":{value}}}"));
        prop_assert!(require.is_some() || deny_if.is_some());
    }

    #[test]
    fn requiring_a_condition_equals_denying_its_opposite_for_values_that_exist(
        value in value(),
        (op, operand) in select(OPERATORS.to_vec()),
    ) {
        let opposite = match op {
            "eq" => "neq",
            "in" => "not_in",
            "lt" => "gte",
            "gt" => "lte",
            "contains" => "not_contains",
            _ => return Ok(()),
        };
        let arguments = format!("{{\"a\":{value}}}");
        let [require, deny_if] = judged(op, operand, &arguments);
        let [against, deny_against] = judged(opposite, operand, &arguments);
        if !value.is_null() {
            prop_assert_eq!(require.is_some(), deny_against.is_some());
            prop_assert_eq!(against.is_some(), deny_if.is_some());
        }
    }

    #[test]
    fn the_order_of_keys_and_white_space_do_not_affect_conditions(
        entries in objects(),
        turn in 0_usize..4,
        (op, operand) in select(OPERATORS.to_vec()),
        path in select(vec!["args.a", "args.a[*]", "args.a.b", "args[\"d e\"]", "args.a[*].c", "args.a[0]"]),
    ) {
        let plain = written(&entries, "");
        let mut turned = entries;
        let by = turn.min(turned.len());
        turned.rotate_left(by);
        let spaced = written(&turned, " \t\r\n");
        prop_assert_eq!(
            super::judged_at(path, op, operand, &plain),
            super::judged_at(path, op, operand, &spaced)
        );
        let operand: Value = serde_json::from_str(operand).unwrap();
        let policy = policy(&serde_json::json!({ "require": [{ "path": path, "op": op, "value": operand }] }));
        let told = |arguments: &str| called(&policy, arguments, |decision| decision.denial);
        prop_assert_eq!(told(&plain), told(&spaced));
    }
}
