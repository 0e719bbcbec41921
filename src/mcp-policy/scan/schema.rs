//! Takes over the schema that a server publishes, so far as the filter can judge it.
//!
//! The engine itself says what it cannot load. Only what it refuses is left out, and always so that the schema becomes
//! wider: no call that fits the server's schema is refused by the policy.

mod anchors;
mod cut;
mod recursion;
mod translate;

use mcp_policy_engine::document::{Faults, Notation, Part};
use mcp_policy_engine::json;
use mcp_policy_engine::schema::Schema;
use serde_json::{Map, Value};

/// A difference between the server's schema and the policy's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path of the part in the schema, such as `properties.size.format`
    pub path: String,
    /// What became of it, and why
    pub what: String,
}

/// What became of a schema.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TakenOver {
    /// The schema for the rule; `None` if nothing is left that restricts a call
    pub schema: Option<Value>,
    /// What is different from the server's schema
    pub differences: Vec<Difference>,
}

/// Takes over a schema. Annotations are left out: the filter does not judge them.
pub fn take_over(schema: &Map<String, Value>) -> TakenOver {
    let mut differences = Vec::new();
    let mut schema = Value::Object(schema.clone());
    translate::translate(&mut schema, &mut differences);
    recursion::cut(&mut schema, &mut differences);
    loop {
        let faults = faults(&schema);
        if faults.is_empty() {
            break;
        }
        let mut nothing_cut = true;
        for (path, wrong) in faults {
            if let Some(path) = cut::cut(&mut schema, &path) {
                nothing_cut = false;
                // What was changed before is gone now.
                differences.retain(|difference| difference.path != path);
                differences.push(Difference { path, what: format!("left out: {wrong}") });
            }
        }
        if nothing_cut {
            // The schema as a whole cannot be loaded.
            let what = "left out: the filter cannot judge this schema".to_owned();
            differences.push(Difference { path: "schema".to_owned(), what });
            return TakenOver { schema: None, differences };
        }
    }
    let schema = Some(schema).filter(restricts);
    TakenOver { schema, differences }
}

/// Returns the faults of a schema: the path and the text of each.
fn faults(schema: &Value) -> Vec<(String, String)> {
    let text = schema.to_string();
    let Ok(document) = json::read(text.as_bytes()) else {
        return vec![("document".to_owned(), "it nests too deep".to_owned())];
    };
    let mut faults = Faults::default();
    Schema::load(&Part::root(document.root(), Notation::Json), &mut faults);
    faults.iter().map(|fault| (fault.path.to_string(), fault.wrong.to_string())).collect()
}

