//! The table of decisions, `cases/decisions/`, as test files of `mcp-policy test`.
//!
//! `filter/decisions.rs` sends the same cases through the filter, and `envoy/test_decisions.py` through a real Envoy. So
//! a verdict of `mcp-policy` is the verdict of the filter.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::program::run;

/// The keys of a step in the table that a step of a test file has as they are.
const SAME: [&str; 8] = ["call", "method", "notify", "params", "id", "times", "session", "tokens"];

/// Writes each group of the table as a policy and a test file. Returns their folder, and how many cases there are.
pub fn write_test_files(name: &str) -> (PathBuf, usize) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/decisions");
    let mut count = 0;
    for entry in std::fs::read_dir(table).expect("the table") {
        let path = entry.expect("a file").path();
        let topic: Value = serde_json::from_slice(&std::fs::read(&path).expect("bytes")).expect("JSON");
        let stem = path.file_stem().expect("a name").to_string_lossy();
        for (number, group) in topic["groups"].as_array().expect("groups").iter().enumerate() {
            let policy = format!("{stem}-{number}.json");
            std::fs::write(folder.join(&policy), group["document"].to_string()).expect("written");
            let cases: Vec<Value> = group["cases"].as_array().expect("cases").iter().map(case).collect();
            count += cases.len();
            let file = json!({"policy": policy, "cases": cases});
            let text = serde_json::to_string_pretty(&file).expect("JSON");
            std::fs::write(folder.join(format!("{stem}-{number}.test.json")), text).expect("written");
        }
    }
    (folder, count)
}

fn case(case: &Value) -> Value {
    // The table's runs have no approval service.
    let mut test = json!({"name": case["name"], "approve": "unavailable"});
    match case.get("steps") {
        Some(steps) => {
            test["steps"] =
                steps.as_array().expect("steps").iter().map(|it| Value::Object(step(it))).collect();
        }
        None => test.as_object_mut().expect("an object").extend(step(case)),
    }
    test
}

fn step(step: &Value) -> Map<String, Value> {
    let mut test = Map::new();
    let mut headers = Map::from_iter([("content-type".to_owned(), json!(["application/json"]))]);
    for (key, value) in step.as_object().expect("an object") {
        match key.as_str() {
            "name" | "answer" => {}
            known if SAME.contains(&known) => drop(test.insert(key.clone(), value.clone())),
            "with" => drop(test.insert("arguments".to_owned(), value.clone())),
            "send" => drop(test.insert("request".to_owned(), value.clone())),
            "says" => drop(test.insert("reason".to_owned(), value.clone())),
            "path" | "http_method" | "record" => drop(test.insert(key.clone(), value.clone())),
            "as" => add(&mut headers, "x-agent-id", value),
            "headers" => {
                for pair in value.as_array().expect("pairs") {
                    add(&mut headers, pair[0].as_str().expect("a name"), &pair[1]);
                }
            }
            "state" => {
                let state = value.as_object().expect("an object").iter();
                let state: Map<_, _> =
                    state.map(|(key, value)| (format!("filter_state.{key}"), value.clone())).collect();
                test.insert("attributes".to_owned(), state.into());
            }
            "wait" => {
                let wait = format!("{}ms", (value.as_f64().expect("seconds") * 1000.0).round());
                test.insert("after".to_owned(), wait.into());
            }
            "expect" => expect(value.as_str().expect("text"), &mut test),
            other => panic!("the table has a new key: {other}"),
        }
    }
    if !["call", "method", "notify", "request"].iter().any(|key| test.contains_key(*key)) {
        test.entry("http_method").or_insert("POST".into());
    }
    test.insert("headers".to_owned(), headers.into());
    for (key, value) in step.get("answer").and_then(Value::as_object).into_iter().flatten() {
        match key.as_str() {
            "status" | "challenge" => drop(test.insert(key.clone(), value.clone())),
            "rpc" if value.is_null() => drop(test.insert("rpc_code".to_owned(), "none".into())),
            "rpc" => drop(test.insert("rpc_code".to_owned(), value.clone())),
            "retry" => {
                let expected = if value == &json!(true) { "some" } else { "none" };
                test.insert("retry_after".to_owned(), expected.into());
            }
            other => panic!("the table has a new key: answer.{other}"),
        }
    }
    test
}

fn add(headers: &mut Map<String, Value>, name: &str, value: &Value) {
    let values = headers.entry(name).or_insert_with(|| json!([]));
    values.as_array_mut().expect("a list").push(value.clone());
}

fn expect(text: &str, test: &mut Map<String, Value>) {
    let words: Vec<&str> = text.split(' ').collect();
    let (verdict, rule) = match words.as_slice() {
        ["pass"] => ("exempt".to_owned(), None),
        ["allow"] => ("allow".to_owned(), None),
        ["allow", rule @ ..] => ("allow".to_owned(), Some(rule.join(" "))),
        ["deny", code, rule @ ..] => ((*code).to_owned(), Some(rule.join(" "))),
        ["would_deny", code, rule @ ..] => (format!("would_deny {code}"), Some(rule.join(" "))),
        _ => panic!("the table has a new verdict: {text}"),
    };
    test.insert("expect".to_owned(), verdict.into());
    test.extend(rule.map(|rule| ("rule".to_owned(), rule.into())));
}

#[test]
fn every_case_of_the_table_is_decided_as_by_the_filter() {
    let (folder, count) = write_test_files("decisions");
    let done = run(&["test", &folder.to_string_lossy(), "--format", "json", "--fail-only"], "");
    let result: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
    assert_eq!(result["failed"], 0, "{}", done.stdout);
    assert_eq!(result["passed"], count, "{}", done.stderr);
    assert!(count > 2_000, "the table has only {count} cases");
    assert_eq!(done.code, 0);
}
