use std::collections::BTreeMap;

use super::*;
use crate::json;

#[test]
fn a_variant_is_equal_only_after_folding_or_cutting() {
    for (key, of, expected) in [
        ("name", "name", false),
        ("Name", "name", true),
        ("NAME", "name", true),
        ("name\0", "name", true),
        ("Name\0junk", "name", true),
        ("argumentſ", "arguments", true),
        ("param\u{17f}", "params", true),
        ("\u{130}d", "id", true),
        ("ıd", "id", true),
        ("i\u{307}d", "id", true),
        ("notiﬁcations", "notifications", true),
        ("names", "name", false),
        ("nam", "name", false),
        ("\0name", "name", false),
        (" name", "name", false),
        ("protocol_name", "name", false),
        ("тool", "tool", false),
    ] {
        assert_eq!(is_variant(key, of), expected, "{key:?} of {of:?}");
        let text = serde_json::json!({key: 1}).to_string();
        let document = json::read(text.as_bytes()).unwrap();
        let [other, member] = pick(document.root(), ["other", of]);
        assert_eq!(
            (other.respelled.is_some(), member.respelled.is_some()),
            (false, expected),
            "{key:?} of {of:?}"
        );
        assert_eq!(member.value.is_some(), key == of, "{key:?} of {of:?}");
    }
    assert!(is_variant("protocolVer\u{17f}ion", "protocolVersion"));
    assert!(is_variant("STRASSE", "straße") && is_variant("Straße", "strasse"));
    assert!(is_variant("to\u{212a}en", "token"));
}

#[test]
fn letters_of_all_alphabets_are_compared_without_their_case() {
    for (key, of) in [
        ("ΟΔΌΣ", "οδός"),
        ("οδόσ", "οδός"),
        // The micro sign, and the Greek letter in both cases.
        ("\u{3bc}", "\u{b5}"),
        ("\u{39c}", "\u{b5}"),
        ("\u{b5}m", "\u{39c}m"),
        ("\u{2126}", "ω"),
        ("\u{3f4}", "\u{3d1}"),
        ("\u{1fbe}\u{308}\u{301}", "\u{390}"),
        ("\u{1fd3}", "\u{390}"),
        ("ÄRGER", "ärger"),
        ("ФАЙЛ", "файл"),
        ("\u{1c80}", "В"),
        ("Ꭰ", "ꭰ"),
        ("ﬃ", "FFI"),
        ("ǅ", "ǆ"),
    ] {
        assert!(is_variant(key, of) && is_variant(of, key), "{key} of {of}");
        assert_eq!(folded(key), folded(of), "{key} of {of}");
        assert_eq!(Spellings::of([of].into_iter()).find(key), Some(0), "{key} of {of}");
    }
    for (key, of) in [("o", "ο"), ("ä", "a"), ("ß", "s"), ("й", "и")] {
        assert!(!is_variant(key, of), "{key} of {of}");
    }
}

#[test]
fn no_other_spelling_is_too_long_to_be_found() {
    let letters = '\u{1}'..='\u{1ffff}';
    let mut widest = BTreeMap::new();
    for letter in letters.clone() {
        let mut folded = fold::char(letter);
        if let (Some(single), None) = (folded.next(), folded.next()) {
            let widest = widest.entry(single).or_default();
            *widest = letter.len_utf8().max(*widest);
        }
    }
    for letter in letters {
        let longest: usize = fold::char(letter).map(|part| widest[&part]).sum();
        assert!(longest <= longest_variant(letter.len_utf8()), "{letter:?}: {longest}");
    }
}

#[test]
fn spellings_are_found_as_they_are_compared() {
    let names = ["name", "Größe", "id", "straße", "k"];
    let spellings = Spellings::of(names.into_iter());
    for key in ["Name", "GRÖSSE", "ıd", "İD", "STRASSE", "\u{212a}", "name\0x", "other", "", "ids", "\0"] {
        let expected = names.iter().position(|name| is_variant(key, name));
        assert_eq!(spellings.find(key), expected, "{key}");
    }
    assert_eq!(spellings.find(&"K".repeat(10_000)), None);
}

#[test]
fn members_are_found_in_one_walk() {
    let document = json::read(br#"{"b":1,"x":2,"A":3,"b":4,"c":null}"#).unwrap();
    let found = pick(document.root(), ["a", "b", "c", "d"]);
    let found = found.map(|member| (member.value.map(Value::raw), member.repeated, member.respelled));
    let expected =
        [(None, false, Some(17)), (Some("1"), true, None), (Some("null"), false, None), (None, false, None)];
    assert_eq!(found, expected);
    assert!(pick(None, ["a"]).iter().all(|member| member.value.is_none()));
}
