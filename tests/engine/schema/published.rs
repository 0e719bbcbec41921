//! The schemas that AiPayGen's server publishes, each with valid and broken arguments.

use serde_json::{Map, Value, json};

use super::{judge, load, oracle};

fn schemas() -> Vec<(String, Value)> {
    let data: Value = serde_json::from_str(include_str!("../../data/aipaygen-1.6.0-tools.json")).unwrap();
    let tools = data["tools"].as_array().unwrap().iter();
    tools.map(|tool| (tool["name"].as_str().unwrap().to_owned(), tool["inputSchema"].clone())).collect()
}

/// Makes a valid value.
fn fitting(schema: &Value) -> Value {
    match schema["type"].as_str().unwrap() {
        "string" => json!("text"),
        "integer" => json!(3),
        "number" => json!(0.5),
        "boolean" => json!(true),
        "array" => json!([fitting(&schema["items"])]),
        "object" => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            properties.map(|(name, schema)| (name.clone(), fitting(schema))).collect()
        }
        other => panic!("{other}"),
    }
}

/// Makes invalid values, including those that some servers would convert to valid ones.
fn misfits(schema: &Value) -> Vec<Value> {
    match schema["type"].as_str().unwrap() {
        "string" => vec![json!(5), json!(true), json!(null), json!(["text"]), json!({})],
        "integer" => {
            vec![
                json!("1000"),
                json!(" 1000 "),
                json!("1_000"),
                json!("1e3"),
                json!(true),
                json!(1.5),
                json!(null),
            ]
        }
        "number" => vec![json!("0.5"), json!("1e3"), json!(false), json!([1])],
        "boolean" => vec![json!("true"), json!("false"), json!("1"), json!(1), json!(0), json!(null)],
        "array" => {
            let elements = misfits(&schema["items"]).into_iter().map(|element| json!([element]));
            let others = [json!("[\"text\"]"), json!("text"), json!({}), json!({ "0": "text" })];
            elements.chain(others).collect()
        }
        "object" => vec![json!("{\"a\":1}"), json!("{}"), json!([]), json!([["a", 1]]), json!(null)],
        other => panic!("{other}"),
    }
}

/// Returns the properties that a schema requires.
fn required(schema: &Value) -> Vec<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Breaks valid arguments in different ways; returns each result with the name of the broken argument.
fn broken(schema: &Value, whole: &Map<String, Value>) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for name in required(schema) {
        let mut arguments = whole.clone();
        arguments.remove(name);
        all.push((format!("args.{name}"), arguments.into()));
    }
    for (name, property) in schema["properties"].as_object().unwrap() {
        for misfit in misfits(property) {
            let mut arguments = whole.clone();
            arguments.insert(name.clone(), misfit);
            all.push((format!("args.{name}"), arguments.into()));
        }
    }
    let others = [json!([]), json!("{}"), json!(null), json!([whole])];
    all.extend(others.map(|arguments| ("args".to_owned(), arguments)));
    all
}

#[test]
fn every_published_schema_accepts_good_and_refuses_broken_arguments() {
    let schemas = schemas();
    assert_eq!(schemas.len(), 106);
    let mut refused = 0_usize;
    for (tool, schema) in &schemas {
        let ours = load(schema).unwrap_or_else(|faults| panic!("{tool}: {faults}"));
        let theirs = oracle(schema);
        let whole = fitting(schema);
        let whole = whole.as_object().unwrap();
        let mut least = whole.clone();
        least.retain(|name, _| required(schema).contains(&name.as_str()));
        for arguments in [whole.clone(), least].map(Value::Object) {
            assert_eq!(judge(&ours, &arguments), Ok(()), "{tool} {arguments}");
            assert!(theirs.is_valid(&arguments), "{tool} {arguments}");
        }
        for (argument, arguments) in broken(schema, whole) {
            let violation = judge(&ours, &arguments).expect_err(&format!("{tool} {arguments}"));
            let place = violation.argument.split('[').next();
            assert_eq!(place, Some(argument.as_str()), "{tool} {arguments} {violation}");
            assert!(!theirs.is_valid(&arguments), "{tool} {arguments}");
            refused += 1;
        }
    }
    assert!(refused > 1_500, "{refused}");
}
