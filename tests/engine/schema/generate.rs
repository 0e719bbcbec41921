//! Generates schemas and values that often match, because both use the same few names and values.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// The names of a generated schema's definitions, and pointers to them. Two of them need escapes.
const DEFINITIONS: [(&str, &str); 3] =
    [("0/~", "#/$defs/0~1~0"), ("1% ", "#/%24defs/1%25%20"), ("2", "#/$defs/2")];

fn name() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "c", "é/~ %", ""]).prop_map(str::to_owned)
}

/// A scalar value. Its numbers fit a double exactly, because the oracle reads doubles.
fn scalar() -> impl Strategy<Value = Value> {
    select(vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-0.0),
        json!(1),
        json!(1.0),
        json!(2),
        json!(-3),
        // No fraction is next to an integer, where the engine is stricter than the specification.
        json!(10.5),
        json!(-12.5),
        json!(1e20),
        json!(9_007_199_254_740_991_i64),
        json!(""),
        json!("a"),
        json!("b"),
        json!("1"),
        json!("true"),
        json!("ab\n"),
        json!("aé😀"),
        json!("{}"),
    ])
}

/// Any value.
pub fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(name(), inner, 0..4).prop_map(|members| json!(members)),
        ]
    })
}

fn types() -> impl Strategy<Value = Value> {
    let word = select(vec!["array", "boolean", "integer", "number", "object", "string", "null"]);
    let words = prop::collection::btree_set(word.clone(), 1..4);
    prop_oneof![2 => word.prop_map(|word| json!(word)), 1 => words.prop_map(|words| json!(words))]
}

/// A keyword that contains no schema, with its value.
fn keyword() -> impl Strategy<Value = (&'static str, Value)> {
    let counts = vec!["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];
    let few = select(vec![json!(0), json!(1), json!(2), json!(3), json!(2.0)]);
    let bounds = vec!["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
    let numbers = select(vec![json!(0), json!(1), json!(1.0), json!(2.5), json!(-2)]);
    let divisors = select(vec![json!(1), json!(2), json!(0.5), json!(2.5)]);
    let patterns = vec!["^a", "b$", "^[a-z]*$", "é", "^.{2}$", r"^\d+$", "^$", r"^\{\}$", "[ab]|1"];
    let annotations = vec![
        ("title", json!("t")),
        ("format", json!("email")),
        ("x-any", json!([])),
        ("default", json!({ "type": "none" })),
        ("deprecated", json!(true)),
        ("contentEncoding", json!("base64")),
    ];
    prop_oneof![
        4 => types().prop_map(|types| ("type", types)),
        2 => (select(bounds), numbers),
        1 => divisors.prop_map(|divisor| ("multipleOf", divisor)),
        2 => (select(counts), few),
        1 => select(patterns).prop_map(|pattern| ("pattern", json!(pattern))),
        1 => any::<bool>().prop_map(|unique| ("uniqueItems", json!(unique))),
        1 => value().prop_map(|value| ("const", value)),
        1 => prop::collection::vec(value(), 1..5).prop_map(|values| ("enum", json!(values))),
        1 => prop::collection::btree_set(name(), 0..3).prop_map(|names| ("required", json!(names))),
        1 => prop::collection::btree_map(name(), prop::collection::btree_set(name(), 0..3), 0..3)
            .prop_map(|names| ("dependentRequired", json!(names))),
        1 => (select(vec!["minContains", "maxContains"]), select(vec![json!(0), json!(1), json!(2)])),
        1 => select(annotations),
    ]
}

/// A schema whose `$ref`s are still numbers; [`close`] turns them into references without cycles.
fn open_schema() -> impl Strategy<Value = Value> {
    let reference = any::<u8>().prop_map(|to| ("$ref", json!(usize::from(to) % DEFINITIONS.len())));
    let leaf = prop_oneof![
        1 => any::<bool>().prop_map(Value::Bool),
        7 => prop::collection::vec(keyword(), 0..3).prop_map(object),
        2 => prop::collection::vec(prop_oneof![reference, keyword()], 1..3).prop_map(object),
    ];
    leaf.prop_recursive(3, 24, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 1..4);
        let map = prop::collection::btree_map(name(), inner.clone(), 0..4);
        let with_schemas = prop_oneof![
            3 => map.prop_map(|map| ("properties", json!(map))),
            2 => inner.clone().prop_map(|schema| ("additionalProperties", schema)),
            2 => inner.clone().prop_map(|schema| ("items", schema)),
            1 => inner.clone().prop_map(|schema| ("not", schema)),
            1 => inner.clone().prop_map(|schema| ("propertyNames", schema)),
            2 => inner.clone().prop_map(|schema| ("contains", schema)),
            3 => (select(vec!["if", "then", "else"]), inner.clone()),
            2 => prop::collection::btree_map(select(vec!["^a", "b$", "[ab]|1", "^$"]), inner, 0..3)
                .prop_map(|map| ("patternProperties", json!(map))),
            4 => (select(vec!["allOf", "anyOf", "oneOf", "prefixItems"]), list).prop_map(|(word, list)| (word, json!(list))),
        ];
        prop::collection::vec(prop_oneof![2 => with_schemas, 1 => keyword()], 1..4).prop_map(object)
    })
}

fn object(keywords: Vec<(&'static str, Value)>) -> Value {
    keywords.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>().into()
}

/// Turns the numbers in `$ref`s into pointers to definitions from `first` on. Removes a `$ref` if no such
/// definition is left.
fn close(schema: &mut Value, first: usize) {
    let keywords = match schema {
        Value::Object(keywords) => keywords,
        Value::Array(list) => return list.iter_mut().for_each(|schema| close(schema, first)),
        _ => return,
    };
    if let Some(to) = keywords.get("$ref").and_then(Value::as_u64) {
        match DEFINITIONS.get(usize::try_from(to).unwrap() + first) {
            Some((_, pointer)) => keywords.insert("$ref".to_owned(), json!(pointer)),
            None => keywords.remove("$ref"),
        };
    }
    for (key, value) in keywords {
        match (key.as_str(), value) {
            ("properties" | "patternProperties", Value::Object(map)) => {
                map.values_mut().for_each(|schema| close(schema, first))
            }
            ("const" | "enum" | "default", _) => {}
            (_, value) => close(value, first),
        }
    }
}

/// Any schema. Its definitions refer only to later ones, so that there are no cycles.
pub fn schema() -> impl Strategy<Value = Value> {
    let definitions = prop::collection::vec(open_schema(), DEFINITIONS.len());
    (open_schema(), definitions).prop_map(|(mut root, mut definitions)| {
        close(&mut root, 0);
        for (index, definition) in definitions.iter_mut().enumerate() {
            close(definition, index + 1);
        }
        if let Value::Object(keywords) = &mut root {
            let names = DEFINITIONS.map(|(name, _)| name.to_owned());
            let map: Map<_, _> = names.into_iter().zip(definitions).collect();
            keywords.insert("$defs".to_owned(), map.into());
        }
        root
    })
}
