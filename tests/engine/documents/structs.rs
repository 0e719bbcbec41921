//! A document reads the same as JSON and as a Struct, except for numbers and words that a Struct may have
//! changed.

use mcp_policy_engine::policy::Policy;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::generate::document;
use super::meaning::meaning;
use super::wire::{as_from_yaml, changes_in_yaml, structured, text};
use super::{accepted, outcome, refused};

/// Encodes a Struct with `number` as the `max` of a limit.
fn with_max(number: f64) -> Vec<u8> {
    let document = r#"{"version":"1","tools":{"x":{"limits":[{"counter":"c","window":"day","max":77}]}}}"#;
    let mut bytes = structured(&serde_json::from_str(document).unwrap());
    let max = 77_f64.to_le_bytes();
    let at = bytes.windows(8).position(|window| window == max).unwrap();
    bytes.splice(at..at.saturating_add(8), number.to_le_bytes());
    bytes
}

fn without_digest(policy: &str) -> Vec<&str> {
    policy.lines().filter(|line| !line.trim_start().starts_with("digest: ")).collect()
}

#[test]
fn every_document_reads_the_same_as_json_and_as_a_struct() {
    let mut compared = 0_u32;
    for case in refused().iter().chain(&accepted()) {
        let beyond = ["1e400", "beyond 64 bits", "beyond doubles", "far too large", "max too large"];
        if case.entry.get("document").is_none() || beyond.iter().any(|name| case.name.contains(name)) {
            continue;
        }
        let document: serde_json::Value = serde_json::from_slice(&case.bytes).unwrap();
        let empty = document.as_object().is_none_or(serde_json::Map::is_empty);
        if empty || changes_in_yaml(&document) {
            continue;
        }
        let json = outcome(text(&document).as_bytes());
        assert_eq!(outcome(&structured(&document)), json, "{}: {}", case.group, case.name);
        compared = compared.saturating_add(1);
    }
    assert!(compared >= 120, "{compared}");
}

