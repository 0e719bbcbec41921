use super::*;
use crate::input::yaml::{self, Kind};

/// Reads the value of `a` in a YAML text, and returns what stands at the place of each part of it.
#[track_caller]
fn written(yaml: &str, parts: &[&str]) -> Vec<String> {
    let documents = yaml::read(yaml).unwrap();
    let Kind::Object(members) = &documents[0].kind else { panic!("{yaml} is no object") };
    let value = &members[0].1;
    let Kind::Scalar { text, .. } = &value.kind else { panic!("{yaml} holds no scalar") };
    let places =
        align(yaml, &value.span, text).unwrap_or_else(|| panic!("{text:?} is not found in {yaml:?}"));
    assert_eq!(places.len(), text.len(), "{yaml:?}");
    let place = |part: &&str| {
        let start = text.find(*part).unwrap_or_else(|| panic!("no {part:?} in {text:?}"));
        yaml[places[start].start..places[start + part.len() - 1].end].to_owned()
    };
    parts.iter().map(place).collect()
}

#[test]
fn each_part_of_a_string_has_its_place_in_every_style() {
    for (yaml, parts, expected) in [
        ("a: x y", &["x", "y"][..], &["x", "y"][..]),
        ("a: x\n  y   \n\n  z\nb: 1", &["x", "y", "z", "x y"], &["x", "y", "z", "x\n  y"]),
        ("a: 'it''s {\n  x}'", &["it", "'", "s", "x}"], &["it", "''", "s", "x}"]),
        (
            "a: \"q\\\"é\\u00e9\\x41\\\n   B\\n\"",
            &["q", "\"", "éé", "A", "B", "\n"],
            &["q", "\\\"", "é\\u00e9", "\\x41", "B", "\\n"],
        ),
        ("a: \"x\n  y\n\n  z\"", &["x", "y", "z"], &["x", "y", "z"]),
        ("a: |\n  x\n   y\n\n  z\n", &["x", " y", "z", "z\n"], &["x", " y", "z", "z\n"]),
        ("a: |\r\n  x\r\n  é y\r\n", &["x", "é", "y"], &["x", "é", "y"]),
        ("a: |2\n    x\n  y\n", &["  x", "y"], &["  x", "y"]),
        ("a: |\n\n\n  x\n  y", &["x", "y"], &["x", "y"]),
        (
            "a: >\n  x\n  y\n\n  z\n   more\n  w\n",
            &["x", "y", "x y", "z", " more", "w"],
            &["x", "y", "x\n  y", "z", " more", "w"],
        ),
        ("a: !!str &b |-\n  x\n  y\n\nc: 1", &["x", "y"], &["x", "y"]),
        ("a: >-\n  {\"x\":\n  1}", &["{\"x\":", "1}"], &["{\"x\":", "1}"]),
        ("{\"a\": \"x\\ud83d\\ude00y\\/\"}", &["x", "y", "/"], &["x", "y", "\\/"]),
        ("a: |\n  \"quoted\"\n", &["quoted"], &["quoted"]),
    ] {
        if yaml.contains("ud83d") {
            // YAML has no surrogate pairs. JSON has.
            let span = 6..yaml.len() - 1;
            let places = align(yaml, &span, "x😀y/").unwrap();
            assert_eq!(&yaml[places[1].clone()], "\\ud83d\\ude00");
            assert_eq!(&yaml[places[5].clone()], "y");
            continue;
        }
        assert_eq!(written(yaml, parts), expected, "{yaml}");
    }
}

#[test]
fn a_text_that_does_not_fit_gets_no_places() {
    for (outer, text) in
        [("\"abc\"", "abd"), ("abc", "abcd"), ("'a'", "a b"), ("\"\\q\"", "q"), ("\"\\u12\"", "\u{12}")]
    {
        assert_eq!(align(outer, &(0..outer.len()), text), None, "{outer}");
    }
}
