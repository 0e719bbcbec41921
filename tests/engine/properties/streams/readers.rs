//! Streams that clients in use read otherwise than the standard says: none of them finds a list that was not filtered.

use proptest::prelude::*;

use super::super::stream_readers::messages;
use super::{answering, calling, listening, shown, stream};

const LIST: &str = r#"{"id":1,"result":{"tools":[{"name":"get"},{"name":"set"}]}}"#;

/// Returns the first message in which some reader finds a list with a tool that is not kept.
fn leaked(bytes: &[u8]) -> Option<String> {
    messages(bytes).into_iter().find(|data| {
        let message: Option<serde_json::Value> = serde_json::from_str(data).ok();
        message.is_some_and(|message| message["result"]["tools"].to_string().contains("set"))
    })
}

#[test]
fn no_reader_in_use_finds_a_list_that_was_not_filtered() {
    let (first, second) = LIST.split_once(r#""tools""#).unwrap();
    let second = format!(r#""tools"{second}"#);
    let long = "x".repeat(300);
    for smuggled in [
        ": a\u{2028}data: LIST\n\n".to_owned(),
        ": a\u{2029}data: LIST\n\n".to_owned(),
        ": a\u{85}data: LIST\n\n".to_owned(),
        ": aÅdata: LIST\n\n".to_owned(),
        "event: \u{5145}\u{85}data: LIST\n\n".to_owned(),
        "id: 4\u{b}data: LIST\n\n".to_owned(),
        "id: 4\u{1c}data: LIST\n\n".to_owned(),
        "data: x\u{2028}\u{2028}data: LIST\n\n".to_owned(),
        "data: x\u{c}\ndata: LIST\n\n".to_owned(),
        "data: {\"a\":\"\u{85}\u{85}data: LIST\u{85}\"}\n\n".to_owned(),
        format!(": {long}\u{2028}data: LIST\n\n"),
        format!("data: {long}\u{2028}\u{2028}data: LIST\n\n"),
        format!("data: {first}\r{second}\n\n"),
        format!("data: {first}\r\r{second}\n\n"),
        format!("data: {}{first}\r{second}\n\n", " ".repeat(300)),
        "data: x\nid: 4\ndata: LIST\n\n".to_owned(),
        "data: x\n\u{feff}id: 4\ndata: LIST\n\n".to_owned(),
        "data: x\n: a\ndata: LIST".to_owned(),
        "data: {\"a\":\"\rid: 4\rdata: LIST\n\n".to_owned(),
        format!("data: {long}\nid: 4\ndata: LIST\n\n"),
        format!("data: x\nid: 4\ndata: {long}\ndata: y\nid: 5\ndata: LIST\n\n"),
        "data: x\ndata: LIST\n\n".to_owned(),
        "data: {\"a\":\"\ndata: LIST\n\n".to_owned(),
        format!("data: {long}\ndata: LIST\n\n"),
        "data: {\"a\":\"\\\ndata: \"a\",\"result\":{\"tools\":[{\"name\":\"set\"}]},\"b\":1}\n\n".to_owned(),
        format!("data: {first}\n{second}\n\n"),
        format!("data: {}{first}\n{second}\n\n", " ".repeat(300)),
        "data: {\"result\"\n:{\"tools\":[{\"name\":\"set\"}]}}\n\n".to_owned(),
        format!("data: {}{{\"result\"\n:{{\"tools\":[{{\"name\":\"set\"}}]}}}}\n\n", " ".repeat(300)),
        "\u{feff}data: x\ndata: LIST\n\n".to_owned(),
        ": a\n\n\u{feff}data: LIST\n\n".to_owned(),
        "data: x\n\u{feff}\ndata: LIST\n\n".to_owned(),
        "\u{feff}\u{feff}data: LIST\n\n".to_owned(),
        "\u{ef}\u{bb}\u{bf}data: LIST\n\n".to_owned(),
        format!("\u{ef}\u{bb}\u{bf}data: {}LIST\n\n", " ".repeat(300)),
        format!("data: {first}\n\r\ndata: {second}\n\n"),
        format!("data: {}{first}\n\r\ndata: {second}\n\n", " ".repeat(300)),
    ] {
        let smuggled = smuggled.replace("LIST", LIST);
        assert!(leaked(smuggled.as_bytes()).is_some(), "no reader finds it: {smuggled:?}");
        let every: Vec<usize> = (0..smuggled.len()).collect();
        for (list, cuts) in [answering, calling, listening].into_iter().zip([&[][..], &every, &[]]) {
            for limit in [100, 9_999] {
                let bytes = shown(list(limit), smuggled.as_bytes(), cuts).bytes;
                assert_eq!(leaked(&bytes), None, "{smuggled:?}: {:?}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}

#[test]
fn what_only_some_readers_take_for_a_line_end_is_written_in_another_way() {
    for (before, after) in [
        ("data: {\"a\":\"b\u{2028}c\u{85}\"}\n\n", "data: {\"a\":\"b\\u2028c\\u0085\"}\n\n"),
        (": Ådata: a\nid: ü\n\n", ": \\u00c5data: a\nid: ü\n\n"),
        (": a\u{b}\rdata: b\r\r: c\r", ": a \r\ndata: b\r\n\r\n: c\r\n"),
        ("data: a\nid: 4\ndata: b\n: c\n\n", "id: 4\n: c\ndata: a b\n\n"),
        ("data: a\r\n: c\r\ndata: b\r\n\r\n", ": c\r\ndata: a b\r\n\r\n"),
        ("data:\n\u{feff}data: b\ndata: c\n\n", "data: c\n\n"),
        ("data: a\nid: 4\n: c\n\n", "id: 4\n: c\ndata: a\n\n"),
        ("\u{feff}data: a\n\u{feff}\nda\n\n", "data: a\n\n"),
        ("\u{ef}\u{bb}\u{bf}data: a\nretry: 1\n\n", "retry: 1\n\n"),
    ] {
        for list in [answering, calling, listening] {
            let bytes = shown(list(9_999), before.as_bytes(), &[]).bytes;
            assert_eq!(String::from_utf8_lossy(&bytes), after, "{before:?}");
        }
    }
}

const LINES: &[&str] = &[
    "",
    "\u{feff}",
    ": a",
    "id: 4",
    "event: x",
    "data",
    "data: x",
    "data: {",
    "data: \"a\":\"",
    r#"data: {"id":1,"result":{"tools":[{"name":"get"},{"name":"set"}]}}"#,
    r#"data:{"id":1,"result":{"tools":["#,
    r#"{"name":"set"}"#,
    r#"data:{"name":"set"}"#,
    "data: ]}}",
    "]}}",
    ": ........................",
    "\u{2028}",
    "\u{85}",
    "\u{1d}",
    "\u{ef}\u{bb}\u{bf}data: {",
    "\u{feff}data: {",
    r#"data: "result":{"tools":[{"name":"set"}]}}"#,
    r#":{"tools":[{"name":"set"}]}}"#,
    r#"data: {"result""#,
    r#"data: {"a":"\"#,
    r#"data: "a","result":{"tools":[{"name":"set"}]},"b":1}"#,
];

proptest! {
    #[test]
    fn no_stream_has_a_list_for_one_reader_alone(bytes in stream(LINES), cuts in prop::collection::vec(0usize..999, 0..20), limit in 20_usize..300) {
        for list in [answering, calling, listening] {
            let bytes = shown(list(limit), &bytes, &cuts).bytes;
            prop_assert_eq!(leaked(&bytes), None, "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
