//! The tables and properties of bodies of JSON.

use proptest::prelude::*;

use super::*;
use crate::mcp::list::{Element, ListKind, UNREADABLE, Unreadable, error_for};

const LIST: &str = r#"{"id":"7","result":{"tools":[{"name":"get_a"},{"name":"set_a"}]}}"#;
const LESS: &str = r#"{"id":"7","result":{"tools":[{"name":"get_a"}]}}"#;

fn awaited(list: bool) -> Awaited {
    let list = list.then_some(ListKind::Tools);
    Awaited { list, id: Some(r#""7""#.to_owned()), ..Awaited::default() }
}

/// Sends `body` in chunks of `size` bytes, and keeps what starts with `get`.
fn shown(mut list: ListBody, body: &str, size: usize) -> Shown {
    let mut keep = |Element { name, .. }: Element<'_>| name.is_some_and(|name| name.starts_with("get"));
    let mut all = Shown::default();
    for chunk in body.as_bytes().chunks(size) {
        if list.passes(chunk) {
            all.bytes.extend_from_slice(chunk);
        } else {
            all.join(list.push(chunk, &mut keep));
        }
    }
    all.join(list.read_held(&mut keep));
    let may_end = list.may_end();
    let last = list.finish();
    assert_eq!(may_end, last == Shown::default(), "{body}");
    all.join(last);
    all
}

#[track_caller]
fn check(bounds: (usize, usize), list: bool, table: &[(&str, &str)]) {
    let (hold, limit) = bounds;
    for (body, expected) in table {
        let error = error_for(r#""7""#);
        let [body, expected] = [body, expected]
            .map(|text| text.replace("LIST", LIST).replace("LESS", LESS).replace("ERROR", &error));
        for size in [1, 2, 7, 1000] {
            let new = || ListBody::new(awaited(list), Bounds { hold, limit });
            let exact = shown(if list { new().announced() } else { new() }, &body, size);
            if list {
                let late = shown(new().announced().read_late(), &body, size);
                assert_eq!(late, exact, "{body} by {size}");
            }
            assert_eq!(String::from_utf8(exact.bytes).unwrap(), expected, "{body} by {size}");
            assert_eq!(exact.removed, usize::from(expected.contains(LESS)), "{body}");
            assert_eq!(
                exact.unreadable.is_some(),
                expected.contains(UNREADABLE) || expected.ends_with("tools\"")
            );
            // With the length announced, as many bytes come out, and no less is hidden.
            let padded = shown(new().padded(), &body, size);
            let text = String::from_utf8(padded.bytes).unwrap();
            assert_eq!(text.len(), body.len(), "{body} by {size}: {text}");
            assert!(!text.contains("set_a") || !body.contains("tools"), "{text}");
            if expected.len() <= body.len() && !body.contains("<html>") && !body.contains("cut off") {
                assert_eq!(text.replace(' ', ""), expected.replace(' ', ""), "{body} by {size}");
            }
        }
    }
}

#[test]
fn a_list_is_filtered_whatever_its_chunks_and_whatever_was_asked() {
    let error = r#"{"id":"7","error":{"code":-32601,"message":"no such method"}}"#;
    for list in [false, true] {
        check(
            (1000, 1000),
            list,
            &[
                ("LIST", "LESS"),
                (" LIST\n", " LESS\n"),
                (error, error),
                ("{}\n{\"id\":2}\n", "{}\n{\"id\":2}\n"),
                ("{}\nLIST\n{}", "{}\nLESS\n{}"),
                ("[{},LIST]", "[{},LESS]"),
                (r#"{"id":"7","result":{"tools":[{"name":"set_a"}]}"#, "ERROR"),
                (r#"{"id":"7","result":{"tools":7}}"#, "ERROR"),
                (r#"{"id":"7","Result":{"tools":[{"name":"set_a"}]}}"#, "ERROR"),
                ("\u{feff}LIST", "ERROR"),
                ("/**/LIST", "ERROR"),
            ],
        );
    }
}

#[test]
fn what_is_no_message_passes_where_no_list_was_asked_for() {
    let page = "<html>set_a {</html>";
    check(
        (9, 1000),
        false,
        &[
            (page, page),
            ("Accepted", "Accepted"),
            ("", ""),
            ("{\"a", "{\"a"),
            ("  ", "  "),
            ("{} x {", "{} x {"),
        ],
    );
    // Where a list is announced, the client waits for an answer.
    check(
        (1000, 1000),
        true,
        &[
            (page, "ERROR"),
            ("", "ERROR"),
            (" \r\n", " \r\nERROR"),
            ("{\"a", "ERROR"),
            ("\t\n{\"a", "\t\nERROR"),
        ],
    );
}

#[test]
fn the_chunks_do_not_matter_to_an_answer_that_is_no_json() {
    let space = " \t\r\n".repeat(30);
    let pad = "x".repeat(150);
    let list = r#"{"id":"7","result":{"tools":[{"name":"set_a"}]"#;
    for (body, list_asked, cause, lost) in [
        (format!("{space}[on'"), false, "malformed", false),
        (format!("{space}[on'{pad}"), false, "malformed", false),
        (format!("{space}'{space}{{}}"), false, "malformed", false),
        (format!("{{}}{space}'{pad}"), false, "malformed", false),
        (format!("{space}{list},'}}}}{space}"), false, "malformed", true),
        (format!("{list},'{pad}"), false, "malformed", true),
        (format!("{list},\"{pad}\"'"), false, "too_large", true),
        (format!("{space}[on'"), true, "malformed", true),
        (format!("{space}[\"{pad}\"'"), true, "too_large", true),
    ] {
        let new = || ListBody::new(awaited(list_asked), Bounds { hold: 40, limit: 120 });
        for way in [
            |list| list,
            ListBody::padded,
            ListBody::announced,
            |list: ListBody| list.announced().read_late(),
        ] {
            let one = shown(way(new()), &body, 1000);
            let told = (one.unreadable.as_ref().map(Unreadable::cause), one.lost);
            assert_eq!(told, (Some(cause), lost), "{body}");
            for size in [1, 2, 7, 39, 40, 41, 119, 120, 121] {
                assert_eq!(shown(way(new()), &body, size), one, "{body} by {size}");
            }
        }
    }
}

#[test]
fn only_lists_are_bounded() {
    let pad = "x".repeat(300);
    let large = format!(r#"{{"id":"7","result":{{"content":"{pad}","structuredContent":{{"tools":[1]}}}}}}"#);
    check((50, 200), false, &[(&large, &large)]);
    let list = format!(r#"{{"id":"7","result":{{"tools":[{{"name":"get_a","a":"{pad}"}}]}}}}"#);
    check((50, 200), false, &[(&list, "ERROR")]);
    check((50, 400), false, &[(&list, &list)]);
    check((50, 200), true, &[(&list, "ERROR"), (&large, "ERROR")]);
    // A list behind something large is cut off where it begins, unless a list was asked for.
    let late = format!(r#"{{"id":"7","result":{{"_meta":"{pad}","tools":[{{"name":"set_a"}}]}}}}"#);
    let begun = format!(r#"{{"id":"7","result":{{"_meta":"{pad}","tools""#);
    check((50, 2000), false, &[(&late, &begun)]);
    let shown = shown(ListBody::new(awaited(true), Bounds { hold: 50, limit: 2000 }), &late, 7);
    assert_eq!(String::from_utf8(shown.bytes).unwrap(), late.replace(r#"{"name":"set_a"}"#, ""));
}

#[test]
fn the_error_is_json_and_echoes_the_id() {
    for id in ["1", r#""a\"b\u0041""#, "-0"] {
        let error = error_for(id);
        assert!(error.contains(&format!(r#""id":{id},"#)), "{error}");
        let value: serde_json::Value = serde_json::from_str(&error).unwrap();
        assert_eq!(value["error"]["message"], UNREADABLE);
    }
}

/// A JSON text, well formed or nearly so, in which a list may be anywhere.
fn texts() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"result\"",
        "\"tools\"",
        "\"id\"",
        "\"\\u0074ools\"",
        "\"Tools\"",
        "1",
        "{\"name\":\"set_a\"}",
        "{\"name\":\"get_a\"}",
        "\"a\\\"b\"",
        " ",
        "null",
        "\"resources\"",
        "x",
        "{\"result\":{\"tools\":[{\"name\":\"set_a\"},{\"name\":\"get_a\"}]}}",
        "\u{feff}",
        "'",
        "{\"id\":\"7\",\"result\":{\"x\":\"....................\",\"tools\":[{\"name\":\"set_a\"}]}}",
    ];
    prop::collection::vec(prop::sample::select(WORDS), 0..12).prop_map(|words| words.concat())
}

proptest! {
    /// The oracle is serde_json: whatever it finds in the output, no list in it has an element that is not kept.
    #[test]
    fn no_list_gets_through_and_the_chunks_never_matter(
        body in texts(), size in 1_usize..40, list: bool, padded: bool, hold in 5_usize..100
    ) {
        let bounds = Bounds { hold, limit: 90 };
        let new = || {
            let body = ListBody::new(awaited(list), bounds);
            if padded { body.padded() } else { body }
        };
        let one = shown(new(), &body, 1000);
        prop_assert_eq!(&one, &shown(new(), &body, size), "{}", body);
        if padded {
            prop_assert_eq!(one.bytes.len(), body.len());
        }
        // Only a list that was asked for is announced.
        if list {
            let [soon, late] =
                [new().announced(), new().announced().read_late()].map(|list| shown(list, &body, size));
            prop_assert_eq!(late, soon, "{}", body);
        }
        let mut values = serde_json::Deserializer::from_slice(&one.bytes).into_iter::<serde_json::Value>();
        while let Some(Ok(value)) = values.next() {
            // What does not begin like a message is none, and all of it goes on.
            if !value.is_object() && !value.is_array() {
                break;
            }
            let messages = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            for message in messages {
                for key in ["tools", "Tools", "resources"] {
                    prop_assert!(!message["result"][key].to_string().contains("set_a"), "{}", body);
                }
            }
        }
    }

    /// A text without a list comes out as it went in.
    #[test]
    fn what_has_no_list_stays(pad in 0_usize..60, hold in 5_usize..100, size in 1_usize..40, padded: bool) {
        let body = serde_json::json!({
            "id": 1, "result": { "content": ["tools", { "tools": [".".repeat(pad)] }], "a\"tools": 1 }
        }).to_string();
        let new = ListBody::new(awaited(false), Bounds { hold, limit: 100 });
        let shown = shown(if padded { new.padded() } else { new }, &body, size);
        prop_assert_eq!((shown.bytes, shown.unreadable), (body.into_bytes(), None));
    }
}