/// Returns whether a schema restricts the arguments of a call, which are an object anyway.
fn restricts(schema: &Value) -> bool {
    let Some(members) = schema.as_object() else { return schema != &Value::Bool(true) };
    members.iter().any(|(key, value)| match key.as_str() {
        "type" => value != "object",
        "properties" | "required" | "$defs" | "definitions" => {
            value.as_object().is_none_or(|members| !members.is_empty())
                && value.as_array().is_none_or(|elements| !elements.is_empty())
        }
        "additionalProperties" => value != &Value::Bool(true) && value != &Value::Object(Map::new()),
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn taken_over(schema: Value) -> (Value, Vec<String>) {
        let taken = take_over(schema.as_object().unwrap());
        let paths = taken.differences.into_iter().map(|difference| difference.path).collect();
        (taken.schema.unwrap_or(Value::Null), paths)
    }

    #[test]
    fn what_the_filter_cannot_judge_is_left_out_and_told() {
        for (schema, expected, told) in [
            // Annotations go without a word; a parameter with the name of one stays.
            (
                json!({"title": "t", "properties": {"title": {"type": "string", "description": "d"}}}),
                json!({"properties": {"title": {"type": "string"}}}),
                &[][..],
            ),
            (
                json!({"properties": {"a": {"type": "string", "contentEncodin": "x"}}}),
                json!({"properties": {"a": {"type": "string"}}}),
                &["properties.a.contentEncodin"][..],
            ),
            // A header repeats an argument only on a chain of `properties`.
            (
                json!({"x-mcp-header": "A", "properties": {"a": {"$ref": "#/$defs/r"}, "b": {"type": "string", "x-mcp-header": "B"}}, "$defs": {"r": {"type": "string", "x-mcp-header": "R"}}}),
                json!({"properties": {"a": {"$ref": "#/$defs/r"}, "b": {"type": "string", "x-mcp-header": "B"}}, "$defs": {"r": {"type": "string"}}}),
                &[],
            ),
            (
                json!({"properties": {"a": {"type": "string", "x-mcp-header": "a b"}}}),
                json!({"properties": {"a": {"type": "string"}}}),
                &["properties.a.x-mcp-header"],
            ),
            // Below `not` less would be more, so the whole of it goes.
            (
                json!({"properties": {"a": {"type": "string", "not": {"enum": ["x"], "odd": 1}}}}),
                json!({"properties": {"a": {"type": "string"}}}),
                &["properties.a.not"][..],
            ),
            (
                json!({"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "text"}]}}, "required": ["a"]}),
                json!({"properties": {"a": {"anyOf": [{"type": "string"}, {}]}}, "required": ["a"]}),
                &["properties.a.anyOf[1].type"][..],
            ),
            (
                json!({"properties": {"a": {"type": "string", "pattern": "(?<=a)b"}}, "additionalProperties": false}),
                json!({"properties": {"a": {"type": "string"}}, "additionalProperties": false}),
                &["properties.a.pattern"][..],
            ),
            (
                json!({"properties": {"a": 3}, "required": ["a"]}),
                json!({"properties": {"a": {}}, "required": ["a"]}),
                &["properties.a"][..],
            ),
            (json!({"type": "object", "properties": {}}), Value::Null, &[][..]),
        ] {
            let (taken, paths) = taken_over(schema);
            assert_eq!(taken, expected);
            assert_eq!(paths, told, "{taken}");
        }
    }

    #[test]
    fn a_reference_to_a_schema_around_it_is_cut_where_it_closes_the_circle() {
        let node = json!({"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "name": {"type": "string"}}});
        let (taken, paths) =
            taken_over(json!({"properties": {"root": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}}));
        assert_eq!(taken.pointer("/properties/root"), Some(&json!({"$ref": "#/$defs/Node"})));
        assert_eq!(
            taken.pointer("/$defs/Node/properties"),
            Some(&json!({"next": {}, "name": {"type": "string"}}))
        );
        assert_eq!(paths, ["$defs.Node.properties.next.$ref"]);
    }

    #[test]
    fn no_type_is_added_where_the_schema_would_fit_more() {
        let bound = json!({"properties": {"size": {"minimum": 10}}});
        for schema in [
            json!({"not": bound}),
            json!({"if": bound, "then": {"required": ["reason"]}}),
            json!({"oneOf": [bound, {"required": ["a"]}]}),
            json!({"properties": {"list": {"type": "array", "contains": bound, "maxContains": 1}}}),
            json!({"not": {"$ref": "#/$defs/Large"}, "$defs": {"Large": bound}}),
        ] {
            let (taken, differences) = taken_over(schema.clone());
            assert_eq!((taken, differences), (schema, Vec::new()));
        }
        let both = json!({"allOf": [bound], "not": bound});
        let (taken, differences) = taken_over(both);
        assert_eq!(taken.pointer("/allOf/0/properties/size/type"), Some(&json!("number")));
        assert_eq!(differences, ["allOf[0].properties.size.type"]);
    }

    #[test]
    fn older_drafts_are_translated() {
        for (schema, expected) in [
            (
                json!({"type": "number", "minimum": 1, "exclusiveMinimum": true}),
                json!({"type": "number", "exclusiveMinimum": 1}),
            ),
            (
                json!({"type": "number", "minimum": 1, "exclusiveMinimum": false}),
                json!({"type": "number", "minimum": 1}),
            ),
            (json!({"type": "string", "nullable": true}), json!({"type": ["string", "null"]})),
            (
                json!({"type": "array", "items": [{"type": "string"}], "additionalItems": false}),
                json!({"type": "array", "prefixItems": [{"type": "string"}], "items": false}),
            ),
            (json!({"minimum": 1}), json!({"type": "number", "minimum": 1})),
            (
                json!({"propertyNames": {"maxLength": 9}}),
                json!({"type": "object", "propertyNames": {"maxLength": 9}}),
            ),
        ] {
            let (taken, _) = taken_over(json!({"properties": {"a": schema}}));
            assert_eq!(taken.pointer("/properties/a"), Some(&expected));
        }
    }
}