#[test]
fn a_generated_document_reads_the_same_as_json_and_as_a_struct() {
    let met = std::cell::Cell::new([0_u32; 2]);
    let mut runner = TestRunner::new(Config { cases: 2000, failure_persistence: None, ..Config::default() });
    let result = runner.run(&document(), |document| {
        let json = outcome(text(&document).as_bytes());
        let [good, bad] = met.get();
        met.set(if json.is_ok() { [good.saturating_add(1), bad] } else { [good, bad.saturating_add(1)] });
        prop_assert_eq!(&outcome(&structured(&document)), &json);
        // A document can be invalid as JSON and valid as YAML: there, a large number can be a name.
        let yaml = outcome(&structured(&as_from_yaml(&document)));
        // A condition does not guess whether it is one.
        let guess = |faults: &Vec<String>| faults.iter().all(|fault| fault.contains(" became a string "));
        if let Ok(policy) = &json
            && !yaml.as_ref().is_err_and(guess)
        {
            prop_assert_eq!(yaml.as_deref().map(without_digest), Ok(without_digest(policy)));
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let [good, bad] = met.get();
    assert!(good >= 300 && bad >= 300, "{good} good, {bad} bad");
}

#[test]
fn numbers_that_a_struct_may_have_changed_are_refused() {
    let inexact = "tools.x.limits[0].max: an integer beyond 2^53 may have been changed on its way as a Struct, \
        write the policy as JSON";
    let infinite = "tools.x.limits[0].max: must be a finite number";
    for (number, expected) in [
        (10.0, None),
        (1.1, None),
        (9_007_199_254_740_992.0, Some(inexact)),
        (-9_007_199_254_740_992.0, Some(inexact)),
        (1e300, Some(inexact)),
        (f64::MAX, Some(inexact)),
        (f64::NAN, Some(infinite)),
        (f64::INFINITY, Some(infinite)),
        (f64::NEG_INFINITY, Some(infinite)),
    ] {
        let faults = outcome(&with_max(number)).err().unwrap_or_default();
        assert_eq!(faults, expected.into_iter().collect::<Vec<_>>(), "{number}");
    }
    let policy = Policy::from_bytes(&with_max(1.1)).unwrap();
    assert!(meaning(&policy).iter().any(|line| line.contains("c, 1.1 in 86400 s")));
}

#[test]
fn numbers_in_strings_are_accepted_only_in_a_struct() {
    let document = serde_json::json!({
        "version": "1",
        "max_body_bytes": "2e6",
        "tools": { "pay": { "limits": [
            { "counter": "a", "window": "86400", "max": "18446744073709.551615", "amount": "0.000001" },
            { "counter": "b", "window": "60.0", "max": "4294967296", "amount": "args.amount" },
        ] } },
    });
    let policy = Policy::from_bytes(&structured(&document)).unwrap();
    let found = meaning(&policy);
    for line in [
        "max_body_bytes: 2000000",
        "tools.pay.limits[0]: a, 18446744073709.551615 in 86400 s, sliding, grant, each adds 0.000001",
        "tools.pay.limits[1]: b, 4294967296 in 60 s, sliding, grant, each adds args.amount",
    ] {
        assert!(found.iter().any(|found| found == line), "{line}\n{found:#?}");
    }
    assert_eq!(outcome(text(&document).as_bytes()).unwrap_err().len(), 6);
    for (max, told) in [
        ("-1", "a positive number"),
        ("", "a positive number"),
        ("0x10", "a positive number"),
        (" 1", "a positive number"),
        (".5", "a positive number"),
        ("1.2345678", "a positive number with up to 6 decimals, below 1.8e13"),
        ("1e400", "a positive number with up to 6 decimals, below 1.8e13"),
    ] {
        let document = serde_json::json!({ "version": "1", "tools": { "x": { "rate_limit": { "max": max, "window": 1 } } } });
        let expected = format!("tools.x.rate_limit.max: must be {told}, found `\"{max}\"`");
        assert_eq!(outcome(&structured(&document)).unwrap_err(), [expected]);
    }
}

#[test]
fn a_condition_refuses_a_string_in_a_struct_that_may_have_been_a_number() {
    let what = "may be a number that became a string on its way as a Struct, write the policy as JSON";
    for (op, operand, refused) in [
        ("eq", r#""0.5""#, Some("")),
        ("neq", r#""4294967296""#, Some("")),
        ("in", r#"["a","1.5"]"#, Some("[1]")),
        ("contains", r#""-2147483649""#, Some("")),
        ("eq", r#""42""#, None),
        ("eq", r#""1.5.0""#, None),
        ("lte", r#""0.5""#, None),
        ("starts_with", r#""0.5""#, None),
    ] {
        let value: serde_json::Value = serde_json::from_str(operand).unwrap();
        let condition = serde_json::json!({ "path": "args.a", "op": op, "value": value });
        let document = serde_json::json!({ "version": "1", "all_tools": { "require": [condition] } });
        let faults = refused.map(|at| vec![format!("all_tools.require[0].value{at}: {what}")]);
        assert_eq!(outcome(&structured(&document)).err(), faults, "{op} {operand}");
        let strings = op != "lte";
        assert_eq!(outcome(text(&document).as_bytes()).is_ok(), strings, "{op} {operand}");
    }
}

#[test]
fn a_boolean_beside_strings_in_a_struct_may_have_been_a_word() {
    let what = "may be a word such as `no` or `off` that YAML read as a boolean, quote the word or write the policy \
        as JSON";
    let condition = |op: &str, value: &serde_json::Value| {
        let condition = serde_json::json!({ "path": "args.a", "op": op, "value": value });
        let document = serde_json::json!({ "version": "1", "all_tools": { "require": [condition] } });
        (document, "all_tools.require[0].value")
    };
    let schema = |value: &serde_json::Value| {
        let schema = serde_json::json!({ "properties": { "a": { "enum": value } } });
        let document = serde_json::json!({ "version": "1", "tools": { "x": { "arguments": schema } } });
        (document, "tools.x.arguments.properties.a.enum")
    };
    for (list, suspects) in [
        (r#"["se","no",false]"#, [2].as_slice()),
        (r#"[true,"maybe",false]"#, &[0, 2]),
        (r#"[true,false,"a",null]"#, &[0, 1]),
        (r#"["yes","no"]"#, &[]),
        ("[true,false]", &[]),
        ("[1,true]", &[]),
    ] {
        let value: serde_json::Value = serde_json::from_str(list).unwrap();
        for (document, place) in [condition("in", &value), condition("not_in", &value), schema(&value)] {
            // No condition compares with null.
            if list.contains("null") && place.ends_with("value") {
                continue;
            }
            let faults: Vec<_> = suspects.iter().map(|at| format!("{place}[{at}]: {what}")).collect();
            assert_eq!(outcome(&structured(&document)).err().unwrap_or_default(), faults, "{list}");
            assert!(outcome(text(&document).as_bytes()).is_ok(), "{list}");
        }
    }
}

#[test]
fn a_struct_and_its_json_have_the_same_digest() {
    let document = serde_json::json!({ "version": "1", "tools": { "x": {} } });
    let (json, wire) = (text(&document), structured(&document));
    let read = |bytes: &[u8]| Policy::from_bytes(bytes).unwrap().digest;
    assert_eq!(read(json.as_bytes()), read(&wire));
    assert_ne!(read(json.as_bytes()), read(format!("{json} ").as_bytes()));
}
