use super::*;
use crate::input::yaml::{self, Kind};

/// Returns what stands at the place of each part of the value of `a` in a YAML text.
#[track_caller]
fn written(outer: &str, parts: &[&str]) -> Vec<String> {
    let documents = yaml::read(outer).unwrap();
    let Kind::Object(members) = &documents[0].kind else { panic!("{outer} is no object") };
    let value = &members[0].1;
    let Kind::Scalar { text, .. } = &value.kind else { panic!("{outer} holds no scalar") };
    at_places(outer, &value.span, text, parts)
}

#[track_caller]
fn at_places(outer: &str, span: &Range<usize>, text: &str, parts: &[&str]) -> Vec<String> {
    let places = align(outer, span, text).unwrap_or_else(|| panic!("{text:?} is not found in {outer:?}"));
    assert_eq!(places.len(), text.len(), "{outer:?}");
    let place = |part: &&str| {
        let start = text.find(*part).unwrap_or_else(|| panic!("no {part:?} in {text:?}"));
        let last = start.saturating_add(part.len()).saturating_sub(1);
        outer.get(places[start].start..places[last].end).unwrap_or("no place").to_owned()
    };
    parts.iter().map(place).collect()
}

#[test]
fn each_part_of_a_string_has_its_place_in_every_style() {
    for (yaml, parts, expected) in [
        ("a: x y", &["x", "y"][..], &["x", "y"][..]),
        ("a: x\n  y   \n\n  z\nb: 1", &["x", "y", "z", "x y"], &["x", "y", "z", "x\n  y"]),
        ("a: 'it''s {\n  x}' # c", &["it", "'", "s", "x}"], &["it", "''", "s", "x}"]),
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
        ("a: |1\n \n   \n  x\n y", &["x", "y"], &["x", "y"]),
        (
            "a: >\n  x\n  y\n\n  z\n   more\n  w\n",
            &["x", "y", "x y", "z", " more", "w"],
            &["x", "y", "x\n  y", "z", " more", "w"],
        ),
        ("a: !!str &b |-\n  x\n  y\n\nc: 1", &["x", "y"], &["x", "y"]),
        ("a: >-\n  {\"x\":\n  1}", &["{\"x\":", "1}"], &["{\"x\":", "1}"]),
        ("a: |\n  \"quoted\"\n", &["quoted"], &["quoted"]),
    ] {
        assert_eq!(written(yaml, parts), expected, "{yaml}");
    }
}

#[test]
fn the_escapes_of_json_have_their_places() {
    let json = r#""x\ud83d\ude00y\/\\""#;
    let parts = at_places(json, &(0..json.len()), "x😀y/\\", &["x", "😀", "y", "/", "\\"]);
    assert_eq!(parts, ["x", r"\ud83d\ude00", "y", r"\/", r"\\"]);
}

#[test]
fn a_text_that_does_not_fit_gets_no_places() {
    for (outer, text) in
        [("\"abc\"", "abd"), ("abc", "abcd"), ("'a'", "a b"), ("\"\\q\"", "q"), ("\"\\u12\"", "\u{12}")]
    {
        assert_eq!(align(outer, &(0..outer.len()), text), None, "{outer}");
    }
}
