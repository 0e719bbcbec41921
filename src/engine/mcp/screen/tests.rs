//! The tables and properties of the screen.

use proptest::prelude::*;

use super::*;
use crate::json::Value;
use crate::mcp::{keys, method};

/// Reads one text in chunks of `size` bytes. Returns what was found, and whether it has ended.
fn read(text: &[u8], size: usize) -> (Screen, bool) {
    let mut screen = Screen::default();
    for chunk in text.chunks(size) {
        let mut at = 0;
        while let Some(rest) = chunk.get(at..).filter(|rest| !rest.is_empty()) {
            let read = screen.push(rest);
            if read == 0 {
                return (screen, false);
            }
            at = at.saturating_add(read);
        }
    }
    let ended = !screen.is_within();
    (screen, ended)
}

#[test]
fn a_list_is_a_member_of_a_result_in_any_spelling() {
    use Finding::{List, NoMessage, Nothing, Unreadable};
    for (text, expected) in [
        (r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#, List),
        (r#"{"result":{"content":[{"a":"}"}],"tools":null},"id":1}"#, List),
        (r#"{"result":{"a":[[{"b":"\"]"}],{}],"resourceTemplates":[]}}"#, List),
        (r#" [ {"id":1} , {"result" : {"x":1,"skills" :[]}}]"#, List),
        (r#"{"r\u0065sult":{"t\u006fols":[]}}"#, List),
        (r#"{"Result":{"PROMPTS":[]}}"#, List),
        (r#"{"re\u017fult":{"tools\u0000x":[]}}"#, List),
        (&format!(r#"{{"result":{{"tools\u0000{}":[]}}}}"#, "x".repeat(2_000)), List),
        (r#"{"result":{},"result":{"tools":[]}}"#, List),
        (r#"{"result":{"__proto__":{"tools":[]}}}"#, List),
        (r#"{"result":{"\u005f_proto__":{"tools":[]}}}"#, List),
        (r#"{"__proto__":{"result":{"tools":[]}}}"#, List),
        (r#"{"result":{"a":{"__proto__":{"tools":[]}}}}"#, Nothing),
        (r#"{"result":{"a":NaN,"b":[1,],"tools":[]}}"#, List),
        ("{\"result\":{\"a\":\"\t\u{1}\",\"tools\":[]}}", List),
        (r#"{"id":1,"result":{"content":[{"type":"text","text":"\"result\":{\"tools\":"}]}}"#, Nothing),
        (r#"{"result":{"a":{"tools":[]}}}"#, Nothing),
        (r#"{"result":[{"tools":[]}]}"#, Nothing),
        (r#"{"result":"tools"}"#, Nothing),
        (r#"{"tools":[],"params":{"tools":[]},"error":{"tools":[]}}"#, Nothing),
        (r#"{"params":{"result":{"tools":[]}}}"#, Nothing),
        (r#"{"result":{"a":"tools"},"tools":1}"#, Nothing),
        (r#"[[{"result":{"tools":[]}}]]"#, Nothing),
        (&format!(r#"{{"result":{{"{}tools":[]}}}}"#, "x".repeat(2_000)), Nothing),
        ("", Nothing),
        ("  \r\n", Nothing),
        ("ping", NoMessage),
        ("hello {\"result\":{\"tools\":[]}}", NoMessage),
        ("<html>", NoMessage),
        ("\"a\"", NoMessage),
        ("-1", NoMessage),
        ("/messages?session={1}", NoMessage),
        ("]}", NoMessage),
        ("é", NoMessage),
        ("日本", NoMessage),
        ("\u{feff}{}", Unreadable),
        ("\u{a0}{}", Unreadable),
        ("\u{3000}{}", Unreadable),
        ("\u{2028}{}", Unreadable),
        ("\0{}", Unreadable),
        ("\u{c}{}", Unreadable),
        ("/**/{}", Unreadable),
        ("//\n{}", Unreadable),
        ("{/**/}", Unreadable),
        ("{result:{tools:[]}}", Unreadable),
        ("{'result':{}}", Unreadable),
        ("{\0\"\0", Unreadable),
        (r#"{"result":{"to\x":1}}"#, Unreadable),
    ] {
        for size in [1, 2, 5, 5_000] {
            assert_eq!(read(text.as_bytes(), size).0.finding(), expected, "{text} by {size}");
        }
    }
    for text in [b"{\"result\":{\"to\xffols\":[]}}".as_slice(), b"\xff{\0", b"\xef\xbb\xbf{}"] {
        assert_eq!(read(text, 1).0.finding(), Unreadable, "{text:?}");
    }
}

#[test]
fn a_list_is_read_on_to_its_end() {
    for (text, ended) in [
        (r#"{"result":{"tools":[{"name":"a}"}]}}"#, true),
        (r#"{"result":{"tools":[{"name":"a}"}]}"#, false),
        (r#"[{"result":{"tools":[]}},{"a":[]}]"#, true),
    ] {
        for size in [1, 7, 100] {
            let (screen, found) = read(text.as_bytes(), size);
            assert_eq!((screen.finding(), found), (Finding::List, ended), "{text} by {size}");
        }
    }
    let mut screen = Screen::default();
    let text = br#"{"result":{"tools":[]}} {"a":1}"#;
    assert_eq!(screen.push(text), r#"{"result":{"tools""#.len());
    assert_eq!(screen.push(&text[r#"{"result":{"tools""#.len()..]), ":[]}}".len());
}

#[test]
fn an_id_is_the_messages_own_and_only_one() {
    for (text, id, answers) in [
        (r#"{"id":1,"result":{"tools":[]}}"#, Some("1"), true),
        (r#"{"result":{"id":2,"tools":[{"id":3}]},"id":"a\"\u0041"}"#, Some(r#""a\"\u0041""#), true),
        (r#"{"id":-1.5e3 ,"error":{}}"#, Some("-1.5e3"), true),
        (r#"{"id":1,"method":"m"}"#, Some("1"), false),
        (r#"{"id":1,"id":2,"result":{}}"#, None, true),
        (r#"{"id":null,"result":{}}"#, None, true),
        (r#"{"id":{"id":1}}"#, None, false),
        (r#"{"id":[1]}"#, None, false),
        (r#"[{"id":1,"result":{}}]"#, None, true),
    ] {
        for size in [1, 3, 100] {
            let screen = read(text.as_bytes(), size).0;
            assert_eq!((screen.id().as_deref(), screen.answers()), (id, answers), "{text} by {size}");
        }
    }
}

/// Whether a text that is JSON has a list, by the tree.
fn has_list(text: &str) -> Option<bool> {
    let document = json::read(text.as_bytes()).ok()?;
    let listed = |message: Value<'_>| {
        message.entries().any(|(key, result)| {
            (key == "result" || keys::is_variant(&key, "result"))
                && result.entries().any(|(key, _)| {
                    method::lists().any(|list| key == list.member || keys::is_variant(&key, list.member))
                })
        })
    };
    let root = document.root();
    Some(listed(root) || root.elements().any(listed))
}

proptest! {
    /// The oracle is the tree of the same text.
    #[test]
    fn a_list_is_found_where_the_tree_has_one(
        words in prop::collection::vec(prop::sample::select(&[
            "{", "}", "[", "]", ",", ":", "\"result\"", "\"tools\"", "\"RESOURCES\"", "\"a\"", "1", "\"\\u0074ools\"",
            "{\"result\":{", "\"tools\":[]", "}}", "\"x\":{\"tools\":1}", "\"\\\\\"", "\"\\\"\"", "null", " ",
        ][..]), 0..14),
        size in 1_usize..9,
    ) {
        let text = words.concat();
        let (screen, ended) = read(text.as_bytes(), size);
        if let Some(listed) = has_list(&text) {
            if text.trim().starts_with(['{', '[']) {
                prop_assert_eq!(screen.finding() == Finding::List, listed, "{}", text);
                prop_assert!(ended, "{}", text);
            } else {
                prop_assert!(!listed);
            }
        }
    }
}
