//! Streams that clients in use read otherwise than the standard says: none of them finds a list that was not filtered.

use proptest::prelude::*;

use super::tests::{answering, calling, listening, shown, stream};

const LIST: &str = r#"{"id":1,"result":{"tools":[{"name":"get"},{"name":"set"}]}}"#;

/// How a reader splits a text into lines.
type Lines = fn(&str) -> Vec<String>;

/// How a reader puts the data lines of an event together.
#[derive(Clone, Copy)]
enum Data {
    /// As the standard says
    Joined,
    /// It takes the last ones that stand together
    LastTogether,
    /// It takes the last one
    Last,
    /// It takes each for a message of its own
    Each,
    /// It puts nothing between them
    Unseparated,
    /// It takes other lines behind the first one for more data
    Continued,
}

const DATA: [Data; 6] =
    [Data::Joined, Data::LastTogether, Data::Last, Data::Each, Data::Unseparated, Data::Continued];

/// The line ends of the standard.
fn standard(text: &str) -> Vec<String> {
    feeds(&text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Without a byte order mark at the beginning of any line.
fn unmarked(text: &str) -> Vec<String> {
    standard(text).into_iter().map(|line| line.trim_start_matches('\u{feff}').to_owned()).collect()
}

/// Without what a byte order mark is in Latin-1, at the beginning of the stream.
fn latin(text: &str) -> Vec<String> {
    standard(text.strip_prefix("\u{ef}\u{bb}\u{bf}").unwrap_or(text))
}

/// Only two ends of the same kind end an event.
fn paired(text: &str) -> Vec<String> {
    let text = text.replace("\r\n\r\n", "\0").replace("\n\n", "\0").replace("\r\r", "\0");
    let events = text.split('\0').map(|event| standard(event).into_iter().filter(|line| !line.is_empty()));
    events.flat_map(|event| event.chain([String::new()])).collect()
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

/// Returns the data of the events that a reader finds, also of one that the end cuts off.
fn data(lines: &[String], how: Data) -> Vec<String> {
    let (mut found, mut data, mut was_data) = (Vec::new(), None::<String>, false);
    for line in lines.iter().map(String::as_str).chain([""]) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let other = !matches!(name, "data" | "event" | "id" | "retry");
        match name {
            "" if line.is_empty() => found.extend(data.take()),
            _ if other && data.is_some() && matches!(how, Data::Continued) => {
                data = data.map(|before| before + "\n" + line);
            }
            "data" => {
                let kept = match how {
                    Data::Last | Data::Each => false,
                    Data::LastTogether => was_data,
                    Data::Joined | Data::Unseparated | Data::Continued => true,
                };
                let between = if matches!(how, Data::Unseparated) { "" } else { "\n" };
                let before = data.take().filter(|_| kept).map_or(String::new(), |before| before + between);
                data = Some(before + value.trim());
                if matches!(how, Data::Each) {
                    found.extend(data.take());
                }
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
    // Not every reader drops the mark.
    let texts = [&*text, text.strip_prefix('\u{feff}').unwrap_or(&text)];
    let readers: [Lines; 6] = [standard, feeds, all, unmarked, latin, paired];
    let lines = texts.into_iter().flat_map(|text| readers.map(|lines| lines(text)));
    let read = lines.flat_map(|lines| DATA.map(|how| data(&lines, how)));
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
