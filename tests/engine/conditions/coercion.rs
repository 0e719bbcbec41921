//! Values that servers convert: no operator on the argument lets one through.

use serde_json::json;

use super::{OPERATORS, called, judged, policy};

/// What a tool accepts, a condition on it, and values that some servers convert to it.
const ATTACKS: [(&str, &str, &[&str]); 4] = [
    (
        "a number",
        "1000",
        &[
            "\"1000\"",
            "\" 1000 \"",
            "\"1_000\"",
            "\"1e3\"",
            "\"0x3e8\"",
            "\"１０００\"",
            "true",
            "false",
            "\"\"",
            "[1000]",
            "{\"value\":1000}",
            "\"NaN\"",
            "\"Infinity\"",
        ],
    ),
    (
        "a boolean",
        "true",
        &["\"true\"", "\"True\"", "\"yes\"", "\"on\"", "\"1\"", "1", "1.0", "0", "\"\"", "[true]"],
    ),
    ("a string", "\"rm\"", &["1", "true", "[\"rm\"]", "{\"rm\":1}", "[\"r\",\"m\"]"]),
    (
        "a list of strings",
        "\"rm\"",
        &[
            "[[\"rm\"]]",
            "[1]",
            "[true]",
            "\"[\\\"r\\\\u006d\\\"]\"",
            "\"{\\\"a\\\":\\\"r\\\\u006d\\\"}\"",
            "\"{\\\"r\\\\u006d\\\":1}\"",
            "\" [\\\"rm\\\"]\\n\"",
        ],
    ),
];

#[test]
fn values_that_servers_convert_are_denied_by_every_operator_on_the_argument() {
    let mut judgements = 0;
    for (of, value, attacks) in ATTACKS {
        let lists = of == "a list of strings";
        let operators: &[&str] = match of {
            "a number" => &["eq", "neq", "lt", "lte", "gt", "gte", "in", "not_in"],
            "a boolean" => &["eq", "neq", "in", "not_in"],
            "a string" => &["eq", "neq", "in", "not_in", "starts_with", "ends_with", "glob", "regex"],
            _ => &["contains", "not_contains"],
        };
        for op in operators {
            let value = if op.ends_with("in") { format!("[{value},{value}]") } else { value.to_owned() };
            for attack in attacks {
                let arguments = format!("{{\"a\":{attack}}}");
                let [require, deny_if] = judged(op, &value, &arguments);
                assert!(require.is_some() && deny_if.is_some(), "{attack} {op} {value}");
                judgements += 1;
                let value: serde_json::Value = serde_json::from_str(&value).unwrap();
                let condition = json!({ "path": "args.a", "op": op, "value": value });
                for place in ["require", "deny_if"] {
                    let rule = json!({ place: [condition] });
                    called(&policy(&rule), &arguments, |decision| {
                        assert_eq!(
                            decision.denial.unwrap().code.as_str(),
                            "condition_failed",
                            "{attack} {rule}"
                        );
                    });
                }
                if !lists {
                    let element = format!("{{\"a\":[{attack}]}}");
                    let [require, deny_if] = super::judged_at("args.a[*]", op, &value.to_string(), &element);
                    assert!(require.is_some() && deny_if.is_some(), "[{attack}] {op} {value}");
                }
            }
        }
    }
    assert!(judgements >= 180, "{judgements}");
}

#[test]
fn json_inside_a_string_is_not_parsed() {
    for (path, arguments) in [
        ("args.config.host", r#"{"config":"{\"host\":\"evil\"}"}"#),
        ("args.config.host", r#"{"config":["host","evil"]}"#),
        ("args.config[\"host\"]", r#"{"config":[["host","evil"]]}"#),
        ("args.list[0]", r#"{"list":"[\"evil\"]"}"#),
        ("args.list[*]", r#"{"list":"[\"evil\"]"}"#),
        ("args.list[*].host", r#"{"list":["{\"host\":\"evil\"}"]}"#),
        ("args.list[*]", r#"{"list":{"0":"evil"}}"#),
    ] {
        for (op, value) in OPERATORS {
            let [require, deny_if] = super::judged_at(path, op, value, arguments);
            assert!(require.is_some() && deny_if.is_some(), "{path} {op} {value} {arguments}");
        }
    }
}
