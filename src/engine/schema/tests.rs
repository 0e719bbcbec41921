mod names;

use std::fmt::Write as _;

use super::*;
use crate::document::Notation;
use crate::json;
use crate::work::Work;

const DIGITS: &str = "must be a number of no more digits than a double keeps";

fn load(schema: &str) -> Result<Schema, String> {
    let text = format!(r#"{{"arguments":{schema}}}"#);
    let document = json::read(text.as_bytes()).unwrap();
    let mut faults = Faults::default();
    let part = Part::root(document.root(), Notation::Json).member("arguments").unwrap();
    let loaded = Schema::load(&part, &mut faults);
    assert_eq!(loaded.is_none(), !faults.is_empty(), "{schema}");
    loaded.ok_or_else(|| faults.to_string())
}

#[track_caller]
fn validate(schema: &str, arguments: &str) -> String {
    let document = json::read(arguments.as_bytes()).unwrap();
    let result = load(schema).unwrap().validate(Some(document.root()), &Work::default());
    result.err().map_or_else(|| "fits".to_owned(), |violation| violation.to_string())
}

/// A schema of the argument `a`, its value, and what is told about the argument.
const OF_ONE_ARGUMENT: &[(&str, &str, &str)] = &[
    ("true", "1", "fits"),
    ("false", "1", "is not allowed"),
    (r#"{"type":"string"}"#, "1", "must be a string, found a number"),
    (r#"{"type":"integer"}"#, "1.5", "must be an integer"),
    (r#"{"type":"integer"}"#, r#""1""#, "must be an integer, found a string"),
    (r#"{"type":"boolean"}"#, r#""true""#, "must be a boolean, found a string"),
    (r#"{"type":"object"}"#, r#""{}""#, "must be an object, found a string"),
    (r#"{"type":["null","string"]}"#, "[]", "must be a string or null, found an array"),
    (r#"{"const":9007199254740993}"#, "9007199254740992", "must be `9007199254740993`"),
    (r#"{"const":9007199254740993}"#, "9007199254740993.0", DIGITS),
    (r#"{"enum":["x",2,{"b":[],"c":1}]}"#, r#"{"c":1.0,"b":[]}"#, "fits"),
    (r#"{"enum":["x",2,null]}"#, r#""X""#, r#"must be `"x"`, `2` or `null`"#),
    (r#"{"minimum":0}"#, "-1e-30", "must be at least 0"),
    (r#"{"maximum":9007199254740992}"#, "9007199254740993", DIGITS),
    (r#"{"exclusiveMinimum":0}"#, "-0.0", "must be more than 0"),
    (r#"{"exclusiveMaximum":1}"#, "1.0", "must be less than 1"),
    (r#"{"maximum":5}"#, "5.00000000000000001", DIGITS),
    (r#"{"exclusiveMaximum":5}"#, "4.99999999999999999", DIGITS),
    (r#"{"not":{"const":666}}"#, "666.00000000000001", DIGITS),
    (r#"{"not":{"anyOf":[{"const":1},{"enum":["x",666]}]}}"#, "666.00000000000001", DIGITS),
    (r#"{"not":{"const":666}}"#, "667.00000000000001", "fits"),
    (r#"{"anyOf":[{"const":666},{"type":"number"}]}"#, "666.00000000000001", "fits"),
    (r#"{"multipleOf":0.01}"#, "19.99", "fits"),
    (r#"{"multipleOf":0.01}"#, "19.995", "must be a multiple of 0.01"),
    (r#"{"maxLength":2}"#, r#""\ud83d\ude00é""#, "fits"),
    (r#"{"maxLength":1}"#, r#""\ud83d\ude00é""#, "must have at most 1 character"),
    (r#"{"minLength":2}"#, r#""😀""#, "must have at least 2 characters"),
    (r#"{"pattern":"^[A-Za-z0-9_-]+$"}"#, r#""../x""#, "must match the pattern `^[A-Za-z0-9_-]+$`"),
    (r#"{"pattern":"^a$"}"#, r#""a\n""#, "must match the pattern `^a$`"),
    (r#"{"pattern":"^.$"}"#, r#""\r""#, "must match the pattern `^.$`"),
    (r#"{"pattern":"a"}"#, r#""\u0062\u0061""#, "fits"),
    (r#"{"minItems":1}"#, "[]", "must have at least 1 element"),
    (r#"{"maxItems":1}"#, "[1,2]", "must have at most 1 element"),
    (r#"{"uniqueItems":true}"#, r#"[{"b":1,"c":2},{"c":2.0,"b":1}]"#, "must not have two equal elements"),
    (r#"{"uniqueItems":true}"#, r#"[1,true,"1",[1],{}]"#, "fits"),
    (r#"{"minProperties":1}"#, "{}", "must have at least 1 member"),
    (r#"{"not":{"pattern":"^/etc/"}}"#, r#""/etc/passwd""#, "is of a form that is not allowed"),
    (
        r#"{"anyOf":[{"type":"string"},{"type":"integer"},{"type":"null"}]}"#,
        "true",
        "must be an integer, a string or null, found a boolean",
    ),
    (r#"{"anyOf":[{"minimum":5},{"const":1}]}"#, "2", "must fit one of its 2 alternatives"),
    (
        r#"{"oneOf":[{"minimum":5},{"minimum":7}]}"#,
        "8",
        "must fit exactly one of its alternatives, but fits several",
    ),
];

/// A schema, arguments, and what is told.
const OF_ALL_ARGUMENTS: &[(&str, &str, &str)] = &[
    (
        r#"{"properties":{"items":{"items":{"properties":{"sku":{"type":"string"}}}}}}"#,
        r#"{"items":[{"sku":"a"},{},{"sku":5}]}"#,
        "`args.items[2].sku` must be a string, found a number",
    ),
    (
        r#"{"properties":{"items":{"items":{"required":["sku"]}}}}"#,
        r#"{"items":[{"sku":"a"},{"ski":"b"}]}"#,
        "`args.items[1].sku` is missing",
    ),
    (r#"{"required":["a"]}"#, "{}", "`args.a` is missing"),
    (r#"{"required":["a"]}"#, r#"{"\u0061":null}"#, "fits"),
    (
        r#"{"properties":{"agent_id":{}}}"#,
        r#"{"agent_id":"x","Agent_ID":"../y"}"#,
        "`args.Agent_ID` is another spelling of `agent_id`",
    ),
    // The Kelvin sign, which is a `k` to readers that ignore case.
    (
        r#"{"properties":{"a":{"not":{"required":["kind"]}}}}"#,
        "{\"a\":{\"\u{212a}ind\":1}}",
        "`args.a.\u{212a}ind` is another spelling of `kind`",
    ),
    (r#"{"properties":{"id":{},"ID":{}}}"#, r#"{"id":1,"ID":2}"#, "fits"),
    (r#"{"type":"object"}"#, "[]", "`args` must be an object, found an array"),
    (
        r#"{"properties":{"b":{},"a":{}},"required":["c"],"additionalProperties":false}"#,
        r#"{"a":1,"x y":2}"#,
        "`args[\"x y\"]` is unknown, expected `a` or `b`",
    ),
    (r#"{"additionalProperties":false}"#, r#"{"a":1}"#, "`args.a` is unknown, expected nothing else"),
    (
        r#"{"additionalProperties":{"type":"integer"}}"#,
        r#"{"a":1,"b":"1"}"#,
        "`args.b` must be an integer, found a string",
    ),
    (
        r#"{"properties":{"a":{"anyOf":[{"type":"object","required":["b"]},{"type":"null"}]}}}"#,
        r#"{"a":{}}"#,
        "`args.a.b` is missing",
    ),
    (
        r##"{"properties":{"a":{"$ref":"#/properties/b","maximum":3},"b":{"type":"integer"}}}"##,
        r#"{"a":4}"#,
        "`args.a` must be at most 3",
    ),
];

#[test]
fn a_violation_names_the_argument_and_the_constraint() {
    for (schema, value, expected) in OF_ONE_ARGUMENT {
        let found =
            validate(&format!(r#"{{"properties":{{"a":{schema}}}}}"#), &format!(r#"{{"a":{value}}}"#));
        let told = if *expected == "fits" { "fits".to_owned() } else { format!("`args.a` {expected}") };
        assert_eq!(found, told, "{schema} {value}");
    }
    for (schema, arguments, expected) in OF_ALL_ARGUMENTS {
        assert_eq!(validate(schema, arguments), *expected, "{schema} {arguments}");
    }
    let missing = load(r#"{"required":["a"]}"#).unwrap().validate(None, &Work::default());
    assert_eq!(missing.unwrap_err().argument, "args.a");
    assert_eq!(load(r#"{"type":"object"}"#).unwrap().validate(None, &Work::default()), Ok(()));
}

#[test]
fn a_violation_quotes_no_value_and_shortens_names() {
    let secret = "hunter2";
    for schema in [
        r#"{"type":"integer"}"#,
        r#"{"const":1}"#,
        r#"{"pattern":"^x$"}"#,
        r#"{"maxLength":1}"#,
        r#"{"not":{}}"#,
        r#"{"anyOf":[{"const":1},{"const":2}]}"#,
    ] {
        let message =
            validate(&format!(r#"{{"additionalProperties":{schema}}}"#), &format!(r#"{{"a":"{secret}"}}"#));
        assert!(message.starts_with("`args.a` ") && !message.contains(secret), "{message}");
    }
    let long = "k".repeat(10_000);
    let mut arguments = "1".to_owned();
    for _ in 0..90 {
        arguments = format!(r#"{{"{long}":{arguments}}}"#);
    }
    let schema =
        (0..90).fold("false".to_owned(), |schema, _| format!(r#"{{"additionalProperties":{schema}}}"#));
    let message = validate(&schema, &arguments);
    assert!(message.chars().count() < 500, "{message}");
    let message = validate(r#"{"additionalProperties":false}"#, r#"{"a\n\u001b[31m":1}"#);
    assert_eq!(message, r#"`args["a\n\u{1b}[31m"]` is unknown, expected nothing else"#);
}

#[test]
fn each_fault_is_named_with_its_place() {
    for (schema, expected) in [
        ("5", "arguments: must be a schema: an object, `true` or `false`, found `5`"),
        (r##"{"$ref":"#"}"##, "arguments: leads back to itself by a `$ref`, recursion is not supported"),
        (
            r##"{"properties":{"a":{"items":{"$ref":"#/properties/a"}}}}"##,
            "arguments.properties.a: leads back to itself by a `$ref`, recursion is not supported",
        ),
        (
            r##"{"$defs":{"a":{"not":{"$ref":"#/$defs/b"}},"b":{"anyOf":[{"$ref":"#/$defs/a"}]}}}"##,
            "arguments.$defs.a: leads back to itself by a `$ref`, recursion is not supported",
        ),
        (
            r##"{"$defs":{"a":{"type":"text"},"b":{"$ref":"#/$defs/c"}},"properties":{"x":{"$ref":"#/$defs/a"}}}"##,
            "arguments.$defs.a.type: must be one of `array`, `boolean`, `integer`, `number`, `object`, \
             `string`, `null`, found `\"text\"`\narguments.$defs.b.$ref: must be a reference to a schema \
             within this one, such as `#/$defs/name`, found `\"#/$defs/c\"`",
        ),
        // Compiled for values and for names.
        (
            r##"{"propertyNames":{"$ref":"#/$defs/n"},"$defs":{"n":{"pattern":"(","$ref":"#/$defs/n"}}}"##,
            "arguments.$defs.n.pattern: must be a regular expression, but `(` does not compile: found open group \
             without closing ')'\narguments.$defs.n: leads back to itself by a `$ref`, recursion is not supported",
        ),
    ] {
        assert_eq!(load(schema).unwrap_err(), expected, "{schema}");
    }
}

#[test]
fn refs_that_double_the_size_at_each_step_are_refused() {
    let chain = |steps: usize, link: &dyn Fn(usize) -> String| {
        let mut schema = "{\"$ref\":\"#/$defs/0\",\"$defs\":{".to_owned();
        for step in 0..steps {
            write!(schema, "\"{step}\":{},", link(step + 1)).unwrap();
        }
        schema + &format!("\"{steps}\":{{}}}}}}")
    };
    let twice = |to: usize| format!(r##"{{"allOf":[{{"$ref":"#/$defs/{to}"}},{{"$ref":"#/$defs/{to}"}}]}}"##);
    let once = |to: usize| format!(r##"{{"$ref":"#/$defs/{to}"}}"##);
    assert!(load(&chain(8, &twice)).is_ok());
    let refused = load(&chain(30, &twice)).unwrap_err();
    assert_eq!(
        refused,
        "arguments: its `$ref`s make more than 10000 schemas of it, once each is followed anew"
    );
    assert!(load(&chain(90, &once)).is_ok());
    let refused = load(&chain(5_000, &once)).unwrap_err();
    assert!(refused.contains("more than 100 schemas stand within one another"), "{refused}");
    let deep = format!("{}true{}", r#"{"not":"#.repeat(5_000), "}".repeat(5_000));
    assert_eq!(load(&deep).unwrap_err(), "arguments: arrays and objects nest deeper than 100 levels");
}

#[test]
fn hostile_arguments_take_linear_time() {
    let numbers = (0..50_000).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let schema = r#"{"properties":{"a":{"uniqueItems":true,"items":{"enum":[1,{"b":1}]}}},"required":["a"]}"#;
    assert_eq!(
        validate(schema, &format!(r#"{{"a":[{numbers}]}}"#)),
        "`args.a[0]` must be `1` or `{\"b\":1}`"
    );
    let members = (0..50_000).fold(String::new(), |mut out, number| {
        write!(out, "\"\\u006b{number}\":1,").unwrap();
        out
    });
    assert_eq!(validate(schema, &format!(r#"{{{members}"b":1}}"#)), "`args.a` is missing");
}
