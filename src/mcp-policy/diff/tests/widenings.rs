//! Changes that allow more although each name and each pattern is decided as before.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::changes;
use super::super::side::Side;

const KEY: &str = "abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcd";

fn document(members: &Value) -> Value {
    let mut document = json!({ "version": "1" });
    for (key, value) in members.as_object().unwrap() {
        document[key] = value.clone();
    }
    document
}

/// Returns whether the change of a policy is told as something that may allow more.
fn is_told(old: &Value, new: &Value) -> bool {
    let side = |members| Side::read(document(members).to_string().as_bytes()).expect("a valid policy");
    let changes = changes::of(&side(old), &side(new), &BTreeSet::new());
    changes.iter().any(|change| change.effect.may_widen())
}

#[test]
fn callers_without_an_identity_who_are_no_longer_refused_are_told() {
    let sources = json!([{ "jwt": { "payload": "p" } }]);
    let any = json!([{ "name": "all", "match": "any" }]);
    for (identity, expected) in [(sources, true), (json!([]), false)] {
        let old = json!({ "identity": identity, "default": "allow", "grants": any });
        let new = json!({ "identity": identity, "default": "allow" });
        assert_eq!(is_told(&old, &new), expected, "{identity}");
    }
}

#[test]
fn a_key_that_gets_another_grant_is_told() {
    let narrow =
        |description: Value| json!({ "name": "narrow", "match": [description], "tools": { "a": {} } });
    let wide = |description: Value| json!({ "name": "wide", "match": [description] });
    let key = |key: &str| json!({ "api_key_sha256": key });
    let of_source = json!({ "api_key_sha256": KEY, "source": "api_key" });
    for (one, other, expected) in [
        (key(KEY), of_source.clone(), true),
        (of_source, key(KEY), true),
        (key(KEY), key(&KEY.to_uppercase()), true),
        (key(KEY), key(&"0".repeat(64)), false),
    ] {
        let identity = json!([{ "api_key": { "header": "x-api-key" } }]);
        let grants = [narrow(one.clone()), wide(other.clone())];
        let document =
            |grants: Vec<&Value>| json!({ "identity": identity, "default": "allow", "grants": grants });
        let (old, new) = (document(grants.iter().collect()), document(grants.iter().rev().collect()));
        assert_eq!(is_told(&old, &new), expected, "{one} {other}");
    }
}

#[test]
fn a_pattern_with_an_unusual_character_hides_no_other_change() {
    for char in ['\u{10fffe}', '\u{10ffff}', '\u{2028}'] {
        let old = json!({ "tools": { "*": { "action": "deny" } } });
        let new = json!({ "tools": { "*": {}, format!("*{char}*"): { "action": "deny" } } });
        assert!(is_told(&old, &new), "{char:?}");
    }
}

#[test]
fn another_spelling_of_a_denied_method_that_becomes_possible_is_told() {
    for (denied, added, expected) in [
        ("foo/bar", "foo/Bar", true),
        ("foo/bar", "foo/baz", false),
        ("f*", "Foo/*", true),
        ("foo/*", "Foo/*", false),
        ("foo/*", "Foo/b*", true),
    ] {
        let old = json!({ "default": "allow", "methods": { denied: "deny" } });
        let new = json!({ "default": "allow", "methods": { denied: "deny", added: "allow" } });
        assert_eq!(is_told(&old, &new), expected, "{denied} {added}");
    }
}

#[test]
fn a_layer_that_no_longer_decides_on_other_spellings_is_told() {
    let open = json!({ "tools": { "*": {} }, "prompts": { "*": {} }, "methods": { "*": "allow" } });
    let with = |resources: Value, grants: Value| {
        let mut document = open.clone();
        document["resources"] = resources;
        if !grants.is_null() {
            document["grants"] = grants;
        }
        document
    };
    let granted = |resources: Value| {
        let mut grant = open.clone();
        grant["name"] = json!("g");
        grant["match"] = json!("any");
        grant["resources"] = resources;
        json!([grant])
    };
    let (denied, all) = (json!({ "action": "deny" }), json!({ "*": {} }));
    // The grant's entry for `/a` decides on `/a?x` too, the document's does not beside the entry for the query.
    let entry = json!({ "http://h/a": denied, "*": {} });
    let shielded = json!({ "http://h/a": denied, "http://h/a?*": {}, "*": {} });
    let harmless = json!({ "http://h/a": {}, "http://h/a?*": {}, "*": {} });
    let plain = json!({ "http://h/a": {}, "*": {} });
    for (name, old, new) in [
        ("gone", with(all.clone(), granted(entry.clone())), with(shielded.clone(), json!(null))),
        ("moved", with(entry, granted(harmless)), with(plain, granted(shielded))),
    ] {
        assert!(is_told(&old, &new), "{name}");
    }
    // Without entries for resources, no URI has to be plain.
    let mut restricted = granted(all);
    restricted[0]["default"] = json!("deny");
    let old = json!({ "default": "allow", "grants": restricted });
    assert!(is_told(&old, &json!({ "default": "allow" })));
}
