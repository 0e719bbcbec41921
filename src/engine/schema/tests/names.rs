//! Names of members in other spellings.

use super::*;

/// A schema, the names of its object's members, and whether they fit: `unsure` if that depends on the server.
const OF_NAMES: &[(&str, &[&str], &str)] = &[
    (r#"{"propertyNames":{"not":{"enum":["role"]}}}"#, &["role"], "misfit"),
    (r#"{"propertyNames":{"not":{"enum":["role"]}}}"#, &["Role", "ROLE", "role\0", "Role\0x"], "unsure"),
    (r#"{"propertyNames":{"not":{"const":"ΡΌΛΟΣ"}}}"#, &["ρόλος"], "unsure"),
    (r#"{"propertyNames":{"not":{"pattern":"^isAdmin$"}}}"#, &["isadmin", "ISADMIN", "isAdmin\0"], "unsure"),
    (
        r##"{"propertyNames":{"$ref":"#/$defs/n"},"$defs":{"n":{"not":{"anyOf":[{"const":"a"},{"pattern":"^X"}]}}}}"##,
        &["A", "xy"],
        "unsure",
    ),
    (r#"{"propertyNames":{"if":{"const":"a"},"then":false}}"#, &["A"], "unsure"),
    (r#"{"propertyNames":{"allOf":[{"not":{"enum":["role"]}}]}}"#, &["rule", "roles"], "fits"),
    // A name that fits as it is needs no other spelling.
    (r#"{"propertyNames":{"enum":["userId","Name"]}}"#, &["userId", "Name"], "fits"),
    (r#"{"propertyNames":{"enum":["userId","Name"]}}"#, &["userid", "NAME"], "unsure"),
    (r#"{"propertyNames":{"enum":["userId","Name"]}}"#, &["id"], "misfit"),
    (r#"{"propertyNames":{"pattern":"^[A-Z_]+$"}}"#, &["PATH", "LC_ALL"], "fits"),
    (r#"{"propertyNames":{"pattern":"^[A-Z_]+$"}}"#, &["Path"], "unsure"),
    (r#"{"propertyNames":{"pattern":"^[^A-Z]+$","maxLength":4}}"#, &["path"], "fits"),
    (r#"{"propertyNames":{"minLength":2}}"#, &["a\0c"], "unsure"),
    // Values have no other spellings, by the same definition.
    (
        r##"{"propertyNames":{"$ref":"#/$defs/n"},"additionalProperties":{"$ref":"#/$defs/n"},"$defs":{"n":{"enum":["1",1]}}}"##,
        &["1"],
        "fits",
    ),
    (r#"{"patternProperties":{"^isAdmin$":false}}"#, &["isAdmin"], "misfit"),
    (
        r#"{"patternProperties":{"^isAdmin$":false}}"#,
        &["isadmin", "ISADMIN", "iSaDmIn", "\u{130}sAdm\u{131}n"],
        "unsure",
    ),
    (r#"{"patternProperties":{"^isAdmin$":false}}"#, &["isAdmins", "admin"], "fits"),
    (r#"{"patternProperties":{"^Größe$":false}}"#, &["GRÖSSE", "größe"], "unsure"),
    (r#"{"patternProperties":{"^[A-Z]+$":{"type":"string"}}}"#, &["path"], "unsure"),
    (r#"{"patternProperties":{"^[A-Z]+$":{"type":"integer"}}}"#, &["path"], "fits"),
    (
        r#"{"patternProperties":{"^[A-Z]+$":{}},"additionalProperties":{"type":"string"}}"#,
        &["path"],
        "unsure",
    ),
    (r#"{"not":{"patternProperties":{"^[A-Z]+$":{}},"additionalProperties":false}}"#, &["path"], "unsure"),
    (r#"{"patternProperties":{"^[A-Z]+$":{}},"additionalProperties":false}"#, &["path"], "unsure"),
    (r#"{"patternProperties":{"[^A-Z_]":false}}"#, &["PATH"], "fits"),
    (r#"{"patternProperties":{"^(?!X_)":false}}"#, &["X_A"], "fits"),
    (r#"{"patternProperties":{"^(?!X_)":false}}"#, &["x_a"], "misfit"),
    // A name in `properties` is no other spelling.
    (r#"{"properties":{"path":{}},"patternProperties":{"^[A-Z]+$":false}}"#, &["path"], "fits"),
    (r#"{"required":["path"],"patternProperties":{"^[A-Z]+$":false}}"#, &["path"], "unsure"),
    (r#"{"properties":{"a":{}},"patternProperties":{"^b$":{}}}"#, &["c\0"], "unsure"),
    (r#"{"properties":{"µ":{}}}"#, &["μ", "Μ"], "unsure"),
    (r#"{"properties":{"οδός":{}}}"#, &["ΟΔΌΣ"], "unsure"),
];

#[test]
fn names_in_another_spelling_are_in_doubt_if_the_schema_treats_them_differently() {
    for (schema, names, expected) in OF_NAMES {
        let schema =
            format!(r#"{{"properties":{{"o":{schema}}}}}"#).replace("#/$defs", "#/properties/o/$defs");
        let loaded = load(&schema).unwrap();
        for name in *names {
            let text = serde_json::json!({ "o": { *name: 1 } }).to_string();
            let document = json::read(text.as_bytes()).unwrap();
            let judged = loaded.validate(Some(document.root()), &Work::default());
            let found = match judged.map_err(|violation| violation.constraint) {
                Ok(()) => "fits",
                Err(why) if why.contains("read differently") || why.contains("another spelling") => "unsure",
                Err(_) => "misfit",
            };
            assert_eq!(found, *expected, "{schema} {name:?}");
        }
    }
}

#[test]
fn the_search_for_other_spellings_is_charged() {
    let spent = |schema: &str, name: &str| {
        let text = serde_json::json!({ name: 1 }).to_string();
        let document = json::read(text.as_bytes()).unwrap();
        let work = Work::default();
        load(schema).unwrap().validate(Some(document.root()), &work).unwrap();
        work.spent()
    };
    let long = "x".repeat(1_000);
    for (schema, least) in [
        (r#"{"patternProperties":{"^.*y":true}}"#, 2 * 3_000),
        (r#"{"propertyNames":{"not":{"pattern":"^.*y"}}}"#, 2 * 3_000),
    ] {
        let found = spent(schema, &long);
        assert!(found > least, "{schema} {found}");
        // Folding is charged as well.
        assert!(spent(schema, &"ä".repeat(500)) > found + 5_000, "{schema}");
    }
    let long = r#"{"propertyNames":{"not":{"enum":["NAME"]}}}"#.replace("NAME", &long);
    assert!(
        spent(&long, &"y".repeat(1_000)) > spent(r#"{"propertyNames":{"not":{"enum":["x"]}}}"#, "y") + 100
    );
}
