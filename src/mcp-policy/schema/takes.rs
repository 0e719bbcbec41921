//! What belongs at a place of a policy, as a schema.

use mcp_policy_engine::document::Takes;
use serde_json::{Value, json};

use super::{arguments, objects};

/// The largest number with six decimals that limits hold.
const LARGEST_AMOUNT: f64 = 18_446_744_073_709.55;

/// Returns the schema of what belongs at a place.
pub fn schema(takes: Takes) -> Value {
    match takes {
        Takes::Anything => json!(true),
        Takes::Text => json!({ "type": "string" }),
        Takes::Filled => json!({ "type": "string", "minLength": 1 }),
        Takes::Words(words) => json!({ "enum": words }),
        Takes::Integer { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Takes::Positive => json!({ "type": "number", "exclusiveMinimum": 0, "maximum": LARGEST_AMOUNT }),
        Takes::Number => json!({ "type": "number" }),
        Takes::Boolean => json!({ "type": "boolean" }),
        Takes::List(element) => json!({ "type": "array", "items": schema(*element) }),
        Takes::Object(object) => json!({ "$ref": objects::reference(object) }),
        Takes::Named(member) => json!({ "type": "object", "additionalProperties": schema(*member) }),
        Takes::Schema => json!({ "$ref": arguments::reference() }),
        Takes::Either(all) => json!({ "anyOf": all.iter().copied().map(schema).collect::<Vec<_>>() }),
        Takes::Said(_, takes) => schema(*takes),
    }
}
