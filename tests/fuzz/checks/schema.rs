//! A schema and a value, as a JSON array of the two: what the engine accepts, the crate `jsonschema` accepts, too.
//!
//! The engine may refuse more: numbers that servers read differently, and keys in another spelling. Numbers that a
//! double does not hold exactly are left out, because `jsonschema` reads doubles.

use mcp_policy_engine::document::{Faults, Notation, Part};
use mcp_policy_engine::json::{self, Kind, Value};
use mcp_policy_engine::schema::Schema;
use mcp_policy_engine::work::Work;

/// Values for the mutation. Most come from the corpus.
pub const FRAGMENTS: &[&str] = &[
    "\"type\"",
    "\"integer\"",
    "\"number\"",
    "\"properties\"",
    "\"required\"",
    "\"additionalProperties\"",
    "\"items\"",
    "\"prefixItems\"",
    "\"contains\"",
    "\"not\"",
    "\"anyOf\"",
    "\"oneOf\"",
    "\"allOf\"",
    "\"if\"",
    "\"then\"",
    "\"else\"",
    "\"const\"",
    "\"enum\"",
    "\"pattern\"",
    "\"patternProperties\"",
    "\"propertyNames\"",
    "\"uniqueItems\"",
    "\"minContains\"",
    "\"maxContains\"",
    "\"dependentRequired\"",
    "\"multipleOf\"",
    "\"minimum\"",
    "\"exclusiveMaximum\"",
    "\"maxLength\"",
    "{\"not\":{}}",
    "{\"type\":\"string\"}",
    "{\"$ref\":\"#/$defs/a\"}",
    "{\"$ref\":\"#\"}",
    "{\"const\":1.0}",
    "{\"enum\":[1,\"1\",null]}",
    "{\"multipleOf\":0.5}",
    "[\"a\",\"b\"]",
    "\"$defs\"",
    "{\"minimum\":0}",
    "{\"pattern\":\"^a\"}",
];

/// The largest number of which doubles hold every multiple of 1/1024.
const EXACT: f64 = (1_u64 << 42) as f64;

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let Ok(document) = json::read(bytes) else { return };
    let parts: Vec<Value<'_>> = document.root().elements().collect();
    let [schema, value] = parts.as_slice() else { return };
    let faults = &mut Faults::default();
    let alone = json::read(schema.raw().as_bytes()).expect("a value is a text");
    let Some(own) = Schema::load(&Part::root(alone.root(), Notation::Json), faults) else {
        assert!(!faults.is_empty(), "it does not load, and has no fault");
        return;
    };
    if document.defect().is_some() || !is_exact(document.root()) {
        return;
    }
    let judged = own.validate(Some(*value), &Work::default());
    if let Err(violation) = &judged {
        // A violation has words for the caller.
        let _ = format!("{violation:?}");
        return;
    }
    let parse = |value: &Value<'_>| serde_json::from_str::<serde_json::Value>(value.raw()).expect("JSON");
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
    let Ok(other) = options.build(&parse(schema)) else { return };
    let value = parse(value);
    assert!(other.is_valid(&value), "jsonschema: {}", other.validate(&value).expect_err("it is invalid"));
}

/// Returns whether all numbers of a value are exact in a double.
fn is_exact(value: Value<'_>) -> bool {
    let own = match value.kind() {
        Kind::Number => {
            let number: f64 = value.raw().parse().expect("a number");
            value.raw().len() < 20 && number.abs() < EXACT && (number * 1_024.0).fract() == 0.0
        }
        _ => true,
    };
    own && value.elements().all(is_exact) && value.entries().all(|(_, member)| is_exact(member))
}
