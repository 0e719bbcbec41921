//! `mcp-policy diff`: what a change means, and whether it allows more.

mod effects;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::program::{Done, run};

/// Writes a document to a file of its own.
fn file(name: &str, document: &Value) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("diff");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, document.to_string()).unwrap();
    path.display().to_string()
}

fn policy(members: Value) -> Value {
    let mut policy = json!({ "version": "1", "approvals": { "cluster": "c" },
        "identity": [{ "jwt": { "payload": "p" } }, { "api_key": { "header": "k" } }] });
    policy.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    policy
}

fn diff(name: &str, old: Value, new: Value, options: &[&str]) -> Done {
    let (old, new) =
        (file(&format!("{name}.old.json"), &policy(old)), file(&format!("{name}.new.json"), &policy(new)));
    run(&[&["diff", &old, &new], options].concat(), "")
}

/// Returns the changes as `effect | callers | what | was | becomes`.
fn changes(name: &str, old: Value, new: Value) -> Vec<String> {
    let done = diff(name, old, new, &["--format", "json"]);
    let told: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
    let list = told["changes"].as_array().unwrap();
    assert_eq!(done.code, if list.is_empty() { 0 } else { 3 });
    let join = |value: &Value| -> String {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>().join(", ")
    };
    let text = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
    list.iter()
        .map(|change| {
            let (effect, was, becomes) =
                (text(change, "effect"), text(change, "was"), text(change, "becomes"));
            format!("{effect} | {} | {} | {was} | {becomes}", join(&change["callers"]), join(&change["what"]))
        })
        .collect()
}

#[test]
fn grants_are_compared_by_their_callers() {
    let grant = |name: &str, matching: Value, tools: Value| json!({ "name": name, "match": matching, "tools": tools });
    let (ci, team) = (json!([{ "jwt": "ci" }]), json!([{ "claim": { "team": "sre" } }]));
    let document = |grants: Vec<Value>| json!({ "tools": { "a": {}, "b": {} }, "grants": grants });
    let old = document(vec![
        grant("ci", ci.clone(), json!({"a": {}})),
        grant("sre", team.clone(), json!({"b": {}})),
    ]);
    let told = |name: &str, new: Vec<Value>| changes(name, old.clone(), document(new));
    assert_eq!(
        told(
            "tools",
            vec![
                grant("ci", ci.clone(), json!({"a": {}, "b": {}})),
                grant("sre", team.clone(), json!({"b": {}}))
            ]
        ),
        ["widens | grant `ci` | tool `b` | not listed | allowed"]
    );
    let removed = told("removed", vec![grant("sre", team.clone(), json!({"b": {}}))]);
    assert!(
        removed
            .contains(&"widens | callers of `ci` who get `sre` | tool `b` | not listed | allowed".to_owned()),
        "{removed:#?}"
    );
    assert!(
        removed.contains(
            &"narrows | callers of `ci` who get no grant | who may call | judged by rules | refused"
                .to_owned()
        ),
        "{removed:#?}"
    );
    let wider = json!([{ "jwt": "ci" }, { "jwt": "cd" }]);
    let added = told(
        "added",
        vec![grant("ci", wider, json!({"a": {}})), grant("sre", team.clone(), json!({"b": {}}))],
    );
    assert!(
        added.contains(
            &"widens | callers without a grant who get `ci` | who may call | refused | judged by this grant"
                .to_owned()
        ),
        "{added:#?}"
    );
    let expires = json!({ "name": "ci", "match": ci, "tools": {"a": {}}, "expires": "2030-01-01T00:00:00Z" });
    let ends = told("expires", vec![expires.clone(), grant("sre", team, json!({"b": {}}))]);
    assert_eq!(
        ends,
        ["narrows | grant `ci` | who may call | in force without end | in force until 2030-01-01T00:00:00Z"]
    );
}

#[test]
fn widening_only_ends_with_three_only_where_something_becomes_possible() {
    let (narrow, wide) = (json!({"tools": {"a": {}}}), json!({"tools": {"a": {}, "b": {}}}));
    let done = diff("narrows", wide.clone(), narrow.clone(), &["--widening-only"]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (0, "nothing becomes possible that was not possible before\n")
    );
    let done = diff("widens", narrow, wide, &["--widening-only"]);
    assert_eq!(done.code, 3);
    assert!(done.stdout.contains("tool `b`"), "{}", done.stdout);
}

#[test]
fn tools_of_the_server_are_compared_by_their_names() {
    let tools = file("tools.json", &json!({ "tools": [{ "name": "get_a" }, { "name": "put_a" }] }));
    let (old, new) = (json!({"tools": {"get_*": {}}}), json!({"tools": {"*": {}}}));
    let done = diff("tools-of-server", old.clone(), new.clone(), &["--tools", &tools]);
    assert!(done.stdout.contains("tool `put_a`") && !done.stdout.contains("tool `get_a`"), "{}", done.stdout);
    let done = diff("no-tools", old, new, &["--tools", &file("no-tools.json", &json!({ "tools": [1] }))]);
    assert_eq!(done.code, 1);
    assert!(done.stderr.contains("no-tools.json: tools[0].name: must be a string"), "{}", done.stderr);
}

#[test]
fn markdown_is_a_table_in_which_texts_of_the_policy_are_no_markup() {
    let old =
        json!({"tools": {"a|b": {"require": [{ "path": "args.x", "op": "regex", "value": "<b>*|x" }]}}});
    let done = diff("markdown", old, json!({"tools": {"a|b": {}}}), &["--format", "markdown"]);
    assert!(
        done.stdout.contains("| all | tool `a\\|b` | requires args.x regex \"\\<b\\>\\*\\|x\" | removed |"),
        "{}",
        done.stdout
    );
}

#[test]
fn a_policy_with_faults_is_not_compared() {
    let done = diff("faults", json!({}), json!({"tool": {}}), &[]);
    assert_eq!((done.code, done.stdout.as_str()), (1, ""));
    assert!(done.stderr.contains("unknown key"), "{}", done.stderr);
}

#[test]
fn a_policy_that_did_not_change_at_all_is_told_apart_from_one_that_means_the_same() {
    let (one, other) = (json!({"tools": {"a": {}}}), json!({"tools": {"a": {}}, "description": "y"}));
    let same = "the two policies are the same\n";
    let only_texts = "no change in what is allowed: only texts, order or notation differ\n";
    let no_wider = "nothing becomes possible that was not possible before\n";
    for (new, options, expected) in [
        (&one, &[][..], same),
        (&one, &["--widening-only"], same),
        (&other, &[], only_texts),
        (&other, &["--widening-only"], no_wider),
    ] {
        let done = diff("same", one.clone(), new.clone(), options);
        assert_eq!((done.code, done.stdout.as_str()), (0, expected), "{new} {options:?}");
        let done = diff("same", one.clone(), new.clone(), &[options, &["--format", "markdown"]].concat());
        assert!(done.stdout.contains(expected.trim_end()), "{}", done.stdout);
    }
}
