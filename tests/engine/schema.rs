//! Schemas for arguments, compared with another implementation, the official test suite, and the schemas of a
//! real server.

mod calls;
mod generate;
mod official;
mod published;
mod servers;

use std::cell::Cell;

use mcp_policy_engine::document::{Faults, Notation, Part};
use mcp_policy_engine::json;
use mcp_policy_engine::schema::{Schema, Violation};
use mcp_policy_engine::work::Work;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

/// How many schemas are generated, and how many values for each.
const SCHEMAS: u32 = 1_000;
const VALUES: usize = 8;

fn load(schema: &Value) -> Result<Schema, Faults> {
    let text = schema.to_string();
    let document = json::read(text.as_bytes()).unwrap();
    let mut faults = Faults::default();
    Schema::load(&Part::root(document.root(), Notation::Json), &mut faults).ok_or(faults)
}

fn judge(schema: &Schema, value: &Value) -> Result<(), Violation> {
    let text = value.to_string();
    schema.validate(Some(json::read(text.as_bytes()).unwrap().root()), &Work::default())
}

fn oracle(schema: &Value) -> jsonschema::Validator {
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
    options.build(schema).unwrap_or_else(|error| panic!("{error}: {schema}"))
}

#[test]
fn schemas_are_judged_as_by_another_implementation() {
    let counts = [Cell::new(0_u32), Cell::new(0_u32)];
    let config = Config { cases: SCHEMAS, failure_persistence: None, ..Config::default() };
    let pairs = (generate::schema(), prop::collection::vec(generate::value(), VALUES));
    let outcome = TestRunner::new(config).run(&pairs, |(schema, values)| {
        let ours = load(&schema).map_err(|faults| TestCaseError::fail(faults.to_string()))?;
        let theirs = oracle(&schema);
        for value in values {
            let judged = judge(&ours, &value);
            prop_assert_eq!(judged.is_ok(), theirs.is_valid(&value), "{} {:?}", value, judged);
            counts[usize::from(judged.is_ok())].update(|count| count + 1);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    // The test would prove little if all values were valid, or none.
    assert!(counts.iter().all(|count| count.get() > 2_000), "{counts:?}");
}
