//! The policies for which the costliest body is looked for.

use serde_json::{Value, json};

use super::bodies::BESIDE;

/// A policy that allows the tool without looking at its arguments.
pub const OPEN: &str = r#"{"version":"1","default":"allow"}"#;

/// A policy, and where its bodies go.
pub struct Document {
    pub name: String,
    pub text: String,
    /// The tool that is called
    pub tool: String,
    /// The argument that is filled
    pub argument: String,
}

/// Returns every policy: those of the repository and some for each way to cause work.
pub fn all() -> Vec<Document> {
    let mut all = own();
    all.extend(schemas().into_iter().map(|(name, schema)| generated(name, json!({ "arguments": schema }))));
    all.extend(
        conditions().into_iter().map(|(name, conditions)| generated(name, json!({ "deny_if": conditions }))),
    );
    let both = json!({ "mode": "shadow", "arguments": { "properties": { "a": items(&numbers()) } } });
    let mut shadow = generated(
        "the same in shadow mode and enforced",
        json!({ "arguments": { "properties": { "a": items(&numbers()) } } }),
    );
    let mut document: Value = serde_json::from_str(&shadow.text).expect("it is JSON");
    document["all_tools"] = both;
    shadow.text = document.to_string();
    all.push(shadow);
    all
}

/// Returns a rule without conditions.
pub fn plain() -> Document {
    generated("a rule without conditions", json!({}))
}

fn generated(name: &str, rule: Value) -> Document {
    let text = json!({ "version": "1", "tools": { "t": rule } }).to_string();
    Document { name: name.to_owned(), text, tool: "t".to_owned(), argument: "a".to_owned() }
}

/// The policies of the repository, each with a tool that has conditions or a schema.
fn own() -> Vec<Document> {
    [
        ("aipaygen.json", include_str!("../../../policies/aipaygen.json"), "run_agent", "agent_id"),
        ("spend.json", include_str!("../../../policies/spend.json"), "buy", "offer"),
        (
            "argument-guards.json",
            include_str!("../../../policies/argument-guards.json"),
            "run_command",
            "args",
        ),
        (
            "argument-guards.json, mail",
            include_str!("../../../policies/argument-guards.json"),
            "send_email",
            "to",
        ),
    ]
    .map(|(name, text, tool, argument)| Document {
        name: name.to_owned(),
        text: text.to_owned(),
        tool: tool.to_owned(),
        argument: argument.to_owned(),
    })
    .into()
}

fn items(schema: &Value) -> Value {
    json!({ "items": schema })
}

fn numbers() -> Value {
    json!({ "type": "number", "minimum": 0, "maximum": 1e9, "multipleOf": 0.01 })
}

fn of_a(schema: Value) -> Value {
    json!({ "properties": { "a": schema } })
}

fn schemas() -> Vec<(&'static str, Value)> {
    let object = |number: u32| json!({ "type": "object", "properties": { "k": { "const": number } }, "required": ["k"] });
    let names: serde_json::Map<String, Value> =
        (0..50).map(|number| (format!("prop{number}"), json!({}))).collect();
    let twenty: Vec<f64> = (0..20).map(|number| f64::from(number) + 0.25).collect();
    let words: Vec<String> = (0..1_000).map(|number| format!("{}{number}", "a".repeat(60))).collect();
    let email = "[a-z0-9]{1,64}@[a-z0-9-]{1,255}";
    vec![
        ("items: minimum, maximum", of_a(items(&numbers()))),
        ("items: enum of 20 numbers", of_a(items(&json!({ "not": { "enum": twenty } })))),
        ("items: enum of 1,000 strings", of_a(items(&json!({ "not": { "enum": words } })))),
        (
            "items: not const of an object",
            of_a(items(&json!({ "not": { "const": { "k": [1, { "x": "y" }] } } }))),
        ),
        (
            "items: anyOf of 8 objects",
            of_a(items(&json!({ "anyOf": (0..8).map(object).collect::<Vec<_>>() }))),
        ),
        (
            "items: oneOf of 8 objects",
            of_a(items(&json!({ "oneOf": (0..8).map(object).collect::<Vec<_>>() }))),
        ),
        (
            "50 properties",
            json!({ "properties": names, "additionalProperties": { "type": ["number", "array"] } }),
        ),
        ("50 properties of an argument", of_a(json!({ "properties": names }))),
        ("pattern", of_a(json!({ "not": { "pattern": email } }))),
        ("items: pattern", of_a(items(&json!({ "not": { "pattern": email } })))),
        ("items: a short pattern", of_a(items(&json!({ "not": { "pattern": "x" } })))),
        ("propertyNames", of_a(json!({ "propertyNames": { "not": { "pattern": "x$" } } }))),
        ("patternProperties", of_a(json!({ "patternProperties": { "^x": false, "y$": false, "z": false } }))),
        (
            "other spellings: an enum of names",
            of_a(json!({ "propertyNames": { "not": { "enum": words.clone() } } })),
        ),
        (
            "other spellings: expressions for names",
            of_a(
                json!({ "patternProperties": { "^Is[A-Z]Ωß{1,9}$": false, "[^A-Z]{3}Y$": false }, "propertyNames": { "not": { "pattern": "ΐX$" } } }),
            ),
        ),
        (
            "other spellings: properties with wide letters",
            of_a(json!({ "properties": { "ΐ".repeat(20): {} } })),
        ),
        ("uniqueItems", of_a(json!({ "uniqueItems": true }))),
        (
            "maxLength, minItems, minProperties",
            of_a(json!({ "maxLength": 9e6, "minItems": 1, "minProperties": 1 })),
        ),
        (
            "items: maxLength",
            of_a(items(&json!({ "maxLength": 9e6, "maxItems": 1e9, "maxProperties": 1e9 }))),
        ),
        ("contains", of_a(json!({ "contains": { "not": { "const": "z" } }, "minContains": 1 }))),
        (
            "if, then, else",
            of_a(items(
                &json!({ "if": { "const": 1 }, "then": { "minimum": 0 }, "else": { "not": { "const": 2 } } }),
            )),
        ),
        ("dependentRequired", of_a(json!({ "dependentRequired": { "k1": ["k2", "k3"] } }))),
        (
            "required",
            of_a(json!({ "required": (0..500).map(|number| format!("r{number}")).collect::<Vec<_>>() })),
        ),
    ]
}

