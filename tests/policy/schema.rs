//! `mcp-policy schema`: the schema takes every good policy, and refuses most of the bad ones.

use std::path::{Path, PathBuf};

use mcp_policy_engine::policy::Policy;
use serde_json::Value;

use crate::program::run;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &str) -> Vec<(String, String)> {
    let paths = root().join(folder).read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    paths.sort();
    paths.iter().map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect()
}

fn validator() -> jsonschema::Validator {
    let done = run(&["schema"], "");
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let schema: Value = serde_json::from_str(&done.stdout).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::draft202012::new(&schema).unwrap()
}

/// Returns the documents of the tables of cases: those under `key`, with their names and faults.
fn documents() -> Vec<(String, Value, Vec<String>)> {
    let mut found = Vec::new();
    let tables = files("tests/cases/documents").into_iter().chain(files("tests/cases"));
    for (name, text) in tables.filter(|(name, _)| name.contains("documents")) {
        let table: Value = serde_json::from_str(&text).unwrap();
        let groups = table["refused"]
            .as_object()
            .into_iter()
            .flatten()
            .flat_map(|(_, cases)| cases.as_array().unwrap());
        for case in groups.chain(table["accepted"].as_array().into_iter().flatten()) {
            let Some(document) = case.get("document") else { continue };
            let faults = case["faults"].as_array().into_iter().flatten();
            let faults = faults.map(|fault| fault.as_str().unwrap().to_owned()).collect();
            found.push((format!("{name}: {}", case["name"]), document.clone(), faults));
        }
    }
    found
}

#[test]
fn every_policy_of_the_repository_fits_the_schema() {
    let schema = validator();
    for (name, text) in files("policies") {
        let faults: Vec<String> = schema
            .iter_errors(&serde_json::from_str(&text).unwrap())
            .map(|error| error.to_string())
            .collect();
        assert!(faults.is_empty(), "{name}: {faults:#?}");
    }
}

#[test]
fn a_document_that_the_filter_takes_fits_the_schema() {
    let schema = validator();
    let mut taken = 0;
    for (name, document, _) in documents() {
        if Policy::from_bytes(document.to_string().as_bytes()).is_ok() {
            let faults: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(faults.is_empty(), "{name}: {faults:#?}");
            taken += 1;
        }
    }
    assert!(taken >= 20, "{taken}");
}

/// What faults of single keys and values say. Other faults depend on several places of the document, or on the text within
/// a string.
const OF_FORM: [&str; 8] = [
    "unknown key,",
    "unknown keyword",
    "is missing",
    "found nothing",
    "found an object",
    "found `null`",
    "patterns are not regular expressions",
    "must not be an empty list",
];

#[test]
fn a_document_with_a_fault_of_form_does_not_fit_the_schema() {
    let schema = validator();
    let (mut refused, mut passed) = (0, 0);
    for (name, document, faults) in documents() {
        if Policy::from_bytes(document.to_string().as_bytes()).is_ok() {
            continue;
        }
        if schema.is_valid(&document) {
            let of_form = faults.iter().any(|fault| OF_FORM.iter().any(|form| fault.contains(form)));
            assert!(!of_form, "{name}: {faults:#?}");
            passed += 1;
        } else {
            refused += 1;
        }
    }
    assert!(refused >= 310, "{refused} refused, {passed} passed");
}

#[test]
fn every_key_is_explained() {
    let schema: Value = serde_json::from_str(&run(&["schema"], "").stdout).unwrap();
    let rule = &schema["$defs"]["rule"]["properties"]["mode"];
    assert_eq!(
        rule["markdownDescription"],
        "Whether the rule takes effect.\n\nTakes `enforce` or `shadow`. Without it: `\"enforce\"`."
    );
    assert_eq!(rule["default"], "enforce");
    for (name, object) in schema["$defs"].as_object().unwrap().iter().filter(|(name, _)| *name != "arguments")
    {
        for (key, value) in object["properties"].as_object().unwrap() {
            for text in ["title", "description", "markdownDescription"] {
                assert!(value[text].is_string(), "{name}.{key}: {text}");
            }
        }
    }
}
