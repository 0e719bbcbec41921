//! Streams that clients in use read otherwise than the standard says: none of them finds a list that was not filtered.

use proptest::prelude::*;

use super::tests::{answering, calling, listening, shown, stream};

const LIST: &str = r#"{"id":1,"result":{"tools":[{"name":"get"},{"name":"set"}]}}"#;

/// How a reader splits a text into lines.
type Lines = fn(&str) -> Vec<String>;

/// The line ends of the standard.
fn standard(text: &str) -> Vec<String> {
    feeds(&text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Line feeds alone, as Go's `bufio.Scanner`.
fn feeds(text: &str) -> Vec<String> {
    text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned()).collect()
}

/// All that Unicode and ASCII have, as Python's `str.splitlines`.
fn all(text: &str) -> Vec<String> {
    let ends = ['\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
    standard(&text.replace(ends, "\n"))
}

/// Returns the data of the events that a reader finds, also of one that the end cuts off. Some readers only take the last
/// data lines that stand together.
fn data(lines: &[String], only_last: bool) -> Vec<String> {
    let (mut found, mut data, mut was_data) = (Vec::new(), None::<String>, false);
    for line in lines.iter().map(String::as_str).chain([""]) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name {
            "" if line.is_empty() => found.extend(data.take()),
            "data" => {
                let before = data.take().filter(|_| was_data || !only_last);
                data = Some(before.map_or(String::new(), |before| before + "\n") + value.trim());
            }
            _ => {}
        }
        was_data = name == "data";
    }
    found
}

/// Returns the first message in which some reader finds a list with a tool that is not kept.
fn leaked(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let readers: [Lines; 3] = [standard, feeds, all];
    let read = readers.iter().flat_map(|lines| [false, true].map(|only_last| data(&lines(text), only_last)));
    read.flatten().find(|data| {
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
        (": a\u{b}\rdata: b\r\r: c\r", ": a \r\ndata: b\r\n\r\n: c\r"),
        ("data: a\nid: 4\ndata: b\n: c\n\n", "id: 4\n: c\ndata: a\ndata: b\n\n"),
        ("data: a\r\n: c\r\ndata: b\r\n\r\n", ": c\r\ndata: a\r\ndata: b\r\n\r\n"),
        // A byte order mark at the beginning of the stream would make a data line of this one.
        ("data:\n\u{feff}data: b\ndata: c\n\n", "data:\ndata: c\n\n"),
        ("data: a\nid: 4\n: c\n\n", "data: a\nid: 4\n: c\n\n"),
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
