//! The official JSON-Schema-Test-Suite, which is not part of this repository. PyPI's source package of
//! `jsonschema` contains it in `json/`. To run it:
//! `JSON_SCHEMA_TEST_SUITE=…/json cargo test -p mcp-policy-engine --test engine official -- --ignored`.

use std::path::PathBuf;

use serde_json::Value;

use super::{judge, load};

/// The files about supported keywords.
const FILES: &str = "additionalProperties allOf anyOf boolean_schema const default defs enum \
    exclusiveMaximum exclusiveMinimum format infinite-loop-detection items maxItems maxLength maxProperties \
    maximum minItems minLength minProperties minimum multipleOf not oneOf pattern properties ref required \
    type uniqueItems propertyNames dependentRequired prefixItems patternProperties if-then-else contains \
    minContains maxContains content optional/bignum optional/float-overflow optional/non-bmp-regex";

/// The cases that the engine judges more strictly, because servers differ: a key that matches a pattern only if case is
/// ignored, and a number that a double changes.
const STRICTER: [&str; 2] = [
    "patternProperties, regexes are not anchored by default and are case sensitive: regexes are case sensitive",
    "optional/bignum, maximum integer comparison: comparison works for high numbers",
];

#[test]
#[ignore = "needs JSON_SCHEMA_TEST_SUITE, the directory of the official suite"]
fn schemas_are_judged_as_the_official_suite_expects() {
    let directory =
        PathBuf::from(std::env::var("JSON_SCHEMA_TEST_SUITE").unwrap()).join("tests/draft2020-12");
    let (mut judged, mut refused, mut wrong) = (0_u32, Vec::new(), Vec::new());
    for file in FILES.split_whitespace() {
        let text = std::fs::read_to_string(directory.join(format!("{file}.json"))).expect(file);
        for group in serde_json::from_str::<Vec<Value>>(&text).unwrap() {
            let name = group["description"].as_str().unwrap();
            let schema = match load(&group["schema"]) {
                Ok(schema) => schema,
                Err(faults) => {
                    refused.push(format!("{file}, {name}: {faults}"));
                    continue;
                }
            };
            for case in group["tests"].as_array().unwrap() {
                judged += 1;
                if Value::Bool(judge(&schema, &case["data"]).is_ok()) != case["valid"] {
                    wrong.push(format!("{file}, {name}: {}", case["description"].as_str().unwrap()));
                }
            }
        }
    }
    println!("{judged} cases judged, {} schemas refused at load:\n{}", refused.len(), refused.join("\n"));
    assert_eq!(wrong, STRICTER);
    assert!(judged > 500, "{judged}");
}