fn conditions() -> Vec<(&'static str, Vec<Value>)> {
    let of = |path: &str, op: &str, value: Value| json!({ "path": path, "op": op, "value": value });
    let each = |op: &str, value: Value| of("args.a[*]", op, value);
    let texts = ["rm -rf", "[;&|`$]", "^https://[a-z.]+/x", r"\bDROP\b", "(?i)password"];
    vec![
        (
            "in 20 numbers",
            vec![each("in", json!((0..20).map(|number| f64::from(number) + 0.25).collect::<Vec<_>>()))],
        ),
        (
            "in of several types",
            vec![each("in", json!(["admin", 0, true])), each("not_in", json!(["x", false]))],
        ),
        ("in 100 integers", vec![each("in", json!((200..300).collect::<Vec<_>>()))]),
        ("a regex of 320 characters", vec![each("regex", json!("[a-z0-9]{1,64}@[a-z0-9-]{1,255}"))]),
        ("a regex of 1,000 characters", vec![each("regex", json!("[a-z]{1,1000}@"))]),
        ("five regexes", texts.map(|text| each("regex", json!(text))).into()),
        ("a regex of white space", vec![each("regex", json!(r"x\S{1,40}\s.y"))]),
        ("one regex", vec![of("args.a", "regex", json!("[;&|`$]"))]),
        ("globs", vec![each("glob", json!("*a*b*c*d*"))]),
        ("contains of texts", vec![each("contains", json!("aaaaaaaab"))]),
        (
            "contains of a list",
            vec![of("args.a", "contains", json!(7)), of("args.a", "contains", json!("x"))],
        ),
        ("lte", vec![each("gt", json!(1e300)), each("lt", json!(-5))]),
        (
            "a key of each element",
            vec![of("args.a[*].k", "eq", json!("x")), of("args.a[*].other[*].k", "exists", json!(true))],
        ),
        ("keys of an argument", vec![of("args.a.longer_key_name", "exists", json!(true))]),
        (
            "other spellings: a key with wide letters",
            vec![of(&format!("args.a[\"{}\"]", "ΐ".repeat(20)), "exists", json!(true))],
        ),
        ("each of a list with another argument", {
            let beside = json!({ "path": format!("args.{BESIDE}") });
            ["eq", "starts_with", "contains"].map(|op| each(op, beside.clone())).into()
        }),
        (
            "another argument in a list",
            vec![
                of(&format!("args.{BESIDE}"), "in", json!({ "path": "args.a" })),
                of("args.a", "contains", json!({ "path": format!("args.{BESIDE}") })),
            ],
        ),
        ("an index", (0..40).map(|_| of("args.a[200000]", "exists", json!(true))).collect()),
        ("200 conditions", (0..200).map(|number| of(&format!("args.k{number}"), "eq", json!("x"))).collect()),
    ]
}
